"""The origins of a file in a mirror, by the form of the mirror's address."""

from pathlib import Path

import httpx
import pytest

from facewire_server.catalogue.catalogue import PublishedModel
from facewire_server.catalogue.mirror import origins
from facewire_server.errors import ModelError

PATHS = "published/1/tiny/FP16/tiny.bin", "tiny/FP16/tiny.bin"


def shown(model: PublishedModel, mirror: str | None) -> list[str]:
    """The addresses that are tried for the weights, as messages show them."""
    with httpx.Client() as client:
        return [str(each) for each in origins(model.files_in("FP16")[0], PATHS[1], mirror, client)]


def test_without_a_mirror_it_is_the_published_address(model: PublishedModel) -> None:
    assert shown(model, None) == [model.files_in("FP16")[0].url]


@pytest.mark.parametrize("base", ["http://a/b", "HTTPS://a", "memory://a", "file:///a/b"])
def test_a_mirror_has_two_paths_for_a_file(base: str, model: PublishedModel) -> None:
    start = base.replace("HTTPS", "https").replace("memory://", "memory:///")
    assert shown(model, f"{base}/") == [f"{start}/{path}" for path in PATHS]


def test_a_folder_has_two_paths_for_a_file(model: PublishedModel, tmp_path: Path) -> None:
    assert shown(model, str(tmp_path)) == [str(tmp_path / path) for path in PATHS]


@pytest.mark.parametrize(
    ("mirror", "message"),
    [
        ("no/such/folder", "^--mirror no/such/folder is neither an address nor a folder"),
        ("cloud://bucket", "^--mirror cloud://bucket: Protocol not known: cloud$"),
        ("sftp://me:secret@host/a?secret", r"^--mirror sftp://host/a\?\.\.\.: .*paramiko"),
        ("http://me:secret@host:port", "^'http://host:port/published.* is no address$"),
        ("http://me:se/secret@host", None),
    ],
)
def test_a_bad_mirror_is_refused_without_its_secrets(
    mirror: str, message: str | None, model: PublishedModel
) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        shown(model, mirror)
    assert "secret" not in str(caught.value)
