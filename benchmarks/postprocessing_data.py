"""Heads to time post-processing on: faces as clusters of candidates that agree.

Rule: every number comes from a fixed seed, so that two runs time the same work. A
face of 20 to 60 input pixels is seen by the cells closest to its centre, as a trained
network sees it: they report nearly the same box, with falling confidence. All other
cells are far under any threshold.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
AtssLevel = tuple[Array, Array, Array]
YunetLevel = tuple[Array, Array, Array, Array]

ATSS_STRIDES = (4, 8, 16, 32, 64)
YUNET_STRIDES = (8, 16, 32)
OCTAVE_BASE_SCALE = 8.0
STDS = np.array([0.1, 0.1, 0.2, 0.2])

# Faces for so many candidates: 345 of 5,000 are kept, as in a crowd.
FACES = {50: 5, 500: 35, 5000: 345}


@dataclass(frozen=True)
class Face:
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Sighting:
    """One cell of one level that reports a face, and how it is off."""

    level: int
    row: int
    column: int
    face: Face
    confidence: float


def faces(random: np.random.Generator, count: int, side: int) -> list[Face]:
    """Faces on a jittered grid, so that neighbours hardly overlap."""
    lines = int(np.ceil(np.sqrt(count)))
    pitch = side / lines
    cells = random.permutation(lines * lines)[:count]
    sides = np.clip(pitch * random.uniform(0.6, 1.0, count), 20, 60)
    jitter = random.uniform(0.45, 0.55, (count, 2))
    return [
        Face(
            float((cell % lines + dx) * pitch),
            float((cell // lines + dy) * pitch),
            float(size * 0.9),
            float(size * 1.1),
        )
        for cell, size, (dx, dy) in zip(cells, sides, jitter, strict=True)
    ]


def sightings(
    random: np.random.Generator,
    count: int,
    side: int,
    strides: Sequence[int],
    threshold: float,
) -> list[Sighting]:
    """About `count` cells whose confidence is above `threshold`, around the faces."""
    total = FACES[count]
    found = []
    for index, face in enumerate(faces(random, total, side)):
        wanted = (index + 1) * count // total - index * count // total
        level = 0 if wanted > 12 or len(strides) == 3 else int(face.width > 40)
        cells = closest_cells(face, wanted, strides[level], side)
        low = threshold + 0.01
        scores = np.sort(random.uniform(low, 0.5 + low / 2, len(cells)))[::-1]
        for (row, column), score in zip(cells, scores, strict=True):
            shifted = wobble(random, face)
            found.append(Sighting(level, row, column, shifted, float(score)))
    return found


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


def wobble(random: np.random.Generator, face: Face) -> Face:
    """The face as one cell reports it: off by a few hundredths of its size."""
    x, y = random.normal(0, 0.03, 2) * face.width
    width, height = np.exp(random.normal(0, 0.04, 2))
    return Face(face.x + x, face.y + y, face.width * float(width), face.height * float(height))


def atss_levels(side: int, count: int, threshold: float) -> list[AtssLevel]:
    """Class logits, deltas and centerness of five levels."""
    random = np.random.default_rng(count)
    levels = []
    for stride in ATSS_STRIDES:
        cells = side // stride
        logits = random.normal(-9, 0.7, (1, 1, cells, cells)).astype(np.float32)
        deltas = random.normal(0, 1, (1, 4, cells, cells)).astype(np.float32)
        centerness = random.normal(0, 1, (1, 1, cells, cells)).astype(np.float32)
        levels.append((logits, deltas, centerness))
    for seen in sightings(random, count, side, ATSS_STRIDES, threshold):
        logits, deltas, centerness = levels[seen.level]
        place = (0, slice(None), seen.row, seen.column)
        # Both factors alike, so that their product is the confidence.
        logit = np.log(np.sqrt(seen.confidence) / (1 - np.sqrt(seen.confidence)))
        logits[place] = centerness[place] = logit
        deltas[place] = atss_deltas(seen)
    return levels


def atss_deltas(seen: Sighting) -> NDArray[np.float64]:
    stride = ATSS_STRIDES[seen.level]
    anchor = OCTAVE_BASE_SCALE * stride
    face = seen.face
    offsets = [
        (face.x - seen.column * stride) / anchor,
        (face.y - seen.row * stride) / anchor,
        np.log(face.width / anchor),
        np.log(face.height / anchor),
    ]
    deltas: NDArray[np.float64] = np.array(offsets) / STDS
    return deltas


def yunet_levels(side: int, count: int, threshold: float) -> list[YunetLevel]:
    """Class, object, boxes and landmarks of three levels."""
    random = np.random.default_rng(count)
    levels = []
    for stride in YUNET_STRIDES:
        cells = (side // stride) ** 2
        scores = random.uniform(0, 1e-4, (1, cells, 1)).astype(np.float32)
        objects = random.uniform(0, 1e-2, (1, cells, 1)).astype(np.float32)
        boxes = random.normal(0, 0.5, (1, cells, 4)).astype(np.float32)
        points = random.normal(0, 1, (1, cells, 10)).astype(np.float32)
        levels.append((scores, objects, boxes, points))
    for seen in sightings(random, count, side, YUNET_STRIDES, threshold):
        stride = YUNET_STRIDES[seen.level]
        scores, objects, boxes, _ = levels[seen.level]
        cell = seen.row * (side // stride) + seen.column
        scores[0, cell] = objects[0, cell] = seen.confidence
        boxes[0, cell] = [
            seen.face.x / stride - seen.column,
            seen.face.y / stride - seen.row,
            np.log(seen.face.width / stride),
            np.log(seen.face.height / stride),
        ]
    return levels
