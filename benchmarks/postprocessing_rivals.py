"""The same post-processing by other means: NumPy, OpenCV, and numba in one pass.

Each is written as one who knows the tool writes it. All find the locations that reach
the confidence first, decode only those, suppress greedily, undo a stretch and clip.
NumPy and OpenCV take the levels as the network delivers them; numba is given all
levels joined in advance, which spares it the cost of passing fifteen arrays.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.postprocessing_data import OCTAVE_BASE_SCALE
from benchmarks.postprocessing_numba import atss_in_one_pass, yunet_in_one_pass

Array = NDArray[np.float32]
Result = tuple[Array, Array]
MAX_LOG_RATIO = np.float32(abs(np.log(16 / 1000)))


@dataclass(frozen=True)
class Job:
    """What is asked of everyone."""

    min_confidence: float
    iou_threshold: float
    input_side: int
    image_width: int
    image_height: int
    room: int

    @property
    def size(self) -> Array:
        return np.array([self.image_width, self.image_height] * 2, np.float32)


@dataclass(frozen=True)
class FlatLevel:
    """A level as flat views: `boxes` is [4, N] for ATSS and [N, 4] for YuNet."""

    scores: Array
    quality: Array
    boxes: Array
    columns: int
    stride: int


Candidates = Callable[[list[FlatLevel], float], Result]
Detector = Callable[[], Result]


def numpy_atss(levels: list[FlatLevel], min_confidence: float) -> Result:
    """Filters on the raw logit, level by level; decodes all that is left at once."""
    lowest = np.float32(np.log(min_confidence / (1 - min_confidence)))
    found = [np.flatnonzero(level.scores >= lowest) for level in levels]
    pairs = list(zip(levels, found, strict=True))
    logits = np.concatenate([level.scores[at] for level, at in pairs])
    quality = np.concatenate([level.quality[at] for level, at in pairs])
    scores = 1 / ((1 + np.exp(-logits)) * (1 + np.exp(-quality)))
    deltas = np.concatenate([level.boxes[:, at] for level, at in pairs], axis=1)
    x, y, stride = cells(pairs)
    side = np.float32(OCTAVE_BASE_SCALE) * stride
    x = x * stride + np.float32(0.1) * deltas[0] * side
    y = y * stride + np.float32(0.1) * deltas[1] * side
    ratios = np.clip(np.float32(0.2) * deltas[2:], -MAX_LOG_RATIO, MAX_LOG_RATIO)
    half_w, half_h = np.exp(ratios) * (side * np.float32(0.5))
    boxes = np.stack([x - half_w, y - half_h, x + half_w, y + half_h], axis=1)
    enough = scores >= min_confidence
    return boxes[enough], scores[enough]


def numpy_yunet(levels: list[FlatLevel], min_confidence: float) -> Result:
    """Filters on the class, level by level; decodes all that is left at once."""
    lowest = np.float32(min_confidence**2)
    found = [np.flatnonzero(level.scores >= lowest) for level in levels]
    pairs = list(zip(levels, found, strict=True))
    scores = np.clip(np.concatenate([level.scores[at] for level, at in pairs]), 0, 1)
    quality = np.clip(np.concatenate([level.quality[at] for level, at in pairs]), 0, 1)
    scores = np.sqrt(scores * quality)
    offsets = np.concatenate([level.boxes[at] for level, at in pairs]).T
    x, y, stride = cells(pairs)
    x = (x + offsets[0]) * stride
    y = (y + offsets[1]) * stride
    half_w, half_h = np.exp(offsets[2:]) * (stride * np.float32(0.5))
    boxes = np.stack([x - half_w, y - half_h, x + half_w, y + half_h], axis=1)
    enough = scores >= min_confidence
    return boxes[enough], scores[enough]


def cells(
    pairs: list[tuple[FlatLevel, NDArray[np.intp]]],
) -> tuple[Array, Array, Array]:
    """Column, row and stride of each location found."""
    parts = [np.divmod(at, level.columns) for level, at in pairs]
    rows = np.concatenate([row for row, _ in parts]).astype(np.float32)
    columns = np.concatenate([column for _, column in parts]).astype(np.float32)
    strides = np.array([level.stride for level, _ in pairs], np.float32)
    return columns, rows, np.repeat(strides, [at.size for _, at in pairs])


def numpy_greedy(boxes: Array, scores: Array, iou_threshold: float) -> NDArray[np.intp]:
    """The greedy loop over what is still there, a kept box against all at once."""
    order = np.argsort(-scores, kind="stable")
    x_min, y_min, x_max, y_max = np.ascontiguousarray(boxes[order].T)
    areas = (x_max - x_min) * (y_max - y_min)
    waiting = np.arange(len(order))
    kept = []
    while waiting.size:
        best, waiting = waiting[0], waiting[1:]
        kept.append(best)
        width = np.minimum(x_max[best], x_max[waiting])
        width -= np.maximum(x_min[best], x_min[waiting])
        height = np.minimum(y_max[best], y_max[waiting])
        height -= np.maximum(y_min[best], y_min[waiting])
        inter = np.maximum(width, 0) * np.maximum(height, 0)
        union = areas[best] + areas[waiting] - inter
        waiting = waiting[inter <= iou_threshold * union]
    return order[np.array(kept, np.intp)]


def upright(boxes: Array, job: Job) -> Array:
    return np.clip(boxes * (job.size / np.float32(job.input_side)), 0, job.size)


def with_numpy(candidates: Candidates, levels: list[FlatLevel], job: Job) -> Detector:
    def detect() -> Result:
        boxes, scores = candidates(levels, job.min_confidence)
        kept = numpy_greedy(boxes, scores, job.iou_threshold)
        return upright(boxes[kept], job), scores[kept]

    return detect


def with_opencv(candidates: Candidates, levels: list[FlatLevel], job: Job) -> Detector:
    """OpenCV suppresses what NumPy has filtered and decoded."""

    # Its types ask for lists, but arrays are what it is fast with.
    nms_boxes: Any = cv2.dnn.NMSBoxes

    def detect() -> Result:
        boxes, scores = candidates(levels, job.min_confidence)
        sized = np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]])
        kept = np.asarray(nms_boxes(sized, scores, job.min_confidence, job.iou_threshold), np.intp)
        return upright(boxes[kept], job), scores[kept]

    return detect


def with_numba(levels: list[FlatLevel], job: Job, yunet: bool) -> Detector:
    """One compiled pass over all levels joined; scratch and outputs are reused."""
    axis = 0 if yunet else 1
    scores = np.concatenate([level.scores for level in levels])
    quality = np.concatenate([level.quality for level in levels])
    deltas = np.concatenate([level.boxes for level in levels], axis=axis)
    ends = np.cumsum([level.scores.size for level in levels])
    shapes = np.array([(level.columns, level.stride) for level in levels])
    scratch = np.empty((5, scores.size), np.float32)
    out = np.empty((job.room, 5), np.float32)
    run = yunet_in_one_pass if yunet else atss_in_one_pass
    scale = job.size / np.float32(job.input_side)

    def detect() -> Result:
        count = run(
            scores,
            quality,
            deltas,
            ends,
            shapes,
            np.float32(job.min_confidence),
            np.float32(job.iou_threshold),
            scale,
            job.size,
            scratch,
            out,
        )
        return out[:count, :4], out[:count, 4]

    return detect
