"""A reference in plain NumPy and float64 of all heads: candidates of all rows.

The formulas are those of the heads' makers: mmdetection for ATSS, libfacedetection
for YuNet, OpenVINO's DetectionOutput for SSD, insightface for SCRFD, Pytorch_Retinaface,
yolov5-face and Ultralytics.
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


def boxes_labels(boxes: Array, labels: NDArray[np.integer]) -> Candidates:
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


@dataclass
class AnchorHead:
    """The parameters of SCRFD (`sides` None) or of RetinaFace."""

    strides: Sequence[int]
    input_size: tuple[int, int]
    anchors: int
    sides: Sequence[Sequence[float]] | None = None

    def candidates(self, levels: Sequence[Sequence[Array]]) -> Candidates:
        """All anchors of all cells of all levels."""
        return join([self._level(index, *level) for index, level in enumerate(levels)])

    def _level(self, index: int, scores: Array, boxes: Array, *marks: Array) -> Candidates:
        values = np.float64(boxes).reshape(-1, 4)
        width = -(-self.input_size[0] // self.strides[index])
        cell = np.arange(len(values)) // self.anchors
        cells = np.stack([cell % width, cell // width], axis=1).astype(np.float64)
        corners = cells * self.strides[index]
        points = [np.float64(each).reshape(-1, 5, 2) for each in marks]
        with np.errstate(over="ignore", invalid="ignore"):
            if self.sides is None:
                values, points = self._distances(index, corners, values, points)
            else:
                values, points = self._offsets(index, corners, values, points)
        return Candidates(
            values,
            np.float64(scores).reshape(len(values), -1)[:, -1],
            np.zeros(len(values), np.int64),
            np.full(len(values), index),
            points[0].reshape(-1, 10) if points else None,
        )

    def _distances(
        self, index: int, corners: Floats, values: Floats, points: list[Floats]
    ) -> tuple[Floats, list[Floats]]:
        """As `distance2bbox` and `distance2kps` of insightface."""
        stride = self.strides[index]
        boxes = np.hstack([corners - values[:, :2] * stride, corners + values[:, 2:] * stride])
        return boxes, [corners[:, None] + each * stride for each in points]

    def _offsets(
        self, index: int, corners: Floats, values: Floats, points: list[Floats]
    ) -> tuple[Floats, list[Floats]]:
        """As `decode` and `decode_landm` of Pytorch_Retinaface, in pixels."""
        assert self.sides is not None
        side = np.tile(self.sides[index], len(values) // self.anchors)[:, None]
        priors = corners + self.strides[index] / 2
        centers = priors + 0.1 * values[:, :2] * side
        halves = side * np.exp(0.2 * values[:, 2:]) / 2
        boxes = np.hstack([centers - halves, centers + halves])
        return boxes, [priors[:, None] + 0.1 * each * side[:, None] for each in points]


@dataclass
class YoloColumns:
    """The columns of a YOLO's rows; None: the network has no such column."""

    scores: int = 4
    classes: int = 1
    objectness: int | None = None
    class_column: int | None = None
    landmarks: int | None = None
    landmark_step: int = 2
    corners: bool = False

    @property
    def count(self) -> int:
        """How many columns there are at least."""
        first = 0 if self.landmarks is None else self.landmarks + 5 * self.landmark_step
        return max(self.scores + self.classes, first, (self.class_column or 0) + 1)

    def candidates(self, table: Array) -> Candidates:
        """All rows [N, C]; of several classes the most probable one, class by class."""
        rows = table.astype(np.float64)
        scores = rows[:, self.scores : self.scores + self.classes]
        class_ids = scores.argmax(axis=1)
        confidences = scores.max(axis=1)
        if self.objectness is not None:
            confidences = confidences * rows[:, self.objectness]
        if self.class_column is not None:
            class_ids = rows[:, self.class_column].astype(np.int64)
        low, high = rows[:, :2], rows[:, 2:4]
        boxes = rows[:, :4] if self.corners else np.hstack([low - high / 2, low + high / 2])
        found = Candidates(boxes, confidences, class_ids, np.zeros(len(rows), np.int64))
        if self.landmarks is not None:
            end = self.landmarks + 5 * self.landmark_step
            points = rows[:, self.landmarks : end].reshape(-1, 5, self.landmark_step)
            found.landmarks = points[:, :, :2].reshape(-1, 10)
        return found if self.classes == 1 else found.take(np.argsort(class_ids, kind="stable"))


def yolo_levels(
    levels: Sequence[Array], strides: Sequence[int], classes: int, landmark_step: int
) -> Candidates:
    """All cells of raw levels [C, H, W] of a YOLOv8; class by class in each level."""
    parts = []
    for index, (level, stride) in enumerate(zip(levels, strides, strict=True)):
        channels, height, width = level.shape[-3:]
        values = level.astype(np.float64).reshape(channels, height * width)
        rows, columns = np.divmod(np.arange(height * width), width)
        cells = np.stack([columns, rows], axis=1)
        with np.errstate(over="ignore", invalid="ignore"):
            logits = values[:64].reshape(4, 16, -1)
            powers = np.exp(logits - logits.max(axis=1, keepdims=True))
            means = (powers / powers.sum(axis=1, keepdims=True) * np.arange(16)[:, None]).sum(
                axis=1
            )
            boxes = np.hstack([cells + 0.5 - means[:2].T, cells + 0.5 + means[2:].T]) * stride
            scores = values[64 : 64 + classes]
            found = Candidates(
                boxes, sigmoid(scores.max(axis=0)), scores.argmax(axis=0), np.full(len(rows), index)
            )
            if landmark_step:
                points = values[64 + classes :].reshape(5, landmark_step, -1)[:, :2]
                points = (2 * points.transpose(2, 0, 1) + cells[:, None]) * stride
                found.landmarks = points.reshape(-1, 10)
        parts.append(found.take(np.argsort(found.class_ids, kind="stable")))
    return join(parts)
