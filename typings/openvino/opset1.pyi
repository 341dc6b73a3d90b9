"""The operation that the rebuild of 0206 takes from OpenVINO's first set."""

from collections.abc import Sequence

from openvino import Node

def max_pool(
    data: Node,
    strides: Sequence[int],
    pads_begin: Sequence[int],
    pads_end: Sequence[int],
    kernel_shape: Sequence[int],
) -> Node: ...
