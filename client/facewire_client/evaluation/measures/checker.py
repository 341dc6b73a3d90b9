"""Average precision of large faces, as Open Model Zoo's accuracy checker counts it.

Its rules, and where each one is written, are in `docs/accuracy.md`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from facewire_client.evaluation.measures.outcomes import FALSE, HIT, IGNORED, Outcomes, gather
from facewire_client.evaluation.measures.truth import (
    Flags,
    Floats,
    Found,
    Truth,
    by_confidence,
    overlaps,
)

MIN_OVERLAP = 0.5
HEIGHTS = (64.0, 1024.0)
"""Of the faces that count, in pixels: from the first to below the second."""
CLIP = 1024.0
"""Annotated coordinates are clipped to [0, CLIP]."""


def outcomes(
    truths: Sequence[Truth],
    found: Sequence[Found],
    heights: tuple[float, float] | None = HEIGHTS,
) -> Outcomes:
    """Return the outcomes of photos; their average precision is the checker's `map`.

    `heights` None: the faces that are not ignored by the truth count whatever their size, and
    are not clipped. Equal confidences count in the order of the photos.
    """
    return gather([_photo(truth, each, heights) for truth, each in zip(truths, found, strict=True)])


def _photo(
    truth: Truth, found: Found, heights: tuple[float, float] | None
) -> tuple[Floats, NDArray[np.int8], int]:
    rows = by_confidence(found)
    rows[:, :4] = np.rint(rows[:, :4])
    boxes = np.rint(truth.boxes)
    ignored = truth.ignored.copy()
    if heights is not None:
        boxes = boxes.clip(0, CLIP)
        height = boxes[:, 3] - boxes[:, 1]
        ignored |= (height < heights[0]) | (height >= heights[1])
    ignored |= (boxes[:, 2:] <= boxes[:, :2]).any(1)
    return rows[:, 4], _hits(rows, boxes, ignored), int((~ignored).sum())


def _hits(rows: Floats, boxes: Floats, ignored: Flags) -> NDArray[np.int8]:
    """Return what becomes of each row: the face it overlaps most counts once, as in Pascal VOC.

    A row that reaches no face that counts is ignored if an ignored one covers half of it.
    """
    table = overlaps(rows, boxes, ignored)
    hits = np.full(len(rows), FALSE, np.int8)
    used = np.zeros(len(boxes), bool)
    for row in np.flatnonzero((table >= MIN_OVERLAP).any(1)):
        best = np.max(table[row, ~ignored], initial=-1.0)
        if best < MIN_OVERLAP:
            best = np.max(table[row, ignored], initial=-1.0)
        # All that overlap as much, ignored ones too: the checker compares with ==.
        equal = table[row] == best
        if (equal & ignored).any():
            hits[row] = IGNORED
        elif not used[equal].any():
            hits[row] = HIT
            used |= equal
    return hits
