"""The published catalogue, and reading it from its tables."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from facewire_server.catalogue.catalogue import Catalogue, PublishedModel
from facewire_server.config import PRECISIONS
from facewire_server.errors import ModelError
from facewire_server.models.source import EMBEDDED
from tests.server.catalogue import tiny

FAMILY = {
    "face-detection-0200",
    "face-detection-0202",
    "face-detection-0204",
    "face-detection-0205",
    "face-detection-0206",
    "face-detection-adas-0001",
    "face-detection-retail-0004",
    "face-detection-retail-0005",
}


def published(names: Iterable[str]) -> list[PublishedModel]:
    return [Catalogue.published().get(name) for name in names]


def test_the_family_the_embedded_model_and_yunet_are_published() -> None:
    names = {model.name for model in Catalogue.published()}
    assert names == FAMILY | {EMBEDDED, "yunet-320", "yunet-640"}


def test_the_family_is_published_in_three_precisions() -> None:
    for model in published(FAMILY):
        assert model.precisions == PRECISIONS


def test_an_ir_is_two_files_and_its_xml_comes_last() -> None:
    for model in published(FAMILY):
        for precision in model.precisions:
            weights, description = model.files_in(precision)
            assert weights.name == f"{model.name}.bin"
            assert description.name == f"{model.name}.xml"


def test_every_file_has_a_hash_and_an_address_that_ends_in_its_name() -> None:
    for model in Catalogue.published():
        for precision in model.precisions:
            for file in model.files_in(precision):
                assert len(bytes.fromhex(file.sha384)) == 48
                assert file.url.startswith("https://")
                assert file.url.endswith(f"/{file.name}")


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("face-detection-0206", ("face",)),
        ("face-detection-adas-0001", ("background", "face")),
        ("face-detection-retail-0005", ("background", "face")),
    ],
)
def test_the_labels_say_which_class_is_the_face(name: str, labels: tuple[str, ...]) -> None:
    model = Catalogue.published().get(name)
    assert model.labels == labels
    assert model.defaults == {"labels": " ".join(labels)}


def test_a_misspelt_name_is_refused_with_similar_ones() -> None:
    with pytest.raises(ModelError, match="did you mean face-detection-0206"):
        Catalogue.published().get("face-detection-206")


def test_an_unknown_name_is_refused_with_the_list_command() -> None:
    with pytest.raises(ModelError, match=r"'zebra'; Give.*models list"):
        Catalogue.published().get("zebra")


def test_an_unpublished_precision_is_refused_with_the_published_ones() -> None:
    with pytest.raises(ModelError, match=r"not come in FP16; it comes in FP32$"):
        Catalogue.published().get("yunet-640").files_in("FP16")


def test_an_accuracy_that_is_not_stated_is_none(tmp_path: Path) -> None:
    tables = tiny.write(tmp_path, "http://models.invalid")
    table = tables / "models.tsv"
    table.write_text(table.read_text().replace("91.5", ""))
    assert Catalogue.read(tables).get(tiny.NAME).ap is None
