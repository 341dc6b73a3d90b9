"""The command `facewire-server`.

Rule: only the commands import packages of the extra `server`, so that this module can name
what to install when one is missing.
"""

import os
import sys
from typing import TYPE_CHECKING, NoReturn

from facewire_server.errors import FacewireError
from facewire_server.lifecycle import early_signals

if TYPE_CHECKING:
    from click import Command

PROGRAM = "facewire-server"


def main() -> NoReturn:
    """Run the command line; exit with 0 on success, 1 on failure, 2 on wrong usage."""
    if sys.argv[1:2] == ["serve"]:
        early_signals.install()
    # gRPC reads this when it is imported. Its own log would repeat our messages.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    # prometheus-client reads these when it is imported, and would keep this server's metrics
    # in files, beside those of other programs.
    for variable in ("PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir"):
        os.environ.pop(variable, None)
    # Imported late: the handlers of signals are installed first.
    from facewire_client.cli import edge

    edge.run(PROGRAM, _root, _explain, _say)


def _root() -> "Command":
    from facewire_server.cli import root

    return root


def _explain(error: Exception) -> str | None:
    if isinstance(error, FacewireError):
        return str(error)
    name = error.name if isinstance(error, ModuleNotFoundError) else None
    if name is None or name.startswith("facewire"):
        return None
    needs = "the server needs more packages: pip install 'facewire[server]'"
    return f"{name} is not installed; {needs}"


def _say(line: str) -> None:
    from facewire_server.telemetry import logs

    logs.say(line)


if __name__ == "__main__":
    main()
