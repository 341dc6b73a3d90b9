"""The entry point of both commands: runs one, and reports its errors as one line and a status.

The exit status is 0 on success, 1 on failure, 2 on wrong usage, 130 on SIGINT. Only the log at
debug level shows a traceback.
"""

import io
import logging
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NoReturn

import click

from facewire_client.cli.output import printable

INTERRUPTED = 130
"""128 plus the number of SIGINT, as shells have it."""

logger = logging.getLogger(__name__)


def run(
    program: str,
    load: Callable[[], click.Command],
    explain: Callable[[Exception], str | None],
    write: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True),
) -> NoReturn:
    """Run the command `program` and exit.

    `load` imports the command. `explain` returns the message of an error of the program's own;
    None: the error is unexpected. `write` prints a line on standard error.
    """
    _open_standard_streams()
    try:
        status = load().main(prog_name=program, standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        message = io.StringIO()
        error.show(message)
        _exit(message.getvalue().splitlines(), write, error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _fail(program, "interrupted", write, INTERRUPTED)
    except BrokenPipeError:
        _fail(program, "nobody reads what it says any more", write)
    except Exception as error:
        _set_up_log()
        logger.debug("where it comes from:", exc_info=True)
        _fail(program, explain(error) or in_words(error), write)
    sys.exit(status if isinstance(status, int) else 0)


def in_words(error: Exception) -> str:
    """Return one line for an error of Python's or of a library's."""
    if isinstance(error, OSError) and error.strerror:
        path = error.filename or error.filename2
        return f"{path}: {error.strerror}" if path else error.strerror
    if isinstance(error, MemoryError):
        return "there is no memory left"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    words = f"{type(error).__name__}: {' '.join(lines)}" if lines else repr(error)
    return f"unforeseen {words} (FACEWIRE_LOG_LEVEL=debug shows where)"


def _set_up_log() -> None:
    """Log to standard error at debug level if that is set and the command has no log yet."""
    if os.environ.get("FACEWIRE_LOG_LEVEL") == "debug":
        logging.basicConfig(level=logging.DEBUG)


def _fail(program: str, message: str, write: Callable[[str], None], status: int = 1) -> NoReturn:
    _exit([f"{program}: {message}"], write, status)


def _exit(lines: Sequence[str], write: Callable[[str], None], status: int) -> NoReturn:
    """Print lines without control characters on standard error, and exit."""
    try:
        sys.stdout.flush()
    except OSError:
        _drop_output()
    with suppress(OSError):
        for line in lines:
            write(printable(line))
    sys.exit(status)


def _open_standard_streams() -> None:
    """Open /dev/null for each standard stream that is closed.

    Else the next file or socket would get its descriptor, and output would be written into it.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(2, "w")
    if isinstance(sys.stdout, io.TextIOWrapper):
        # The names of files may hold bytes that are no text.
        sys.stdout.reconfigure(errors="backslashreplace")


def _drop_output() -> None:
    """Redirect standard output to /dev/null, so that Python's flush at exit succeeds."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
