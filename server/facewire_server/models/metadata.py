"""The metadata of a model (`rt_info/model_info` of an IR), parsed from its text form.

Rule: an absent value is None, and the head chooses its default; a malformed value refuses
the model, and the error names its key.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self, TypeVar

from facewire_server.errors import ModelError
from facewire_server.image.target import ResizeMode

T = TypeVar("T")

Settings = Mapping[str, str | tuple[str, ...]]
"""Values by key, in text form: one text, or a list of texts."""

KEYS = (
    "model_type",
    "labels",
    "confidence_threshold",
    "iou_threshold",
    "resize_type",
    "pad_value",
    "reverse_input_channels",
    "mean_values",
    "scale_values",
    "strides",
    "octave_base_scale",
    "target_stds",
    "score_fusion",
)
"""The keys that `Metadata.parse` reads."""

BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """The settings of a model, named as in OpenVINO's Model API.

    `mean` and `scale` are per channel, in the channel order of the network; one value is
    for all channels. `strides` and all after it describe raw heads, and are facewire's own.
    """

    model_type: str | None = None
    labels: tuple[str, ...] | None = None
    confidence_threshold: float | None = None
    iou_threshold: float | None = None
    resize_type: ResizeMode | None = None
    pad_value: int | None = None
    reverse_input_channels: bool = False
    mean: tuple[float, ...] | None = None
    scale: tuple[float, ...] | None = None
    strides: tuple[int, ...] | None = None
    octave_base_scale: float | None = None
    target_stds: tuple[float, float, float, float] | None = None
    score_fusion: str | None = None

    @classmethod
    def parse(cls, values: Settings) -> Self:
        """Parse the text form; unknown keys are ignored.

        Raises ModelError for a malformed value.
        """

        def read(key: str, parse: Callable[[str], T]) -> T | None:
            value = values.get(key, "")
            text = (value if isinstance(value, str) else " ".join(value)).strip()
            if not text:
                return None
            try:
                return parse(text)
            except ValueError as error:
                raise ModelError(f"metadata {key} = {text!r} makes no sense: {error}") from None

        return cls(
            model_type=read("model_type", str),
            labels=_labels(values.get("labels", "")),
            confidence_threshold=read("confidence_threshold", _fraction),
            iou_threshold=read("iou_threshold", _fraction),
            resize_type=read("resize_type", ResizeMode),
            pad_value=read("pad_value", _byte),
            reverse_input_channels=read("reverse_input_channels", _boolean) or False,
            mean=read("mean_values", _floats),
            scale=read("scale_values", _divisors),
            strides=read("strides", _strides),
            octave_base_scale=read("octave_base_scale", _positive),
            target_stds=read("target_stds", _four_positive),
            score_fusion=read("score_fusion", _score_fusion),
        )


def _labels(value: str | tuple[str, ...]) -> tuple[str, ...] | None:
    """Split one text at spaces; the labels of a list may have spaces themselves."""
    return (tuple(value.split()) if isinstance(value, str) else value) or None


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("not a finite number")
    return value


def _fraction(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise ValueError("not within [0, 1]")
    return value


def _positive(text: str) -> float:
    value = _finite(text)
    if value <= 0:
        raise ValueError("not greater than 0")
    return value


def _byte(text: str) -> int:
    value = _finite(text)
    if not 0 <= value <= 255:
        raise ValueError("not within [0, 255]")
    return round(value)


def _boolean(text: str) -> bool:
    try:
        return BOOLEANS[text.lower()]
    except KeyError:
        raise ValueError("neither True nor False") from None


def _floats(text: str) -> tuple[float, ...]:
    values = tuple(_finite(part) for part in text.replace(",", " ").split())
    if len(values) not in (1, 3):
        raise ValueError("neither one number nor three")
    return values


def _divisors(text: str) -> tuple[float, ...]:
    values = _floats(text)
    if 0 in values:
        raise ValueError("0 divides nothing")
    return values


def _strides(text: str) -> tuple[int, ...]:
    values = tuple(int(part) for part in text.split())
    if any(value < 1 for value in values):
        raise ValueError("a stride is at least 1")
    return values


def _four_positive(text: str) -> tuple[float, float, float, float]:
    first, second, third, fourth = (_positive(part) for part in text.split())
    return first, second, third, fourth


def _score_fusion(text: str) -> str:
    if text not in ("product", "geometric_mean"):
        raise ValueError("neither product nor geometric_mean")
    return text
