"""Types of `_placement.pyx`; the docstrings are there."""

from typing import final

from facewire_ext._arrays import Array

@final
class Placement:
    def __init__(
        self,
        input_width: int,
        input_height: int,
        image_width: int,
        image_height: int,
        scale_x: float,
        scale_y: float,
        offset_x: float,
        offset_y: float,
    ) -> None: ...
    @property
    def input_width(self) -> int: ...
    @property
    def input_height(self) -> int: ...
    @property
    def image_width(self) -> int: ...
    @property
    def image_height(self) -> int: ...
    @property
    def scale_x(self) -> float: ...
    @property
    def scale_y(self) -> float: ...
    @property
    def offset_x(self) -> float: ...
    @property
    def offset_y(self) -> float: ...

def rescale(boxes: Array, out: Array, *, placement: Placement) -> None: ...
