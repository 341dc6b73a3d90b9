"""The settings in the `metadata_props` of an ONNX file, translated to keys of an IR.

Known are three conventions: the keys of OpenVINO's tools with a prefix, those of Ultralytics'
exporters, and those that the ONNX standard has for images. A file has one of them. Keys of
other exporters are no settings, even where they have the name of one.
"""

import ast
import re
from collections.abc import Mapping

from facewire_server.errors import ModelError
from facewire_server.models.values import Settings

PREFIX = "model_info "
"""How Training Extensions and Model API begin a key that an IR has below `model_info`."""

ULTRALYTICS = frozenset({"names", "stride"})
"""The keys by which a file of Ultralytics is known, YOLOv5's included."""

ULTRALYTICS_INPUT: Settings = {
    "resize_type": "fit_to_window_letterbox",
    "pad_value": "114",
    "reverse_input_channels": "True",
    "scale_values": "255",
}
"""What Ultralytics' predictors do with an image; its exporter writes the same into an IR."""

ULTRALYTICS_IOU = "0.7"
"""The default of the argument `iou` of Ultralytics' predictors (not of YOLOv5's)."""

TASKS = ("detect", "pose")
"""The tasks of Ultralytics whose outputs are upright boxes."""

PIXEL_FORMAT, PIXEL_RANGE, GAMMA = (
    f"Image.{name}" for name in ("BitmapPixelFormat", "NominalPixelRange", "ColorSpaceGamma")
)
STANDARD: Mapping[str, Mapping[str, Settings]] = {
    PIXEL_FORMAT: {
        "bgr8": {"reverse_input_channels": "False"},
        "rgb8": {"reverse_input_channels": "True"},
    },
    PIXEL_RANGE: {
        "nominalrange_0_255": {},
        "normalized_0_1": {"scale_values": "255"},
        "normalized_1_1": {"mean_values": "127.5", "scale_values": "127.5"},
    },
    GAMMA: {"srgb": {}},
}
"""The keys of the ONNX standard (MetadataProps.md), and what their values mean here. Exporters
write the values in capitals and in small letters."""


def settings_of(properties: Mapping[str, str]) -> Settings:
    """Translate `metadata_props` to the keys that an IR has below `model_info`.

    Of Ultralytics' own keys `task`, `kpt_shape`, `imgsz` and `end2end` are kept, in the
    text form of Python. Raises ModelError for a value that cannot be used.
    """
    prefixed = {
        key.removeprefix(PREFIX): value
        for key, value in properties.items()
        if key.startswith(PREFIX)
    }
    if prefixed:
        return prefixed
    if properties.keys() >= ULTRALYTICS:
        return _ultralytics(properties)
    return _standard(properties)


def open_size(settings: Settings) -> tuple[int, int] | None:
    """Return the size for an input that the network leaves open, as Ultralytics wrote it.

    Width and height in pixels; None: the file has none. Raises ModelError.
    """
    text = settings.get("imgsz")
    if not isinstance(text, str):
        return None
    sides = [int(side) for side in re.findall(r"\d+", text)]
    if len(sides) not in (1, 2) or 0 in sides:
        raise ModelError(f"metadata imgsz = {text!r} is no height and width in pixels")
    return sides[-1], sides[0]


def _ultralytics(properties: Mapping[str, str]) -> Settings:
    """Translate the keys of Ultralytics' exporters. Raises ModelError."""
    settings = dict(ULTRALYTICS_INPUT)
    settings["labels"] = _names(properties["names"])
    if "task" in properties:
        if properties["task"] not in TASKS:
            raise ModelError(
                f"metadata task = {properties['task']!r} finds no upright boxes; what can be"
                f" served is {' and '.join(TASKS)}"
            )
        settings["iou_threshold"] = ULTRALYTICS_IOU
    kept = ("task", "kpt_shape", "imgsz")
    settings.update({key: properties[key] for key in kept if key in properties})
    arguments = _literal("args", properties.get("args", "{}"))
    suppresses = isinstance(arguments, dict) and arguments.get("nms") is True
    if suppresses or properties.get("end2end") == "True":
        settings["end2end"] = "True"
    return settings


def _names(text: str) -> tuple[str, ...]:
    """Return the names of the classes, in the order of their numbers. Raises ModelError."""
    names = _literal("names", text)
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or names.keys() != set(range(len(names))):
        raise ModelError(f"metadata names = {text!r} does not name each class from 0 on")
    return tuple(str(names[number]) for number in range(len(names)))


def _literal(key: str, text: str) -> object:
    """Read a value in the text form of Python. Raises ModelError."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise ModelError(f"metadata {key} = {text!r} cannot be read") from None


def _standard(properties: Mapping[str, str]) -> Settings:
    """Translate the keys of the ONNX standard. Raises ModelError."""
    settings: dict[str, str | tuple[str, ...]] = {}
    for key, meanings in STANDARD.items():
        if key not in properties:
            continue
        value = properties[key].lower()
        if value not in meanings:
            known = ", ".join(meanings)
            raise ModelError(f"metadata {key} = {value!r} is not supported, only {known}")
        settings.update(meanings[value])
    return settings
