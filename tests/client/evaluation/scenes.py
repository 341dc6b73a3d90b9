"""Photos with made faces and detections, for the measures."""

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from facewire_client.evaluation.measures.truth import Truth

Scene = tuple[list[Truth], list[NDArray[np.float64]]]
"""The truth and the detections of some photos."""


def scene(seed: int, photos: int = 8, *, steps: int = 0, ignored: float = 0.2) -> Scene:
    """Make photos with up to six faces, found more or less well.

    With `steps`, confidences are multiples of 1 / steps, so that many are equal; `ignored` is
    the part of the faces that is.
    """
    random = np.random.default_rng(seed)
    truths, found = [], []
    for _ in range(photos):
        count = int(random.integers(0, 7))
        corners = random.uniform(0, 900, (count, 2))
        sizes = random.uniform(8, 300, (count, 2))
        boxes = np.concatenate([corners, corners + sizes], 1)
        truths.append(Truth.of(boxes, random.random(count) < ignored))
        found.append(detections(random, boxes, steps))
    return truths, found


def detections(
    random: np.random.Generator, boxes: NDArray[np.float64], steps: int
) -> NDArray[np.float64]:
    """Make detections [n, 5]: several near each of the boxes, and some anywhere."""
    near = boxes[random.integers(0, len(boxes), 2 * len(boxes))] if len(boxes) else boxes
    scale = (near[:, 2:] - near[:, :2]).repeat(2, 0).reshape(-1, 4) if len(near) else near
    near = near + random.normal(0, 0.08, near.shape) * scale
    corners = random.uniform(0, 900, (int(random.integers(0, 4)), 2))
    anywhere = np.concatenate([corners, corners + random.uniform(8, 300, corners.shape)], 1)
    rows = np.concatenate([near, anywhere])
    rows[:, 2:] = np.maximum(rows[:, 2:], rows[:, :2] + 1)
    scores = random.random(len(rows))
    if steps:
        scores = np.ceil(scores * steps) / steps
    return np.concatenate([rows, scores[:, None]], 1)


seeds = st.integers(0, 2**32 - 1)
