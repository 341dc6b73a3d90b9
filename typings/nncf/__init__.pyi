"""The part of NNCF's API that facewire uses."""

from collections.abc import Callable, Iterable, Sequence

from openvino import CompiledModel, Model

class Dataset:
    def __init__(self, data_source: Iterable[object]) -> None: ...

class AdvancedQuantizationParameters:
    def __init__(self, *, disable_bias_correction: bool = False) -> None: ...

class IgnoredScope:
    def __init__(self, *, names: list[str], validate: bool = True) -> None: ...

def set_log_level(level: int) -> None: ...
def quantize(
    model: Model,
    calibration_dataset: Dataset,
    *,
    subset_size: int = 300,
    ignored_scope: IgnoredScope | None = None,
    advanced_parameters: AdvancedQuantizationParameters | None = None,
) -> Model: ...
def quantize_with_accuracy_control(
    model: Model,
    calibration_dataset: Dataset,
    validation_dataset: Dataset,
    validation_fn: Callable[
        [CompiledModel, Iterable[object]], tuple[float, Sequence[float] | None]
    ],
    *,
    max_drop: float = 0.01,
    subset_size: int = 300,
    ignored_scope: IgnoredScope | None = None,
) -> Model: ...
