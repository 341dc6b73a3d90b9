"""The settings of a model, parsed from their text form.

Files have them as metadata (`exporters.py`), operators write them in sidecars.

Rule: an absent value is None, and the head chooses its default; a malformed value refuses
the model, and the error names its key.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from facewire_server.image.target import ResizeMode
from facewire_server.models import values
from facewire_server.models.values import Settings


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
    def parse(cls, settings: Settings) -> Self:
        """Parse the text form; keys that are not in KEYS are ignored.

        Raises ModelError for a malformed value.
        """
        fields: dict[str, Any] = {
            FIELDS.get(key, key): values.read(settings, key, parse)
            for key, parse in PARSERS.items()
        }
        tiling = _tiling(*(fields.pop(key) for key in TILING_KEYS))
        present = {name: value for name, value in fields.items() if value is not None}
        return cls(labels=_labels(settings.get("labels", "")), tiling=tiling, **present)


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


PARSERS: Mapping[str, Callable[[str], object]] = {
    "model_type": str,
    "confidence_threshold": values.fraction,
    "iou_threshold": values.fraction,
    "nms_execute": values.boolean,
    "nms_max_predictions": values.count,
    "resize_type": ResizeMode,
    "pad_value": values.byte,
    "reverse_input_channels": values.boolean,
    "mean_values": values.floats,
    "scale_values": values.divisors,
    "tile_size": values.positive_count,
    "tiles_overlap": values.overlap,
    "tile_with_full_img": values.boolean,
    "max_pred_number": values.positive_count,
    "strides": values.strides,
    "octave_base_scale": values.positive,
    "target_stds": values.four_positive,
    "score_fusion": values.score_fusion,
    "kpt_shape": values.pair,
    "end2end": values.boolean,
}
"""The parser of each key but `labels`, which may be a list."""

TILING_KEYS = ("tile_size", "tiles_overlap", "tile_with_full_img", "max_pred_number")
"""The keys of `Metadata.tiling`, in the order of its fields."""

FIELDS = {"mean_values": "mean", "scale_values": "scale"}
"""The field of `Metadata` that a key is in, where it is not called the same."""

KEYS = ("labels", *PARSERS)
"""The keys that `Metadata.parse` reads, and that a sidecar may set."""
