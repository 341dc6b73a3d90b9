"""What `facewire-server models info` prints of a model, and where each setting is from."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from facewire_server.inference.detector import Detector
from facewire_server.inference.heads import recognise
from facewire_server.inference.network import Network
from facewire_server.inference.runtime import Runtime
from facewire_server.models.exporters import embedded_size, merged, origin, unread
from facewire_server.models.metadata import Metadata
from facewire_server.models.source import Source

SETTINGS = {
    "channels": "reverse_input_channels",
    "mean_values": "mean_values",
    "scale_values": "scale_values",
    "resize": "resize_type",
    "pad_value": "pad_value",
    "tiling": "tile_size",
    "labels": "labels",
    "min_confidence": "confidence_threshold",
    "iou_threshold": "iou_threshold",
}
"""The values of a description that can be set, with their keys."""

DEFAULT = "default"
"""The origin of a value that nobody has set."""


def document(source: Source, device: str) -> dict[str, Any]:
    """Load a model and describe it in values of JSON. Raises ModelError."""
    network = Network(source.read(), source.sidecar.input_size)
    layers = source.layers(network.metadata)
    metadata = Metadata.parse(merged(layers))
    head = recognise(network.outputs, network.input_size, metadata)
    cost = network.cost
    description = Detector(source, Runtime(device=device)).description
    beside = source.path.with_suffix(".toml")
    origins = {name: origin(layers, key) or DEFAULT for name, key in SETTINGS.items()}
    if not description.iou_threshold:
        origins["iou_threshold"] = origin(layers, "nms_execute") or DEFAULT
    return {
        **dataclasses.asdict(description),
        "version": description.version,
        "pad_value": head.pad_value,
        "channels": "RGB" if head.rgb else "BGR",
        "mean_values": head.mean,
        "scale_values": head.scale,
        "tiling": metadata.tiling and dataclasses.asdict(metadata.tiling),
        "file_precision": source.precision or None,
        "parameters": cost.parameters,
        "gflops": cost.gflops,
        "path": str(source.path.resolve()),
        "override": str(beside.resolve()) if beside.is_file() else None,
        "origins": {
            "name": _name_origin(source),
            "input_size": _size_origin(source, network),
            **origins,
        },
        "unread_keys": unread(network.metadata),
    }


def rows(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Convert a document to rows of a table; settings are followed by their origin."""
    inside = "none: the network suppresses by itself"
    files = values["file_precision"]

    def row(title: str, value: str, setting: str = "") -> tuple[str, str]:
        return title, f"{value} ({values['origins'][setting]})" if setting else value

    return [
        row("name", values["name"], "name"),
        row("version", values["version"]),
        row("input", f"{values['input_width']}x{values['input_height']}", "input_size"),
        row("channels", values["channels"], "channels"),
        row("mean", _numbers(values["mean_values"]), "mean_values"),
        row("scale", _numbers(values["scale_values"]), "scale_values"),
        row("resize", values["resize"], "resize"),
        row("padding", str(values["pad_value"]), "pad_value"),
        row("tiles", _tiles(values["tiling"]), "tiling"),
        row("head", values["head"]),
        row("labels", ", ".join(values["labels"]), "labels"),
        row("min confidence", f"{values['min_confidence']:g}", "min_confidence"),
        row("IoU threshold", f"{values['iou_threshold'] or inside}", "iou_threshold"),
        row("precision", values["precision"] + (f" (files: {files})" if files else "")),
        row("device", values["device"]),
        row("parameters", f"{values['parameters'] / 1e6:.3f} million"),
        row("GFLOPs", f"{values['gflops']:.3f}"),
        row("SHA-256", values["sha256"]),
        row("file", values["path"]),
        row("set beside it", values["override"] or "nothing"),
        row("not read", ", ".join(values["unread_keys"]) or "nothing"),
    ]


def _name_origin(source: Source) -> str:
    if source.sidecar.name:
        return "sidecar"
    return "catalogue" if source.precision else "name of the file"


def _size_origin(source: Source, network: Network) -> str:
    if embedded_size(network.metadata):
        return "metadata orig_width, orig_height"
    if not network.has_open_size:
        return "network"
    return "sidecar" if source.sidecar.input_size else DEFAULT


def _numbers(values: tuple[float, ...] | None) -> str:
    return "none" if values is None else " ".join(f"{value:g}" for value in values)


def _tiles(tiling: Mapping[str, Any] | None) -> str:
    if tiling is None:
        return "none"
    whole = ", and the whole image" if tiling["full_image"] else ""
    return f"{tiling['size']}x{tiling['size']}, overlapping by {tiling['overlap']:.0%}{whole}"
