"""What a threshold of confidence gives in operation: recall, precision, false positives.

Faces are found by the rules of `facewire_client.evaluation.measures.coco`, at an overlap of 0.5.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facewire_client.evaluation.measures.coco import match
from facewire_client.evaluation.measures.outcomes import Outcomes
from facewire_client.evaluation.measures.truth import Floats, Found, Truth, by_confidence

MIN_OVERLAP = 0.5
HEIGHTS = (0, 16, 32, 64, 128, 256)
"""The lower ends of the sizes of faces, by height in pixels."""


@dataclass(frozen=True, slots=True)
class Point:
    """What is kept at a threshold of confidence.

    `precision` and `recall` are in [0, 1] (NaN: of nothing), `false_positives` is a photo's mean.
    """

    threshold: float
    precision: float
    recall: float
    false_positives: float


@dataclass(frozen=True, slots=True)
class Size:
    """The faces of a size: heights from `low` to below `high` (None: any) in pixels.

    `recall` is in [0, 1] at the threshold that was asked for, `reachable` at any; NaN: no faces.
    """

    low: int
    high: int | None
    faces: int
    recall: float
    reachable: float


@dataclass(frozen=True, slots=True)
class Bin:
    """Detections of a range of confidence: how many, their mean, and how many are faces.

    `confidence` and `correct` are in [0, 1]; NaN: there are none.
    """

    low: float
    high: float
    detections: int
    confidence: float
    correct: float


def at(outcomes: Outcomes, threshold: float) -> Point:
    """Return what is kept of confidence `threshold` or more."""
    kept = int(np.searchsorted(-outcomes.confidence, -threshold, side="right"))
    hits = int(outcomes.hit[:kept].sum())
    faces = int(outcomes.faces.sum())
    return Point(
        threshold,
        hits / kept if kept else float("nan"),
        hits / faces if faces else float("nan"),
        (kept - hits) / len(outcomes.faces),
    )


def best_for(outcomes: Outcomes, rate: float) -> Point | None:
    """Return the point of the lowest threshold with at most `rate` false positives a photo.

    None: even the most confident detections are wrong more often.
    """
    wrong = np.cumsum(~outcomes.hit) / len(outcomes.faces)
    # Detections of the same confidence are kept together.
    last = np.append(np.diff(outcomes.confidence) != 0, True)[: len(wrong)]
    places = np.flatnonzero(last & (wrong <= rate))
    return at(outcomes, float(outcomes.confidence[places[-1]])) if len(places) else None


def sizes(truths: Sequence[Truth], found: Sequence[Found], threshold: float) -> list[Size]:
    """Return the recall of the faces of each height, at `threshold` and at any."""
    pairs = [
        (truth.boxes[:, 3] - truth.boxes[:, 1], found_at(truth, each), ~truth.ignored)
        for truth, each in zip(truths, found, strict=True)
    ]
    heights = np.concatenate([np.zeros(0), *(height[kept] for height, _, kept in pairs)])
    scores = np.concatenate([np.zeros(0), *(score[kept] for _, score, kept in pairs)])
    rows = []
    for low, high in zip(HEIGHTS, [*HEIGHTS[1:], None], strict=True):
        inside = scores[(heights >= low) & (heights < (high or np.inf))]
        recalls = [
            float((inside >= least).mean()) if len(inside) else float("nan")
            for least in (threshold, 0.0)
        ]
        rows.append(Size(low, high, len(inside), *recalls))
    return rows


def found_at(truth: Truth, found: Found) -> Floats:
    """Return the confidence [n] that each face was found with; -1: it was not."""
    rows = by_confidence(found)
    taken = match(truth, rows, np.array([MIN_OVERLAP]))[0]
    scores = np.full(len(truth.boxes), -1.0)
    for row in np.flatnonzero(taken >= 0)[::-1]:
        scores[taken[row]] = rows[row, 4]
    return scores


def calibration(outcomes: Outcomes, bins: int = 10) -> tuple[list[Bin], float]:
    """Return the detections by confidence, and the expected calibration error in [0, 1].

    The error is the mean distance of confidence and correctness; NaN: there are no detections.
    """
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.searchsorted(edges, outcomes.confidence, side="right") - 1, 0, bins - 1)
    rows, error = [], 0.0
    for index in range(bins):
        inside = place == index
        count = int(inside.sum())
        confidence = float(outcomes.confidence[inside].mean()) if count else float("nan")
        correct = float(outcomes.hit[inside].mean()) if count else float("nan")
        rows.append(Bin(float(edges[index]), float(edges[index + 1]), count, confidence, correct))
        error += count * abs(confidence - correct) if count else 0.0
    total = len(outcomes.hit)
    return rows, error / total if total else float("nan")
