"""The metadata of a file, as its exporter wrote it, translated to our settings.

The keys are those of OpenVINO's Model API 0.4.7, which reads the files of OpenVINO Training
Extensions 2.x and of its successor getitune, and writes files itself (`Model.save`).

Rule: the result never differs in silence from that of Model API. A key that changes the
result in a way that the server does not know refuses the model, and the error names the key.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from facewire_server.errors import ModelError
from facewire_server.models.metadata import KEYS
from facewire_server.models.values import (
    Settings,
    boolean,
    divisors,
    floats,
    positive,
    read,
    text_of,
)

TEXT = "metadata"
"""The origin of a value that stands in the file as it is used."""

LIMITED: Mapping[str, tuple[str, ...]] = {
    "input_dtype": ("u8",),
    "intensity_mode": ("none", "scale_to_unit"),
    "intensity_repeat_channels": ("no", "false"),
    "interpolation_mode": ("linear",),
    "agnostic_nms": ("no", "false"),
    "path_to_labels": (),
}
"""Keys of Model API that change the result, with the values that are supported."""

TRANSLATED = (
    *("otx_version", "getitune_version", "label_info", "intensity_max_value"),
    *("embedded_processing", "orig_width", "orig_height"),
)
"""Keys that are read here and mean nothing to `Metadata`."""

HARMLESS = (
    *("input_frame_width", "input_frame_height"),
    *("intensity_min_value", "intensity_scale_factor"),
    *("intensity_percentile_low", "intensity_percentile_high"),
    *("intensity_window_center", "intensity_window_width"),
)
"""Keys of the families below that change nothing, or only in modes that are refused."""

FAMILIES = (
    *("agnostic_", "embedded_", "input_", "intensity_", "interpolation_", "nms_", "orig_"),
    *("pad_", "resize_", "reverse_", "tile_", "tiles_"),
)
"""How the names of keys begin that change how an image is prepared or boxes are kept."""

MAX_VALUE = 255.0
"""What `scale_to_unit` divides by, unless told: the largest value of `input_dtype` u8."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Settings that come from one `origin`, which is named for people."""

    origin: str
    settings: Settings


def merged(layers: Iterable[Layer]) -> Settings:
    """Merge layers; later ones override earlier ones."""
    return {key: value for layer in layers for key, value in layer.settings.items()}


def origin(layers: Iterable[Layer], key: str) -> str | None:
    """The origin of a setting, that of the last layer which has it; None: no layer has."""
    return next((layer.origin for layer in reversed(tuple(layers)) if key in layer.settings), None)


def translate(raw: Settings) -> tuple[Layer, ...]:
    """Translate the metadata of a file; later layers override earlier ones.

    Raises ModelError, which names the key, for one that changes the result and is not
    supported, and for a malformed one that is read here.
    """
    raw = {key: value for key, value in raw.items() if value}
    suppresses = read(raw, "nms_execute", boolean) or False
    for key in raw:
        if suppresses or key != "agnostic_nms":
            _check_supported(key, text_of(raw, key))
    layers = [
        Layer(TEXT, {key: value for key, value in raw.items() if key in KEYS}),
        Layer("metadata label_info", _label_names(raw)),
        _pixel_units(raw),
        _channels(raw),
    ]
    if _is_embedded(raw):
        inside = dict.fromkeys(("mean_values", "scale_values"), "")
        layers.append(Layer("in the graph, by embedded_processing", inside))
    return tuple(layer for layer in layers if layer.settings)


def embedded_size(raw: Settings) -> tuple[int, int] | None:
    """Return the size that a graph resizes its input to before anything else.

    Width and height in pixels, in which its boxes are then given; None: the graph does
    not resize. Raises ModelError if the sizes are malformed or missing.
    """
    if not _is_embedded(raw):
        return None
    width, height = (read(raw, f"orig_{side}", int) for side in ("width", "height"))
    if width is None or height is None or min(width, height) < 1:
        raise ModelError(
            "metadata embedded_processing = YES needs orig_width and orig_height, the size in"
            " pixels that boxes are given in: save the model again with Model API 0.4"
        )
    return width, height


