"""The command `facewire-server`.

Rule: what only the server needs is imported by the commands, which may find that it is
not installed.
"""

import os
from typing import NoReturn

import click

from facewire_client.cli import edge
from facewire_server.errors import FacewireError

PROGRAM = "facewire-server"


def main() -> NoReturn:
    """Runs the command line; exits with 0 on success, 1 on failure, 2 on misuse."""
    # gRPC reads this when it is imported: its own log would double our messages.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    edge.run(PROGRAM, _root, _explained)


def _root() -> click.Command:
    from facewire_server.commands.root import root

    return root


def _explained(error: Exception) -> str | None:
    if isinstance(error, FacewireError):
        return str(error)
    name = error.name if isinstance(error, ModuleNotFoundError) else None
    if name is None or name.startswith("facewire"):
        return None
    needs = "the server needs more packages: pip install 'facewire[server]'"
    return f"{name} is not installed; {needs}"


if __name__ == "__main__":
    main()
