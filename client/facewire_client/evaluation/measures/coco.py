"""Average precision by the rules of COCO's evaluation (pycocotools, `COCOeval`, `bbox`).

In a photo, the most confident detection chooses first: the face it overlaps most of those that
are left and that it overlaps enough. Faces that count come before ignored ones; of equal
overlaps the later face is taken. What an ignored face takes is no false positive, and it may
take many.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facewire_client.evaluation.measures.outcomes import FALSE, HIT, IGNORED, Outcomes, gather
from facewire_client.evaluation.measures.truth import (
    Flags,
    Floats,
    Found,
    Truth,
    areas,
    by_confidence,
    overlaps,
)

THRESHOLDS = np.linspace(0.5, 0.95, 10)
"""The overlaps over which COCO's precision is the mean."""

SIZES = {"small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e10)}
"""COCO's sizes by the area of a face in square pixels; both ends belong to them."""

MAX_DETECTIONS = 100
"""COCO counts no more detections of a photo."""

_ALL = (0.0, 1e10)


@dataclass(frozen=True, slots=True)
class CocoResult:
    """COCO's numbers, in [0, 1]; NaN: there are no such faces.

    `ap` is the mean over the overlaps 0.50 to 0.95, `ap50` and `ap75` at one; `small`, `medium`
    and `large` are as `ap`, of faces of that size; `recall` is the mean of the highest recalls.
    """

    ap: float
    ap50: float
    ap75: float
    small: float
    medium: float
    large: float
    recall: float


def evaluate(truths: Sequence[Truth], found: Sequence[Found]) -> CocoResult:
    """Return COCO's numbers of photos; equal confidences count in the order of the photos."""
    return evaluate_outcomes(outcomes(truths, found), truths, found)


def evaluate_outcomes(
    whole: Sequence[Outcomes], truths: Sequence[Truth], found: Sequence[Found]
) -> CocoResult:
    """Return COCO's numbers where the outcomes of all sizes at THRESHOLDS are known."""
    precision = [each.interpolated_precision() for each in whole]
    sizes = {name: mean_precision(outcomes(truths, found, each)) for name, each in SIZES.items()}
    recall = float(np.mean([each.recall() for each in whole]))
    mean = float(np.mean(precision))
    return CocoResult(mean, precision[0], precision[5], **sizes, recall=recall)


def mean_precision(
    each_threshold: Sequence[Outcomes], weights: NDArray[np.int64] | None = None
) -> float:
    """Return the mean of the interpolated precisions: see `Outcomes.average_precision`."""
    return float(np.mean([each.interpolated_precision(weights) for each in each_threshold]))


def outcomes(
    truths: Sequence[Truth],
    found: Sequence[Found],
    limits: tuple[float, float] = _ALL,
    thresholds: Floats = THRESHOLDS,
    most: int | None = MAX_DETECTIONS,
) -> list[Outcomes]:
    """Return the outcomes at each of the thresholds of overlap.

    Faces with an area outside of `limits`, and detections of such an area that find no face, are
    ignored. Of a photo no more than `most` detections count.
    """
    photos = [
        _photo(truth, each, limits, thresholds, most)
        for truth, each in zip(truths, found, strict=True)
    ]
    return [
        gather([(scores, hits[place], faces) for scores, hits, faces in photos])
        for place in range(len(thresholds))
    ]


def _photo(
    truth: Truth,
    found: Found,
    limits: tuple[float, float],
    thresholds: Floats,
    most: int | None,
) -> tuple[Floats, NDArray[np.int8], int]:
    rows = by_confidence(found)[:most]
    low, high = limits
    ignored = truth.ignored | (truth.areas < low) | (truth.areas > high)
    taken = match(truth, rows, thresholds, ignored)
    sizes = areas(rows)
    outside = (sizes < low) | (sizes > high)
    hits = np.where(outside, IGNORED, FALSE)[None].repeat(len(thresholds), 0).astype(np.int8)
    matched = taken >= 0
    if len(ignored):
        hits[matched] = np.where(ignored[taken[matched]], IGNORED, HIT)
    return rows[:, 4], hits, int((~ignored).sum())


def match(
    truth: Truth, rows: Floats, thresholds: Floats, ignored: Flags | None = None
) -> NDArray[np.int32]:
    """Return the face that each detection takes, [thresholds, n]; -1: none.

    `rows` [n, 5] are in descending order of confidence. `ignored` are the faces that come last;
    by default those that the truth ignores, which alone may be taken many times.
    """
    last = truth.ignored if ignored is None else ignored
    taken = np.full((len(thresholds), len(rows)), -1, np.int32)
    order = np.argsort(last, kind="stable")[::-1]  # reversed, so that argmax takes the later
    table = overlaps(rows, truth.boxes, truth.ignored)[:, order]
    enough = thresholds[:, None]
    free = np.ones((len(thresholds), len(order)), bool)
    many, late = truth.ignored[order], last[order]
    lanes = np.arange(len(thresholds))
    for row in np.flatnonzero((table >= enough.min()).any(1)):
        possible = (table[row] >= enough) & (free | many)
        for group in (possible & ~late, possible & late):
            rank = np.where(group, table[row], -1.0)
            best = rank.argmax(1)
            matched = (rank[lanes, best] >= 0) & (taken[:, row] < 0)
            taken[matched, row] = order[best[matched]]
            free[lanes[matched], best[matched]] = False
    return taken
