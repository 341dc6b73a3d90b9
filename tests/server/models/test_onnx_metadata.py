"""The `metadata_props` of ONNX files, as exporters write them, become keys of an IR."""

import pytest

from facewire_server.errors import ModelError
from facewire_server.models.metadata import Metadata
from facewire_server.models.onnx_metadata import open_size, settings_of

POSE = {
    "description": "Ultralytics YOLOv8n-pose model trained on faces.yaml",
    "author": "Ultralytics",
    "date": "2026-11-01T12:00:00",
    "version": "8.3.40",
    "license": "AGPL-3.0 License (https://ultralytics.com/license)",
    "docs": "https://docs.ultralytics.com",
    "stride": "32",
    "task": "pose",
    "batch": "1",
    "imgsz": "[480, 640]",
    "names": "{0: 'face', 1: \"no mask\"}",
    "args": "{'batch': 1, 'half': False, 'dynamic': True, 'nms': False}",
    "kpt_shape": "[5, 3]",
}
"""What Ultralytics' exporter writes, each value as Python prints it."""

BGR_255 = {
    "Image.BitmapPixelFormat": "Bgr8",
    "Image.ColorSpaceGamma": "SRGB",
    "Image.NominalPixelRange": "NominalRange_0_255",
}


def test_keys_with_the_prefix_of_openvino_are_those_of_an_ir() -> None:
    properties = {"model_info labels": "face no_mask", "model_info pad_value": "114", "labels": "x"}
    assert settings_of(properties) == {"labels": "face no_mask", "pad_value": "114"}


def test_a_file_of_ultralytics_is_prepared_as_ultralytics_does() -> None:
    metadata = Metadata.parse(settings_of(POSE))
    assert metadata.labels == ("face", "no mask")
    assert metadata.resize_type == "fit_to_window_letterbox"
    assert (metadata.pad_value, metadata.reverse_input_channels) == (114, True)
    assert (metadata.mean, metadata.scale) == (None, (255.0,))
    assert metadata.iou_threshold == 0.7


def test_what_tells_the_outputs_of_ultralytics_is_kept() -> None:
    settings = settings_of(POSE)
    assert (settings["task"], settings["kpt_shape"]) == ("pose", "[5, 3]")
    assert "end2end" not in settings


@pytest.mark.parametrize("more", [{"end2end": "True"}, {"args": "{'nms': True}"}])
def test_a_file_of_ultralytics_that_suppresses_by_itself_says_so(more: dict[str, str]) -> None:
    assert settings_of(POSE | more)["end2end"] == "True"


def test_yolov5_has_names_and_a_stride_alone() -> None:
    settings = settings_of({"names": "['face', 'mask']", "stride": "32"})
    assert settings["labels"] == ("face", "mask")
    assert settings["scale_values"] == "255"
    assert "iou_threshold" not in settings


@pytest.mark.parametrize(("text", "size"), [("[480, 640]", (640, 480)), ("320", (320, 320))])
def test_an_open_input_has_the_size_of_the_export(text: str, size: tuple[int, int]) -> None:
    assert open_size(settings_of(POSE | {"imgsz": text})) == size


def test_a_file_without_a_size_leaves_it_open() -> None:
    assert open_size({}) is None


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, {"reverse_input_channels": "False"}),
        ({"Image.BitmapPixelFormat": "rgb8"}, {"reverse_input_channels": "True"}),
        (
            {"Image.NominalPixelRange": "Normalized_0_1"},
            {"reverse_input_channels": "False", "scale_values": "255"},
        ),
        (
            {"Image.NominalPixelRange": "normalized_1_1"},
            {
                "reverse_input_channels": "False",
                "mean_values": "127.5",
                "scale_values": "127.5",
            },
        ),
    ],
)
def test_the_pixels_that_the_onnx_standard_describes_are_given(
    more: dict[str, str], expected: dict[str, str]
) -> None:
    assert settings_of(BGR_255 | more) == expected


@pytest.mark.parametrize(
    "properties", [{}, {"labels": "a", "tile_size": "9"}, {"names": "{0: 'a'}"}]
)
def test_keys_of_other_exporters_are_no_settings(properties: dict[str, str]) -> None:
    assert settings_of(properties) == {}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("names", "{0: 'a', 2: 'b'}"),
        ("names", "{'a': 0}"),
        ("names", "face"),
        ("names", "__import__('os').getcwd()"),
        ("args", "{"),
        ("task", "segment"),
    ],
)
def test_a_value_of_ultralytics_that_cannot_be_used_is_named(key: str, value: str) -> None:
    with pytest.raises(ModelError, match=f"metadata {key} = "):
        settings_of(POSE | {key: value})


@pytest.mark.parametrize("value", ["", "[0, 640]", "[1, 3, 640, 640]"])
def test_a_size_that_is_none_is_named(value: str) -> None:
    with pytest.raises(ModelError, match="metadata imgsz = "):
        open_size(settings_of(POSE | {"imgsz": value}))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("Image.BitmapPixelFormat", "Gray8"),
        ("Image.NominalPixelRange", "NominalRange_16_235"),
        ("Image.ColorSpaceGamma", "Linear"),
    ],
)
def test_pixels_that_the_server_cannot_give_are_refused(key: str, value: str) -> None:
    with pytest.raises(ModelError, match=rf"metadata {key} = '{value.lower()}'.*only"):
        settings_of(BGR_255 | {key: value})
