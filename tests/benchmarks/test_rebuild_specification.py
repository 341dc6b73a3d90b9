"""What the rebuild of 0206 costs, held against what is published of 0206."""

from dataclasses import replace

import pytest

from benchmarks.rebuild_0206 import GFLOPS, MPARAMS, TOLERANCE, mparams
from facewire_server.inference.cost import cost
from tests.benchmarks.narrow import NARROW
from tests.server.rebuild.network import Plan, raw_network
from tests.server.rebuild.tail import with_tail


def test_the_rebuild_costs_what_is_published_within_half_a_percent() -> None:
    raw = raw_network(Plan(), seed=0)
    assert cost(raw).gflops == pytest.approx(GFLOPS, rel=TOLERANCE)
    assert mparams(raw) == pytest.approx(MPARAMS, rel=TOLERANCE)


def test_one_block_more_has_three_convolutions_more() -> None:
    longer = raw_network(replace(NARROW, blocks=(2, 2, 1, 1)), seed=0)
    # 32 channels to 8, 3x3 on 8, and back to 32, each with its biases.
    added = (32 + 1) * 8 + (9 * 8 + 1) * 8 + (8 + 1) * 32
    before = mparams(raw_network(NARROW, seed=0))
    assert mparams(longer) - before == pytest.approx(added / 1e6)


def test_a_deeper_head_is_counted_for_every_level() -> None:
    deeper = raw_network(replace(NARROW, tower_depth=3), seed=0)
    # Two towers, each with one more 3x3 convolution and group norm of 16 channels.
    added = 2 * ((9 * 16 + 1) * 16 + 2 * 16)
    before = mparams(raw_network(NARROW, seed=0))
    assert mparams(deeper) - before == pytest.approx(5 * added / 1e6)


def test_the_tail_adds_no_parameters() -> None:
    raw = raw_network(NARROW, seed=0)
    assert mparams(with_tail(raw)) == mparams(raw)
