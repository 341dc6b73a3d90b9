"""The operation of OpenVINO's opset1 that the rebuild of 0206 uses."""

from collections.abc import Sequence

from openvino import Node

def max_pool(
    data: Node,
    strides: Sequence[int],
    pads_begin: Sequence[int],
    pads_end: Sequence[int],
    kernel_shape: Sequence[int],
) -> Node: ...
