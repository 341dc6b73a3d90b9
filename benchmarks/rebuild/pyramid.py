"""The neck: a feature pyramid (Lin and others, 2016), and a context block a level."""

from collections.abc import Sequence

import numpy as np
from openvino import Node
from openvino import opset15 as ops

from benchmarks.rebuild.layers import Layers
from benchmarks.rebuild.plan import Plan


def pyramid(stages: Sequence[Node], plan: Plan, layers: Layers) -> list[Node]:
    """Five levels of `plan.pyramid` channels from the four stages, finest first.

    The fifth level is the fourth, rectified and halved once more.
    """
    laterals = [
        layers.convolution(4 * plan.width << index, plan.pyramid, 1)(stage)
        for index, stage in enumerate(stages)
    ]
    for index in range(len(laterals) - 1, 0, -1):
        finer = ops.add(laterals[index - 1], _doubled(laterals[index]))
        laterals[index - 1] = finer
    levels = [layers.convolution(plan.pyramid, plan.pyramid, 3)(lateral) for lateral in laterals]
    halve = layers.convolution(plan.pyramid, plan.pyramid, 3, stride=2)
    levels.append(halve(ops.relu(levels[-1])))
    return [_context(level, plan.pyramid, layers) for level in levels]


def _doubled(features: Node) -> Node:
    """Each cell repeated twice along both axes."""
    scales = ops.constant(np.array([2, 2], np.float32))
    axes = ops.constant(np.array([2, 3], np.int64))
    return ops.interpolate(
        features,
        scales,
        mode="nearest",
        shape_calculation_mode="scales",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
        axes=axes,
    )


def _context(features: Node, channels: int, layers: Layers) -> Node:
    """Three 1x1 convolutions in a row, of 1/2, 1/4 and 1/4, side by side."""
    parts = []
    for inputs, outputs in ((1, 2), (2, 4), (4, 4)):
        reduce = layers.convolution(channels // inputs, channels // outputs, 1)
        features = ops.relu(reduce(features))
        parts.append(features)
    return ops.concat(parts, 1)
