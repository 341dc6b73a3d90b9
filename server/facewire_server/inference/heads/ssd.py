"""SSD rows, suppressed in the graph: 0200, 0202, 0204, adas-0001, retail-000x."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from facewire_ext import decode_ssd
from facewire_server.image.target import ResizeMode
from facewire_server.inference.heads.base import Array, Head, Output, Reader
from facewire_server.models.metadata import Metadata


@dataclass(frozen=True, slots=True)
class SsdHead(Head):
    """One output [1,1,N,7]: image_id, label, confidence, x_min, y_min, x_max, y_max."""

    title: ClassVar[str] = "SSD rows"
    expected: ClassVar[str] = "exactly one output [1,1,N,7]"
    default_resize: ClassVar[ResizeMode] = ResizeMode.STANDARD
    default_confidence: ClassVar[float] = 0.5

    @classmethod
    def recognise(
        cls, outputs: Sequence[Output], input_size: tuple[int, int], metadata: Metadata
    ) -> Self | None:
        """See Head.recognise."""
        if len(outputs) != 1 or outputs[0].is_integer:
            return None
        shape = outputs[0].shape
        fits = len(shape) == 4 and shape[3] == 7 and set(shape[:2]) <= {1, -1}
        return cls((0,), metadata) if fits else None

    def bind(self, outputs: Sequence[Array]) -> Reader:
        """See Head.bind."""
        (rows,) = outputs
        return Reader(decode_ssd, (rows,), capacity=rows.shape[-2])
