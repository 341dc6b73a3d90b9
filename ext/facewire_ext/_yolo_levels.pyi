"""Types of `_yolo_levels.pyx`; the docstrings are there."""

from collections.abc import Sequence
from typing import final

from facewire_ext._arrays import Array
from facewire_ext._levels import Levels
from facewire_ext._placement import Placement
from facewire_ext._workspace import Workspace

@final
class YoloLevels(Levels):
    def __init__(
        self,
        levels: Sequence[Array],
        *,
        strides: Sequence[float],
        classes: int,
        landmark_step: int = 0,
    ) -> None: ...

def decode_yolo_levels(
    levels: YoloLevels,
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
