"""The raw head of YOLOv8, as derronqi's yolov8-face exports it: levels of logits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from facewire_ext import YoloLevels, decode_yolo_levels
from facewire_server.image.target import ResizeMode
from facewire_server.inference.heads.base import Array, Head, Reader
from facewire_server.inference.heads.output import Output
from facewire_server.models.metadata import Metadata

STRIDES = (8, 16, 32)
DISTANCES = 64
"""Channels of the box: 16 logits for each side."""


@dataclass(frozen=True, slots=True)
class YoloLevelsHead(Head):
    """Per stride 8, 16, 32: [1,C,H,W] of 64 logits, class logits and landmarks.

    The image is treated as Ultralytics does: RGB / 255, in the middle of grey 114.
    Ultralytics' default thresholds are a confidence of 0.25 and an IoU of 0.7.
    """

    landmark_step: int

    title: ClassVar[str] = "YOLO raw"
    expected: ClassVar[str] = (
        "for strides 8, 16 and 32 [1,C,H,W] of 64 logits of the box, a logit for each class"
        " and, if any, five landmarks"
    )
    default_resize: ClassVar[ResizeMode] = ResizeMode.FIT_TO_WINDOW_LETTERBOX
    default_confidence: ClassVar[float] = 0.25
    default_padding: ClassVar[int] = 114
    default_rgb: ClassVar[bool] = True
    default_scale: ClassVar[tuple[float, ...] | None] = (255.0,)

    @classmethod
    def recognise(
        cls, outputs: Sequence[Output], input_size: tuple[int, int], metadata: Metadata
    ) -> Self | None:
        """See Head.recognise; `labels` (none: one, the face) tell if there are landmarks."""
        channels = {output.shape[1] for output in outputs if len(output.shape) == 4}
        if len(outputs) != len(STRIDES) or len(channels) != 1:
            return None
        width, height = input_size
        sides = {(1, *channels, -(-height // s), -(-width // s)): s for s in STRIDES}
        found = {sides.get(output.shape): at for at, output in enumerate(outputs)}
        if set(found) != set(STRIDES) or any(output.is_integer for output in outputs):
            return None
        values = channels.pop() - DISTANCES - len(metadata.labels or ("face",))
        if values not in (0, 10, 15):
            return None
        return cls(tuple(found[stride] for stride in STRIDES), metadata, values // 5)

    def bind(self, outputs: Sequence[Array]) -> Reader:
        """See Head.bind."""
        levels = YoloLevels(
            outputs,
            strides=STRIDES,
            classes=len(self.labels),
            landmark_step=self.landmark_step,
        )
        capacity = sum(array.shape[-2] * array.shape[-1] for array in outputs)
        return Reader(decode_yolo_levels, (levels,), capacity=capacity, landmarks=self.landmarks)

    @property
    def landmarks(self) -> bool:
        """See Head.landmarks."""
        return self.landmark_step > 0

    @property
    def iou_threshold(self) -> float:
        """See Head.iou_threshold."""
        chosen = self.metadata.iou_threshold
        return 0.7 if chosen is None else chosen
