"""A rebuild of 0206 small enough for tests: every part is there, none is wide."""

from tests.server.rebuild.network import Plan

NARROW = Plan(
    side=128,
    blocks=(1, 2, 1, 1),
    width=8,
    pyramid=32,
    tower=16,
    tower_depth=2,
    groups=4,
)
