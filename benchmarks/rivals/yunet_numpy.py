"""Boxes from YuNet's outputs: NumPy, and OpenCV to suppress.

Only cells that reach the threshold are decoded.
"""

from typing import Any

import cv2
import numpy as np
import openvino as ov

from benchmarks.rivals.fitting import Array

STRIDES = (8, 16, 32)


def read(
    request: ov.InferRequest,
    width: int,
    height: int,
    min_confidence: float,
    iou_threshold: float,
) -> Array:
    """Rows of x_min, y_min, x_max, y_max, confidence in pixels of the input."""
    levels = [_level(request, stride, width, min_confidence) for stride in STRIDES]
    rows = np.concatenate(levels)
    if not len(rows):
        return rows
    # Its types ask for lists, but arrays are what it is fast with.
    suppress: Any = cv2.dnn.NMSBoxes
    sized = np.hstack([rows[:, :2], rows[:, 2:4] - rows[:, :2]])
    kept = suppress(sized, rows[:, 4], min_confidence, iou_threshold)
    return rows[np.asarray(kept, np.intp).reshape(-1)]


def _level(request: ov.InferRequest, stride: int, width: int, min_confidence: float) -> Array:
    outputs = {
        kind: request.get_tensor(f"{kind}_{stride}").data[0] for kind in ("cls", "obj", "bbox")
    }
    classes = np.clip(outputs["cls"][:, 0], 0, 1)
    objects = np.clip(outputs["obj"][:, 0], 0, 1)
    scores = np.sqrt(classes * objects)
    found = np.flatnonzero(scores >= min_confidence)
    row, column = np.divmod(found, width // stride)
    x, y, w, h = outputs["bbox"][found].T
    x, y = (column + x) * stride, (row + y) * stride
    half_w, half_h = np.exp(w) * stride / 2, np.exp(h) * stride / 2
    edges = x - half_w, y - half_h, x + half_w, y + half_h
    return np.stack([*edges, scores[found]], axis=1).astype(np.float32)
