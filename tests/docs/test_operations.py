"""The commands, options, alerts and metrics in docs/operations.md exist."""

import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest

from facewire_client.cli.root import root as client
from facewire_server.cli import root as server
from tests.deploy.command_lines import options
from tests.deploy.files import read_yaml
from tests.deploy.queries import mistakes

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "operations.md").read_text()
BLOCKS = dict[str, str](re.findall(r"```(toml)\n(.*?)```", TEXT, re.DOTALL))
LINES = [
    line.partition(" #")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    for line in block.splitlines()
]
INLINE = re.findall(r"`(facewire(?:-server)? [^`]*)`", TEXT)
READY = "facewire-server listening on HOST:PORT"
CALLS = sorted(line for line in {*LINES, *INLINE} if line.startswith("facewire"))
CALLS.remove(READY)
CALLS.remove("facewire-server serve --help")
FILES = ("photo.jpg", "server.pem", "server.key", "authority.pem", "tokens")


def known_options() -> set[str]:
    """Return every option of the commands that the page describes."""
    found: set[str] = set()
    for group, names in ((client, ("bench", "health")), (server, ("serve",))):
        for name in names:
            command = group.get_command(click.Context(group), name)
            assert command is not None
            for option in command.params:
                found |= {*option.opts, *option.secondary_opts}
    return found


@pytest.mark.parametrize("line", CALLS)
def test_a_command_line_is_understood(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in FILES:
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    assert options(shlex.split(line)) is not None


def test_the_file_of_settings_is_understood(tmp_path: Path) -> None:
    path = tmp_path / "facewire.toml"
    path.write_text(BLOCKS["toml"])
    chosen = options(["facewire-server", "serve", "--config", str(path)])
    assert chosen["model"] == ("face-detection-0205", "yunet-640")
    assert chosen["max_queue"] == 32


def test_it_lists_the_extras_for_users() -> None:
    pyproject = tomllib.loads((DOCS.parent / "pyproject.toml").read_text())
    extras = pyproject["project"]["optional-dependencies"]
    named = re.findall(r"^\| `\[(\w+)\]` \|", TEXT, re.MULTILINE)
    assert sorted(named) == sorted(extras.keys() - {"bench", "test", "dev"})


def test_its_options_are_known() -> None:
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", TEXT))
    others = {"--help", "--kustomize"}
    assert named - known_options() == others


def test_it_says_what_to_do_at_each_alert() -> None:
    (group,) = read_yaml("prometheus/alerts.yml")["groups"]
    alerts = {rule["alert"] for rule in group["rules"]}
    assert set(re.findall(r"Facewire[A-Z]\w+", TEXT)) == alerts


def test_its_metrics_are_exported() -> None:
    queries = re.findall(r"`(facewire_\w+(?:\{[^}]*\})?)`", TEXT)
    assert queries
    for query in queries:
        name, brace, rest = query.partition("{")
        histogram = name.endswith("_seconds")
        assert mistakes(f"{name}{'_sum' if histogram else ''}{brace}{rest}") == []
