"""The raw head of YuNet (libfacedetection), with five landmarks for each face."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from facewire_ext import YunetLevels, decode_yunet
from facewire_server.image.target import ResizeMode
from facewire_server.inference.heads.base import LANDMARK_VALUES, Array, Head, Reader
from facewire_server.inference.heads.levels import sort_levels
from facewire_server.inference.heads.output import Output
from facewire_server.models.metadata import Metadata

NAME_PREFIXES = {
    "class": ("cls",),
    "objectness": ("obj",),
    "box": ("bbox",),
    "landmarks": ("kps",),
}
CHANNELS = {"class": 1, "objectness": 1, "box": 4, "landmarks": LANDMARK_VALUES}
STRIDES = (8, 16, 32)


@dataclass(frozen=True, slots=True)
class YunetHead(Head):
    """Per stride 8, 16, 32: cls and obj [1,HW,1], bbox [1,HW,4], kps [1,HW,10]."""

    strides: tuple[int, ...]
    input_size: tuple[int, int]

    title: ClassVar[str] = "YuNet raw"
    expected: ClassVar[str] = (
        "for strides 8, 16 and 32 cls_s [1,HW,1], obj_s [1,HW,1], bbox_s [1,HW,4] and"
        " kps_s [1,HW,10]"
    )
    default_resize: ClassVar[ResizeMode] = ResizeMode.FIT_TO_WINDOW
    default_confidence: ClassVar[float] = 0.6

    @classmethod
    def recognise(
        cls, outputs: Sequence[Output], input_size: tuple[int, int], metadata: Metadata
    ) -> Self | None:
        """See Head.recognise."""

        def stride_of(kind: str, output: Output) -> int | None:
            return _stride(kind, output, input_size)

        levels = sort_levels(outputs, NAME_PREFIXES, stride_of)
        if not levels:
            return None
        strides = tuple(stride for stride, _ in levels)
        positions = tuple(position for _, level in levels for position in level)
        return cls(positions, metadata, strides, input_size)

    def bind(self, outputs: Sequence[Array]) -> Reader:
        """See Head.bind."""
        width, height = self.input_size
        levels = YunetLevels(
            list(zip(*(outputs[kind::4] for kind in range(4)), strict=True)),
            strides=self.strides,
            input_width=width,
            input_height=height,
        )
        return Reader(
            decode_yunet,
            (levels,),
            capacity=sum(cls.size for cls in outputs[0::4]),
            landmarks=self.landmarks,
        )

    @property
    def landmarks(self) -> bool:
        """See Head.landmarks."""
        return True

    @property
    def iou_threshold(self) -> float:
        """See Head.iou_threshold; 0.45 is what YuNet is evaluated with."""
        chosen = self.metadata.iou_threshold
        return 0.45 if chosen is None else chosen


def _stride(kind: str, output: Output, input_size: tuple[int, int]) -> int | None:
    """Return the stride of an output's level; None: it is not of that kind."""
    shape = output.shape
    if output.is_integer or len(shape) != 3 or shape[0] != 1:
        return None
    if shape[2] != CHANNELS[kind]:
        return None
    width, height = input_size
    for stride in STRIDES:
        if (width // stride) * (height // stride) == shape[1]:
            return stride
    return None
