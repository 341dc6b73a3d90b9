"""Reading a network: its input, its outputs, and files that are none."""

import re
from pathlib import Path

import openvino as ov
import pytest

from facewire_server.errors import ModelError
from facewire_server.inference.network import Network, short_message
from facewire_server.models.files import ModelFiles
from facewire_server.models.source import EMBEDDED, Source
from tests.server.onnx_writer import SIDE, write_onnx

BOX = (8.0, 16.0, 24.0, 32.0, 0.9)
SHARED = Path(__file__).parents[4] / "shared" / "models"


def test_a_fixed_input_of_another_size_is_refused() -> None:
    files = Source.find(EMBEDDED).read()
    width, height = Network(files).input_size
    assert Network(files, (width, height)).input_size == (width, height)
    with pytest.raises(ModelError, match=f"is fixed at {width} x {height}"):
        Network(files, (width + 1, height))


@pytest.mark.parametrize(
    "shape",
    [
        (1, 3, SIDE, SIDE),
        (8, 3, SIDE, SIDE),
        ("N", 3, SIDE, SIDE),
        ("N", 3, "H", "W"),
        (1, SIDE, SIDE, 3),
        ("N", "H", "W", 3),
    ],
)
def test_any_batch_and_an_open_size_are_fixed(tmp_path: Path, shape: tuple[int | str, ...]) -> None:
    files = ModelFiles.read(write_onnx(tmp_path / "m.onnx", [BOX], shape=shape))
    assert Network(files, (SIDE, SIDE)).input_size == (SIDE, SIDE)


@pytest.mark.parametrize(
    ("shape", "baked", "words"),
    [
        ((8, 3, SIDE, SIDE), (8, 3 * SIDE * SIDE), "input of [8,3,64,64]"),
        (("N", 3, SIDE, SIDE), (8, 3 * SIDE * SIDE), "does not work with [1,3,64,64]"),
        (("N", 3, "H", "W"), (1, 3 * SIDE * SIDE), "set input_width and input_height"),
    ],
)
def test_a_batch_or_size_fixed_inside_is_a_model_error(
    tmp_path: Path, shape: tuple[int | str, ...], baked: tuple[int, ...], words: str
) -> None:
    files = ModelFiles.read(write_onnx(tmp_path / "m.onnx", [BOX], shape=shape, baked=baked))
    with pytest.raises(ModelError, match=re.escape(words)) as caught:
        Network(files)
    assert "\n" not in str(caught.value)
    if "H" in shape:
        assert Network(files, (SIDE, SIDE)).input_size == (SIDE, SIDE)


def test_an_open_size_is_that_of_the_export(tmp_path: Path) -> None:
    metadata = {"names": "{0: 'face'}", "stride": "32", "imgsz": "[32, 96]"}
    path = write_onnx(tmp_path / "m.onnx", [BOX], shape=("N", 3, "H", "W"), metadata=metadata)
    files = ModelFiles.read(path)
    assert Network(files).input_size == (96, 32)
    assert Network(files, (64, 64)).input_size == (64, 64)


def test_metadata_of_an_onnx_file_outlasts_its_conversion(tmp_path: Path) -> None:
    metadata = {"model_info labels": "face no_mask", "other": "x"}
    path = write_onnx(tmp_path / "m.onnx", [BOX], metadata=metadata)
    expected = {"labels": "face no_mask"}
    assert Network(ModelFiles.read(path)).metadata == expected
    ov.save_model(ov.Core().read_model(path), tmp_path / "m.xml")
    assert Network(ModelFiles.read(tmp_path / "m.xml")).metadata == expected


def test_an_onnx_file_of_training_extensions_has_the_metadata_of_its_ir() -> None:
    folder = SHARED / "otx"
    if not folder.is_dir():
        pytest.skip("../shared/models/otx is not here")
    onnx, ir = (
        Network(ModelFiles.read(folder / path)).metadata
        for path in ("otx26-yolox-tiny-narrow-onnx/model.onnx", "otx26-yolox-tiny-narrow/model.xml")
    )
    assert onnx["otx_version"] == "2.6.0"
    assert onnx == ir


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("Check failed at src/core.cpp:1\n\n  No such device\n", "No such device"),
        ("", "OpenVINO says nothing"),
    ],
)
def test_the_short_message_is_the_last_line(message: str, shown: str) -> None:
    assert short_message(RuntimeError(message)) == shown
