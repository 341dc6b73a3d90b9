"""Types of `_rows.pyx`; the docstrings are there."""

from facewire_ext._arrays import Array
from facewire_ext._placement import Placement
from facewire_ext._workspace import Workspace

def decode_ssd(
    rows: Array,
    boxes: Array,
    confidences: Array,
    class_ids: Array,
    *,
    placement: Placement,
    min_confidence: float,
    iou_threshold: float | None = None,
    workspace: Workspace,
) -> int: ...
def decode_boxes_labels(
    network_boxes: Array,
    labels: Array | None,
    boxes: Array,
    confidences: Array,
    class_ids: Array,
    *,
    placement: Placement,
    min_confidence: float,
    iou_threshold: float | None = None,
    workspace: Workspace,
) -> int: ...
def decode_boxes_scores(
    network_boxes: Array,
    scores: Array,
    labels: Array | None,
    boxes: Array,
    confidences: Array,
    class_ids: Array,
    *,
    placement: Placement,
    min_confidence: float,
    iou_threshold: float | None = None,
    workspace: Workspace,
) -> int: ...
