"""Types of `_anchors.pyx`; the docstrings are there."""

from collections.abc import Sequence
from typing import final

from facewire_ext._arrays import Array
from facewire_ext._levels import Levels
from facewire_ext._placement import Placement
from facewire_ext._workspace import Workspace

@final
class AnchorLevels(Levels):
    def __init__(
        self,
        levels: Sequence[Sequence[Array]],
        *,
        strides: Sequence[int],
        input_width: int,
        input_height: int,
        anchors: int,
        sides: Sequence[Sequence[float]] | None = None,
    ) -> None: ...
    @property
    def has_landmarks(self) -> bool: ...

def decode_anchors(
    levels: AnchorLevels,
    boxes: Array,
    confidences: Array,
    class_ids: Array,
    landmarks: Array | None = None,
    *,
    placement: Placement,
    min_confidence: float,
    iou_threshold: float | None = None,
    workspace: Workspace,
) -> int: ...
