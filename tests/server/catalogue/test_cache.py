"""The model cache: what is found in it, and the errors for missing and damaged files."""

import errno
from pathlib import Path

import pytest

from facewire_server.catalogue.cache import ModelCache
from facewire_server.catalogue.catalogue import PublishedModel
from facewire_server.errors import ModelError
from facewire_server.system.cache_folder import default_folder
from facewire_server.system.memory import is_shortage
from tests.server.catalogue import tiny

PULL = "facewire-server models pull tiny"


def fill(cache: ModelCache, precision: str) -> Path:
    """Put the files of a precision into the cache, as published."""
    folder = cache.folder / "models" / tiny.NAME / precision
    folder.mkdir(parents=True)
    for path, content in tiny.FILES.items():
        if path.startswith(f"{precision}/"):
            (folder / Path(path).name).write_bytes(content)
    return folder


def test_files_as_published_are_found(cache: ModelCache, model: PublishedModel) -> None:
    folder = fill(cache, "FP16")
    assert cache.find(model, None) == (folder / "tiny.xml", "FP16")
    assert cache.find(model, "FP16") == (folder / "tiny.xml", "FP16")


def test_the_default_precision_is_preferred(cache: ModelCache, model: PublishedModel) -> None:
    fill(cache, "FP16-INT8")
    assert cache.find(model, None)[1] == "FP16-INT8"
    fill(cache, "FP16")
    assert cache.find(model, None)[1] == "FP16"


def test_a_missing_model_is_refused_with_the_command_that_fetches_it(
    cache: ModelCache, model: PublishedModel
) -> None:
    with pytest.raises(ModelError, match=f"{PULL} --cache {cache.folder}$"):
        cache.find(model, None)
    with pytest.raises(ModelError, match=f"{PULL} --precision FP16-INT8 --cache"):
        cache.find(model, "FP16-INT8")


def test_the_default_cache_is_not_in_the_command(model: PublishedModel) -> None:
    assert ModelCache(default_folder()).pull_command(model, "FP16") == PULL


def test_an_incomplete_model_is_missing(cache: ModelCache, model: PublishedModel) -> None:
    (fill(cache, "FP16") / "tiny.xml").unlink()
    assert cache.complete(model) == ()
    assert cache.present(model) == ("FP16",)
    with pytest.raises(ModelError, match="to fetch it, type"):
        cache.find(model, None)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (tiny.BIN[:-1], "has 299999 bytes instead of 300000"),
        (tiny.BIN[:-1] + b"!", "has the SHA-384 .* instead of"),
    ],
)
def test_a_damaged_file_is_refused_with_the_command_that_mends_it(
    content: bytes, problem: str, cache: ModelCache, model: PublishedModel
) -> None:
    (fill(cache, "FP16") / "tiny.bin").write_bytes(content)
    with pytest.raises(ModelError, match=f"tiny.bin {problem}.*to mend it.*{PULL}"):
        cache.find(model, None)


def test_files_that_cannot_be_read_now_are_not_called_damaged(
    cache: ModelCache, model: PublishedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    fill(cache, "FP16")
    monkeypatch.setattr(Path, "open", fail)
    with pytest.raises(
        ModelError, match=r"tiny\.bin cannot be read: Too many open files"
    ) as caught:
        cache.find(model, None)
    assert is_shortage(caught.value)
