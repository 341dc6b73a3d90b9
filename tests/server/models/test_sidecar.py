"""The TOML file beside a model: read by its keys, refused by its name."""

from pathlib import Path

import pytest

from facewire_server.errors import ModelError
from facewire_server.image.target import ResizeMode
from facewire_server.models.metadata import Metadata
from facewire_server.models.sidecar import Sidecar


def beside(folder: Path, text: str) -> Sidecar:
    (folder / "model.toml").write_text(text)
    return Sidecar.beside(folder / "model.xml")


def test_without_a_file_nothing_is_overridden(tmp_path: Path) -> None:
    assert Sidecar.beside(tmp_path / "model.xml") == Sidecar()


def test_every_key_is_read_in_toml_of_its_own_kind(tmp_path: Path) -> None:
    override = beside(
        tmp_path,
        """
        name = "masks"
        input_width = 640
        input_height = 384
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
    assert (override.name, override.input_size) == ("masks", (640, 384))
    assert Metadata.parse(override.metadata) == Metadata(
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


def test_labels_in_one_text_are_words(tmp_path: Path) -> None:
    override = beside(tmp_path, 'labels = "face mask"')
    assert Metadata.parse(override.metadata).labels == ("face", "mask")


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
        ("labels = face", "cannot be read: .*line 1"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_file(
    text: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=f"{tmp_path}/model.toml:? {message}"):
        beside(tmp_path, text)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ModelError, match=r"model.toml cannot be read"):
        Sidecar.beside(tmp_path / "model.xml")
