"""The output of a command: results on standard output, errors on standard error.

Text from outside, such as the name of a file, is escaped before a terminal gets it.
"""

import json
import math
import re
from typing import Any

import click

_SURROGATE = re.compile("[\ud800-\udfff]")
_UNDECODED = range(0xDC80, 0xDD00)
"""The surrogates that Python decodes single bytes to (PEP 383)."""


class OutputError(Exception):
    """Standard output cannot be written."""


def show(text: str) -> None:
    """Print a result. Raises OutputError when it cannot."""
    try:
        click.echo(text)
    except OSError as error:
        raise OutputError(f"cannot write the output: {error.strerror}") from error


def show_document(value: Any) -> None:
    """Print a value as strict JSON: valid Unicode, no NaN. Raises OutputError."""
    show(json.dumps(_plain(value), indent=2, allow_nan=False))


def print_error(text: str) -> None:
    """Print one line on standard error."""
    click.echo(f"facewire: {printable(text)}", err=True)


def printable(text: str) -> str:
    """Return the text on one line, with escapes for characters that control a terminal."""
    return "".join(each if each.isprintable() else _escape(each) for each in text)


def _escape(character: str) -> str:
    code = ord(character)
    if code in _UNDECODED:
        return f"\\x{code - 0xDC00:02x}"
    return repr(character)[1:-1]


def _plain(value: Any) -> Any:
    """Replace what JSON cannot express: lone surrogates by escapes, NaN and infinity by None."""
    match value:
        case str():
            return _SURROGATE.sub(lambda match: _escape(match[0]), value)
        case float() if not math.isfinite(value):
            return None
        case dict():
            return {_plain(key): _plain(each) for key, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
    return value
