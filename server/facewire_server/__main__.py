"""The command `facewire-server`.

Rule: what only the server needs is imported by the commands, which may find that it is
not installed.
"""

import os
import sys
from typing import NoReturn

from facewire_server import logs
from facewire_server.errors import FacewireError

PROGRAM = "facewire-server"


def main() -> None:
    """Runs the command line; exits with 0 on success, 1 on failure, 2 on misuse."""
    # gRPC reads this when it is imported: its own log would double our messages.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from facewire_server.commands.root import root

    try:
        root(prog_name=PROGRAM)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("facewire"):
            raise
        needs = "the server needs more packages: pip install 'facewire[server]'"
        _fail(f"{error.name} is not installed; {needs}")
    except FacewireError as error:
        _fail(str(error))


def _fail(message: str) -> NoReturn:
    logs.say(f"{PROGRAM}: {message}")
    sys.exit(1)


if __name__ == "__main__":
    main()
