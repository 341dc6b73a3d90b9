"""A reference in plain NumPy and float64 of the heads: candidates of all rows.

The formulas are those of the heads' makers: mmdetection for ATSS, libfacedetection
for YuNet, OpenVINO's DetectionOutput for SSD.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.ext.reference import Candidates, Floats, join

Array = NDArray[np.float32]
MAX_LOG_RATIO = abs(np.log(16 / 1000))


def sigmoid(logits: Floats) -> Floats:
    with np.errstate(over="ignore"):
        result: Floats = 1 / (1 + np.exp(-logits))
    return result


@dataclass
class AtssHead:
    """The parameters of an ATSS head."""

    strides: Sequence[int]
    octave_base_scale: float = 8
    target_stds: tuple[float, float, float, float] = (0.1, 0.1, 0.2, 0.2)
    score_fusion: str = "product"

    def candidates(self, levels: Sequence[tuple[Array, Array, Array]]) -> Candidates:
        """All classes of all locations of all levels."""
        return join([self._level(index, *level) for index, level in enumerate(levels)])

    def _level(self, index: int, logits: Array, deltas: Array, centerness: Array) -> Candidates:
        classes, height, width = logits.shape[-3:]
        locations = height * width
        scores = sigmoid(np.float64(logits).reshape(classes, locations))
        scores = scores * sigmoid(np.float64(centerness).reshape(1, locations))
        if self.score_fusion == "geometric_mean":
            scores = np.sqrt(scores)
        boxes = self._boxes(index, np.float64(deltas).reshape(4, locations), width)
        return Candidates(
            np.tile(boxes, (classes, 1)),
            scores.reshape(-1),
            np.repeat(np.arange(classes), locations),
            np.full(classes * locations, index),
        )

    def _boxes(self, index: int, deltas: Floats, width: int) -> Floats:
        stride = self.strides[index]
        side = self.octave_base_scale * stride
        rows, columns = np.divmod(np.arange(deltas.shape[1]), max(width, 1))
        anchors = np.stack([columns, rows]) * stride
        stds = np.array(self.target_stds)[:, None]
        centers = anchors + stds[:2] * deltas[:2] * side
        with np.errstate(invalid="ignore"):
            ratios = np.clip(stds[2:] * deltas[2:], -MAX_LOG_RATIO, MAX_LOG_RATIO)
        halves = side * np.exp(ratios) / 2
        return np.concatenate([centers - halves, centers + halves]).T


def yunet(
    levels: Sequence[tuple[Array, Array, Array, Array]],
    strides: Sequence[int],
    input_width: int,
) -> Candidates:
    """All locations of all levels of a YuNet head."""
    return join(
        [
            _yunet_level(index, stride, input_width // stride, *level)
            for index, (stride, level) in enumerate(zip(strides, levels, strict=True))
        ]
    )


def _yunet_level(
    index: int, stride: int, width: int, cls: Array, obj: Array, box: Array, kps: Array
) -> Candidates:
    probabilities = np.clip(np.float64(cls), 0, 1) * np.clip(np.float64(obj), 0, 1)
    offsets = np.float64(box).reshape(-1, 4)
    rows, columns = np.divmod(np.arange(len(offsets)), width)
    cells = np.stack([columns, rows], axis=1)
    with np.errstate(over="ignore", invalid="ignore"):
        centers = (cells + offsets[:, :2]) * stride
        halves = np.exp(offsets[:, 2:]) * stride / 2
        boxes = np.hstack([centers - halves, centers + halves])
        points = (cells[:, None] + np.float64(kps).reshape(-1, 5, 2)) * stride
    return Candidates(
        boxes,
        np.sqrt(probabilities).reshape(-1),
        np.zeros(len(offsets), np.int64),
        np.full(len(offsets), index),
        points.reshape(-1, 10),
    )


def ssd(rows: Array, input_width: int, input_height: int) -> Candidates:
    """Rows up to the first negative image_id, without negative labels."""
    table = np.float64(rows).reshape(-1, 7)
    ended = np.flatnonzero(table[:, 0] < 0)
    table = table[: ended[0] if ended.size else None]
    table = table[table[:, 1] >= 0]
    sides = np.array([input_width, input_height] * 2)
    return Candidates(
        table[:, 3:] * sides,
        table[:, 2],
        table[:, 1].astype(np.int64),
        np.zeros(len(table), np.int64),
    )


def boxes_labels(boxes: Array | Floats, labels: NDArray[np.integer]) -> Candidates:
    """Rows with a confidence above 0 and a label of 0 or more."""
    table = np.float64(boxes).reshape(-1, 5)
    names = np.int64(labels).reshape(-1)
    used = (table[:, 4] > 0) & (names >= 0)
    return Candidates(
        table[used, :4],
        table[used, 4],
        names[used],
        np.zeros(int(used.sum()), np.int64),
    )


def boxes_scores(
    boxes: Array,
    scores: Array,
    labels: NDArray[np.integer],
    input_width: int,
    input_height: int,
) -> Candidates:
    """Normalised boxes with a score above 0 and a label of 0 or more."""
    sides = np.array([input_width, input_height] * 2)
    table = np.float64(boxes).reshape(-1, 4) * sides
    return boxes_labels(np.hstack([table, np.float64(scores).reshape(-1, 1)]), labels)
