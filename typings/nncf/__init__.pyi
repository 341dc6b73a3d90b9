"""The part of NNCF's API that the rebuild of 0206 uses."""

from collections.abc import Iterable

from openvino import Model

class Dataset:
    def __init__(self, data_source: Iterable[object]) -> None: ...

class AdvancedQuantizationParameters:
    def __init__(self, *, disable_bias_correction: bool = False) -> None: ...

def quantize(
    model: Model,
    calibration_dataset: Dataset,
    *,
    subset_size: int = 300,
    advanced_parameters: AdvancedQuantizationParameters | None = None,
) -> Model: ...
