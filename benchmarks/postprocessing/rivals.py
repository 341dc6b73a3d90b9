"""The same post-processing by other means: NumPy, OpenCV, and numba in one pass.

Each is written as an expert in the tool writes it. All find the locations that reach
the confidence first, decode only those, suppress greedily, undo a stretch and clip.
NumPy and OpenCV take the levels as the network delivers them; numba is given all
levels joined in advance, which spares it the cost of passing fifteen arrays.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.postprocessing.heads import OCTAVE_BASE_SCALE, Array
from benchmarks.postprocessing.numba_rival import in_one_pass

Result = tuple[Array, Array]
MAX_LOG_RATIO = np.float32(abs(np.log(16 / 1000)))


@dataclass(frozen=True)
class Task:
    """What is asked of all; `size` is the photo's width, height, width, height."""

    yunet: bool
    min_confidence: float
    iou_threshold: float
    input_side: int
    size: Array
    max_detections: int


class FlatLevel(NamedTuple):
    """A level as flat views: `boxes` is [4, N] for ATSS and [N, 4] for YuNet."""

    scores: Array
    quality: Array
    boxes: Array
    columns: int
    stride: int


Detect = Callable[[], Result]


def decoded(levels: Sequence[FlatLevel], min_confidence: float, *, yunet: bool) -> Result:
    """Boxes [n,4] in input pixels and confidences [n], with NumPy.

    Filters on the class (of ATSS on its logit), level by level; decodes all that is left
    at once.
    """
    lowest = min_confidence**2 if yunet else np.log(min_confidence / (1 - min_confidence))
    found = [np.flatnonzero(level.scores >= np.float32(lowest)) for level in levels]
    pairs = list(zip(levels, found, strict=True))
    scores = np.concatenate([level.scores[at] for level, at in pairs])
    quality = np.concatenate([level.quality[at] for level, at in pairs])
    x, y, stride = _cells(pairs)
    if yunet:
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
    enough = scores >= min_confidence
    return boxes[enough], scores[enough]


def with_numpy(levels: Sequence[FlatLevel], task: Task) -> Detect:
    """NumPy for all of it."""

    def detect() -> Result:
        boxes, scores = decoded(levels, task.min_confidence, yunet=task.yunet)
        kept = _suppressed(boxes, scores, task.iou_threshold)
        return _in_photo(boxes[kept], task), scores[kept]

    return detect


def with_opencv(levels: Sequence[FlatLevel], task: Task) -> Detect:
    """OpenCV suppresses what NumPy has filtered and decoded."""
    # Its types ask for lists, but arrays are what it is fast with.
    nms_boxes: Any = cv2.dnn.NMSBoxes

    def detect() -> Result:
        boxes, scores = decoded(levels, task.min_confidence, yunet=task.yunet)
        sized = np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]])
        found = nms_boxes(sized, scores, task.min_confidence, task.iou_threshold)
        kept = np.asarray(found, np.intp)
        return _in_photo(boxes[kept], task), scores[kept]

    return detect


def with_numba(levels: Sequence[FlatLevel], task: Task) -> Detect:
    """One compiled pass over all levels joined; scratch and outputs are reused."""
    scores, quality = (np.concatenate([level[i] for level in levels]) for i in (0, 1))
    boxes = np.concatenate([level.boxes for level in levels], axis=0 if task.yunet else 1)
    ends = np.cumsum([level.scores.size for level in levels])
    shapes = np.array([(level.columns, level.stride) for level in levels])
    scratch = np.empty((5, scores.size), np.float32)
    out = np.empty((task.max_detections, 5), np.float32)
    limits = np.float32(task.min_confidence), np.float32(task.iou_threshold)
    scale = task.size / np.float32(task.input_side)

    joined = scores, quality, boxes, ends, shapes

    def detect() -> Result:
        count = in_one_pass(task.yunet, *joined, *limits, scale, task.size, scratch, out)
        return out[:count, :4], out[:count, 4]

    return detect


def _cells(pairs: list[tuple[FlatLevel, NDArray[np.intp]]]) -> tuple[Array, Array, Array]:
    """Column, row and stride of each location found."""
    parts = [np.divmod(at, level.columns) for level, at in pairs]
    rows = np.concatenate([row for row, _ in parts]).astype(np.float32)
    columns = np.concatenate([column for _, column in parts]).astype(np.float32)
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


def _in_photo(boxes: Array, task: Task) -> Array:
    return np.clip(boxes * (task.size / np.float32(task.input_side)), 0, task.size)
