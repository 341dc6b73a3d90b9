"""What a command prints: results on standard output, complaints on standard error."""

import json
import math
from typing import Any

import click

from facewire_client.text import printable, valid


class OutputError(Exception):
    """Standard output takes no more."""


def show(text: str) -> None:
    """Prints a result. Raises OutputError when it cannot."""
    try:
        click.echo(text)
    except OSError as error:
        raise OutputError(f"cannot write the output: {error.strerror}") from error


def show_document(value: Any) -> None:
    """Prints a value as JSON that any reader takes. Raises OutputError."""
    show(json.dumps(_plain(value), indent=2, allow_nan=False))


def complain(text: str) -> None:
    """Says on one line of standard error what went wrong."""
    click.echo(f"facewire: {printable(text)}", err=True)


def _plain(value: Any) -> Any:
    """The value with what JSON has no word for in other words."""
    match value:
        case str():
            return valid(value)
        case float() if not math.isfinite(value):
            return None
        case dict():
            return {_plain(key): _plain(each) for key, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
    return value
