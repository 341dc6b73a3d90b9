"""Settings from a TOML file, beneath the environment and the command line."""

import tomllib
from pathlib import Path

import click


def read(context: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    """The callback of `--config`: makes the file's values defaults of the options.

    Keys are the long options without dashes in front: `max-queue = 8`.
    """
    if path is None:
        return None
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise click.UsageError(f"{path} cannot be read: {error}") from None
    options = {
        option.name: option
        for option in context.command.params
        if option.name is not None and option is not parameter
    }
    defaults = {}
    for key, value in values.items():
        option = options.get(key.replace("-", "_"))
        if option is None or isinstance(value, dict):
            raise click.UsageError(f"{path} sets {key!r}, which is no option")
        given = value if option.multiple and isinstance(value, list) else [value]
        if not all(isinstance(each, str | int | float) for each in given):
            raise click.UsageError(f"{path} sets {key!r} to what is no value")
        is_flag = isinstance(option, click.Option) and option.is_flag
        if not is_flag and option.type is not click.UNPROCESSED:
            given = [str(each) for each in given]  # as from a command line
        defaults[option.name] = given if option.multiple else given[0]
    context.default_map = defaults
    return path
