"""The wrapper of Model API that reads detectors."""

from collections.abc import Mapping
from typing import Any

from model_api.adapters import OpenvinoAdapter
from numpy.typing import NDArray

class DetectionResult:
    bboxes: NDArray[Any]
    scores: NDArray[Any]
    labels: NDArray[Any]

class Parameters:
    confidence_threshold: float
    labels: list[str]
    resize_type: str
    nms_execute: bool
    reverse_input_channels: bool

class SSD:
    params: Parameters
    w: int
    h: int
    def __init__(
        self, inference_adapter: OpenvinoAdapter, configuration: Mapping[str, object], preload: bool
    ) -> None: ...
    def __call__(self, inputs: NDArray[Any]) -> DetectionResult: ...
    def set_param(self, name: str, value: object) -> None: ...
    def save(self, path: str) -> None: ...
