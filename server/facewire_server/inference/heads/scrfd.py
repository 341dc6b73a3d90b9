"""The raw head of SCRFD (insightface), also of its RetinaFace exports of the same form."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from facewire_ext import AnchorLevels, decode_anchors
from facewire_server.errors import ModelError
from facewire_server.image.target import ResizeMode
from facewire_server.inference.heads.base import LANDMARK_VALUES, Array, Head, Reader
from facewire_server.inference.heads.levels import cells
from facewire_server.inference.heads.output import Output
from facewire_server.models.metadata import Metadata

COLUMNS = (1, 4, LANDMARK_VALUES)
"""Of scores, boxes and landmarks."""

FIRST_STRIDE = 8


@dataclass(frozen=True, slots=True)
class ScrfdHead(Head):
    """Per stride 8, 16, 32 ...: scores [N,1], boxes [N,4] and, if any, landmarks [N,10].

    N is the number of cells times the anchors of each. Scores are probabilities. Image
    and outputs are treated as `SCRFD.detect` of insightface does: RGB, (pixel - 127.5) /
    128, at the top left of black; suppression at an IoU of 0.4, confidence from 0.5.
    """

    strides: tuple[int, ...]
    input_size: tuple[int, int]
    anchors: int

    title: ClassVar[str] = "SCRFD raw"
    expected: ClassVar[str] = (
        "for strides 8, 16 and 32 (or to 128) scores [N,1], boxes [N,4] and, if any,"
        " landmarks [N,10], with or without an axis of 1 before them"
    )
    default_resize: ClassVar[ResizeMode] = ResizeMode.FIT_TO_WINDOW
    default_confidence: ClassVar[float] = 0.5
    default_rgb: ClassVar[bool] = True
    default_mean: ClassVar[tuple[float, ...] | None] = (127.5,)
    default_scale: ClassVar[tuple[float, ...] | None] = (128.0,)

    @classmethod
    def recognise(
        cls, outputs: Sequence[Output], input_size: tuple[int, int], metadata: Metadata
    ) -> Self | None:
        """See Head.recognise; names of outputs are not used, exporters number them."""
        kinds = [
            [position for position, output in enumerate(outputs) if _has(output, columns)]
            for columns in COLUMNS
        ]
        count = len(kinds[0])
        if count < 2 or [len(kind) for kind in kinds] not in ([count] * 3, [count, count, 0]):
            return None
        if sum(map(len, kinds)) != len(outputs):
            return None
        strides = tuple(FIRST_STRIDE << index for index in range(count))
        if metadata.strides is not None and tuple(sorted(metadata.strides)) != strides:
            return None
        kinds = [sorted(kind, key=lambda at: -outputs[at].shape[-2]) for kind in kinds]
        rows = {tuple(outputs[at].shape[-2] for at in kind) for kind in kinds if kind}
        anchors = _anchors(rows, [cells(input_size, stride) for stride in strides])
        if anchors is None:
            return None
        positions = tuple(position for kind in kinds for position in kind)
        return cls(positions, metadata, strides, input_size, anchors)

    def bind(self, outputs: Sequence[Array]) -> Reader:
        """See Head.bind."""
        count = len(self.strides)
        width, height = self.input_size
        try:
            levels = AnchorLevels(
                [outputs[index::count] for index in range(count)],
                strides=self.strides,
                input_width=width,
                input_height=height,
                anchors=self.anchors,
            )
        except ValueError as error:  # Sizes that were open until the first inference.
            raise ModelError(f"outputs that do not fit an SCRFD's input: {error}") from None
        return Reader(
            decode_anchors,
            (levels,),
            capacity=levels.candidates,
            landmarks=self.landmarks,
        )

    @property
    def landmarks(self) -> bool:
        """See Head.landmarks."""
        return len(self.positions) == len(COLUMNS) * len(self.strides)

    @property
    def iou_threshold(self) -> float:
        """See Head.iou_threshold."""
        chosen = self.metadata.iou_threshold
        return 0.4 if chosen is None else chosen


def _has(output: Output, columns: int) -> bool:
    """Whether an output is [N,columns] or [1,N,columns] of floats."""
    shape = output.shape
    is_table = len(shape) == 2 or (len(shape) == 3 and shape[0] in (1, -1))
    return is_table and shape[-1] == columns and not output.is_integer


def _anchors(rows: set[tuple[int, ...]], cells_of_levels: Sequence[int]) -> int | None:
    """Return how many anchors each cell has; None if the numbers of rows do not fit.

    Where all of them are open, it is insightface's rule: 2 with three strides, else 1.
    """
    if rows == {(-1,) * len(cells_of_levels)}:
        return 2 if len(cells_of_levels) == 3 else 1
    if len(rows) != 1:
        return None
    (numbers,) = rows
    anchors = numbers[0] // cells_of_levels[0]
    fits = anchors >= 1 and numbers == tuple(anchors * each for each in cells_of_levels)
    return anchors if fits else None
