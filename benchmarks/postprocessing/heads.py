"""Outputs of heads to time post-processing on, and the extension that reads them.

Every number comes from a fixed seed. A face of 20 to 60 input pixels is seen by the cells closest
to its centre, with falling confidence; all other cells are far under any threshold.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facewire_ext import AtssLevels, Placement, Workspace, YunetLevels, decode_atss, decode_yunet

Array = NDArray[np.float32]
Levels = list[tuple[Array, ...]]
"""ATSS: class logits [1,1,H,W], deltas [1,4,H,W], centerness [1,1,H,W]. YuNet: class,
objectness, boxes and landmarks, [1,N,1], [1,N,1], [1,N,4], [1,N,10]."""
Extension = Callable[[float], tuple[Array, Array]]
"""From the least confidence to boxes [n,4] and confidences [n]."""
STRIDES = {"ATSS": (4, 8, 16, 32, 64), "YuNet": (8, 16, 32)}
OCTAVE_BASE_SCALE = 8.0
STDS = np.array([0.1, 0.1, 0.2, 0.2])
IMAGE_WIDTH, IMAGE_HEIGHT = 1024, 768
IOU_THRESHOLD = 0.5
MAX_DETECTIONS = 750
FACES = {50: 5, 500: 35, 5000: 345}
"""Faces for so many candidates: 345 of 5,000 are kept, as in a crowd."""


def candidates(
    random: np.random.Generator, count: int, side: int, strides: Sequence[int], threshold: float
) -> Iterator[tuple[int, int, int, float, float, float, float, float]]:
    """About `count` cells around faces: level, row, column, centre, size, confidence."""
    total = FACES[count]
    lines = math.ceil(math.sqrt(total))
    pitch = side / lines
    places = random.permutation(lines * lines)[:total]
    sizes = np.clip(pitch * random.uniform(0.6, 1.0, total), 20, 60)
    jitter = random.uniform(0.45, 0.55, (total, 2))
    for index, (place, size, (dx, dy)) in enumerate(zip(places, sizes, jitter, strict=True)):
        x, y = (place % lines + dx) * pitch, (place // lines + dy) * pitch
        width, height = size * 0.9, size * 1.1
        wanted = (index + 1) * count // total - index * count // total
        level = 0 if wanted > 12 or len(strides) == 3 else int(width > 40)
        cells = closest_cells(x, y, wanted, strides[level], side)
        low = threshold + 0.01
        scores = np.sort(random.uniform(low, 0.5 + low / 2, len(cells)))[::-1]
        for (row, column), score in zip(cells, scores, strict=True):
            right, down = random.normal(0, 0.03, 2) * width
            wider, taller = np.exp(random.normal(0, 0.04, 2))
            box = (x + right, y + down, width * wider, height * taller)
            yield (level, row, column, *box, score)


def closest_cells(x: float, y: float, count: int, stride: int, side: int) -> list[tuple[int, int]]:
    """The `count` cells of a level whose centres are closest to a face's."""
    grid = np.indices((side // stride, side // stride)).reshape(2, -1).T
    distance = ((grid - (int(y / stride), int(x / stride))) ** 2).sum(axis=1)
    return [(int(r), int(c)) for r, c in grid[np.argsort(distance, kind="stable")[:count]]]


def atss_levels(side: int, count: int, threshold: float) -> Levels:
    """The outputs of five levels."""
    random, strides = np.random.default_rng(count), STRIDES["ATSS"]
    levels: Levels = []
    for stride in strides:
        sizes = [(channels, side // stride, side // stride) for channels in (1, 4, 1)]
        normal = zip((-9, 0, 0), (0.7, 1, 1), sizes, strict=True)
        levels.append(tuple(random.normal(*each).astype(np.float32)[np.newaxis] for each in normal))
    for level, row, column, x, y, width, height, confidence in candidates(
        random, count, side, strides, threshold
    ):
        logits, deltas, centerness = levels[level]
        place, stride = (0, slice(None), row, column), strides[level]
        # Both factors alike, so that their product is the confidence.
        root = np.sqrt(confidence)
        logits[place] = centerness[place] = np.log(root / (1 - root))
        anchor = OCTAVE_BASE_SCALE * stride
        shift = (x - column * stride) / anchor, (y - row * stride) / anchor
        ratios = np.log(width / anchor), np.log(height / anchor)
        deltas[place] = np.array([*shift, *ratios]) / STDS
    return levels


def yunet_levels(side: int, count: int, threshold: float) -> Levels:
    """The outputs of three levels."""
    random, strides = np.random.default_rng(count), STRIDES["YuNet"]
    levels: Levels = []
    for stride in strides:
        cells = (side // stride) ** 2
        scores = [random.uniform(0, most, (1, cells, 1)) for most in (1e-4, 1e-2)]
        spread = ((0.5, 4), (1, 10))
        offsets = [random.normal(0, size, (1, cells, columns)) for size, columns in spread]
        levels.append(tuple(each.astype(np.float32) for each in (*scores, *offsets)))
    for level, row, column, x, y, width, height, confidence in candidates(
        random, count, side, strides, threshold
    ):
        classes, objects, boxes, _ = levels[level]
        stride = strides[level]
        cell = row * (side // stride) + column
        classes[0, cell] = objects[0, cell] = confidence
        shift = x / stride - column, y / stride - row
        boxes[0, cell] = [*shift, np.log(width / stride), np.log(height / stride)]
    return levels


def atss_extension(levels: Sequence[Any], side: int) -> Extension:
    """`decode_atss` for these levels, of a photo that is stretched to the input."""
    bound = AtssLevels(levels, strides=STRIDES["ATSS"], octave_base_scale=OCTAVE_BASE_SCALE)
    return _extension(partial(decode_atss, bound), side)


def yunet_extension(levels: Sequence[Any], side: int) -> Extension:
    """`decode_yunet` for these levels, of a photo that is stretched to the input."""
    bound = YunetLevels(levels, strides=STRIDES["YuNet"], input_width=side, input_height=side)
    marks = np.zeros((MAX_DETECTIONS, 10), np.float32)
    return _extension(partial(decode_yunet, bound), side, marks)


def _extension(decode: Callable[..., Any], side: int, *landmarks: Array) -> Extension:
    """As the server calls it: bound once, arrays reused."""
    boxes = np.zeros((MAX_DETECTIONS, 4), np.float32)
    confidences = np.zeros(MAX_DETECTIONS, np.float32)
    class_ids = np.zeros(MAX_DETECTIONS, np.int32)
    scale = side / IMAGE_WIDTH, side / IMAGE_HEIGHT
    options = {
        "placement": Placement(side, side, IMAGE_WIDTH, IMAGE_HEIGHT, *scale, 0.0, 0.0),
        "iou_threshold": IOU_THRESHOLD,
        "workspace": Workspace(),
    }

    def detect(min_confidence: float) -> tuple[Array, Array]:
        written = decode(
            boxes, confidences, class_ids, *landmarks, min_confidence=min_confidence, **options
        )
        return boxes[:written], confidences[:written]

    return detect
