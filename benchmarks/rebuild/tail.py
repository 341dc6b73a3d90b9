"""The tail in the graph: from the raw head to `boxes` and `labels`.

As mmdetection exports it, and as face-detection-0206 ends: the best 1,000 of each
level, DeltaXYWH, suppression, then a fixed number of rows.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, DTypeLike
from openvino import Model, Node, Output
from openvino import opset15 as ops

from benchmarks.rebuild.network import NAME, OCTAVE_BASE_SCALE, STRIDES, TARGET_STDS

CANDIDATES_PER_LEVEL = 1000
IOU_THRESHOLD = 0.5
MIN_CONFIDENCE = 0.02
MAX_DETECTIONS = 750
MAX_LOG_RATIO = abs(math.log(16 / 1000))

Value = Node | Output
Candidates = tuple[Value, Value]
"""Boxes [K,4] and confidences [K]."""


def with_tail(raw: Model) -> Model:
    """The network of `raw_network`, quantized or not, with the tail at its end.

    Outputs: `boxes` float32 [750,5], x_min, y_min, x_max, y_max in input pixels and
    confidence, descending; `labels` int32 [750]. Unused rows: confidence 0, label -1.
    It carries no metadata.
    """
    raw = raw.clone()
    heads = [output.get_node().input_value(0) for output in raw.outputs]
    count = len(STRIDES)
    levels = zip(heads[:count], heads[count : 2 * count], heads[2 * count :], strict=True)
    candidates = [
        _candidates(*level, stride) for stride, level in zip(STRIDES, levels, strict=True)
    ]
    boxes, labels = _rows(*_kept(candidates))
    boxes.output(0).set_names({"boxes"})
    labels.output(0).set_names({"labels"})
    results = [ops.result(boxes), ops.result(labels)]
    return Model(results, raw.get_parameters(), f"{NAME}-tail")


def _candidates(logits: Output, deltas: Output, centerness: Output, stride: int) -> Candidates:
    """The best of one level, decoded; confidence is the product of the two."""
    *_, height, width = logits.shape
    fused = ops.multiply(ops.sigmoid(logits), ops.sigmoid(centerness))
    confidences: Value = _reshaped(fused, -1)
    flat = _reshaped(deltas, 4, -1)
    rows, columns = np.divmod(np.arange(height * width), width)
    centers = _constant(np.stack([columns, rows]) * stride, np.float32)
    if height * width > CANDIDATES_PER_LEVEL:
        best = ops.topk(confidences, _constant(CANDIDATES_PER_LEVEL, np.int32), 0, "max", "value")
        confidences, chosen = best.output(0), best.output(1)
        flat = ops.gather(flat, chosen, _constant(1, np.int32))
        centers = ops.gather(centers, chosen, _constant(1, np.int32))
    return _decoded(flat, centers, OCTAVE_BASE_SCALE * stride), confidences


def _decoded(deltas: Node, centers: Node, anchor: int) -> Node:
    """DeltaXYWH of [4,K] on square anchors around `centers` [2,K]: boxes [K,4]."""
    stds = _constant(np.reshape(TARGET_STDS, (4, 1)), np.float32)
    shift, log_ratio = ops.split(ops.multiply(deltas, stds), _constant(0, np.int32), 2).outputs()
    side = _constant(anchor, np.float32)
    middle = ops.add(centers, ops.multiply(shift, side))
    ratio = ops.exp(ops.clamp(log_ratio, -MAX_LOG_RATIO, MAX_LOG_RATIO))
    half = ops.multiply(ratio, _constant(anchor / 2, np.float32))
    corners = ops.concat([ops.subtract(middle, half), ops.add(middle, half)], 0)
    return ops.transpose(corners, _constant([1, 0], np.int32))


def _kept(candidates: Sequence[Candidates]) -> tuple[Node, Node]:
    """Suppression over all levels: rows [S,5] and labels [S], descending."""
    boxes = ops.concat([boxes for boxes, _ in candidates], 0)
    confidences = ops.concat([confidences for _, confidences in candidates], 0)
    selected = ops.non_max_suppression(
        _reshaped(boxes, 1, -1, 4),
        _reshaped(confidences, 1, 1, -1),
        _constant(MAX_DETECTIONS, np.int32),
        _constant(IOU_THRESHOLD, np.float32),
        _constant(MIN_CONFIDENCE, np.float32),
        box_encoding="corner",
        output_type="i32",
    ).output(0)
    # Each row of `selected`: batch, class, box.
    axis = _constant(1, np.int32)
    which = ops.gather(selected, _constant(2, np.int32), axis)
    labels = ops.gather(selected, _constant(1, np.int32), axis)
    rows = ops.concat([boxes, _reshaped(confidences, -1, 1)], 1)
    return ops.gather(rows, which, _constant(0, np.int32)), labels


def _rows(rows: Node, labels: Node) -> tuple[Node, Node]:
    """Both filled up to the fixed number."""
    unused = _constant(np.zeros((MAX_DETECTIONS, 5)), np.float32)
    unlabelled = _constant(np.full(MAX_DETECTIONS, -1), np.int32)
    return _first(rows, unused), _first(labels, unlabelled)


def _first(rows: Node, filling: Node) -> Node:
    """The first 750 of both, one after the other."""
    bounds = (_constant([value], np.int32) for value in (0, MAX_DETECTIONS, 1, 0))
    return ops.slice(ops.concat([rows, filling], 0), *bounds)


def _reshaped(values: Value, *shape: int) -> Node:
    return ops.reshape(values, _constant(shape, np.int32), special_zero=False)


def _constant(value: ArrayLike, dtype: DTypeLike) -> Node:
    return ops.constant(np.asarray(value, dtype))
