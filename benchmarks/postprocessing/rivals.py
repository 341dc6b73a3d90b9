"""The same post-processing by other means: NumPy, OpenCV, and numba in one pass.

All find the locations that reach the confidence first, decode only those, suppress greedily,
undo a stretch and clip. numba is given all levels joined in advance.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.postprocessing.heads import (
    IMAGE_HEIGHT,
    IMAGE_WIDTH,
    IOU_THRESHOLD,
    MAX_DETECTIONS,
    OCTAVE_BASE_SCALE,
    Array,
)
from benchmarks.postprocessing.numba_rival import in_one_pass

Result = tuple[Array, Array]  # boxes [n,4] and confidences [n]
Detect = Callable[[], Result]
MAX_LOG_RATIO = np.float32(abs(np.log(16 / 1000)))
SIZE = np.array([IMAGE_WIDTH, IMAGE_HEIGHT] * 2, np.float32)


class FlatLevel(NamedTuple):
    """A level as flat views: `boxes` is [4, N] for ATSS and [N, 4] for YuNet."""

    scores: Array
    quality: Array
    boxes: Array
    columns: int
    stride: int


class Task(NamedTuple):
    """What is asked of all."""

    yunet: bool
    levels: Sequence[FlatLevel]
    side: int
    min_confidence: float

    def in_photo(self, boxes: Array) -> Array:
        """Boxes of the input as boxes of the photo."""
        return np.clip(boxes * (SIZE / np.float32(self.side)), 0, SIZE)


def decoded(task: Task) -> Result:
    """Boxes in input pixels and confidences: filter each level, decode what is left at once."""
    least = task.min_confidence
    lowest = np.float32(least**2 if task.yunet else np.log(least / (1 - least)))
    pairs = [(level, np.flatnonzero(level.scores >= lowest)) for level in task.levels]
    scores = np.concatenate([level.scores[at] for level, at in pairs])
    quality = np.concatenate([level.quality[at] for level, at in pairs])
    x, y, stride = _cells(pairs)
    if task.yunet:
        scores = np.sqrt(np.clip(scores, 0, 1) * np.clip(quality, 0, 1))
        offsets = np.concatenate([level.boxes[at] for level, at in pairs]).T
        x, y = (x + offsets[0]) * stride, (y + offsets[1]) * stride
        half_w, half_h = np.exp(offsets[2:]) * (stride * np.float32(0.5))
    else:
        scores = 1 / ((1 + np.exp(-scores)) * (1 + np.exp(-quality)))
        deltas = np.concatenate([level.boxes[:, at] for level, at in pairs], axis=1)
        side = np.float32(OCTAVE_BASE_SCALE) * stride
        x = x * stride + np.float32(0.1) * deltas[0] * side
        y = y * stride + np.float32(0.1) * deltas[1] * side
        ratios = np.clip(np.float32(0.2) * deltas[2:], -MAX_LOG_RATIO, MAX_LOG_RATIO)
        half_w, half_h = np.exp(ratios) * (side * np.float32(0.5))
    boxes = np.stack([x - half_w, y - half_h, x + half_w, y + half_h], axis=1)
    enough = scores >= least
    return boxes[enough], scores[enough]


def with_numpy(task: Task) -> Result:
    """NumPy for all of it."""
    boxes, scores = decoded(task)
    kept = _suppressed(boxes, scores, IOU_THRESHOLD)
    return task.in_photo(boxes[kept]), scores[kept]


def with_opencv(task: Task) -> Result:
    """OpenCV suppresses what NumPy has filtered and decoded."""
    boxes, scores = decoded(task)
    sized = np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]])
    # Its types ask for lists, but arrays are what it is fast with.
    nms_boxes: Any = cv2.dnn.NMSBoxes
    kept = np.asarray(nms_boxes(sized, scores, task.min_confidence, IOU_THRESHOLD), np.intp)
    return task.in_photo(boxes[kept]), scores[kept]


def numba_of(task: Task) -> Detect:
    """One compiled pass over all levels joined; scratch and outputs are reused."""
    scores, quality = (np.concatenate([level[i] for level in task.levels]) for i in (0, 1))
    boxes = np.concatenate([level.boxes for level in task.levels], axis=0 if task.yunet else 1)
    ends = np.cumsum([level.scores.size for level in task.levels])
    shapes = np.array([(level.columns, level.stride) for level in task.levels])
    scratch = np.empty((5, scores.size), np.float32)
    out = np.empty((MAX_DETECTIONS, 5), np.float32)
    limits = np.float32(task.min_confidence), np.float32(IOU_THRESHOLD)
    scale = SIZE / np.float32(task.side)
    joined = scores, quality, boxes, ends, shapes

    def detect() -> Result:
        count = in_one_pass(task.yunet, *joined, *limits, scale, SIZE, scratch, out)
        return out[:count, :4], out[:count, 4]

    return detect


def _cells(pairs: list[tuple[FlatLevel, NDArray[np.intp]]]) -> tuple[Array, Array, Array]:
    """Column, row and stride of each location found."""
    parts = [np.divmod(at, level.columns) for level, at in pairs]
    rows, columns = (
        np.concatenate([part[axis] for part in parts]).astype(np.float32) for axis in (0, 1)
    )
    strides = np.array([level.stride for level, _ in pairs], np.float32)
    return columns, rows, np.repeat(strides, [at.size for _, at in pairs])


def _suppressed(boxes: Array, scores: Array, iou_threshold: float) -> NDArray[np.intp]:
    """Greedy suppression in a loop: a kept box against all that is left at once."""
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
