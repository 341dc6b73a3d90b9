"""The published catalogue, and the tables that it is read from."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from facewire_server.catalogue.catalogue import Catalogue
from facewire_server.catalogue.entry import Entry
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


def published(names: Iterable[str]) -> list[Entry]:
    return [Catalogue.published().get(name) for name in names]


def test_the_family_the_embedded_model_and_yunet_are_published() -> None:
    names = {entry.name for entry in Catalogue.published()}
    assert names == FAMILY | {EMBEDDED, "yunet-320", "yunet-640"}


def test_the_family_comes_in_three_precisions_fp16_first() -> None:
    for entry in published(FAMILY):
        assert entry.precisions == PRECISIONS


def test_an_ir_is_two_files_and_its_xml_is_put_in_place_last() -> None:
    for entry in published(FAMILY):
        for precision in entry.precisions:
            weights, description = entry.files_in(precision)
            assert weights.name == f"{entry.name}.bin"
            assert description.name == f"{entry.name}.xml"


def test_every_file_has_a_hash_and_an_address_that_ends_in_its_name() -> None:
    for entry in Catalogue.published():
        for precision in entry.precisions:
            for file in entry.files_in(precision):
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
    entry = Catalogue.published().get(name)
    assert entry.labels == labels
    assert entry.defaults == {"labels": " ".join(labels)}


def test_a_misspelt_name_is_refused_with_those_that_are_like_it() -> None:
    with pytest.raises(ModelError, match="did you mean face-detection-0206"):
        Catalogue.published().get("face-detection-206")


def test_a_name_like_no_other_is_refused_with_where_to_look() -> None:
    with pytest.raises(ModelError, match=r"'zebra'; Give.*models list"):
        Catalogue.published().get("zebra")


def test_a_precision_that_there_is_not_is_refused_with_those_that_are() -> None:
    with pytest.raises(ModelError, match=r"not come in FP16; it comes in FP32$"):
        Catalogue.published().get("yunet-640").files_in("FP16")


def test_an_accuracy_that_nobody_states_is_none(tmp_path: Path) -> None:
    tables = tiny.write(tmp_path, "http://models.invalid")
    models = tables / "models.tsv"
    models.write_text(models.read_text().replace("91.5", ""))
    assert Catalogue.read(tables).get(tiny.NAME).ap is None
