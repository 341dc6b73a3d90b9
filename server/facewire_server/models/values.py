"""Values of metadata in text form, and their parsers.

Rule: a parser raises ValueError, which says what is wrong; `read` adds the key.
"""

import math
from collections.abc import Callable, Mapping
from typing import TypeVar

from facewire_server.errors import ModelError

T = TypeVar("T")

Settings = Mapping[str, str | tuple[str, ...]]
"""Values by key, in text form: one text, or a list of texts."""

BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def text_of(settings: Settings, key: str) -> str:
    """Return a value as one text, without blanks around it; empty for an absent one."""
    value = settings.get(key, "")
    return (value if isinstance(value, str) else " ".join(value)).strip()


def read(settings: Settings, key: str, parse: Callable[[str], T]) -> T | None:
    """Parse a value; None for an absent or blank one.

    Raises ModelError, which names the key, for a malformed one.
    """
    text = text_of(settings, key)
    try:
        return parse(text) if text else None
    except ValueError as error:
        raise ModelError(f"metadata {key} = {text!r} makes no sense: {error}") from None


def finite(text: str) -> float:
    """A finite number."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("not a finite number")
    return value


def fraction(text: str) -> float:
    """A number within [0, 1]."""
    value = float(text)
    if not 0 <= value <= 1:
        raise ValueError("not within [0, 1]")
    return value


def positive(text: str) -> float:
    """A finite number greater than 0."""
    value = finite(text)
    if value <= 0:
        raise ValueError("not greater than 0")
    return value


def byte(text: str) -> int:
    """A number within [0, 255], rounded."""
    value = finite(text)
    if not 0 <= value <= 255:
        raise ValueError("not within [0, 255]")
    return round(value)


def boolean(text: str) -> bool:
    """True or False, in the words of BOOLEANS and in any case."""
    try:
        return BOOLEANS[text.lower()]
    except KeyError:
        raise ValueError("neither True nor False") from None


def floats(text: str) -> tuple[float, ...]:
    """One finite number, or three."""
    values = tuple(finite(part) for part in text.replace(",", " ").split())
    if len(values) not in (1, 3):
        raise ValueError("neither one number nor three")
    return values


def divisors(text: str) -> tuple[float, ...]:
    """One number other than 0, or three."""
    values = floats(text)
    if 0 in values:
        raise ValueError("0 divides nothing")
    return values


def count(text: str) -> int:
    """A whole number, at least 0."""
    value = int(text)
    if value < 0:
        raise ValueError("less than 0")
    return value


def positive_count(text: str) -> int:
    """A whole number, at least 1."""
    value = int(text)
    if value < 1:
        raise ValueError("not at least 1")
    return value


def overlap(text: str) -> float:
    """A number within [0, 1)."""
    value = float(text)
    if not 0 <= value < 1:
        raise ValueError("not within [0, 1)")
    return value


def strides(text: str) -> tuple[int, ...]:
    """Whole numbers, each at least 1."""
    values = tuple(int(part) for part in text.split())
    if any(value < 1 for value in values):
        raise ValueError("a stride is at least 1")
    return values


def pair(text: str) -> tuple[int, int]:
    """Two whole numbers, also as Python writes a list of them: `[5, 3]`."""
    first, second = (int(part) for part in text.strip("[]()").replace(",", " ").split())
    return first, second


def four_positive(text: str) -> tuple[float, float, float, float]:
    """Four numbers greater than 0."""
    first, second, third, fourth = (positive(part) for part in text.split())
    return first, second, third, fourth


def score_fusion(text: str) -> str:
    """One of product and geometric_mean."""
    if text not in ("product", "geometric_mean"):
        raise ValueError("neither product nor geometric_mean")
    return text
