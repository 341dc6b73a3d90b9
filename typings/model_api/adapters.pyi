"""How Model API runs a network."""

from collections.abc import Mapping

from openvino import Core, Model

class OpenvinoAdapter:
    model: Model
    def __init__(
        self,
        core: Core,
        model: str | bytes,
        weights_path: bytes | None = None,
        *,
        device: str,
        plugin_config: Mapping[str, object],
        max_num_requests: int,
    ) -> None: ...
