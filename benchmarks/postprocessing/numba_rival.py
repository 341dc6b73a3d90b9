"""Post-processing as functions that numba compiles: the rival in plain loops.

Types are given, so that compiling happens at import and not while it is timed.
"""

import math

import numpy as np
from numba import njit
from numba.types import Array as ArrayType
from numba.types import boolean, float32, int64
from numpy.typing import NDArray

Array = NDArray[np.float32]
Integers = NDArray[np.int64]

SIDE = np.float32(8)
HALF = np.float32(0.5)
ONE = np.float32(1)
CENTER_STD = np.float32(0.1)
SIZE_STD = np.float32(0.2)
MAX_LOG_RATIO = np.float32(abs(math.log(16 / 1000)))

VECTOR = ArrayType(float32, 1, "C")
MATRIX = ArrayType(float32, 2, "C")
SIGNATURE = int64(
    *(boolean, VECTOR, VECTOR, MATRIX, ArrayType(int64, 1, "C"), ArrayType(int64, 2, "C")),
    *(float32, float32, VECTOR, VECTOR, MATRIX, MATRIX),
)


@njit(float32(float32))
def ratio(delta: np.float32) -> np.float32:
    return np.float32(np.exp(min(max(SIZE_STD * delta, -MAX_LOG_RATIO), MAX_LOG_RATIO)))


@njit(float32(float32))
def probability(value: np.float32) -> np.float32:
    return min(max(value, np.float32(0)), ONE)


@njit(int64(MATRIX, int64, float32, VECTOR, VECTOR, MATRIX))
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
                place = found[side, candidate] * scale[side]
                out[written, side] = min(max(place, np.float32(0)), size[side])
            out[written, 4] = found[4, candidate]
            written += 1
    return written


@njit(SIGNATURE, nogil=True)
def in_one_pass(
    yunet: bool,
    scores: Array,
    quality: Array,
    boxes: Array,
    ends: Integers,
    shapes: Integers,
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
                    score = np.sqrt(probability(scores[at]) * probability(quality[at]))
                    x = (np.float32(column) + boxes[at, 0]) * stride
                    y = (np.float32(row) + boxes[at, 1]) * stride
                    half_w = np.exp(boxes[at, 2]) * stride * HALF
                    half_h = np.exp(boxes[at, 3]) * stride * HALF
                else:
                    score = ONE / ((ONE + np.exp(-scores[at])) * (ONE + np.exp(-quality[at])))
                    x = np.float32(column) * stride + CENTER_STD * boxes[0, at] * side
                    y = np.float32(row) * stride + CENTER_STD * boxes[1, at] * side
                    half_w = ratio(boxes[2, at]) * side * HALF
                    half_h = ratio(boxes[3, at]) * side * HALF
                if score >= min_confidence:
                    found[0, count], found[1, count] = x - half_w, y - half_h
                    found[2, count], found[3, count] = x + half_w, y + half_h
                    found[4, count] = score
                    count += 1
        first = ends[level]
    return suppress(found, count, threshold, scale, size, out)
