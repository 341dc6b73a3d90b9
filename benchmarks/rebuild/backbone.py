"""The backbone: ResNet-152 (He and others, 2015), stride in the 3x3 convolution."""

from openvino import Node
from openvino import opset15 as ops
from openvino.opset1 import max_pool

from benchmarks.rebuild.layers import Layers
from benchmarks.rebuild.plan import Plan

EXPANSION = 4
BRANCH_GAIN = 0.3
"""How much a block adds to its input: blocks are many, and their sum must not grow."""


def backbone(image: Node, plan: Plan, layers: Layers) -> list[Node]:
    """The outputs of the four stages: strides 4, 8, 16 and 32.

    `image` is the normalised input, [1,3,side,side]. The outputs have 4, 8, 16 and 32
    times `plan.width` channels.
    """
    features = ops.relu(layers.convolution(3, plan.width, 7, stride=2)(image))
    features = max_pool(features, [2, 2], [1, 1], [1, 1], [3, 3])
    channels = plan.width
    stages = []
    for index, count in enumerate(plan.blocks):
        middle = plan.width << index
        for block in range(count):
            stride = 2 if block == 0 and index > 0 else 1
            features = _bottleneck(features, channels, middle, stride, layers)
            channels = EXPANSION * middle
        stages.append(features)
    return stages


def _bottleneck(features: Node, channels: int, middle: int, stride: int, layers: Layers) -> Node:
    """A 1x1, a 3x3 and a 1x1 convolution, added to what came in."""
    outputs = EXPANSION * middle
    branch = ops.relu(layers.convolution(channels, middle, 1)(features))
    branch = ops.relu(layers.convolution(middle, middle, 3, stride=stride)(branch))
    branch = layers.convolution(middle, outputs, 1, gain=BRANCH_GAIN)(branch)
    if channels != outputs:
        features = layers.convolution(channels, outputs, 1, stride=stride)(features)
    return ops.relu(ops.add(features, branch))
