"""The cost of a network: its parameters, and its arithmetic for one image."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import openvino as ov

OPERATIONS_PER_MULTIPLY_ADD = 2


@dataclass(frozen=True, slots=True)
class Cost:
    """Number of parameters, and of floating-point operations for one image."""

    parameters: int
    operations: int

    @property
    def gflops(self) -> float:
        """Operations for one image, in billions."""
        return self.operations / 1e9

    @property
    def mparams(self) -> float:
        """Parameters in millions."""
        return self.parameters / 1e6


def cost(model: ov.Model) -> Cost:
    """Count parameters and operations of a network whose input has a fixed size.

    Parameters are the elements of all constants except integers of 32 bits and more,
    which are shapes and indices; a constant that is used twice counts once. Operations
    are those of convolutions and matrix products with fixed shapes, two for each
    multiply-add.
    """
    parameters = 0
    multiply_adds = 0
    for node in model.get_ops():
        kind = node.get_type_name()
        if kind == "Constant":
            parameters += _elements(node)
        elif kind in _MULTIPLY_ADDS and _is_fixed(node):
            multiply_adds += _MULTIPLY_ADDS[kind](node)
    return Cost(parameters, OPERATIONS_PER_MULTIPLY_ADD * multiply_adds)


def _elements(constant: ov.Node) -> int:
    output = constant.output(0)
    kind = output.element_type
    if kind.is_integral() and kind.bitwidth >= 32:
        return 0
    return math.prod(output.shape)


def _is_fixed(node: ov.Node) -> bool:
    ports = [node.output(0), *node.input_values()]
    return not any(port.partial_shape.is_dynamic for port in ports)


def _out(node: ov.Node) -> int:
    return math.prod(node.output(0).shape)


def _in(node: ov.Node) -> int:
    return math.prod(node.input_value(0).shape)


def _kernel(node: ov.Node, position: int, skipped: int) -> int:
    """Elements of the kernel at input `position`, without its first `skipped` axes."""
    return math.prod(node.input_value(position).shape[skipped:])


def _reduced(node: ov.Node) -> int:
    """Length of the axis that a matrix product sums over."""
    shape = node.input_value(0).shape
    if len(shape) == 1:
        return shape[0]
    return shape[-2 if node.get_attributes()["transpose_a"] else -1]


# Kernels are [out, in, ...], with the groups in front. BackpropData (transposed
# convolution) spreads each input over the kernel instead: its kernels are [in, out, ...].
_MULTIPLY_ADDS: Mapping[str, Callable[[ov.Node], int]] = {
    "Convolution": lambda node: _out(node) * _kernel(node, 1, 1),
    "GroupConvolution": lambda node: _out(node) * _kernel(node, 1, 2),
    "DeformableConvolution": lambda node: _out(node) * _kernel(node, 2, 1),
    "ConvolutionBackpropData": lambda node: _in(node) * _kernel(node, 1, 1),
    "GroupConvolutionBackpropData": lambda node: _in(node) * _kernel(node, 1, 2),
    "MatMul": lambda node: _out(node) * _reduced(node),
}
