"""Outputs of heads to time post-processing on: clusters of candidates around faces.

Rule: every number comes from a fixed seed, so that two runs time the same work. A
face of 20 to 60 input pixels is seen by the cells closest to its centre, as a trained
network sees it: they report nearly the same box, with falling confidence. All other
cells are far under any threshold.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
AtssLevel = tuple[Array, Array, Array]
"""Class logits [1,1,H,W], deltas [1,4,H,W], centerness [1,1,H,W]."""
YunetLevel = tuple[Array, Array, Array, Array]
"""Class, objectness, boxes and landmarks: [1,N,1], [1,N,1], [1,N,4], [1,N,10]."""

ATSS_STRIDES = (4, 8, 16, 32, 64)
YUNET_STRIDES = (8, 16, 32)
OCTAVE_BASE_SCALE = 8.0
STDS = np.array([0.1, 0.1, 0.2, 0.2])

FACES = {50: 5, 500: 35, 5000: 345}
"""Faces for so many candidates: 345 of 5,000 are kept, as in a crowd."""


class Face(NamedTuple):
    """Centre and size in input pixels."""

    x: float
    y: float
    width: float
    height: float


class Candidate(NamedTuple):
    """A face as one cell of a level reports it."""

    level: int
    row: int
    column: int
    face: Face
    confidence: float


def faces(random: np.random.Generator, count: int, side: int) -> Iterator[Face]:
    """Faces on a jittered grid, so that neighbours hardly overlap."""
    lines = int(np.ceil(np.sqrt(count)))
    pitch = side / lines
    cells = random.permutation(lines * lines)[:count]
    sides = np.clip(pitch * random.uniform(0.6, 1.0, count), 20, 60)
    jitter = random.uniform(0.45, 0.55, (count, 2))
    for cell, size, (dx, dy) in zip(cells, sides, jitter, strict=True):
        x, y = (cell % lines + dx) * pitch, (cell // lines + dy) * pitch
        yield Face(float(x), float(y), float(size * 0.9), float(size * 1.1))


def candidates(
    random: np.random.Generator, count: int, side: int, strides: Sequence[int], threshold: float
) -> Iterator[Candidate]:
    """About `count` cells around faces whose confidence is above `threshold`."""
    total = FACES[count]
    for index, face in enumerate(faces(random, total, side)):
        wanted = (index + 1) * count // total - index * count // total
        level = 0 if wanted > 12 or len(strides) == 3 else int(face.width > 40)
        cells = closest_cells(face, wanted, strides[level], side)
        low = threshold + 0.01
        scores = np.sort(random.uniform(low, 0.5 + low / 2, len(cells)))[::-1]
        for (row, column), score in zip(cells, scores, strict=True):
            yield Candidate(level, row, column, shifted(random, face), float(score))


def closest_cells(face: Face, count: int, stride: int, side: int) -> list[tuple[int, int]]:
    """The `count` cells of a level whose centres are closest to the face's."""
    reach = int(np.ceil(np.sqrt(count)))
    row, column = int(face.y / stride), int(face.x / stride)
    cells = [
        (r, c)
        for r in range(row - reach, row + reach + 1)
        for c in range(column - reach, column + reach + 1)
        if 0 <= r < side // stride and 0 <= c < side // stride
    ]
    cells.sort(key=lambda cell: (cell[0] - row) ** 2 + (cell[1] - column) ** 2)
    return cells[:count]


def shifted(random: np.random.Generator, face: Face) -> Face:
    """The face, off by a few hundredths of its size."""
    x, y = random.normal(0, 0.03, 2) * face.width
    width, height = np.exp(random.normal(0, 0.04, 2))
    return Face(face.x + x, face.y + y, face.width * float(width), face.height * float(height))


def atss_levels(side: int, count: int, threshold: float) -> list[AtssLevel]:
    """The outputs of five levels."""
    random = np.random.default_rng(count)
    levels: list[AtssLevel] = []
    for stride in ATSS_STRIDES:
        cells = side // stride
        logits = random.normal(-9, 0.7, (1, 1, cells, cells)).astype(np.float32)
        deltas = random.normal(0, 1, (1, 4, cells, cells)).astype(np.float32)
        centerness = random.normal(0, 1, (1, 1, cells, cells)).astype(np.float32)
        levels.append((logits, deltas, centerness))
    for level, row, column, face, confidence in candidates(
        random, count, side, ATSS_STRIDES, threshold
    ):
        logits, deltas, centerness = levels[level]
        place = (0, slice(None), row, column)
        # Both factors alike, so that their product is the confidence.
        logits[place] = centerness[place] = np.log(np.sqrt(confidence) / (1 - np.sqrt(confidence)))
        anchor = OCTAVE_BASE_SCALE * ATSS_STRIDES[level]
        offsets = [
            (face.x - column * ATSS_STRIDES[level]) / anchor,
            (face.y - row * ATSS_STRIDES[level]) / anchor,
            np.log(face.width / anchor),
            np.log(face.height / anchor),
        ]
        deltas[place] = np.array(offsets) / STDS
    return levels


def yunet_levels(side: int, count: int, threshold: float) -> list[YunetLevel]:
    """The outputs of three levels."""
    random = np.random.default_rng(count)
    levels: list[YunetLevel] = []
    for stride in YUNET_STRIDES:
        cells = (side // stride) ** 2
        scores = random.uniform(0, 1e-4, (1, cells, 1)).astype(np.float32)
        objects = random.uniform(0, 1e-2, (1, cells, 1)).astype(np.float32)
        boxes = random.normal(0, 0.5, (1, cells, 4)).astype(np.float32)
        points = random.normal(0, 1, (1, cells, 10)).astype(np.float32)
        levels.append((scores, objects, boxes, points))
    for level, row, column, face, confidence in candidates(
        random, count, side, YUNET_STRIDES, threshold
    ):
        stride = YUNET_STRIDES[level]
        scores, objects, boxes, _ = levels[level]
        cell = row * (side // stride) + column
        scores[0, cell] = objects[0, cell] = confidence
        boxes[0, cell] = [
            face.x / stride - column,
            face.y / stride - row,
            np.log(face.width / stride),
            np.log(face.height / stride),
        ]
    return levels
