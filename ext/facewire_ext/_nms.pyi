"""Types of `_nms.pyx`; the docstrings are there."""

from facewire_ext._arrays import Array
from facewire_ext._workspace import Workspace

def nms(
    boxes: Array,
    confidences: Array,
    keep: Array,
    *,
    iou_threshold: float,
    class_ids: Array | None = None,
    workspace: Workspace | None = None,
) -> int: ...
