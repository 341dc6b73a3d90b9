"""Types of `_yolo.pyx`; the docstrings are there."""

from typing import final

from facewire_ext._arrays import Array
from facewire_ext._placement import Placement
from facewire_ext._workspace import Workspace

@final
class YoloRows:
    def __init__(
        self,
        table: Array,
        *,
        transposed: bool,
        scores: int,
        classes: int = 1,
        objectness: int = -1,
        class_column: int = -1,
        landmarks: int = -1,
        landmark_step: int = 2,
        corners: bool = False,
    ) -> None: ...
    @property
    def rows(self) -> int: ...

def decode_yolo(
    rows: YoloRows,
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
