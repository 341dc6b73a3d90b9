"""Quantization: a copy of a network that computes in 8-bit integers, made by NNCF.

Rule: NNCF is imported only when it is used.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import openvino as ov
from numpy.typing import NDArray

from facewire_server.errors import CommandError, ModelError

if TYPE_CHECKING:
    from nncf import IgnoredScope

T = TypeVar("T")

SUBSET_SIZE = 300
"""How many inputs NNCF takes the ranges of activations from, as it does by default."""

LINEAR = (
    "Convolution",
    "ConvolutionBackpropData",
    "GroupConvolution",
    "GroupConvolutionBackpropData",
    "MatMul",
)
"""The operations that INT8 makes faster."""


def quantize(
    model: ov.Model,
    inputs: Iterable[NDArray[Any]],
    *,
    subset_size: int = SUBSET_SIZE,
    corrects_biases: bool = True,
) -> ov.Model:
    """Return the network with 8-bit weights and activations, and its metadata.

    `inputs` are tensors of its input, of which the first `subset_size` are used. What follows
    the last linear operations stays in floating point. `corrects_biases` costs minutes in a
    large network. Raises CommandError without NNCF.
    """
    import_nncf()
    import nncf

    return nncf.quantize(
        model,
        nncf.Dataset(inputs),
        subset_size=subset_size,
        ignored_scope=_ignored(model),
        advanced_parameters=nncf.AdvancedQuantizationParameters(
            disable_bias_correction=not corrects_biases
        ),
    )


def quantize_within(
    model: ov.Model,
    inputs: Iterable[NDArray[Any]],
    photos: Sequence[T],
    accuracy: Callable[[ov.CompiledModel, Iterable[T]], float],
    max_drop: float,
) -> ov.Model:
    """Quantize, then take operations back to floating point until the accuracy is there.

    Those that cost most accuracy are taken first. `accuracy` of a compiled network in some of
    the `photos` may drop by `max_drop`. The best network is returned, even if it lost more.
    Raises CommandError without NNCF.
    """
    import_nncf()
    import nncf

    def validate(
        compiled: ov.CompiledModel, chosen: Iterable[object]
    ) -> tuple[float, Sequence[float] | None]:
        return accuracy(compiled, cast(Iterable[T], chosen)), None

    return nncf.quantize_with_accuracy_control(
        model,
        nncf.Dataset(inputs),
        nncf.Dataset(photos),
        validate,
        max_drop=max_drop,
        subset_size=SUBSET_SIZE,
        ignored_scope=_ignored(model),
    )


def import_nncf() -> None:
    """Import NNCF without its log; `facewire_server` sees to its telemetry.

    Raises CommandError if it is missing.
    """
    try:
        import_module("nncf")
    except ImportError:
        raise CommandError("quantizing needs NNCF: pip install 'facewire[quantize]'") from None
    # Not nncf.set_log_level: it sets the level of handlers too, which others may share.
    logging.getLogger("nncf").setLevel(logging.ERROR)


def require_float(model: ov.Model, name: str) -> None:
    """Raise ModelError for the network `name` if it is quantized already."""
    if is_quantized(model):
        raise ModelError(f"{name} is in INT8 already: quantize the model that it was made from")


def is_quantized(model: ov.Model) -> bool:
    """Whether activations are quantized, or weights are stored in 8 bits."""
    return any(
        node.get_type_name() == "FakeQuantize"
        or (
            node.get_type_name() == "Constant"
            and node.output(0).element_type in (ov.Type.i8, ov.Type.u8)
            and len(node.output(0).shape) > 1
        )
        for node in model.get_ops()
    )


def tail(model: ov.Model) -> list[str]:
    """Return the names of the operations that no linear operation follows.

    They turn the network's answer into boxes and suppress overlaps, where 8 bits are too few.
    """
    followed: set[str] = set()
    operations = model.get_ordered_ops()
    for node in reversed(operations):
        name = node.get_friendly_name()
        if name in followed or node.get_type_name() in LINEAR:
            followed |= {value.get_node().get_friendly_name() for value in node.input_values()}
    return [
        node.get_friendly_name()
        for node in operations
        if node.get_friendly_name() not in followed
        and node.get_type_name() not in (*LINEAR, "Parameter", "Result", "Constant")
    ]


def save(model: ov.Model, path: Path, settings: Mapping[str, str]) -> None:
    """Write a network as IR; `settings` are added to its metadata where it has none."""
    if not model.has_rt_info("model_info"):
        for key, value in settings.items():
            model.set_rt_info(value, ["model_info", key])
    ov.save_model(model, path, compress_to_fp16=False)


def _ignored(model: ov.Model) -> "IgnoredScope":
    import nncf

    return nncf.IgnoredScope(names=tail(model), validate=False)
