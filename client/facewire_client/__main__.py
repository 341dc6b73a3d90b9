"""The command `facewire`.

Rule: whatever goes wrong is one line on standard error, and the exit status is 1.
"""

import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

PROGRAM = "facewire"


def main() -> None:
    """Runs the command line; exits with 0 on success, 1 on failure, 2 on misuse."""
    # gRPC reads this when it is imported: its own log would double our messages.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = _run()
    except KeyboardInterrupt:
        status = _failed("interrupted")
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        status = _failed(f"{error.strerror or error}{where}")
    except Exception as error:
        message = f"unexpected {type(error).__name__}: {error}"
        raise SystemExit(_failed(message)) from error
    sys.exit(status)


def _run() -> int:
    """Runs the command; returns the exit status, unless the command exits."""
    import click

    from facewire_client.cli.output import OutputError
    from facewire_client.cli.root import root
    from facewire_client.errors import FaceClientError

    try:
        return root(prog_name=PROGRAM, standalone_mode=False) or 0
    except click.ClickException as error:
        told = io.StringIO()
        error.show(told)
        _say(told.getvalue().rstrip().split("\n"))
        return error.exit_code
    except click.Abort:
        return _failed("interrupted")
    except (FaceClientError, OutputError) as error:
        return _failed(str(error))


def _failed(message: str) -> int:
    """Says why; the exit status."""
    # What could not be written would be tried again when Python ends.
    with suppress(OSError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    _say([f"{PROGRAM}: {message}"])
    return 1


def _say(lines: Sequence[str]) -> None:
    from facewire_client.text import printable

    with suppress(OSError):
        for line in lines:
            print(printable(line), file=sys.stderr)


if __name__ == "__main__":
    main()
