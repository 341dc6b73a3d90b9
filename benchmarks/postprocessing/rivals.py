"""The same post-processing by other means: NumPy, OpenCV, and numba in one pass.

All find the locations that reach the confidence first, decode only those, suppress greedily,
undo a stretch and clip. numba is given all levels joined in advance.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from benchmarks.postprocessing import heads
from benchmarks.postprocessing.heads import IOU_THRESHOLD, MAX_DETECTIONS, Array

Result = tuple[Array, Array]  # boxes [n,4] and confidences [n]
Detect = Callable[[], Result]
ZERO, HALF, ONE, SIDE = np.float32(0), np.float32(0.5), np.float32(1), np.float32(8)
CENTER_STD, SIZE_STD, LOG = np.float32(0.1), np.float32(0.2), np.float32(abs(np.log(16 / 1000)))
SIZE = np.array([heads.IMAGE_WIDTH, heads.IMAGE_HEIGHT] * 2, np.float32)


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
    cells = [np.divmod(at, level.columns) for level, at in pairs]
    y, x = (np.concatenate([each[axis] for each in cells]).astype(np.float32) for axis in (0, 1))
    stride = np.repeat(
        [np.float32(each.stride) for each in task.levels], [at.size for _, at in pairs]
    )
    if task.yunet:
        scores = np.sqrt(np.clip(scores, 0, 1) * np.clip(quality, 0, 1))
        offsets = np.concatenate([level.boxes[at] for level, at in pairs]).T
        x, y = (x + offsets[0]) * stride, (y + offsets[1]) * stride
        half_w, half_h = np.exp(offsets[2:]) * (stride * HALF)
    else:
        scores = 1 / ((1 + np.exp(-scores)) * (1 + np.exp(-quality)))
        deltas = np.concatenate([level.boxes[:, at] for level, at in pairs], axis=1)
        side = SIDE * stride
        x = x * stride + CENTER_STD * deltas[0] * side
        y = y * stride + CENTER_STD * deltas[1] * side
        ratios = np.clip(SIZE_STD * deltas[2:], -LOG, LOG)
        half_w, half_h = np.exp(ratios) * (side * HALF)
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


@njit()
def clipped(value: np.float32, low: np.float32, high: np.float32) -> np.float32:
    return min(max(value, low), high)


@njit()
def suppress(
    found: Array, count: int, threshold: np.float32, scale: Array, size: Array, out: Array
) -> int:
    """Sort, then test each candidate against what is kept, leaving at the first hit."""
    order = np.argsort(-found[4, :count], kind="mergesort")
    kept = np.empty((5, min(count, len(out))), np.float32)
    written = 0
    for candidate in order:
        if written == len(out):
            break
        x_min, y_min = found[0, candidate], found[1, candidate]
        x_max, y_max = found[2, candidate], found[3, candidate]
        area = (x_max - x_min) * (y_max - y_min)
        suppressed = False
        for k in range(written):
            width = min(x_max, kept[2, k]) - max(x_min, kept[0, k])
            height = min(y_max, kept[3, k]) - max(y_min, kept[1, k])
            if width > 0 and height > 0:
                inter = width * height
                if inter > threshold * (area + kept[4, k] - inter):
                    suppressed = True
                    break
        if not suppressed:
            kept[0, written], kept[1, written] = x_min, y_min
            kept[2, written], kept[3, written] = x_max, y_max
            kept[4, written] = area
            for side in range(4):
                out[written, side] = clipped(found[side, candidate] * scale[side], ZERO, size[side])
            out[written, 4] = found[4, candidate]
            written += 1
    return written


@njit(nogil=True)
def in_one_pass(
    yunet: bool,
    scores: Array,
    quality: Array,
    boxes: Array,
    ends: NDArray[np.int64],
    shapes: NDArray[np.int64],
    min_confidence: np.float32,
    threshold: np.float32,
    scale: Array,
    size: Array,
    found: Array,
    out: Array,
) -> int:
    """Scan, decode and suppress. `boxes` is [N,4] of YuNet, [4,N] of ATSS."""
    lowest = np.float32(np.log(min_confidence / (ONE - min_confidence)))
    if yunet:
        lowest = min_confidence * min_confidence
    count = first = 0
    for level in range(len(ends)):
        columns, stride = shapes[level, 0], np.float32(shapes[level, 1])
        side = SIDE * stride
        class_map = scores[first : ends[level]]
        for place in range(class_map.size):
            if class_map[place] >= lowest:
                at = first + place
                row, column = divmod(place, columns)
                if yunet:
                    score = np.sqrt(
                        clipped(scores[at], ZERO, ONE) * clipped(quality[at], ZERO, ONE)
                    )
                    x = (np.float32(column) + boxes[at, 0]) * stride
                    y = (np.float32(row) + boxes[at, 1]) * stride
                    half_w = np.exp(boxes[at, 2]) * stride * HALF
                    half_h = np.exp(boxes[at, 3]) * stride * HALF
                else:
                    score = ONE / ((ONE + np.exp(-scores[at])) * (ONE + np.exp(-quality[at])))
                    x = np.float32(column) * stride + CENTER_STD * boxes[0, at] * side
                    y = np.float32(row) * stride + CENTER_STD * boxes[1, at] * side
                    half_w = np.exp(clipped(SIZE_STD * boxes[2, at], -LOG, LOG)) * side * HALF
                    half_h = np.exp(clipped(SIZE_STD * boxes[3, at], -LOG, LOG)) * side * HALF
                if score >= min_confidence:
                    found[0, count], found[1, count] = x - half_w, y - half_h
                    found[2, count], found[3, count] = x + half_w, y + half_h
                    found[4, count] = score
                    count += 1
        first = ends[level]
    return suppress(found, count, threshold, scale, size, out)


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
