"""A reference in plain NumPy and float64 of the rules that the extension follows.

Slow and short on purpose. `detect` also returns its `margin`: how far the closest of
its decisions was from the opposite one, in units of the rounding of float32. Below 1,
two correct answers may differ, and a test must not compare them.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from facewire_ext import Placement

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

LIMIT = 2.0**20
SHORTEST_SIDE = 2.0**-20

# The effect that rounding may have on a confidence, an IoU, and a pixel of the image.
CONFIDENCE_ROUNDING = 1e-6
IOU_ROUNDING = 1e-5
PIXEL_ROUNDING = 1e-3


@dataclass
class Candidates:
    """The output of a head, unfiltered and unsorted: boxes in input pixels."""

    boxes: Floats
    confidences: Floats
    class_ids: Integers
    levels: Integers
    landmarks: Floats | None = None

    def take(self, chosen: Integers) -> "Candidates":
        marks = self.landmarks
        return Candidates(
            self.boxes[chosen],
            self.confidences[chosen],
            self.class_ids[chosen],
            self.levels[chosen],
            None if marks is None else marks[chosen],
        )


@dataclass
class Detections:
    """Detections of the image, and how close the decisions were."""

    boxes: Floats
    confidences: Floats
    class_ids: Integers
    landmarks: Floats | None
    margin: float


@dataclass(frozen=True)
class Choice:
    """The options of the caller of a decoder; `room` is the length of the outputs."""

    min_confidence: float
    iou_threshold: float | None = None
    candidates_per_level: int = 0
    room: int = 1000


@dataclass
class Margin:
    """The smallest distance of any decision from the opposite one.

    A distance of exactly 0 is a tie of equal numbers, which is a tie in float32 as well.
    """

    smallest: float = field(default=np.inf)

    def saw(self, distances: Floats, rounding: float) -> None:
        apart = np.abs(distances[distances != 0])
        self.smallest = min(self.smallest, apart.min(initial=np.inf) / rounding)


def join(parts: list[Candidates]) -> Candidates:
    """The candidates of all levels, in order."""
    marks = [part.landmarks for part in parts if part.landmarks is not None]
    return Candidates(
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.confidences for part in parts]),
        np.concatenate([part.class_ids for part in parts]),
        np.concatenate([part.levels for part in parts]),
        np.concatenate(marks) if marks else None,
    )


def detect(candidates: Candidates, placement: Placement, choice: Choice) -> Detections:
    """Everything after the head: threshold, top-k, suppression, placement, clipping."""
    margin = Margin()
    threshold = float(np.float32(choice.min_confidence))
    candidates = usable(candidates)
    margin.saw(candidates.confidences - threshold, CONFIDENCE_ROUNDING)
    candidates = candidates.take(np.flatnonzero(candidates.confidences >= threshold))
    if choice.candidates_per_level:
        candidates = best_of_levels(candidates, choice.candidates_per_level)
    order = descending(candidates.confidences)
    gaps = -np.diff(candidates.confidences[order])
    margin.saw(gaps, CONFIDENCE_ROUNDING)
    candidates = candidates.take(order)
    if choice.iou_threshold is not None:
        stays = greedy(candidates, choice.iou_threshold, margin)
        candidates = candidates.take(stays)
    return place(candidates, placement, choice.room, margin)


def usable(candidates: Candidates) -> Candidates:
    """Without rows that hold a NaN or whose box has no area; coordinates limited."""
    broken = np.isnan(candidates.boxes).any(axis=1)
    broken |= np.isnan(candidates.confidences)
    if candidates.landmarks is not None:
        broken |= np.isnan(candidates.landmarks).any(axis=1)
    candidates = candidates.take(np.flatnonzero(~broken))
    candidates.boxes = np.clip(candidates.boxes, -LIMIT, LIMIT)
    if candidates.landmarks is not None:
        candidates.landmarks = np.clip(candidates.landmarks, -LIMIT, LIMIT)
    sides = candidates.boxes[:, 2:] - candidates.boxes[:, :2]
    return candidates.take(np.flatnonzero((sides > SHORTEST_SIDE).all(axis=1)))


def descending(confidences: Floats) -> Integers:
    """Indices by descending confidence; of equals, the lower first."""
    order: Integers = np.argsort(-confidences, kind="stable")
    return order


def best_of_levels(candidates: Candidates, limit: int) -> Candidates:
    """The best `limit` candidates of each level, in their old order."""
    chosen = np.zeros(len(candidates.levels), bool)
    for level in np.unique(candidates.levels):
        members = np.flatnonzero(candidates.levels == level)
        best = descending(candidates.confidences[members])[:limit]
        chosen[members[best]] = True
    return candidates.take(np.flatnonzero(chosen))


def greedy(candidates: Candidates, threshold: float, margin: Margin) -> Integers:
    """Indices that stay, given the candidates by descending confidence."""
    limit = float(np.float32(threshold))
    waiting = np.arange(len(candidates.boxes))
    kept = []
    while waiting.size:
        best, waiting = waiting[0], waiting[1:]
        kept.append(best)
        same = candidates.class_ids[waiting] == candidates.class_ids[best]
        overlap = iou(candidates.boxes[best], candidates.boxes[waiting])
        margin.saw((overlap - limit)[same & (overlap > 0)], IOU_ROUNDING)
        waiting = waiting[~(same & (overlap > limit))]
    return np.array(kept, np.int64)


def iou(box: Floats, others: Floats) -> Floats:
    """Intersection over union of one box with many."""
    low = np.maximum(box[:2], others[:, :2])
    high = np.minimum(box[2:], others[:, 2:])
    inter = np.prod(np.maximum(high - low, 0), axis=1)
    areas = np.prod(others[:, 2:] - others[:, :2], axis=1)
    ratio: Floats = inter / (areas + np.prod(box[2:] - box[:2]) - inter)
    return ratio


def place(candidates: Candidates, placement: Placement, room: int, margin: Margin) -> Detections:
    """Map to the image and clip there; boxes of which nothing is left are dropped."""
    size = np.array([placement.image_width, placement.image_height], float)
    low = to_image(candidates.boxes[:, :2], placement)
    high = to_image(candidates.boxes[:, 2:], placement)
    margin.saw(high, PIXEL_ROUNDING)
    margin.saw(size - low, PIXEL_ROUNDING)
    low, high = np.clip(low, 0, size), np.clip(high, 0, size)
    inside = np.flatnonzero((high > low).all(axis=1))[:room]
    marks = candidates.landmarks
    if marks is not None:
        marks = to_image(marks.reshape(-1, 2), placement).reshape(-1, 10)[inside]
    return Detections(
        np.hstack([low, high])[inside],
        candidates.confidences[inside],
        candidates.class_ids[inside],
        marks,
        margin.smallest,
    )


def to_image(points: Floats, placement: Placement) -> Floats:
    """Points [N, 2] of the input as points of the image."""
    x = (points[:, 0] - placement.offset_x) / placement.scale_x
    y = (points[:, 1] - placement.offset_y) / placement.scale_y
    return np.stack((x, y), axis=1)
