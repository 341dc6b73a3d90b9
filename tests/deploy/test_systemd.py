"""The systemd unit starts the server with valid options, in a sandbox."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.command_lines import options
from tests.deploy.files import DEPLOY

UNIT = (DEPLOY / "facewire.service").read_text()
WORST_EXPOSURE = 2.0
"""The exposure of systemd-analyze, of 10; a service without a sandbox has 9.6."""


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that exists on this machine, for systemd-analyze."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not here")
    path = tmp_path / "facewire.service"
    path.write_text(UNIT.replace("/opt/facewire/bin/facewire-server", sys.executable))
    return path


def test_it_serves_with_a_file_of_settings_and_drains_in_time(tmp_path: Path) -> None:
    settings = tmp_path / "facewire.toml"
    settings.write_text("port = 50052")
    chosen = options(start(str(settings)))
    assert chosen["port"] == 50052
    assert str(chosen["cache"]) == "/var/cache/facewire"
    assert int(entry("TimeoutStopSec")) > chosen["grace"] + 5


def test_its_folders_are_made_by_systemd() -> None:
    assert entry("CacheDirectory") == entry("ConfigurationDirectory") == "facewire"
    assert entry("DynamicUser") == "yes"
    assert entry("ExecReload") == "/bin/kill -HUP $MAINPID"


def test_systemd_understands_it(unit: Path) -> None:
    done = analyze("verify", "--man=no", str(unit))
    assert (done.returncode, done.stderr) == (0, "")


def test_it_is_shut_in(unit: Path) -> None:
    done = analyze("security", "--offline=true", "--no-pager", str(unit))
    found = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    assert found, done.stderr
    assert float(found[1]) <= WORST_EXPOSURE


def start(settings: str) -> list[str]:
    """Return the command line that the unit starts, with this settings file."""
    program, *arguments = entry("ExecStart").split()
    at = arguments.index("--config") + 1
    assert arguments[at] == "/etc/facewire/facewire.toml"
    return [Path(program).name, *arguments[:at], settings, *arguments[at + 1 :]]


def entry(name: str) -> str:
    """Return the value of the only entry of that name."""
    (value,) = re.findall(rf"^{name}=(.*)$", UNIT, re.MULTILINE)
    return str(value)


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
