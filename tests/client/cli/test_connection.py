"""The options that choose the server: its address, tokens and certificates."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from facewire_client.cli.root import root
from facewire_client.errors import FaceClientError
from facewire_server.config import Config
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.models.source import DATA
from tests.client.fake_server import FakeServer

PHOTO = str(DATA / "astronaut.jpg")
BENCH = ("bench", "--duration", "0.2", "--warmup", "0", "--image", PHOTO)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the token files `good`, which is also the server's, and `wrong`."""
    folder = tmp_path_factory.mktemp("tokens")
    (folder / "good").write_text("open-sesame\n")
    (folder / "wrong").write_text("close-sesame\n")
    return folder


@pytest.fixture(scope="module")
def target(folder: Path) -> Iterator[str]:
    config = Config(port=0, metrics_port=None, token_file=folder / "good")
    with BackgroundServer(config) as server:
        yield server.target


def run(target: str, *arguments: str, **environment: str) -> Result:
    environment["FACEWIRE_SERVER"] = target
    return CliRunner().invoke(root, arguments, env=environment)


every_command = pytest.mark.parametrize(
    "command",
    [("detect", PHOTO), ("detect", PHOTO, PHOTO), ("models",), BENCH],
    ids=["one image", "two images", "models", "bench"],
)


@every_command
def test_a_command_with_the_token_succeeds(
    target: str, folder: Path, command: tuple[str, ...]
) -> None:
    result = run(target, *command, "--token-file", str(folder / "good"))
    assert result.exit_code == 0, result.output


@every_command
@pytest.mark.parametrize("token", ["wrong", None])
def test_a_command_without_the_token_fails_and_shows_no_token(
    target: str, folder: Path, command: tuple[str, ...], token: str | None
) -> None:
    options = ("--token-file", str(folder / token)) if token else ()
    result = run(target, *command, *options)
    assert result.exit_code == 1
    words = f"{result.output} {result.exception}"
    assert "BAD_TOKEN" in words
    assert "sesame" not in words


def test_the_token_file_may_come_from_the_environment(target: str, folder: Path) -> None:
    result = run(target, "models", FACEWIRE_TOKEN_FILE=str(folder / "good"))
    assert result.exit_code == 0


def test_health_needs_no_token(target: str) -> None:
    assert run(target, "health").exit_code == 0
    with pytest.raises(FaceClientError):
        raise run(target, "models").exception or AssertionError


@pytest.mark.parametrize("content", [b"", b"one\ntwo\n", b"\xff\xfe"])
def test_a_token_file_without_exactly_one_token_is_wrong_usage(
    fake: FakeServer, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "token"
    path.write_bytes(content)
    result = run(fake.target, "models", "--token-file", str(path))
    assert result.exit_code == 2
    assert "the token is" in result.stderr


def test_a_token_file_may_end_in_a_line_break(fake: FakeServer, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("secret\n")
    assert run(fake.target, "models", "--token-file", str(path)).exit_code == 0
    assert fake.metadata[0]["authorization"] == "Bearer secret"


def test_a_key_without_its_certificate_is_wrong_usage(fake: FakeServer, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.touch()
    result = run(fake.target, "models", "--private-key", str(path))
    assert result.exit_code == 2
    assert "go together" in result.stderr


def test_an_empty_server_is_wrong_usage() -> None:
    result = CliRunner().invoke(root, ["models", "--server", ""])
    assert result.exit_code == 2
    assert "give HOST:PORT" in result.stderr
