"""Metadata: parsed as OpenVINO's Model API writes it, refused where it is malformed."""

import pytest

from facewire_server.errors import ModelError
from facewire_server.image.target import ResizeMode
from facewire_server.models.metadata import Metadata, Tiling


def test_every_key_is_parsed() -> None:
    metadata = Metadata.parse(
        {
            "model_type": "ATSS",
            "labels": "face mask",
            "confidence_threshold": "0.35",
            "iou_threshold": "0.5",
            "nms_execute": "True",
            "nms_max_predictions": "0",
            "resize_type": "fit_to_window_letterbox",
            "pad_value": "114",
            "reverse_input_channels": "YES",
            "mean_values": "123.675 116.28 103.53",
            "scale_values": "58.395",
            "tile_size": "256",
            "tiles_overlap": "0.2",
            "tile_with_full_img": "NO",
            "max_pred_number": "500",
            "strides": "8 16 32",
            "octave_base_scale": "4",
            "target_stds": "0.1 0.1 0.2 0.2",
            "score_fusion": "geometric_mean",
            "kpt_shape": "[5, 3]",
            "end2end": "False",
            "unknown_key": "ignored",
        }
    )
    assert metadata == Metadata(
        model_type="ATSS",
        labels=("face", "mask"),
        confidence_threshold=0.35,
        iou_threshold=0.5,
        nms_execute=True,
        nms_max_predictions=0,
        resize_type=ResizeMode.FIT_TO_WINDOW_LETTERBOX,
        pad_value=114,
        reverse_input_channels=True,
        mean=(123.675, 116.28, 103.53),
        scale=(58.395,),
        tiling=Tiling(size=256, overlap=0.2, full_image=False, max_detections=500),
        strides=(8, 16, 32),
        octave_base_scale=4.0,
        target_stds=(0.1, 0.1, 0.2, 0.2),
        score_fusion="geometric_mean",
        kpt_shape=(5, 3),
        end2end=False,
    )


def test_tiles_need_no_more_than_their_size() -> None:
    tiling = Metadata.parse({"tile_size": "400"}).tiling
    assert tiling == Tiling(size=400, overlap=0.5, full_image=True, max_detections=None)
    assert Metadata.parse({"tiles_overlap": "0.2", "max_pred_number": "9"}).tiling is None


def test_absent_and_empty_values_are_none() -> None:
    assert Metadata.parse({"labels": "", "iou_threshold": " "}) == Metadata()


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("confidence_threshold", "1.5"),
        ("confidence_threshold", "nan"),
        ("iou_threshold", "half"),
        ("resize_type", "fold"),
        ("pad_value", "256"),
        ("reverse_input_channels", "perhaps"),
        ("nms_execute", "maybe"),
        ("kpt_shape", "5"),
        ("kpt_shape", "5, two"),
        ("end2end", "perhaps"),
        ("nms_max_predictions", "-1"),
        ("tile_size", "0"),
        ("tile_size", "12.5"),
        ("tiles_overlap", "1"),
        ("max_pred_number", "0"),
        ("mean_values", "1 2"),
        ("scale_values", "1 0 1"),
        ("strides", "8 0"),
        ("octave_base_scale", "-4"),
        ("target_stds", "0.1 0.1"),
        ("score_fusion", "sum"),
    ],
)
def test_a_malformed_value_is_refused_and_its_key_named(key: str, text: str) -> None:
    with pytest.raises(ModelError, match=f"{key} = '{text}'"):
        Metadata.parse({key: text})
