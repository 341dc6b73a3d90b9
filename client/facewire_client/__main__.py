"""The command `facewire`."""

import os
from typing import NoReturn

import click

from facewire_client.cli import edge

PROGRAM = "facewire"


def main() -> NoReturn:
    """Runs the command line; exits with 0 on success, 1 on failure, 2 on misuse."""
    # gRPC reads this when it is imported: its own log would double our messages.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    edge.run(PROGRAM, _root, _explained)


def _root() -> click.Command:
    from facewire_client.cli.root import root

    return root


def _explained(error: Exception) -> str | None:
    from facewire_client.errors import FaceClientError

    return str(error) if isinstance(error, FaceClientError) else None


if __name__ == "__main__":
    main()
