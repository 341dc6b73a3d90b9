"""A network for tests whose inference of a bright image loops, for ever if wanted."""

from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import DTypeLike
from openvino import opset15 as ops

from facewire.v1 import detect_pb2 as pb

SIDE = 64
"""The input is [1,3,SIDE,SIDE]."""

BRIGHT = 200.0
"""If the maximum of the samples is greater, the loop runs."""

FOREVER = 1 << 60
"""Iterations of the loop that would take centuries."""


def write_hanging_model(path: Path, iterations: int = FOREVER) -> Path:
    """Write an IR that finds one box in every image, in a bright one after the loop."""
    image = ops.parameter([1, 3, SIDE, SIDE], np.float32, "image")
    axes = constant([0, 1, 2, 3], np.int64)
    brightest = ops.reduce_max(image, axes, keep_dims=False)
    is_bright = ops.greater(brightest, constant(BRIGHT, np.float32))
    count = ops.multiply(ops.convert(is_bright, "i64"), constant(iterations, np.int64))
    boxes = looped(count, constant([[8, 8, 56, 56, 0.9]], np.float32))
    boxes.set_names({"boxes"})
    labels = constant([0], np.int64).output(0)
    labels.set_names({"labels"})
    results = [ops.result(boxes), ops.result(labels)]
    model = ov.Model(results, [image], "hanging")
    model.set_rt_info("face", ["model_info", "labels"])
    ov.save_model(model, path, compress_to_fp16=False)
    return path


def looped(count: ov.Node, start: ov.Node) -> ov.Output:
    """`start`, [1,5], after `count` times adding the sine of each element to it."""
    row = ops.parameter([1, 5], np.float32)
    added = ops.add(row, ops.sin(row))
    proceed = constant(True, np.bool_)
    loop = ops.loop(count, proceed)
    loop.set_function(ov.Model([proceed, added], [row], "iteration"))
    loop.set_special_body_ports([-1, 0])
    loop.set_merged_input(row, start.output(0), added.output(0))
    return loop.get_iter_value(added.output(0), -1)


def constant(value: Any, dtype: DTypeLike) -> ov.Node:
    return ops.constant(np.array(value, dtype))


def grey(brightness: int) -> pb.DetectRequest:
    """A request with an image of one brightness, 0..255."""
    raw = pb.RawImage(
        data=bytes([brightness]) * SIDE * SIDE,
        width=SIDE,
        height=SIDE,
        pixel_format=pb.PIXEL_FORMAT_GRAY,
    )
    return pb.DetectRequest(raw_image=raw)
