"""What `models info` prints: each setting with its origin, and keys that change nothing."""

from pathlib import Path
from typing import Any

import openvino as ov
import pytest

from facewire_server.cli import model_info
from facewire_server.models.source import Source
from tests.server.constant_model import Row, write_constant_model

ROWS: list[Row] = [(0, 0, 9, 9, 0.9, 0)]


def described_as(model: Path) -> dict[str, Any]:
    return model_info.document(Source.find(str(model)), "CPU")


def table_of(model: Path) -> dict[str, str]:
    return dict(model_info.rows(described_as(model)))


def test_the_document_has_the_origin_of_each_setting(tmp_path: Path) -> None:
    metadata = {
        "otx_version": "2.6.0",
        "label_info": "{&quot;label_names&quot;: [&quot;no mask&quot;]}",
        "labels": "no_mask",
        "reverse_input_channels": "True",
        "tile_size": "400",
        "model_name": "atss",
    }
    model = write_constant_model(tmp_path / "own.xml", ROWS, metadata)
    model.with_suffix(".toml").write_text("confidence_threshold = 0.3")
    described = described_as(model)
    assert described["origins"] == {
        "name": "name of the file",
        "input_size": "network",
        "channels": "Training Extensions 2.6.0: reverse_input_channels = True means BGR",
        "mean_values": "default",
        "scale_values": "default",
        "resize": "default",
        "pad_value": "default",
        "tiling": "metadata",
        "labels": "metadata label_info",
        "min_confidence": "sidecar",
        "iou_threshold": "default",
    }
    assert described["labels"] == ("no mask",)
    assert described["unread_keys"] == ("model_name",)
    assert described["tiling"] == {
        "size": 400,
        "overlap": 0.5,
        "full_image": True,
        "max_detections": None,
    }


def test_suppression_has_the_origin_of_what_asks_for_it(tmp_path: Path) -> None:
    metadata = {"iou_threshold": "0.4"}
    model = write_constant_model(tmp_path / "own.xml", ROWS, metadata)
    assert table_of(model)["IoU threshold"] == "none: the network suppresses by itself (default)"
    model.with_suffix(".toml").write_text("nms_execute = true")
    assert table_of(model)["IoU threshold"] == "0.4 (metadata)"
    model.with_suffix(".toml").write_text("nms_execute = false")
    assert table_of(model)["IoU threshold"] == "none: the network suppresses by itself (sidecar)"


def test_tiles_are_described(tmp_path: Path) -> None:
    metadata = {"tile_size": "256", "tiles_overlap": "0.2"}
    model = write_constant_model(tmp_path / "own.xml", ROWS, metadata)
    tiles = "256x256, overlapping by 20%, and the whole image (metadata)"
    assert table_of(model)["tiles"] == tiles


@pytest.mark.parametrize(
    ("metadata", "sidecar", "row"),
    [
        ({}, "", "640x640 (default)"),
        ({}, "input_width = 64\ninput_height = 32", "64x32 (sidecar)"),
        (
            {"embedded_processing": "YES", "orig_width": "96", "orig_height": "48"},
            "",
            "96x48 (metadata orig_width, orig_height)",
        ),
    ],
)
def test_an_open_size_has_the_origin_of_who_chose_it(
    tmp_path: Path, metadata: dict[str, str], sidecar: str, row: str
) -> None:
    fixed = write_constant_model(tmp_path / "fixed.xml", ROWS, metadata)
    network = ov.Core().read_model(fixed)
    network.reshape([1, 3, -1, -1])
    model = tmp_path / "open.xml"
    ov.save_model(network, model)
    model.with_suffix(".toml").write_text(sidecar)
    assert table_of(model)["input"] == row
