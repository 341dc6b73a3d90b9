"""The raw head of ATSS: face-detection-nano, and networks of mmdetection like it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from facewire_ext import AtssLevels, decode_atss
from facewire_server.image.target import ResizeMode
from facewire_server.inference.heads.base import Array, Head, Reader
from facewire_server.inference.heads.levels import sort_levels
from facewire_server.inference.heads.output import Output
from facewire_server.models.metadata import Metadata

NAME_PREFIXES = {
    "class": ("cls", "class", "score"),
    "deltas": ("bbox", "box", "reg", "delta"),
    "centerness": ("center", "ctr"),
}
CANDIDATES_PER_LEVEL = 1000  # mmdetection's nms_pre


@dataclass(frozen=True, slots=True)
class AtssHead(Head):
    """Per level: class logits [1,C,H,W], deltas [1,4,H,W], centerness [1,1,H,W]."""

    strides: tuple[int, ...]

    title: ClassVar[str] = "ATSS raw"
    expected: ClassVar[str] = (
        "for each stride class logits [1,C,H,W], deltas [1,4,H,W] and centerness [1,1,H,W]"
    )
    default_resize: ClassVar[ResizeMode] = ResizeMode.STANDARD
    default_confidence: ClassVar[float] = 0.5

    @classmethod
    def recognise(
        cls, outputs: Sequence[Output], input_size: tuple[int, int], metadata: Metadata
    ) -> Self | None:
        """See Head.recognise."""
        if metadata.model_type and metadata.model_type.lower() != "atss":
            return None

        def stride_of(kind: str, output: Output) -> int | None:
            return _stride(kind, output, input_size)

        levels = sort_levels(outputs, NAME_PREFIXES, stride_of)
        if not levels or len({outputs[level[0]].shape[1] for _, level in levels}) > 1:
            return None
        strides = tuple(stride for stride, _ in levels)
        if metadata.strides is not None and tuple(sorted(metadata.strides)) != strides:
            return None
        positions = tuple(position for _, level in levels for position in level)
        return cls(positions, metadata, strides)

    def bind(self, outputs: Sequence[Array]) -> Reader:
        """See Head.bind."""
        levels = AtssLevels(
            list(zip(*(outputs[kind::3] for kind in range(3)), strict=True)),
            strides=self.strides,
            octave_base_scale=self.metadata.octave_base_scale or 8.0,
            target_stds=self.metadata.target_stds or (0.1, 0.1, 0.2, 0.2),
            score_fusion=self.metadata.score_fusion or "product",
        )
        return Reader(
            decode_atss,
            (levels,),
            capacity=sum(logits.size for logits in outputs[0::3]),
            candidates_per_level=CANDIDATES_PER_LEVEL,
        )

    @property
    def iou_threshold(self) -> float:
        """See Head.iou_threshold; mmdetection's default for ATSS is 0.6."""
        chosen = self.metadata.iou_threshold
        return 0.6 if chosen is None else chosen


def _stride(kind: str, output: Output, input_size: tuple[int, int]) -> int | None:
    """Return the stride of an output's level, a power of 2; None: it is not of that kind.

    Levels are padded up: an input of 100 px has 13 cells of stride 8.
    """
    shape = output.shape
    channels = {"deltas": 4, "centerness": 1}.get(kind)
    if output.is_integer or len(shape) != 4 or shape[0] != 1 or min(shape) < 1:
        return None
    if channels is not None and shape[1] != channels:
        return None
    height, width = shape[2:]
    stride = 1 << max(0, round(input_size[0] / width) - 1).bit_length()
    cells = (-(-input_size[0] // stride), -(-input_size[1] // stride))
    return stride if cells == (width, height) else None
