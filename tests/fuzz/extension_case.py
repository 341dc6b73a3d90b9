"""What the bytes of a fuzzer choose for the extension: a head, shapes, options and numbers.

The first bytes choose a head, shapes and options. The others, repeated as often as needed,
are the numbers, so that any bit pattern occurs as a float32: NaN, infinities, denormals.
"""

import struct
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from facewire_ext import Placement, Workspace

Floats = NDArray[np.float32]
STRIDE = 8
_CHOICES = struct.Struct("<8B4f")


@dataclass
class Numbers:
    """The numbers in `values`, repeated without end."""

    values: Floats
    used: int = 0

    def take(self, *shape: int) -> Floats:
        """The next numbers, as many as this shape has."""
        count = int(np.prod(shape))
        indices = np.arange(self.used, self.used + count) % len(self.values)
        self.used += count
        return self.values[indices].reshape(shape)


@dataclass(frozen=True)
class Case:
    """The head, shapes, options and numbers that the bytes choose."""

    kind: int
    across: int
    down: int
    classes: int
    room: int
    switches: int
    min_confidence: float
    iou_threshold: float | None
    placement: Placement
    numbers: bytes
    workspace: Workspace = field(default_factory=Workspace)
    """Reused for each SIMD level, as a server reuses its own."""

    @classmethod
    def read(cls, data: bytes) -> Self | None:
        """Read a case; None for too few bytes, ValueError for an invalid placement."""
        if len(data) < _CHOICES.size + 4:
            return None
        kind, across, down, classes, room, width, height, switches, *floats = _CHOICES.unpack_from(
            data
        )
        across, down = across % 9 + 1, down % 9 + 1
        placement = Placement(
            across * STRIDE,
            down * STRIDE,
            width * 5 + 1,
            height * 3 + 1,
            *floats,
        )
        min_confidence, iou_threshold = height / 255, room / 255
        return cls(
            kind,
            across,
            down,
            classes % 3 + 1,
            room % 40,
            switches,
            min_confidence,
            iou_threshold if switches & 1 else None,
            placement,
            data[_CHOICES.size :],
        )

    def supply(self) -> Numbers:
        """The numbers, starting with the first."""
        whole = len(self.numbers) // 4 * 4
        return Numbers(np.frombuffer(self.numbers[:whole], np.float32))
