"""The transformers of Training Extensions and getitune: RT-DETR, D-FINE, DEIM."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from facewire_ext import decode_boxes_scores
from facewire_server.image.target import ResizeMode
from facewire_server.inference.heads.base import Array, Head, Reader
from facewire_server.inference.heads.output import Output, same
from facewire_server.models.metadata import Metadata


@dataclass(frozen=True, slots=True)
class DetrHead(Head):
    """`bboxes` [1,N,4] in 0 to 1 of the input, `labels` [1,N] and `scores` [1,N].

    It is told by these names: others give boxes of that shape in pixels. There is nothing
    to suppress, unless the metadata says `nms_execute`.
    """

    title: ClassVar[str] = "bboxes + labels + scores"
    expected: ClassVar[str] = "bboxes [1,N,4] with labels [1,N] and scores [1,N], by these names"
    default_resize: ClassVar[ResizeMode] = ResizeMode.STANDARD
    default_confidence: ClassVar[float] = 0.5

    @classmethod
    def recognise(
        cls, outputs: Sequence[Output], input_size: tuple[int, int], metadata: Metadata
    ) -> Self | None:
        """See Head.recognise."""
        positions = [_called(outputs, name) for name in ("bboxes", "scores", "labels")]
        found = [position for position in positions if position is not None]
        if len(found) < 3:
            return None
        boxes, scores, labels = (outputs[position] for position in found)
        rows = boxes.rows(4)
        if boxes.is_integer or scores.is_integer:
            return None
        fits = same(rows, scores.rows()) and same(rows, labels.rows())
        return cls(tuple(found), metadata) if fits else None

    @property
    def integers(self) -> tuple[int, ...]:
        """See Head.integers."""
        return self.positions[2:]

    def bind(self, outputs: Sequence[Array]) -> Reader:
        """See Head.bind."""
        return Reader(decode_boxes_scores, outputs, capacity=outputs[0].shape[-2])


def _called(outputs: Sequence[Output], name: str) -> int | None:
    """Find the only output with `name` in its name; None: there are none or several."""
    found = [position for position, output in enumerate(outputs) if output.called(name)]
    return found[0] if len(found) == 1 else None
