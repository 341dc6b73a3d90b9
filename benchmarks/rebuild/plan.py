"""The sizes of the rebuild: those of face-detection-0206, or smaller ones for tests."""

from dataclasses import dataclass

NAME = "face-detection-0206-rebuild"
"""The name of every file: it must never be taken for the published model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The sizes of the network; the defaults are those of face-detection-0206.

    `side` of the square input in pixels, a multiple of 64; `blocks` of each stage of
    the backbone; `width` the channels of its stem (a stage gives 4, 8, 16, 32 times
    as many); `pyramid` and `tower` the channels of each pyramid level and of the
    head's towers, both multiples of `groups` and of 4.
    """

    side: int = 640
    blocks: tuple[int, int, int, int] = (3, 8, 36, 3)
    width: int = 64
    pyramid: int = 256
    tower: int = 128
    tower_depth: int = 4
    groups: int = 32


STRIDES = (4, 8, 16, 32, 64)
"""Input pixels per cell of each level."""

OCTAVE_BASE_SCALE = 8
"""The side of an anchor, in strides."""

TARGET_STDS = (0.1, 0.1, 0.2, 0.2)
"""Factors of the four deltas: x, y, logarithms of width and height."""

KINDS = ("cls", "bbox", "centerness")
"""Outputs of the raw head: class logits, deltas, centerness logits."""
