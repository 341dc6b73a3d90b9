"""The TOML file beside a model: every key is read, malformed ones name the file."""

from pathlib import Path

import pytest

from facewire_server.errors import ModelError
from facewire_server.image.target import ResizeMode
from facewire_server.models.metadata import Metadata
from facewire_server.models.sidecar import Sidecar


def read(folder: Path, text: str) -> Sidecar:
    (folder / "model.toml").write_text(text)
    return Sidecar.beside(folder / "model.xml")


def test_without_a_file_all_is_default(tmp_path: Path) -> None:
    assert Sidecar.beside(tmp_path / "model.xml") == Sidecar()


def test_every_key_is_read_from_its_toml_type(tmp_path: Path) -> None:
    sidecar = read(
        tmp_path,
        """
        name = "masks"
        input_width = 640
        input_height = 384
        ignored_keys = ["interpolation_mode"]
        model_type = "ATSS"
        labels = ["face", "no mask"]
        confidence_threshold = 0.35
        iou_threshold = 1
        resize_type = "crop"
        pad_value = 114
        reverse_input_channels = true
        mean_values = [123.675, 116.28, 103.53]
        scale_values = 58.395
        strides = [8, 16, 32]
        octave_base_scale = 4
        target_stds = [0.1, 0.1, 0.2, 0.2]
        score_fusion = "geometric_mean"
        """,
    )
    assert (sidecar.name, sidecar.input_size) == ("masks", (640, 384))
    assert sidecar.ignored_keys == ("interpolation_mode",)
    assert Metadata.parse(sidecar.metadata) == Metadata(
        model_type="ATSS",
        labels=("face", "no mask"),
        confidence_threshold=0.35,
        iou_threshold=1.0,
        resize_type=ResizeMode.CROP,
        pad_value=114,
        reverse_input_channels=True,
        mean=(123.675, 116.28, 103.53),
        scale=(58.395,),
        strides=(8, 16, 32),
        octave_base_scale=4.0,
        target_stds=(0.1, 0.1, 0.2, 0.2),
        score_fusion="geometric_mean",
    )


def test_labels_in_one_text_are_split_at_spaces(tmp_path: Path) -> None:
    sidecar = read(tmp_path, 'labels = "face mask"')
    assert Metadata.parse(sidecar.metadata).labels == ("face", "mask")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("threshold = 0.5", "'threshold' is no key; there are: .*confidence_threshold"),
        (
            "confidence_threshold = 1.5",
            "metadata confidence_threshold = '1.5' makes no sense",
        ),
        ("strides = [8, 0]", "metadata strides = '8 0' makes no sense"),
        ("labels = [['face']]", "labels = .* is no text, number, truth value or list"),
        ("pad_value = 2026-01-01", "pad_value = .* is no text"),
        ("[labels]", "labels = {} is no text"),
        ("name = 7", "name = 7 is no name"),
        ("name = ' '", "name = ' ' is no name"),
        ("input_width = 640", "input_width and input_height"),
        ("input_width = true\ninput_height = 1", "input_width and input_height"),
        ("ignored_keys = 'nms_execute'", "ignored_keys = 'nms_execute' is no list of keys"),
        ("labels = face", "cannot be read: .*line 1"),
    ],
)
def test_a_malformed_value_is_refused_and_the_file_named(
    text: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=f"{tmp_path}/model.toml:? {message}"):
        read(tmp_path, text)


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ModelError, match=r"model.toml cannot be read"):
        Sidecar.beside(tmp_path / "model.xml")
