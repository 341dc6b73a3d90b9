"""The operations of OpenVINO that facewire and its tests look into."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray
from openvino import Model, Node, Output

class Constant(Node):
    data: NDArray[Any]

class Loop(Node):
    def set_function(self, body: Model) -> None: ...
    def set_special_body_ports(self, ports: Sequence[int]) -> None: ...
    def set_merged_input(
        self, body_parameter: Node, initial: Output, successive: Output
    ) -> None: ...
    def get_iter_value(self, body_value: Output, iteration: int) -> Output: ...
