"""What lies in the cache, and what is said when it is not what it should be."""

from pathlib import Path

import pytest

from facewire_server.catalogue.cache import Cache
from facewire_server.catalogue.entry import Entry
from facewire_server.errors import ModelError
from facewire_server.system.cache_folder import default_folder
from tests.server.catalogue import tiny

PULL = "facewire-server models pull tiny"


def keep(models: Cache, precision: str) -> Path:
    """Puts the files of a precision into the cache, as published."""
    folder = models.folder / "models" / tiny.NAME / precision
    folder.mkdir(parents=True)
    for path, content in tiny.FILES.items():
        if path.startswith(f"{precision}/"):
            (folder / Path(path).name).write_bytes(content)
    return folder


def test_files_as_published_are_found(models: Cache, entry: Entry) -> None:
    folder = keep(models, "FP16")
    assert models.find(entry, None) == (folder / "tiny.xml", "FP16")
    assert models.find(entry, "FP16") == (folder / "tiny.xml", "FP16")


def test_the_default_precision_goes_before_others(models: Cache, entry: Entry) -> None:
    keep(models, "FP16-INT8")
    assert models.find(entry, None)[1] == "FP16-INT8"
    keep(models, "FP16")
    assert models.find(entry, None)[1] == "FP16"


def test_a_model_that_is_not_there_is_refused_with_what_to_type(
    models: Cache, entry: Entry
) -> None:
    with pytest.raises(ModelError, match=f"{PULL} --cache {models.folder}$"):
        models.find(entry, None)
    with pytest.raises(ModelError, match=f"{PULL} --precision FP16-INT8 --cache"):
        models.find(entry, "FP16-INT8")


def test_the_users_own_cache_need_not_be_typed(entry: Entry) -> None:
    assert Cache(default_folder()).pull_command(entry, "FP16") == PULL


def test_half_a_model_is_not_there(models: Cache, entry: Entry) -> None:
    (keep(models, "FP16") / "tiny.xml").unlink()
    assert models.held(entry) == ()
    assert models.begun(entry) == ("FP16",)
    with pytest.raises(ModelError, match="to fetch it, type"):
        models.find(entry, None)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (tiny.BIN[:-1], "has 299999 bytes instead of 300000"),
        (tiny.BIN[:-1] + b"!", "has the SHA-384 .* instead of"),
    ],
)
def test_a_file_that_is_not_as_published_is_refused_with_how_to_mend_it(
    content: bytes, problem: str, models: Cache, entry: Entry
) -> None:
    (keep(models, "FP16") / "tiny.bin").write_bytes(content)
    with pytest.raises(ModelError, match=f"tiny.bin {problem}.*to mend it.*{PULL}"):
        models.find(entry, None)
