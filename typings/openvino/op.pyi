"""The operations of OpenVINO that facewire looks into."""

from typing import Any

from numpy.typing import NDArray
from openvino import Node

class Constant(Node):
    data: NDArray[Any]
