"""Boxes from face-detection-0206's outputs, which its own tail has suppressed."""

import numpy as np
import openvino as ov

from benchmarks.rivals.fitting import Array


def read(
    request: ov.InferRequest,
    width: int,
    height: int,
    min_confidence: float,
    iou_threshold: float,
) -> Array:
    """Rows of x_min, y_min, x_max, y_max, confidence in pixels of the input."""
    rows = np.asarray(request.get_tensor("boxes").data, np.float32)
    return rows[rows[:, 4] >= min_confidence]
