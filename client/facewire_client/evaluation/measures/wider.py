"""Average precision by the rules of WIDER FACE's own evaluation, at one of its levels.

Its rules, and where each one is written, are in `docs/accuracy.md`.
"""

from collections.abc import Sequence

import numpy as np

from facewire_client.evaluation.measures.truth import (
    Flags,
    Floats,
    Found,
    Truth,
    by_confidence,
    intersections,
)

MIN_OVERLAP = 0.5
STEPS = 1000
"""The thresholds are 1 - 1/STEPS, 1 - 2/STEPS, ... 0 of the confidences scaled to [0, 1]."""


def average_precision(
    truths: Sequence[Truth], found: Sequence[Found], counting: Sequence[Flags]
) -> float:
    """Return the average precision in [0, 1] of the faces that are `counting` [n] of each photo.

    What the truth ignores is not looked at. NaN: no face counts.
    """
    faces = sum(int(flags.sum()) for flags in counting)
    if not faces:
        return float("nan")
    totals = np.zeros((STEPS, 2))
    lowest, span = _scale(found)
    for truth, each, flags in zip(truths, found, counting, strict=True):
        # The detections of a photo without faces count nowhere: so it is in the original.
        if len(truth.boxes) and len(each):
            rows = by_confidence(each)
            rows[:, 4] = (rows[:, 4] - lowest) / span
            totals += _photo(rows, truth.boxes, flags)
    proposals, hits = totals.T
    precision = np.divide(hits, proposals, out=np.zeros(STEPS), where=proposals > 0)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(hits / faces, prepend=0.0) * envelope))


def _scale(found: Sequence[Found]) -> tuple[float, float]:
    """Return the lowest confidence, and how far it is from the highest."""
    scores = [each[:, 4] for each in found if len(each)]
    if not scores:
        return 0.0, 1.0
    low = float(min(each.min() for each in scores))
    high = float(max(each.max() for each in scores))
    return (low, high - low) if high > low else (low - 1, 1.0)


def _photo(rows: Floats, boxes: Floats, counting: Flags) -> Floats:
    """Return the proposals and the faces found [STEPS, 2] at each threshold."""
    table = _overlaps(rows, boxes)
    best, overlap = table.argmax(1), table.max(1)
    proposal = np.ones(len(rows), bool)
    new = np.zeros(len(rows), bool)
    seen = np.zeros(len(boxes), bool)
    for row in np.flatnonzero(overlap >= MIN_OVERLAP):
        face = best[row]
        proposal[row] = counting[face]
        new[row] = counting[face] and not seen[face]
        seen[face] = True
    thresholds = 1 - np.arange(1, STEPS + 1) / STEPS
    kept = np.searchsorted(-rows[:, 4], -thresholds, side="right")
    sums = np.cumsum(np.stack([proposal, new], 1), 0)
    return np.concatenate([np.zeros((1, 2)), sums])[kept]


def _overlaps(rows: Floats, boxes: Floats) -> Floats:
    """Return the intersection over union [n, m] of boxes whose last pixel belongs to them."""
    shared = intersections(rows, boxes, border=1)
    first, second = (
        (each[:, 2] - each[:, 0] + 1) * (each[:, 3] - each[:, 1] + 1) for each in (rows, boxes)
    )
    return np.asarray(shared / (first[:, None] + second[None] - shared))
