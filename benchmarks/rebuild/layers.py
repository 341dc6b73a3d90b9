"""Layers of OpenVINO operations with seeded random weights.

A layer can be called several times: its weights are then shared, as the head's are
by the levels. Batch norm is folded into the convolution before it.
"""

import math
from dataclasses import dataclass

import numpy as np
from openvino import Node
from openvino import opset15 as ops

# A rectified normal variable has a variance of (1 - 1/pi) / 2. Kernels sum to 0, so
# that this variance, and not the mean, is what they pass on; see `convolution`.
UNIT_GAIN = math.sqrt(2 / (1 - 1 / math.pi))


@dataclass(frozen=True)
class Convolution:
    """A square convolution with bias, padded to keep the size at stride 1."""

    kernel: Node
    bias: Node
    stride: int
    padding: int

    def __call__(self, features: Node) -> Node:
        """[1,inputs,H,W] to [1,outputs,ceil(H / stride),ceil(W / stride)]."""
        strides, padding = [self.stride] * 2, [self.padding] * 2
        convolved = ops.convolution(features, self.kernel, strides, padding, padding, [1, 1])
        return ops.add(convolved, self.bias)


@dataclass(frozen=True)
class GroupNorm:
    """Normalisation over groups of channels, then a scale and a shift for each."""

    scale: Node
    shift: Node
    groups: int

    def __call__(self, features: Node) -> Node:
        """[1,C,H,W] to the same."""
        return ops.group_normalization(features, self.scale, self.shift, self.groups, 1e-5)


class Layers:
    """Makes layers; one seed gives one sequence of weights."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def convolution(
        self,
        inputs: int,
        outputs: int,
        side: int,
        *,
        stride: int = 1,
        gain: float = 1.0,
        bias: float = 0.0,
    ) -> Convolution:
        """A convolution whose outputs vary about `gain` times as much as its inputs.

        Each kernel sums to 0. Otherwise the mean that every rectified map has would
        grow from layer to layer and drown what the image says.
        """
        fan_in = inputs * side * side
        kernel = self._random.standard_normal((outputs, inputs, side, side), np.float32)
        kernel -= kernel.mean(axis=(1, 2, 3), keepdims=True)
        kernel *= np.float32(gain * UNIT_GAIN / math.sqrt(fan_in))
        shift = 0.1 * gain * self._random.standard_normal((1, outputs, 1, 1), np.float32)
        return Convolution(
            ops.constant(kernel),
            ops.constant((bias + shift).astype(np.float32)),
            stride,
            side // 2,
        )

    def group_norm(self, channels: int, groups: int) -> GroupNorm:
        """A group norm with scales around 1 and shifts around 0."""
        scale = 1 + 0.1 * self._random.standard_normal(channels, np.float32)
        shift = 0.1 * self._random.standard_normal(channels, np.float32)
        return GroupNorm(ops.constant(scale), ops.constant(shift), groups)
