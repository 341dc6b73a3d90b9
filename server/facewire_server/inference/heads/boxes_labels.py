"""Boxes and labels: face-detection-0205 and -0206, and OpenVINO Training Extensions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from facewire_ext import decode_boxes_labels
from facewire_server.image.target import ResizeMode
from facewire_server.inference.heads.base import Array, Head, Output, Reader
from facewire_server.models.metadata import Metadata


@dataclass(frozen=True, slots=True)
class BoxesLabelsHead(Head):
    """`boxes` [N,5] or [1,N,5] and integer `labels` [N] or [1,N].

    Other outputs, such as the feature vectors and saliency maps that Training
    Extensions add, are left alone.
    """

    title: ClassVar[str] = "boxes + labels"
    wanted: ClassVar[str] = "boxes [N,5] or [1,N,5] with integer labels [N] or [1,N]"
    default_resize: ClassVar[ResizeMode] = ResizeMode.STANDARD
    default_confidence: ClassVar[float] = 0.5

    @classmethod
    def recognise(
        cls, outputs: Sequence[Output], input_size: tuple[int, int], metadata: Metadata
    ) -> Self | None:
        """See Head.recognise."""
        for position, boxes in enumerate(outputs):
            if boxes.is_integer or not _is_rows(boxes.shape):
                continue
            for other, labels in enumerate(outputs):
                if labels.is_integer and _matches(labels.shape, boxes.shape[:-1]):
                    return cls((position, other), metadata)
        return None

    def bind(self, outputs: Sequence[Array]) -> Reader:
        """See Head.bind."""
        boxes, labels = outputs
        return Reader(decode_boxes_labels, (boxes, labels), capacity=boxes.shape[-2])


def _is_rows(shape: tuple[int, ...]) -> bool:
    return shape[-1:] == (5,) and (len(shape) == 2 or (len(shape) == 3 and shape[0] in (1, -1)))


def _matches(shape: tuple[int, ...], rows: tuple[int, ...]) -> bool:
    """Whether two shapes may be the same; -1 may be anything."""
    return len(shape) == len(rows) and all(
        ours == theirs or -1 in (ours, theirs) for ours, theirs in zip(shape, rows, strict=True)
    )
