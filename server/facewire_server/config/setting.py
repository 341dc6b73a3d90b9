"""A setting: a field of a dataclass, with the help of its option and the values it accepts."""

import math
from collections.abc import Callable
from dataclasses import Field, dataclass, field, fields
from typing import Any, Literal, NamedTuple, TypeVar

from facewire_server.errors import ConfigError

T = TypeVar("T")

KEY = "setting"
"""Of the Setting in the metadata of a field."""


class Range(NamedTuple):
    """The numbers that a setting accepts, and what is said of others."""

    contains: Callable[[float], bool]
    complaint: str


PORTS = Range(lambda value: 0 <= value <= 65_535, "not within 0..65535")
SECONDS = Range(lambda value: 0 <= value < math.inf, "not a number of seconds")
AT_LEAST_ONE = Range(lambda value: value >= 1, "less than 1")
NOT_NEGATIVE = Range(lambda value: value >= 0, "negative")
POSITIVE = Range(lambda value: 0 < value < math.inf, "not a number above 0")


@dataclass(frozen=True, slots=True)
class Setting:
    """What is known of a setting beside the name, the type and the default of its field.

    `help` is shown by --help, with `metavar` in the place of a value and `default_text` in
    that of the default. `option` is the name of its option, where that is not the field's
    own. `form` is how a value is written, where the type does not tell: in octal digits, as
    a port or `off` for None, or as a path that may only be a folder's.
    """

    help: str
    within: Range | None = None
    choices: tuple[str, ...] = ()
    option: str | None = None
    metavar: str | None = None
    default_text: str | None = None
    form: Literal["octal", "port or off", "folder"] | None = None


def described(help: str, within: Range | None = None, **details: Any) -> dict[str, Setting]:
    """The metadata that makes a field a setting; `details` are those of a Setting."""
    return {KEY: Setting(help, within, **details)}


def setting(default: T, help: str, within: Range | None = None, **details: Any) -> T:
    """A field that is a setting; `details` are those of a Setting.

    For immutable types. The linter knows of a Path not that it is one, and takes this call
    for a default that is shared: such a field is written out, with `described`.
    """
    return field(default=default, metadata=described(help, within, **details))


def setting_of(each: Field[Any]) -> Setting:
    """What is known of a field that is a setting."""
    known: Setting = each.metadata[KEY]
    return known


def option_name(each: Field[Any]) -> str:
    """The name of a setting on the outside: `model` for the field `models`."""
    return setting_of(each).option or each.name


def check_each(instance: Any) -> None:
    """Raise ConfigError for the first setting with a value that it does not accept.

    Fields that are no settings are left out, and so is None, where the type allows it.
    """
    for each in fields(instance):
        value = getattr(instance, each.name)
        if KEY not in each.metadata or value is None:
            continue
        known, name = setting_of(each), option_name(each)
        if known.choices:
            check(name, value in known.choices, f"not one of {', '.join(known.choices)}")
        if known.within is not None:
            check(name, known.within.contains(value), known.within.complaint)


def check(name: str, fits: bool, complaint: str) -> None:
    """Raise ConfigError for the setting of this name unless its value fits."""
    if not fits:
        raise ConfigError(f"{flag(name)}: {complaint}")


def flag(name: str) -> str:
    """The option of the command line for a setting: --max-queue for max_queue."""
    return f"--{name.replace('_', '-')}"
