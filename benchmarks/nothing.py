"""A network that costs nothing: it finds the same box in every image."""

from pathlib import Path

import numpy as np
import openvino as ov
from openvino import opset15 as ops

SIDE = 640
"""Its input is [1,3,SIDE,SIDE]."""


def save_network(path: Path) -> None:
    """Writes an IR with the outputs of a detector, none of which it computes."""
    image = ops.parameter([1, 3, SIDE, SIDE], np.float32, "image")
    boxes = ops.constant(np.array([[100, 100, 300, 300, 0.9]], np.float32))
    labels = ops.constant(np.zeros(1, np.int64))
    boxes.output(0).set_names({"boxes"})
    labels.output(0).set_names({"labels"})
    results = [ops.result(boxes), ops.result(labels)]
    ov.save_model(ov.Model(results, [image], "nothing"), path)
