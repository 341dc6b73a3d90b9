"""The raw head of RetinaFace, as Pytorch_Retinaface exports it: offsets from priors."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import ClassVar, Self

from facewire_ext import AnchorLevels, decode_anchors
from facewire_server.errors import ModelError
from facewire_server.image.target import ResizeMode
from facewire_server.inference.heads.base import LANDMARK_VALUES, Array, Head, Reader
from facewire_server.inference.heads.levels import cells
from facewire_server.inference.heads.output import Output
from facewire_server.models.metadata import Metadata

STRIDES = (8, 16, 32)
SIDES = ((16, 32), (64, 128), (256, 512))
"""Of the priors of each stride in pixels: `min_sizes` of its configurations."""

COLUMNS = (2, 4, LANDMARK_VALUES)
"""Of probabilities (background, face), box offsets and landmark offsets."""


@dataclass(frozen=True, slots=True)
class RetinafaceHead(Head):
    """Box offsets [1,N,4], probabilities [1,N,2] and landmark offsets [1,N,10].

    N counts two priors in each cell of strides 8, 16 and 32. The image is treated as
    `detect.py` of Pytorch_Retinaface does: BGR less its means; suppression at an IoU of
    0.4, faces shown from a confidence of 0.6.
    """

    input_size: tuple[int, int]

    title: ClassVar[str] = "RetinaFace raw"
    expected: ClassVar[str] = (
        "box offsets [1,N,4], probabilities [1,N,2] and landmark offsets [1,N,10] of two"
        " priors for each cell of strides 8, 16 and 32"
    )
    default_resize: ClassVar[ResizeMode] = ResizeMode.FIT_TO_WINDOW
    default_confidence: ClassVar[float] = 0.6
    default_mean: ClassVar[tuple[float, ...] | None] = (104.0, 117.0, 123.0)

    @classmethod
    def recognise(
        cls, outputs: Sequence[Output], input_size: tuple[int, int], metadata: Metadata
    ) -> Self | None:
        """See Head.recognise."""
        by_columns = {output.shape[-1:]: at for at, output in enumerate(outputs)}
        positions = tuple(by_columns.get((columns,), -1) for columns in COLUMNS)
        if len(outputs) != 3 or -1 in positions or any(map(_is_no_table, outputs)):
            return None
        rows = {output.shape[-2] for output in outputs}
        if rows != {_rows(input_size)[-1]} and rows != {-1}:
            return None
        return cls(positions, metadata, input_size)

    def bind(self, outputs: Sequence[Array]) -> Reader:
        """See Head.bind."""
        width, height = self.input_size
        ends = _rows(self.input_size)
        if any(array.shape[-2] != ends[-1] for array in outputs):
            raise ModelError(
                f"outputs of {[array.shape[-2] for array in outputs]} rows do not fit a"
                f" RetinaFace's input of {width} x {height}, which has {ends[-1]} priors"
            )
        levels = AnchorLevels(
            [[array[..., first:end, :] for array in outputs] for first, end in pairwise(ends)],
            strides=STRIDES,
            input_width=width,
            input_height=height,
            anchors=len(SIDES[0]),
            sides=SIDES,
        )
        return Reader(
            decode_anchors, (levels,), capacity=levels.candidates, landmarks=self.landmarks
        )

    @property
    def landmarks(self) -> bool:
        """See Head.landmarks."""
        return True

    @property
    def iou_threshold(self) -> float:
        """See Head.iou_threshold."""
        chosen = self.metadata.iou_threshold
        return 0.4 if chosen is None else chosen


def _is_no_table(output: Output) -> bool:
    return output.is_integer or len(output.shape) != 3 or output.shape[0] not in (1, -1)


def _rows(input_size: tuple[int, int]) -> tuple[int, ...]:
    """Return 0, and after each stride how many priors there are up to it."""
    counts = (len(SIDES[0]) * cells(input_size, stride) for stride in STRIDES)
    return tuple(accumulate(counts, initial=0))
