"""The command `facewire`."""

import os
from typing import NoReturn

import click

from facewire_client.cli import edge

PROGRAM = "facewire"


def main() -> NoReturn:
    """Run the command line; exit with 0 on success, 1 on failure, 2 on wrong usage."""
    # gRPC reads this when it is imported. Its own log would repeat the command's messages.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    edge.run(PROGRAM, _root, _explain)


def _root() -> click.Command:
    from facewire_client.cli.root import root

    return root


def _explain(error: Exception) -> str | None:
    from facewire_client.cli.output import OutputError
    from facewire_client.errors import FaceClientError

    return str(error) if isinstance(error, FaceClientError | OutputError) else None


if __name__ == "__main__":
    main()
