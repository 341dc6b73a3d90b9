"""The part of KServe's Python SDK that the comparison uses."""

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

class InferInput:
    data: Sequence[Any]

class InferRequest:
    id: str
    inputs: Sequence[InferInput]

class InferOutput:
    def __init__(self, name: str, shape: Sequence[int], datatype: str) -> None: ...
    def set_data_from_numpy(self, output_tensor: NDArray[Any]) -> None: ...

class InferResponse:
    def __init__(
        self, response_id: str, model_name: str, infer_outputs: Sequence[InferOutput]
    ) -> None: ...

class Model:
    name: str
    ready: bool
    def __init__(self, name: str) -> None: ...
    async def predict(
        self, payload: InferRequest, headers: Mapping[str, str] | None = None
    ) -> InferResponse: ...

class ModelServer:
    def start(self, models: Sequence[Model]) -> None: ...