def unread(raw: Settings) -> tuple[str, ...]:
    """The keys of a file that change nothing here, sorted."""
    known = {*KEYS, *LIMITED, *TRANSLATED}
    return tuple(sorted(key for key in raw if key not in known))


def refusal(key: str, text: str, reason: str) -> ModelError:
    """An error for a key that changes the result, with what its operator can do."""
    return ModelError(
        f"metadata {key} = {text!r} {reason}, so the boxes would be others than Model API's."
        f" To serve the model as if it had no such key, write ignored_keys = [{json.dumps(key)}]"
        " in the TOML file beside it"
    )


def _check_supported(key: str, text: str) -> None:
    """Raise ModelError for a key that changes the result in an unknown way."""
    if key in LIMITED:
        if text and text.lower() not in LIMITED[key]:
            known = " and ".join(LIMITED[key][:2]) or "nothing"
            raise refusal(key, text, f"is not supported (only {known})")
    elif key.startswith(FAMILIES) and key not in (*KEYS, *TRANSLATED, *HARMLESS):
        raise refusal(key, text, "is not known")


def _channels(raw: Settings) -> Layer:
    """Tell the order of channels of the file's input from its exporter's convention.

    `reverse_input_channels` tells Model API to swap what the application gives. Training
    Extensions gives RGB; getitune too, and trains on nothing else, whatever the key says;
    others give BGR. A graph with embedded processing swaps by itself.
    """
    reverses = read(raw, "reverse_input_channels", boolean) or False
    if "getitune_version" in raw:
        origin, wants_rgb = f"getitune {text_of(raw, 'getitune_version')}: always RGB", True
    elif "otx_version" in raw:
        version = text_of(raw, "otx_version")
        origin = f"Training Extensions {version}: reverse_input_channels = {reverses} means"
        wants_rgb = not reverses
        origin += " RGB" if wants_rgb else " BGR"
    elif _is_embedded(raw):
        origin, wants_rgb = "Model API: BGR", reverses
    else:
        return Layer(TEXT, {})
    if _is_embedded(raw) and reverses:
        wants_rgb = not wants_rgb
        origin += ", which the graph makes itself"
    return Layer(origin, {"reverse_input_channels": str(wants_rgb)})


def _pixel_units(raw: Settings) -> Layer:
    """Convert mean and scale of pixels in 0 to 1 to those of pixels in 0 to 255.

    With v = pixel / top: (v - mean) / scale = (pixel - mean * top) / (scale * top).
    """
    mode = text_of(raw, "intensity_mode").lower()
    if mode != "scale_to_unit":
        return Layer(TEXT, {})
    top = read(raw, "intensity_max_value", positive) or MAX_VALUE
    mean, scale = read(raw, "mean_values", floats), read(raw, "scale_values", divisors)
    values = {"scale_values": _times(scale or (1.0,), top)}
    if mean:
        values["mean_values"] = _times(mean, top)
    return Layer(f"metadata, times {top:g} for intensity_mode = {mode}", values)


def _times(values: Iterable[float], factor: float) -> str:
    return " ".join(repr(value * factor) for value in values)


def _label_names(raw: Settings) -> Settings:
    """The names of the classes in `label_info`; `labels` has them without their spaces.

    Empty for other JSON: Model API does not read it.
    """
    try:
        names = json.loads(text_of(raw, "label_info"))["label_names"]
    except (ValueError, LookupError, TypeError):
        return {}
    usable = isinstance(names, list) and all(isinstance(name, str) and name for name in names)
    return {"labels": tuple(names)} if usable and names else {}


def _is_embedded(raw: Settings) -> bool:
    return read(raw, "embedded_processing", boolean) or False
