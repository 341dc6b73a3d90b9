"""A setting: a field of a dataclass with the help of its option and the values it accepts.

Rule: no setting is named here.
"""

import math
from collections.abc import Callable
from dataclasses import Field, dataclass, field, fields
from typing import Any, Literal, NamedTuple, TypeVar

from facewire_server.errors import ConfigError

T = TypeVar("T")

KEY = "setting"
"""The key of the Setting in the metadata of a field."""


class Range(NamedTuple):
    """The numbers that a setting accepts, and the error message for others."""

    contains: Callable[[float], bool]
    message: str


PORTS = Range(lambda value: 0 <= value <= 65_535, "not within 0..65535")
SECONDS = Range(lambda value: 0 <= value < math.inf, "not a number of seconds")
AT_LEAST_ONE = Range(lambda value: value >= 1, "less than 1")
NOT_NEGATIVE = Range(lambda value: value >= 0, "negative")
ZERO_OR_MORE = Range(lambda value: 0 <= value < math.inf, "not a number from 0 up")
POSITIVE = Range(lambda value: 0 < value < math.inf, "not a number above 0")


@dataclass(frozen=True, slots=True)
class Setting:
    """The description of a setting, beside the name, the type and the default of its field.

    `help`, `metavar` (in the place of a value) and `default_text` (in the place of the
    default) are shown by --help. `within` or `choices` are the values that are accepted.
    `option` is the name of the option where it differs from the field's. `form` is how a
    value is written where the type does not say it: in octal digits, as a port or `off` for
    None, or as the path of a folder.
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

    Fields of the type Path are written out with `described`: ruff (RUF009) knows only that
    some built-in types are immutable, and takes this call for a shared mutable default.
    """
    return field(default=default, metadata=described(help, within, **details))


def setting_of(each: Field[Any]) -> Setting:
    """The Setting of a field; KeyError for a field that is no setting."""
    known: Setting = each.metadata[KEY]
    return known


def option_name(each: Field[Any]) -> str:
    """The name of a setting for the operator: `model` for the field `models`."""
    return setting_of(each).option or each.name


def check_each(instance: Any) -> None:
    """Raise ConfigError for the first setting with a value that it does not accept.

    Fields that are no settings and values of None are not checked.
    """
    for each in fields(instance):
        value = getattr(instance, each.name)
        if KEY not in each.metadata or value is None:
            continue
        known, name = setting_of(each), option_name(each)
        if known.choices:
            check(name, value in known.choices, f"not one of {', '.join(known.choices)}")
        if known.within is not None:
            check(name, known.within.contains(value), known.within.message)


def check(name: str, fits: bool, message: str) -> None:
    """Raise ConfigError for the setting of this name unless its value fits."""
    if not fits:
        raise ConfigError(f"{flag(name)}: {message}")


def flag(name: str) -> str:
    """The option of the command line for a setting: --max-queue for max_queue."""
    return f"--{name.replace('_', '-')}"
