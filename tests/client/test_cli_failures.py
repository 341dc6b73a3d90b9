"""The command `facewire` where the server, or what it is told of it, is no good."""

import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from facewire_client.cli.root import root
from facewire_client.errors import FaceClientError
from tests.client.fake_server import FakeServer, break_after


def run(fake: FakeServer, *arguments: str) -> Result:
    return CliRunner().invoke(root, [*arguments, "--server", fake.target])


@pytest.fixture
def photos(tmp_path: Path) -> Sequence[str]:
    """Four files; the fake server looks at no image."""
    paths = [tmp_path / f"{number}.jpg" for number in range(4)]
    for path in paths:
        path.write_bytes(b"image")
    return [str(path) for path in paths]


def test_the_timeout_holds_for_several_images(fake: FakeServer, photos: Sequence[str]) -> None:
    fake.answer = fake.hang
    result = run(fake, "detect", *photos, "--timeout", "0.05")
    assert result.exit_code == 1
    assert "did not answer in time" in result.stderr


def test_answers_that_came_before_a_stream_broke_are_printed(
    fake: FakeServer, photos: Sequence[str]
) -> None:
    fake.answer = partial(break_after, 2, fake)
    result = run(fake, "detect", *photos)
    assert result.exit_code == 1
    assert [line.split()[0] for line in result.stdout.splitlines()[1:]] == photos[:2]
    (line,) = result.stderr.splitlines()
    assert line.startswith("facewire: ")
    assert line.endswith("(SHUTTING_DOWN); 2 of 4 images were not answered")


def test_the_document_of_a_broken_stream_names_every_image(
    fake: FakeServer, photos: Sequence[str]
) -> None:
    fake.answer = partial(break_after, 1, fake)
    result = run(fake, "detect", "--json", *photos)
    images = json.loads(result.stdout)["images"]
    assert [image["image"] for image in images] == photos
    assert ["faces" in image for image in images] == [True, False, False, False]
    assert images[3]["error"]["reason"] == "SHUTTING_DOWN"


@pytest.mark.parametrize("content", [b"", b"one\ntwo\n", b"\xff\xfe"])
def test_a_token_file_without_one_token_is_wrong_usage(
    fake: FakeServer, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "token"
    path.write_bytes(content)
    result = run(fake, "models", "--token-file", str(path))
    assert result.exit_code == 2
    assert "the token is" in result.stderr


def test_a_token_file_may_end_in_a_line_break(fake: FakeServer, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("secret\n")
    assert run(fake, "models", "--token-file", str(path)).exit_code == 0
    assert fake.metadata[0]["authorization"] == "Bearer secret"


def test_a_key_without_its_certificate_is_wrong_usage(fake: FakeServer, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.touch()
    result = run(fake, "models", "--private-key", str(path))
    assert result.exit_code == 2
    assert "go together" in result.stderr


def test_a_server_without_a_name_is_wrong_usage() -> None:
    result = CliRunner().invoke(root, ["models", "--server", ""])
    assert result.exit_code == 2
    assert "give HOST:PORT" in result.stderr


def test_without_pillow_nothing_is_sent_that_was_to_be_drawn(
    fake: FakeServer,
    photos: Sequence[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    result = run(fake, "detect", *photos, "--draw", str(tmp_path / "all"))
    assert isinstance(result.exception, FaceClientError)
    assert "pip install 'facewire[draw]'" in str(result.exception)
    assert fake.calls == 0
