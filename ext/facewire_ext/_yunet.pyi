"""Types of `_yunet.pyx`; the docstrings are there."""

from collections.abc import Sequence
from typing import final

from facewire_ext._arrays import Array
from facewire_ext._levels import Levels
from facewire_ext._placement import Placement
from facewire_ext._workspace import Workspace

@final
class YunetLevels(Levels):
    def __init__(
        self,
        levels: Sequence[tuple[Array, Array, Array, Array]],
        *,
        strides: Sequence[int],
        input_width: int,
        input_height: int,
    ) -> None: ...

def decode_yunet(
    levels: YunetLevels,
    boxes: Array,
    confidences: Array,
    class_ids: Array,
    landmarks: Array,
    *,
    placement: Placement,
    min_confidence: float,
    iou_threshold: float | None = None,
    candidates_per_level: int = 0,
    workspace: Workspace,
) -> int: ...
