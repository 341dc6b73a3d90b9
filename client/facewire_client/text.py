"""Text from outside, such as the names of files, made fit to be shown."""

import re

_LONE = re.compile("[\ud800-\udfff]")
_BYTES = range(0xDC80, 0xDD00)
"""What Python puts in the place of bytes that it cannot decode."""


def printable(text: str) -> str:
    """The text on one line, with escapes for whatever would steer a terminal."""
    return "".join(each if each.isprintable() else _escape(each) for each in text)


def valid(text: str) -> str:
    """The text as Unicode, with escapes for bytes of a name that are no UTF-8."""
    return _LONE.sub(lambda match: _escape(match[0]), text)


def _escape(character: str) -> str:
    code = ord(character)
    if code in _BYTES:
        return f"\\x{code - 0xDC00:02x}"
    return repr(character)[1:-1]
