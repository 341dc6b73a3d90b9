"""Boxes and labels, suppressed in the graph: 0205, 0206, OpenVINO Training Extensions."""

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

    Other outputs, such as the feature vectors and saliency maps of Training Extensions,
    are ignored.
    """

    title: ClassVar[str] = "boxes + labels"
    expected: ClassVar[str] = "boxes [N,5] or [1,N,5] with integer labels [N] or [1,N]"
    default_resize: ClassVar[ResizeMode] = ResizeMode.STANDARD
    default_confidence: ClassVar[float] = 0.5

    @classmethod
    def recognise(
        cls, outputs: Sequence[Output], input_size: tuple[int, int], metadata: Metadata
    ) -> Self | None:
        """See Head.recognise."""
        for position, boxes in enumerate(outputs):
            if boxes.is_integer or not _are_boxes(boxes.shape):
                continue
            for other, labels in enumerate(outputs):
                if labels.is_integer and _may_equal(labels.shape, boxes.shape[:-1]):
                    return cls((position, other), metadata)
        return None

    def bind(self, outputs: Sequence[Array]) -> Reader:
        """See Head.bind."""
        boxes, labels = outputs
        return Reader(decode_boxes_labels, (boxes, labels), capacity=boxes.shape[-2])


def _are_boxes(shape: tuple[int, ...]) -> bool:
    """Whether a shape is [N,5] or [1,N,5]."""
    return shape[-1:] == (5,) and (len(shape) == 2 or (len(shape) == 3 and shape[0] in (1, -1)))


def _may_equal(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether two shapes may be equal at run time; -1 stands for any size."""
    return len(one) == len(other) and all(
        size == size_of_other or -1 in (size, size_of_other)
        for size, size_of_other in zip(one, other, strict=True)
    )
