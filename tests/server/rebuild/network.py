"""The network up to its raw head: ResNet-152, feature pyramid, ATSS head.

Weights are seeded; a layer that is called several times shares them. Batch norm is folded.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import ArrayLike, DTypeLike
from openvino import Model, Node
from openvino import opset15 as ops
from openvino.opset1 import max_pool

NAME = "face-detection-0206-rebuild"
"""The beginning of all file names: it must never be taken for the published model."""
STRIDES = (4, 8, 16, 32, 64)
OCTAVE_BASE_SCALE = 8  # the side of an anchor, in strides
TARGET_STDS = (0.1, 0.1, 0.2, 0.2)
"""Factors of the four deltas: x, y, logarithms of width and height."""
EXPANSION = 4
BRANCH_GAIN = 0.3
"""How much a block of the backbone adds to its input: the sum of many must not grow."""
CLASS_GAIN, CLASS_BIAS = 3.0, -9.5
"""So that in a photo some hundreds of locations reach a confidence of 0.02 and some tens 0.5."""
UNIT_GAIN = math.sqrt(2 / (1 - 1 / math.pi))
"""A rectified normal variable has a variance of (1 - 1/pi) / 2; see `Layers.convolution`."""

# Of ImageNet in 0..255, in the order of the input: blue, green, red.
MEAN = (103.53, 116.28, 123.675)
STD = (57.375, 57.12, 58.395)
METADATA = {
    "model_type": "ATSS",
    "labels": "face",
    "resize_type": "standard",
    "score_fusion": "product",
    "confidence_threshold": "0.5",
    "iou_threshold": "0.5",
    "strides": " ".join(map(str, STRIDES)),
    "octave_base_scale": str(OCTAVE_BASE_SCALE),
    "target_stds": " ".join(map(str, TARGET_STDS)),
}
Layer = Callable[[Node], Node]
"""From [1,inputs,H,W] to [1,outputs,ceil(H / stride),ceil(W / stride)]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The sizes of the network; the defaults are those of face-detection-0206.

    `side` of the square input, a multiple of 64; `blocks` of each stage of the backbone;
    `width` the channels of its stem (a stage gives 4, 8, 16, 32 times as many); `pyramid` and
    `tower` those of each level and of the head's towers, multiples of `groups` and of 4.
    """

    side: int = 640
    blocks: tuple[int, int, int, int] = (3, 8, 36, 3)
    width: int = 64
    pyramid: int = 256
    tower: int = 128
    tower_depth: int = 4
    groups: int = 32


class Layers:
    """Makes layers; one seed gives one sequence of weights."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def convolution(
        self,
        inputs: int,
        outputs: int,
        side: int,
        stride: int = 1,
        gain: float = 1,
        bias: float = 0,
    ) -> Layer:
        """A padded convolution whose outputs vary about `gain` times as much as its inputs.

        Each kernel sums to 0, else the mean of rectified maps grows and drowns what the image says.
        """
        kernel = self._random.standard_normal((outputs, inputs, side, side), np.float32)
        kernel -= kernel.mean(axis=(1, 2, 3), keepdims=True)
        kernel *= np.float32(gain * UNIT_GAIN / math.sqrt(inputs * side * side))
        shift = 0.1 * gain * self._random.standard_normal((1, outputs, 1, 1), np.float32)
        weights, biases = ops.constant(kernel), constant(bias + shift, np.float32)
        strides, padding = [stride] * 2, [side // 2] * 2
        return lambda features: ops.add(
            ops.convolution(features, weights, strides, padding, padding, [1, 1]), biases
        )

    def tower(self, plan: Plan) -> Sequence[Layer]:
        """3x3 convolutions, each with group norm (scales around 1, shifts around 0) and ReLU."""
        layers: list[Layer] = []
        for inputs in (plan.pyramid, *[plan.tower] * (plan.tower_depth - 1)):
            layers.append(self.convolution(inputs, plan.tower, 3))
            scale = ops.constant(1 + 0.1 * self._random.standard_normal(plan.tower, np.float32))
            shift = ops.constant(0.1 * self._random.standard_normal(plan.tower, np.float32))
            layers.append(
                lambda features, scale=scale, shift=shift: ops.relu(  # type: ignore[misc]
                    ops.group_normalization(features, scale, shift, plan.groups, 1e-5)
                )
            )
        return layers


def backbone(image: Node, plan: Plan, layers: Layers) -> list[Node]:
    """ResNet-152 (He and others, 2015): four stages, of strides 4, 8, 16 and 32."""
    features = ops.relu(layers.convolution(3, plan.width, 7, stride=2)(image))
    features = max_pool(features, [2, 2], [1, 1], [1, 1], [3, 3])
    channels, stages = plan.width, []
    for index, count in enumerate(plan.blocks):
        middle = plan.width << index
        outputs = EXPANSION * middle
        for block in range(count):
            stride = 2 if block == 0 and index > 0 else 1
            branch = ops.relu(layers.convolution(channels, middle, 1)(features))
            branch = ops.relu(layers.convolution(middle, middle, 3, stride=stride)(branch))
            branch = layers.convolution(middle, outputs, 1, gain=BRANCH_GAIN)(branch)
            if channels != outputs:
                features = layers.convolution(channels, outputs, 1, stride=stride)(features)
            features, channels = ops.relu(ops.add(features, branch)), outputs
        stages.append(features)
    return stages


def pyramid(stages: Sequence[Node], plan: Plan, layers: Layers) -> list[Node]:
    """A feature pyramid (Lin and others, 2016) and a context block: five levels."""
    width = plan.pyramid
    laterals = [
        layers.convolution(EXPANSION * plan.width << index, width, 1)(stage)
        for index, stage in enumerate(stages)
    ]
    for index in range(len(laterals) - 1, 0, -1):
        doubled = ops.interpolate(
            laterals[index],
            constant([2, 2], np.float32),
            mode="nearest",
            shape_calculation_mode="scales",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
            axes=constant([2, 3], np.int64),
        )
        laterals[index - 1] = ops.add(laterals[index - 1], doubled)
    levels = [layers.convolution(width, width, 3)(lateral) for lateral in laterals]
    levels.append(layers.convolution(width, width, 3, stride=2)(ops.relu(levels[-1])))
    return [_context(level, width, layers) for level in levels]


def _context(features: Node, channels: int, layers: Layers) -> Node:
    """Three 1x1 convolutions in a row, of 1/2, 1/4 and 1/4, side by side."""
    parts = []
    for inputs, outputs in ((1, 2), (2, 4), (4, 4)):
        convolve = layers.convolution(channels // inputs, channels // outputs, 1)
        features = ops.relu(convolve(features))
        parts.append(features)
    return ops.concat(parts, 1)


def head(levels: Sequence[Node], plan: Plan, layers: Layers) -> dict[str, list[Node]]:
    """The head of ATSS (Zhang and others, 2019), its weights shared by the levels."""
    classes, boxes = layers.tower(plan), layers.tower(plan)
    score = layers.convolution(plan.tower, 1, 3, gain=CLASS_GAIN, bias=CLASS_BIAS)
    deltas = layers.convolution(plan.tower, 4, 3)
    centerness = layers.convolution(plan.tower, 1, 3)
    found: dict[str, list[Node]] = {"cls": [], "bbox": [], "centerness": []}
    for level in levels:
        found["cls"].append(
            reduce(lambda features, layer: layer(features), (*classes, score), level)
        )
        placed = reduce(lambda features, layer: layer(features), boxes, level)
        found["bbox"].append(deltas(placed))
        found["centerness"].append(centerness(placed))
    return found


def raw_network(plan: Plan, seed: int) -> Model:
    """The network without its tail, with metadata that says how facewire must read it.

    Input `image`, float32 [1,3,side,side], BGR, 0..255. Outputs for each stride s `cls_s`
    [1,1,H,W], `bbox_s` [1,4,H,W] and `centerness_s` [1,1,H,W]: logits, deltas and logits.
    """
    layers = Layers(seed)
    image = ops.parameter([1, 3, plan.side, plan.side], np.float32, name="image")
    image.output(0).set_names({"image"})
    mean, std = (np.array(each, np.float32).reshape(1, 3, 1, 1) for each in (MEAN, STD))
    normalised = ops.multiply(ops.subtract(image, ops.constant(mean)), ops.constant(1 / std))
    levels = pyramid(backbone(normalised, plan, layers), plan, layers)
    results = []
    for kind, outputs in head(levels, plan, layers).items():
        for stride, output in zip(STRIDES, outputs, strict=True):
            output.output(0).set_names({f"{kind}_{stride}"})
            results.append(ops.result(output))
    model = Model(results, [image], f"{NAME}-raw")
    for key, value in METADATA.items():
        model.set_rt_info(value, ["model_info", key])
    return model


def constant(value: ArrayLike, dtype: DTypeLike) -> Node:
    """A constant of this type."""
    return ops.constant(np.asarray(value, dtype))
