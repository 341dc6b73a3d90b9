from collections.abc import Sequence
from typing import Any

class TensorData:
    root: Sequence[Any]

class RequestInput:
    data: TensorData

class ResponseOutput: ...

class InferenceRequest:
    inputs: Sequence[RequestInput]

class InferenceResponse:
    def __init__(self, *, model_name: str, outputs: Sequence[ResponseOutput]) -> None: ...
