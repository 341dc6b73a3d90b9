"""The metadata of a model (`rt_info/model_info` of an IR), parsed from its text form.

Rule: an absent value is None, and the head chooses its default; a malformed value refuses
the model, and the error names its key.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from facewire_server.errors import ModelError
from facewire_server.image.target import ResizeMode

Settings = Mapping[str, str | tuple[str, ...]]
"""Values by key, in text form: one text, or a list of texts."""

BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True)
class Tiling:
    """The tiles on which a model was trained.

    Tiles are square, with a side of `size` pixels of the image; `overlap` within [0, 1) is
    the part of a side that neighbours share. `full_image`: the whole image is one more
    tile. `max_detections` is the largest number that is kept of all tiles; None: the
    model sets no limit.
    """

    size: int
    overlap: float
    full_image: bool
    max_detections: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """The settings of a model, named as in OpenVINO's Model API.

    `mean` and `scale` are per channel, in the channel order of the network; one value is
    for all channels. `reverse_input_channels`: the network wants RGB. `nms_execute`: the
    network leaves overlaps in, and the best `nms_max_predictions` are kept when they are
    suppressed (0: no limit). `tiling` None: the model is for whole images. `strides` to
    `score_fusion` describe raw heads, and are facewire's own. `kpt_shape` (landmarks,
    values of each) and `end2end` (the network suppresses overlaps itself) are
    Ultralytics'.
    """

    model_type: str | None = None
    labels: tuple[str, ...] | None = None
    confidence_threshold: float | None = None
    iou_threshold: float | None = None
    nms_execute: bool = False
    nms_max_predictions: int | None = None
    resize_type: ResizeMode | None = None
    pad_value: int | None = None
    reverse_input_channels: bool | None = None
    mean: tuple[float, ...] | None = None
    scale: tuple[float, ...] | None = None
    tiling: Tiling | None = None
    strides: tuple[int, ...] | None = None
    octave_base_scale: float | None = None
    target_stds: tuple[float, float, float, float] | None = None
    score_fusion: str | None = None
    kpt_shape: tuple[int, int] | None = None
    end2end: bool | None = None

    @classmethod
    def parse(cls, values: Settings) -> Self:
        """Parse the text form; keys that are not in KEYS are ignored.

        Raises ModelError for a malformed value.
        """
        parsed = {key: _parse(key, values[key]) for key in KEYS if key in values}
        fields = {key: value for key, value in parsed.items() if value is not None}
        tiling = _tiling(*(fields.pop(key, None) for key in TILING_KEYS))
        named = {FIELDS.get(key, key): value for key, value in fields.items()}
        return cls(tiling=tiling, **named)


def _parse(key: str, value: str | tuple[str, ...]) -> Any:
    """Parse the value of a key; None for a blank one. Raises ModelError."""
    if key == "labels":
        return _labels(value)
    text = (value if isinstance(value, str) else " ".join(value)).strip()
    if not text:
        return None
    try:
        return PARSERS[key](text)
    except ValueError as error:
        raise ModelError(f"metadata {key} = {text!r} makes no sense: {error}") from None


def _tiling(
    size: int | None, overlap: float | None, full_image: bool | None, limit: int | None
) -> Tiling | None:
    """Make the tiling of values that may be missing; None without a size.

    The defaults are those of Model API's tilers, but for the limit.
    """
    if size is None:
        return None
    return Tiling(
        size=size,
        overlap=0.5 if overlap is None else overlap,
        full_image=full_image is not False,
        max_detections=limit,
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


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise ValueError("less than 0")
    return value


def _positive_count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError("not at least 1")
    return value


def _overlap(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1:
        raise ValueError("not within [0, 1)")
    return value


def _strides(text: str) -> tuple[int, ...]:
    values = tuple(int(part) for part in text.split())
    if any(value < 1 for value in values):
        raise ValueError("a stride is at least 1")
    return values


def _pair(text: str) -> tuple[int, int]:
    """Parse two whole numbers, also as Python writes a list of them: `[5, 3]`."""
    first, second = (int(part) for part in text.strip("[]()").replace(",", " ").split())
    return first, second


def _four_positive(text: str) -> tuple[float, float, float, float]:
    first, second, third, fourth = (_positive(part) for part in text.split())
    return first, second, third, fourth


def _score_fusion(text: str) -> str:
    if text not in ("product", "geometric_mean"):
        raise ValueError("neither product nor geometric_mean")
    return text


PARSERS: Mapping[str, Callable[[str], object]] = {
    "model_type": str,
    "confidence_threshold": _fraction,
    "iou_threshold": _fraction,
    "nms_execute": _boolean,
    "nms_max_predictions": _count,
    "resize_type": ResizeMode,
    "pad_value": _byte,
    "reverse_input_channels": _boolean,
    "mean_values": _floats,
    "scale_values": _divisors,
    "tile_size": _positive_count,
    "tiles_overlap": _overlap,
    "tile_with_full_img": _boolean,
    "max_pred_number": _positive_count,
    "strides": _strides,
    "octave_base_scale": _positive,
    "target_stds": _four_positive,
    "score_fusion": _score_fusion,
    "kpt_shape": _pair,
    "end2end": _boolean,
}
"""The parser of each key but `labels`, which may be a list."""

TILING_KEYS = ("tile_size", "tiles_overlap", "tile_with_full_img", "max_pred_number")
"""The keys of `Metadata.tiling`, in the order of its fields."""

FIELDS = {"mean_values": "mean", "scale_values": "scale"}
"""The field of `Metadata` that a key is in, where it is not called the same."""

KEYS = ("labels", *PARSERS)
"""The keys that `Metadata.parse` reads, and that a sidecar may set."""
