"""The two sides of a measure: the annotated faces of a photo, and what was found in it."""

from typing import NamedTuple, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]

Found: TypeAlias = NDArray[np.floating]
"""[n, 5]: x_min, y_min, x_max, y_max in pixels of the upright photo, confidence; any order."""


class Truth(NamedTuple):
    """The faces of a photo: boxes [n, 4] in pixels, as in `Found`, and for each one whether it
    is ignored, and its area in square pixels.
    """

    boxes: Floats
    ignored: Flags
    areas: Floats

    @classmethod
    def of(cls, boxes: ArrayLike, ignored: ArrayLike | None = None) -> Self:
        """Make the truth of boxes [n, 4]; by default none is ignored."""
        table = np.asarray(boxes, np.float64).reshape(-1, 4)
        flags = np.zeros(len(table), bool) if ignored is None else np.asarray(ignored, bool)
        return cls(table, flags, areas(table))


def areas(boxes: Floats) -> Floats:
    """Return the areas of boxes [n, 4]."""
    sizes = boxes[:, 2:4] - boxes[:, :2]
    return np.asarray(sizes[:, 0] * sizes[:, 1])


def by_confidence(found: Found) -> Floats:
    """Return the rows in descending order of confidence; equal ones stay in their order."""
    rows = np.asarray(found, np.float64).reshape(-1, 5)
    return rows[np.argsort(-rows[:, 4], kind="stable")]


def intersections(found: Floats, boxes: Floats, border: float = 0) -> Floats:
    """Return the areas [n, m] that boxes [n, 4 or more] and [m, 4] share, in square pixels.

    `border` is added to width and height, where the last pixel belongs to a box.
    """
    low = np.maximum(found[:, None, :2], boxes[None, :, :2])
    high = np.minimum(found[:, None, 2:4], boxes[None, :, 2:4])
    sizes = np.maximum(high - low + border, 0)
    return np.asarray(sizes[..., 0] * sizes[..., 1])


def overlaps(found: Floats, boxes: Floats, covered: Flags) -> Floats:
    """Return the overlap [n, m] of each row of `found` with each box.

    It is the intersection over the union, or, where `covered` [m], over the found box alone:
    the part of it that the box covers. Without an area it is 0.
    """
    shared = intersections(found, boxes)
    alone = areas(found)[:, None]
    whole = np.where(covered[None], alone, alone + areas(boxes)[None] - shared)
    return np.divide(shared, whole, out=np.zeros_like(shared), where=whole > 0)
