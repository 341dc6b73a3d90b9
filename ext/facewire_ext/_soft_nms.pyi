"""Types of `_soft_nms.pyx`; the docstrings are there."""

from typing import Final

from facewire_ext._arrays import Array
from facewire_ext._workspace import Workspace

SOFT_METHODS: Final[tuple[str, str]]

def soft_nms(
    boxes: Array,
    confidences: Array,
    keep: Array,
    rescored: Array,
    *,
    method: str = "linear",
    iou_threshold: float = 0.3,
    sigma: float = 0.5,
    min_confidence: float = 0.001,
    class_ids: Array | None = None,
    workspace: Workspace | None = None,
) -> int: ...
