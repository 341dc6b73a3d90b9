"""Metadata as exporters write it: translated to our settings, or refused by its key."""

import pytest

from facewire_server.errors import ModelError
from facewire_server.models.exporters import (
    Layer,
    embedded_size,
    merged,
    origin,
    translate,
    unread,
)
from facewire_server.models.metadata import Metadata
from facewire_server.models.values import Settings

OTX = {"otx_version": "2.6.0"}
GETITUNE = {"getitune_version": "0.4.0"}
SAVED = {"embedded_processing": "YES", "orig_width": "416", "orig_height": "320"}


def read(raw: Settings) -> Metadata:
    return Metadata.parse(merged(translate(raw)))


@pytest.mark.parametrize(
    ("exporter", "key", "channels"),
    [
        ({}, "False", "BGR"),
        ({}, "True", "RGB"),
        (OTX, "False", "RGB"),
        (OTX, "True", "BGR"),
        (GETITUNE, "False", "RGB"),
        (GETITUNE, "True", "RGB"),
        # A graph that swaps by itself wants the other order.
        (SAVED, "NO", "BGR"),
        (SAVED, "YES", "BGR"),
        (SAVED | OTX, "NO", "RGB"),
        (SAVED | OTX, "YES", "RGB"),
        (SAVED | GETITUNE, "NO", "RGB"),
        (SAVED | GETITUNE, "YES", "BGR"),
    ],
)
def test_the_exporter_tells_the_order_of_channels(
    exporter: dict[str, str], key: str, channels: str
) -> None:
    metadata = read(exporter | {"reverse_input_channels": key})
    assert metadata.reverse_input_channels is (channels == "RGB")


def test_an_exporter_without_the_key_gives_what_its_application_gives() -> None:
    assert read(OTX).reverse_input_channels
    assert read(GETITUNE).reverse_input_channels
    assert not read(SAVED).reverse_input_channels
    assert not read({}).reverse_input_channels


def test_scale_to_unit_is_in_mean_and_scale() -> None:
    raw = {
        "intensity_mode": "scale_to_unit",
        "mean_values": "0.5 0.25 0",
        "scale_values": "0.5 0.25 1",
    }
    assert read(raw).mean == (127.5, 63.75, 0.0)
    assert read(raw).scale == (127.5, 63.75, 255.0)
    assert read(raw | {"intensity_max_value": "200"}).scale == (100.0, 50.0, 200.0)


def test_scale_to_unit_without_mean_and_scale_divides_by_255() -> None:
    metadata = read({"intensity_mode": "scale_to_unit"})
    assert (metadata.mean, metadata.scale) == (None, (255.0,))
    assert read({"intensity_mode": "none", "scale_values": "2"}).scale == (2.0,)


def test_a_graph_with_its_own_preprocessing_gets_none_of_ours() -> None:
    raw = SAVED | {
        "mean_values": "1 2 3",
        "scale_values": "2",
        "intensity_mode": "scale_to_unit",
        "pad_value": "114",
        "resize_type": "fit_to_window_letterbox",
    }
    metadata = read(raw)
    assert (metadata.mean, metadata.scale) == (None, None)
    assert (metadata.pad_value, metadata.resize_type) == (114, "fit_to_window_letterbox")
    assert embedded_size(raw) == (416, 320)
    assert embedded_size(raw | {"embedded_processing": "NO"}) is None
    assert embedded_size({}) is None


@pytest.mark.parametrize("sizes", [{}, {"orig_width": " "}, {"orig_width": "0"}])
def test_a_graph_with_its_own_preprocessing_has_to_tell_its_size(sizes: dict[str, str]) -> None:
    with pytest.raises(ModelError, match="needs orig_width and orig_height.* save the model"):
        embedded_size({"embedded_processing": "YES", "orig_height": "416"} | sizes)
    with pytest.raises(ModelError, match="metadata orig_width = 'wide' makes no sense"):
        embedded_size(SAVED | {"orig_width": "wide"})


