"""The parser of command lines finds mistakes."""

import click
import pytest

from tests.deploy.command_lines import options


def test_options_are_read() -> None:
    assert options(["facewire-server", "serve", "--port=7"])["port"] == 7
    assert options(["facewire-server", "models", "list"]) is not None
    assert options(["facewire", "health", "x"])["service"] == "x"


@pytest.mark.parametrize(
    "line",
    [
        "facewire-server serve --prot 7",
        "facewire-server serve --port seven",
        "facewire-server server",
        "facewire-server",
    ],
)
def test_a_mistake_is_found(line: str) -> None:
    with pytest.raises(click.UsageError):
        options(line.split())
