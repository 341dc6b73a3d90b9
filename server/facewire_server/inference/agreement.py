"""Whether two readings of one image found the same boxes."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from facewire_server.inference.heads.base import Found

MIN_IOU = 0.99
MAX_CONFIDENCE_ERROR = 1e-3


@dataclass(frozen=True, slots=True)
class Agreement:
    """How many boxes each found, and how far the worst matching pair is apart.

    `one_class`: both of every pair are of the same class.
    """

    first: int
    second: int
    iou: float
    confidence_error: float
    one_class: bool

    @classmethod
    def between(cls, first: Found, second: Found) -> Self:
        """Matches every detection of `first` with its closest in `second`."""
        counts = len(first.confidences), len(second.confidences)
        if 0 in counts:
            return cls(*counts, 1.0, 0.0, True)
        overlaps = _ious(first.boxes, second.boxes)
        errors = np.abs(first.confidences[:, None] - second.confidences)
        # Boxes clipped at an edge may coincide: then the confidence tells them apart.
        rows, closest = np.arange(counts[0]), np.argmax(overlaps - errors, axis=1)
        return cls(
            *counts,
            float(overlaps[rows, closest].min()),
            float(errors[rows, closest].max()),
            np.array_equal(first.class_ids, second.class_ids[closest]),
        )

    @property
    def holds(self) -> bool:
        """Equal numbers and classes, IoU over 0.99 and confidences within 1e-3."""
        return (
            self.first == self.second
            and self.one_class
            and self.iou > MIN_IOU
            and self.confidence_error <= MAX_CONFIDENCE_ERROR
        )


def _ious(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float64]:
    """Intersection over union of each box of `first` [n,4] and `second` [m,4]."""
    one, two = first[:, None].astype(np.float64), second[None].astype(np.float64)
    sides = np.minimum(one[..., 2:], two[..., 2:]) - np.maximum(one[..., :2], two[..., :2])
    shared = np.prod(np.maximum(sides, 0), axis=-1)
    areas = [np.prod(boxes[..., 2:] - boxes[..., :2], axis=-1) for boxes in (one, two)]
    return np.asarray(shared / (areas[0] + areas[1] - shared), np.float64)
