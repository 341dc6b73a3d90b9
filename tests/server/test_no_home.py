"""A server whose user has no home folder, or cannot write into it."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.server.process import command
from tests.server.strangers import as_stranger

SERVE = ("serve", "--port", "0", "--metrics-port", "off")


def serve_once(folder: Path, home: str | None, *arguments: str) -> str:
    """Start a server as an unknown user, stop it when it is ready, return its log."""
    environment = {
        key: value for key, value in os.environ.items() if key not in ("HOME", "XDG_CACHE_HOME")
    }
    with subprocess.Popen(
        as_stranger(command(*SERVE, *arguments)),
        env=environment if home is None else environment | {"HOME": home},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None and process.stderr is not None
            line = process.stdout.readline()
            process.terminate()
            log = process.stderr.read()
            assert "listening on" in line, log
            assert process.wait(60) == 0
            return log
        finally:
            process.kill()


@pytest.mark.parametrize("home", [None, "/nonexistent", "/proc"])
def test_a_server_without_a_home_starts_with_one_warning(tmp_path: Path, home: str | None) -> None:
    log = serve_once(tmp_path, home)
    (warning,) = [line for line in log.splitlines() if "WARNING" in line]
    assert "compiled networks are not kept" in warning
    assert "Traceback" not in log
    assert list(tmp_path.iterdir()) == []


def test_a_server_without_a_home_uses_the_cache_of_the_option(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    log = serve_once(Path("/"), None, "--cache", str(tmp_path / "cache"))
    assert "WARNING" not in log
    assert list((tmp_path / "cache" / "compiled").iterdir())
