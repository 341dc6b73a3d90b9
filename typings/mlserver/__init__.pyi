"""The part of MLServer that the comparison uses."""

from collections.abc import Sequence
from typing import Any

from mlserver.settings import ModelParameters
from mlserver.types import InferenceRequest, InferenceResponse

class Settings:
    def __init__(self, **settings: Any) -> None: ...

class ModelSettings:
    parameters: ModelParameters | None
    def __init__(
        self, *, name: str, implementation: type[MLModel], parameters: ModelParameters
    ) -> None: ...

class MLModel:
    name: str
    settings: ModelSettings
    async def load(self) -> bool: ...
    async def predict(self, payload: InferenceRequest) -> InferenceResponse: ...

class MLServer:
    def __init__(self, settings: Settings) -> None: ...
    async def start(self, models_settings: Sequence[ModelSettings]) -> None: ...
