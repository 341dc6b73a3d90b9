"""The image runs the server without root, with the settings that the manifests assume."""

import os

import pytest

from facewire_server.config import Config
from tests.deploy.command_lines import options
from tests.deploy.containerfile import ARGUMENTS, COMMAND, ENVIRONMENT, STAGE
from tests.deploy.files import DEPLOY

ROOT = DEPLOY.parent


def test_it_serves_beyond_the_container_with_ports_that_it_exposes() -> None:
    chosen = options([*COMMAND, *ARGUMENTS])
    assert chosen["host"] == "0.0.0.0"
    ports = {str(chosen["port"]), str(chosen["metrics_port"])}
    assert set(STAGE["EXPOSE"].split()) == ports
    assert STAGE["STOPSIGNAL"] == "SIGTERM"


def test_its_user_is_a_number_and_not_root() -> None:
    user, group = STAGE["USER"].split(":")
    assert int(user) > 0
    assert int(group) > 0


def test_it_keeps_the_cache_where_a_volume_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {**os.environ, **ENVIRONMENT})
    assert str(options([*COMMAND, "serve"])["cache"]) == STAGE["VOLUME"]


def test_it_takes_what_was_built_and_nothing_that_builds() -> None:
    assert STAGE["COPY"].split() == ["--from=build", "/opt/facewire", "/opt/facewire"]
    assert "slim" in (DEPLOY / "Containerfile").read_text().split("PYTHON_SLIM=")[1]
    without_pip, _ = STAGE["RUN"].split(" && ")
    assert without_pip == "python -m pip uninstall --yes --root-user-action ignore pip"


def test_its_user_may_write_into_the_volume() -> None:
    _, make_folder = STAGE["RUN"].split(" && ")
    command, *arguments, folder = make_folder.split()
    given = dict(zip(arguments[1::2], arguments[2::2], strict=True))
    assert (command, arguments[0], folder) == (
        *("install", "--directory"),
        STAGE["VOLUME"],
    )
    assert given["--owner"] == STAGE["USER"].split(":")[0]
    assert (given["--group"], given["--mode"]) == ("0", "0775")


def test_the_ports_are_the_defaults() -> None:
    assert STAGE["EXPOSE"] == f"{Config().port} {Config().metrics_port}"
