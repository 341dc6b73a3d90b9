"""SSD rows, suppressed in the graph: 0200, 0202, 0204, adas-0001, retail-000x."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from facewire_ext import decode_ssd
from facewire_server.image.target import ResizeMode
from facewire_server.inference.heads.base import Array, Head, Reader
from facewire_server.inference.heads.output import Output
from facewire_server.models.metadata import Metadata


@dataclass(frozen=True, slots=True)
class SsdHead(Head):
    """One output [1,1,N,7]: image_id, label, confidence, x_min, y_min, x_max, y_max.

    Other outputs are ignored. Overlaps are suppressed in the graph, unless the metadata
    says `nms_execute`.
    """

    title: ClassVar[str] = "SSD rows"
    expected: ClassVar[str] = "one output [1,1,N,7]; others are ignored"
    default_resize: ClassVar[ResizeMode] = ResizeMode.STANDARD
    default_confidence: ClassVar[float] = 0.5

    @classmethod
    def recognise(
        cls, outputs: Sequence[Output], input_size: tuple[int, int], metadata: Metadata
    ) -> Self | None:
        """See Head.recognise."""
        found = [position for position, output in enumerate(outputs) if _are_rows(output)]
        return cls((found[0],), metadata) if len(found) == 1 else None

    def bind(self, outputs: Sequence[Array]) -> Reader:
        """See Head.bind."""
        (rows,) = outputs
        return Reader(decode_ssd, (rows,), capacity=rows.shape[-2])


def _are_rows(output: Output) -> bool:
    """Whether an output is [1,1,N,7] of floats."""
    shape = output.shape
    fits = len(shape) == 4 and shape[3] == 7 and set(shape[:2]) <= {1, -1}
    return fits and not output.is_integer
