"""The tail in the graph: from the raw head to `boxes` and `labels`, as mmdetection exports it."""

import math

import numpy as np
from openvino import Model, Node, Output
from openvino import opset15 as ops

from tests.server.rebuild.network import NAME, OCTAVE_BASE_SCALE, STRIDES, TARGET_STDS, constant

CANDIDATES_PER_LEVEL = 1000
IOU_THRESHOLD = 0.5
MIN_CONFIDENCE = 0.02
MAX_DETECTIONS = 750
MAX_LOG_RATIO = abs(math.log(16 / 1000))
Value = Node | Output


def with_tail(raw: Model) -> Model:
    """The network of `raw_network`, quantized or not, with the tail at its end, without metadata.

    Outputs: `boxes` float32 [750,5], edges in input pixels and confidence, descending; `labels`
    int32 [750]. Unused rows: confidence 0, label -1.
    """
    raw = raw.clone()
    heads = [output.get_node().input_value(0) for output in raw.outputs]
    count = len(STRIDES)
    levels = zip(heads[:count], heads[count : 2 * count], heads[2 * count :], STRIDES, strict=True)
    rows, labels = _kept([_candidates(*level) for level in levels])
    boxes = _filled(rows, np.zeros((MAX_DETECTIONS, 5), np.float32))
    labels = _filled(labels, np.full(MAX_DETECTIONS, -1, np.int32))
    boxes.output(0).set_names({"boxes"})
    labels.output(0).set_names({"labels"})
    results = [ops.result(boxes), ops.result(labels)]
    return Model(results, raw.get_parameters(), f"{NAME}-tail")


def _candidates(logits: Output, deltas: Output, centerness: Output, stride: int) -> Node:
    """The best of one level, by the product of both sigmoids: rows [K,5], box and confidence."""
    *_, height, width = logits.shape
    fused = ops.multiply(ops.sigmoid(logits), ops.sigmoid(centerness))
    confidences: Value = _reshaped(fused, -1)
    flat = _reshaped(deltas, 4, -1)
    rows, columns = np.divmod(np.arange(height * width), width)
    centers = constant(np.stack([columns, rows]) * stride, np.float32)
    if height * width > CANDIDATES_PER_LEVEL:
        best = ops.topk(confidences, constant(CANDIDATES_PER_LEVEL, np.int32), 0, "max", "value")
        confidences, chosen = best.output(0), best.output(1)
        flat, centers = (
            ops.gather(each, chosen, constant(1, np.int32)) for each in (flat, centers)
        )
    anchor = OCTAVE_BASE_SCALE * stride
    stds = constant(np.reshape(TARGET_STDS, (4, 1)), np.float32)
    shift, log_ratio = ops.split(ops.multiply(flat, stds), constant(0, np.int32), 2).outputs()
    middle = ops.add(centers, ops.multiply(shift, constant(anchor, np.float32)))
    ratio = ops.exp(ops.clamp(log_ratio, -MAX_LOG_RATIO, MAX_LOG_RATIO))
    half = ops.multiply(ratio, constant(anchor / 2, np.float32))
    corners = [ops.subtract(middle, half), ops.add(middle, half), _reshaped(confidences, 1, -1)]
    return ops.transpose(ops.concat(corners, 0), constant([1, 0], np.int32))


def _kept(candidates: list[Node]) -> tuple[Node, Node]:
    """Suppression over all levels: rows [S,5] and labels [S], descending."""
    rows = ops.concat(candidates, 0)
    axis = constant(1, np.int32)
    boxes, confidences = (
        ops.gather(rows, constant(columns, np.int32), axis) for columns in (range(4), 4)
    )
    selected = ops.non_max_suppression(
        _reshaped(boxes, 1, -1, 4),
        _reshaped(confidences, 1, 1, -1),
        constant(MAX_DETECTIONS, np.int32),
        constant(IOU_THRESHOLD, np.float32),
        constant(MIN_CONFIDENCE, np.float32),
        box_encoding="corner",
        output_type="i32",
    ).output(0)
    # Each row of `selected`: batch, class, box.
    labels, which = (ops.gather(selected, constant(each, np.int32), axis) for each in (1, 2))
    return ops.gather(rows, which, constant(0, np.int32)), labels


def _filled(rows: Node, filling: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> Node:
    """The first 750 of both, one after the other."""
    bounds = (constant([value], np.int32) for value in (0, MAX_DETECTIONS, 1, 0))
    return ops.slice(ops.concat([rows, ops.constant(filling)], 0), *bounds)


def _reshaped(values: Value, *shape: int) -> Node:
    return ops.reshape(values, constant(shape, np.int32), special_zero=False)
