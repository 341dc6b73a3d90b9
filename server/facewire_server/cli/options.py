"""The options of `facewire-server serve`, derived from the settings.

Rule: no setting is named here. The field `max_queue` is set by --max-queue, FACEWIRE_MAX_QUEUE
(the prefix is that of the command) or `max-queue` in the file given with --config. The flag
wins, then the variable, then the file, then the default of the field.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

import click
from click.core import ParameterSource

from facewire_server.config.setting import Setting, flag, option_name, setting_of
from facewire_server.errors import ConfigError

T = TypeVar("T")


class Octal(click.ParamType[Any]):
    """A number in octal digits, or a number of a TOML file, such as 0o660."""

    name = "octal"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """See click.ParamType.convert."""
        if isinstance(value, int):
            return value
        try:
            return int(str(value), 8)
        except ValueError:
            self.fail(f"{value!r} is not made of octal digits", param, ctx)


class PortOrOff(click.ParamType[Any]):
    """The number of a port; None for `off`."""

    name = "port or off"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """See click.ParamType.get_metavar."""
        return "PORT|off"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | None:
        """See click.ParamType.convert."""
        if str(value).lower() == "off":
            return None
        try:
            return int(value)
        except ValueError:
            self.fail(f"{value!r} is neither a port nor off", param, ctx)


FORMS: dict[str, click.ParamType[Any]] = {
    "octal": Octal(),
    "port or off": PortOrOff(),
    "folder": click.Path(file_okay=False, path_type=Path),
}


def options(kind: Any) -> Iterator[click.Option]:
    """An option for each setting of a dataclass and of those within it, in their order."""
    hints = get_type_hints(kind)
    for each in fields(kind):
        hint = hints[each.name]
        if is_dataclass(hint):
            yield from options(hint)
        else:
            yield _option(each, hint)


def read_settings(kind: type[T], context: click.Context) -> T:
    """A dataclass of settings with the values that a command was given.

    Settings that were given no value keep the default of the dataclass. Raises ConfigError.
    """
    hints, given = get_type_hints(kind), dict[str, Any]()
    for each in fields(cast(Any, kind)):
        if is_dataclass(hints[each.name]):
            given[each.name] = read_settings(hints[each.name], context)
            continue
        name = option_name(each)
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT:
            given[each.name] = context.params[name]
    return kind(**given)


def _option(each: Field[Any], hint: Any) -> click.Option:
    """The option of one setting. Its default is for --help only; see `read_settings`."""
    known, name = setting_of(each), flag(option_name(each))
    default = None if each.default is MISSING else each.default
    if hint is bool:
        names = f"{name}/--no{name[1:]}" if default else name
        return click.Option([names], is_flag=True, default=default, help=known.help)
    return click.Option(
        [name],
        type=_type(known, hint),
        multiple=get_origin(hint) is tuple,
        default=f"{default:04o}" if known.form == "octal" else default,
        show_default=known.default_text or True,
        metavar=known.metavar,
        help=known.help,
    )


def _type(known: Setting, hint: Any) -> click.ParamType[Any]:
    """The type of an option: by the form or the choices of the setting, or by its type."""
    if known.form:
        return FORMS[known.form]
    if known.choices:
        return click.Choice(known.choices)
    # The first type of `int | None` and of `tuple[str, ...]`.
    plain = get_args(hint)[0] if get_args(hint) else hint
    return click.Path(path_type=Path) if plain is Path else click.types.convert_type(plain)


def _read_file(context: click.Context, parameter: click.Parameter, path: Path | None) -> None:
    """Make the values of a TOML file defaults of the options.

    Keys are the long options without dashes in front: `max-queue = 8`.
    """
    if path is None:
        return
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise click.UsageError(f"{path} cannot be read: {error}") from None
    context.default_map = _defaults(context.command, values, str(path))


def settings_from(kind: type[T], values: Mapping[str, Any], origin: str) -> T:
    """A dataclass of settings with values that are as in a TOML file.

    `origin` says in errors where they are from. Raises ConfigError.
    """
    command = click.Command("serve", params=[*options(kind)])
    context = click.Context(command)
    try:
        context.default_map = _defaults(command, values, origin)
        command.parse_args(context, [])
    except click.UsageError as error:
        raise ConfigError(error.format_message()) from None
    return read_settings(kind, context)


def _defaults(command: click.Command, values: Mapping[str, Any], origin: str) -> dict[str, Any]:
    """The values of a TOML file as defaults of options. Raises UsageError."""
    known = {each.name: each for each in command.params if each is not config_file}
    defaults = dict[str, Any]()
    for key, value in values.items():
        option = known.get(key.replace("-", "_"))
        if option is None or isinstance(value, dict):
            raise click.UsageError(f"{origin} sets {key!r}, which is no option")
        given = value if option.multiple and isinstance(value, list) else [value]
        if not all(isinstance(each, str | int | float) for each in given):
            raise click.UsageError(f"{origin} sets {key!r} to what is no value")
        if not isinstance(option.type, click.types.BoolParamType | Octal):
            given = [str(each) for each in given]  # as from a command line
        defaults[option.name] = given if option.multiple else given[0]
    return defaults


config_file = click.Option(
    ["--config"],
    type=click.Path(path_type=Path),
    is_eager=True,
    expose_value=False,
    callback=_read_file,
    help="A TOML file with options, such as: max-queue = 8",
)
"""The option that names the TOML file; read first, so that others find their defaults."""