def test_label_info_has_the_names_before_labels() -> None:
    raw = {"labels": "face no_mask", "label_info": '{"label_names": ["face", "no mask"]}'}
    assert read(raw).labels == ("face", "no mask")
    assert read({"label_info": raw["label_info"]}).labels == ("face", "no mask")


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "null", "no JSON", '{"label_names": []}', '{"label_names": [1]}']
)
def test_label_info_without_names_leaves_labels(text: str) -> None:
    assert read({"labels": "face no_mask", "label_info": text}).labels == ("face", "no_mask")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("intensity_mode", "window"),
        ("intensity_mode", "percentile"),
        ("intensity_mode", "range_scale"),
        ("intensity_mode", "of tomorrow"),
        ("intensity_repeat_channels", "True"),
        ("input_dtype", "u16"),
        ("input_dtype", "f32"),
        ("interpolation_mode", "CUBIC"),
        ("path_to_labels", "labels.txt"),
    ],
)
def test_a_value_that_changes_the_result_is_refused_with_what_to_do(key: str, value: str) -> None:
    with pytest.raises(ModelError, match=rf"metadata {key} = '{value}'.*ignored_keys = \[\"{key}"):
        translate({key: value})


@pytest.mark.parametrize("key", ["intensity_gamma", "nms_sigma", "tile_border", "resize_filter"])
def test_an_unknown_key_of_preprocessing_or_suppression_is_refused(key: str) -> None:
    with pytest.raises(ModelError, match=f"metadata {key} = '1' is not known"):
        translate({key: "1"})


def test_suppression_across_classes_is_refused_where_boxes_are_suppressed() -> None:
    with pytest.raises(ModelError, match="metadata agnostic_nms = 'YES'"):
        translate({"agnostic_nms": "YES", "nms_execute": "YES"})
    assert read({"agnostic_nms": "YES", "nms_execute": "NO"}) == Metadata()
    assert read({"agnostic_nms": "NO", "nms_execute": "YES"}).nms_execute


def test_what_model_api_saves_by_default_is_accepted() -> None:
    raw = {
        "agnostic_nms": "NO",
        "embedded_processing": "NO",
        "input_dtype": "u8",
        "intensity_min_value": "0",
        "intensity_mode": "none",
        "intensity_percentile_high": "99",
        "intensity_percentile_low": "1",
        "intensity_repeat_channels": "NO",
        "intensity_scale_factor": "1",
        "interpolation_mode": "LINEAR",
        "path_to_labels": "",
    }
    assert read(raw) == Metadata()


def test_keys_that_change_nothing_are_told() -> None:
    raw = OTX | {"model_name": "atss", "label_ids": "0", "labels": "face", "license": "MIT"}
    assert unread(raw) == ("label_ids", "license", "model_name")
    assert read(raw) == Metadata(labels=("face",), reverse_input_channels=True)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("reverse_input_channels", "perhaps"),
        ("embedded_processing", "a bit"),
        ("intensity_max_value", "0"),
    ],
)
def test_a_malformed_value_is_refused_and_its_key_named(key: str, value: str) -> None:
    raw = OTX | {"intensity_mode": "scale_to_unit", key: value}
    with pytest.raises(ModelError, match=f"metadata {key} = '{value}' makes no sense"):
        translate(raw)


def test_the_origin_of_a_setting_is_the_last_layer_that_has_it() -> None:
    layers = (*translate(OTX | {"pad_value": "1"}), Layer("sidecar", {"pad_value": "2"}))
    assert origin(layers, "pad_value") == "sidecar"
    assert origin(layers, "labels") is None
    convention = origin(layers, "reverse_input_channels")
    assert convention == ("Training Extensions 2.6.0: reverse_input_channels = False means RGB")
    embedded = translate(SAVED | OTX | {"reverse_input_channels": "YES"})
    assert origin(embedded, "reverse_input_channels") == (
        "Training Extensions 2.6.0: reverse_input_channels = True means BGR,"
        " which the graph makes itself"
    )
