from collections.abc import Mapping
from typing import Any

class ModelParameters:
    extra: Mapping[str, Any] | None
    def __init__(self, *, extra: Mapping[str, Any]) -> None: ...
