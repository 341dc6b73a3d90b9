"""All that `models info` says of a model: as one document, and as a table."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from facewire_server.inference.detector import Detector
from facewire_server.inference.network import Network
from facewire_server.inference.runtime import Runtime
from facewire_server.models.metadata import Metadata
from facewire_server.models.source import Source


def card(source: Source, device: str) -> dict[str, Any]:
    """Loads a model and describes it, in what JSON can say. Raises ModelError."""
    network = Network(source.read(), source.sidecar.input_size)
    metadata = Metadata.parse(source.settings(network.metadata))
    cost = network.cost
    description = Detector(source, Runtime(device=device)).description
    beside = source.path.with_suffix(".toml")
    return {
        **dataclasses.asdict(description),
        "version": description.version,
        "pad_value": metadata.pad_value or 0,
        "channels": "RGB" if metadata.reverse_input_channels else "BGR",
        "mean_values": metadata.mean,
        "scale_values": metadata.scale,
        "file_precision": source.precision or None,
        "parameters": cost.parameters,
        "gflops": cost.gflops,
        "path": str(source.path.resolve()),
        "override": str(beside.resolve()) if beside.is_file() else None,
    }


def rows(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The card as rows of a table, for people."""
    inside = "none: the network suppresses by itself"
    files = values["file_precision"]
    return [
        ("name", values["name"]),
        ("version", values["version"]),
        ("input", f"{values['input_width']}x{values['input_height']}"),
        ("channels", values["channels"]),
        ("mean", _numbers(values["mean_values"])),
        ("scale", _numbers(values["scale_values"])),
        ("resize", values["resize"]),
        ("padding", str(values["pad_value"])),
        ("head", values["head"]),
        ("labels", ", ".join(values["labels"])),
        ("min confidence", f"{values['min_confidence']:g}"),
        ("IoU threshold", f"{values['iou_threshold'] or inside}"),
        ("precision", values["precision"] + (f" (files: {files})" if files else "")),
        ("device", values["device"]),
        ("parameters", f"{values['parameters'] / 1e6:.3f} million"),
        ("GFLOPs", f"{values['gflops']:.3f}"),
        ("SHA-256", values["sha256"]),
        ("file", values["path"]),
        ("set beside it", values["override"] or "nothing"),
    ]


def _numbers(values: tuple[float, ...] | None) -> str:
    return "none" if values is None else " ".join(f"{value:g}" for value in values)
