"""The wrapper of Model API that runs a detector on tiles."""

from typing import Any

from model_api.models import SSD, DetectionResult
from numpy.typing import NDArray

class DetectionTiler:
    def __init__(self, model: SSD, *, execution_mode: str) -> None: ...
    def __call__(self, inputs: NDArray[Any]) -> DetectionResult: ...
