"""The head: ATSS (Zhang and others, 2019), its weights shared by the levels."""

from collections.abc import Sequence

from openvino import Node
from openvino import opset15 as ops

from benchmarks.rebuild.layers import Layers
from benchmarks.rebuild.plan import Plan

CLASS_GAIN = 3.0
CLASS_BIAS = -9.5
"""Chosen so that in a photo some hundreds of locations reach a confidence of 0.02 and
some tens 0.5, as crowds do; the weights are random and find nothing real."""

Level = tuple[Node, Node, Node]
"""Class logits [1,1,H,W], deltas [1,4,H,W] and centerness logits [1,1,H,W]."""


def head(levels: Sequence[Node], plan: Plan, layers: Layers) -> list[Level]:
    """What the head makes of each level."""
    classes, boxes = Tower(plan, layers), Tower(plan, layers)
    score = layers.convolution(plan.tower, 1, 3, gain=CLASS_GAIN, bias=CLASS_BIAS)
    deltas = layers.convolution(plan.tower, 4, 3)
    centerness = layers.convolution(plan.tower, 1, 3)
    found = []
    for level in levels:
        seen, placed = classes(level), boxes(level)
        found.append((score(seen), deltas(placed), centerness(placed)))
    return found


class Tower:
    """3x3 convolutions, each with group norm and ReLU."""

    def __init__(self, plan: Plan, layers: Layers) -> None:
        inputs = [plan.pyramid, *[plan.tower] * (plan.tower_depth - 1)]
        self._steps = [
            (
                layers.convolution(channels, plan.tower, 3),
                layers.group_norm(plan.tower, plan.groups),
            )
            for channels in inputs
        ]

    def __call__(self, features: Node) -> Node:
        """[1,pyramid,H,W] to [1,tower,H,W]."""
        for convolve, normalise in self._steps:
            features = ops.relu(normalise(convolve(features)))
        return features
