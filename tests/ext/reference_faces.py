"""A reference in plain NumPy and float64 of SCRFD, RetinaFace and YOLOs: all candidates.

The formulas are those of the heads' makers: insightface, Pytorch_Retinaface, yolov5-face
and Ultralytics.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tests.ext.reference import Candidates, Floats, join
from tests.ext.reference_heads import Array, sigmoid


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
