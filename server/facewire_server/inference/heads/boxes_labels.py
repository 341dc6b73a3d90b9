"""Boxes and labels: face-detection-0205, -0206, OpenVINO Training Extensions, getitune."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from facewire_ext import decode_boxes_labels
from facewire_server.image.target import ResizeMode
from facewire_server.inference.heads.base import Array, Head, Reader
from facewire_server.inference.heads.output import Output, same
from facewire_server.models.metadata import Metadata


@dataclass(frozen=True, slots=True)
class BoxesLabelsHead(Head):
    """`boxes` [N,5] or [1,N,5] and `labels` [N] or [1,N]; without labels all are class 0.

    Other outputs, such as the feature vectors and saliency maps of Training Extensions,
    are ignored. Overlaps are suppressed in the graph, unless the metadata says
    `nms_execute`.
    """

    title: ClassVar[str] = "boxes + labels"
    expected: ClassVar[str] = (
        "boxes [N,5] or [1,N,5] with labels [N] or [1,N], or boxes of that name alone"
    )
    default_resize: ClassVar[ResizeMode] = ResizeMode.STANDARD
    default_confidence: ClassVar[float] = 0.5

    @classmethod
    def recognise(
        cls, outputs: Sequence[Output], input_size: tuple[int, int], metadata: Metadata
    ) -> Self | None:
        """See Head.recognise."""
        without_labels = not any(output.called("label") for output in outputs)
        tables = [
            position
            for position, output in enumerate(outputs)
            if not output.is_integer and output.rows(5) is not None
        ]
        tables.sort(key=lambda position: not outputs[position].called("box"))
        for boxes in tables:
            labels = _labels(outputs, boxes)
            if labels is not None:
                return cls((boxes, labels), metadata)
            if without_labels and outputs[boxes].called("box"):
                return cls((boxes,), metadata)
        return None

    @property
    def integers(self) -> tuple[int, ...]:
        """See Head.integers."""
        return self.positions[1:]

    def bind(self, outputs: Sequence[Array]) -> Reader:
        """See Head.bind."""
        boxes, labels = outputs if len(outputs) == 2 else (outputs[0], None)
        return Reader(decode_boxes_labels, (boxes, labels), capacity=boxes.shape[-2])


def _labels(outputs: Sequence[Output], boxes: int) -> int | None:
    """Find the labels of boxes: called so, or the first integers of as many rows."""
    fitting = [
        position
        for position, output in enumerate(outputs)
        if (output.is_integer or output.called("label"))
        and same(output.rows(), outputs[boxes].rows(5))
    ]
    fitting.sort(key=lambda position: not outputs[position].called("label"))
    return fitting[0] if fitting else None
