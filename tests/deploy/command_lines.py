"""Parse the command lines in deploy/ and docs/ as the commands do."""

from collections.abc import Sequence
from typing import Any

import click

from facewire_client.cli.root import root as client
from facewire_server.cli import root as server

COMMANDS: dict[str, click.Command] = {"facewire": client, "facewire-server": server}


def options(words: Sequence[str]) -> dict[str, Any]:
    """Return the options of a `facewire` or `facewire-server` command line, without running it.

    Raises click.UsageError if the command would refuse it.
    """
    name, *rest = words
    command = COMMANDS[name]
    while isinstance(command, click.Group):
        if not rest:
            raise click.UsageError(f"{name} is given no command")
        context = click.Context(command, info_name=name)
        found = command.get_command(context, rest[0])
        if found is None:
            raise click.UsageError(f"{name} has no command {rest[0]}")
        command, rest = found, rest[1:]
    return command.make_context(name, list(rest)).params
