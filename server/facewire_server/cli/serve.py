"""`facewire-server serve`: the server itself."""

import asyncio
import logging
from functools import partial
from typing import Any

import click

from facewire_server.catalogue.cache import ModelCache
from facewire_server.cli.options import config_file, options, read_settings
from facewire_server.cli.pull_report import PullReport
from facewire_server.config import Config
from facewire_server.lifecycle.loading import start_loading
from facewire_server.security import warning
from facewire_server.telemetry import logs

logger = logging.getLogger("facewire_server.commands.serve")


@click.command(
    params=[*options(Config), config_file],
    context_settings={"auto_envvar_prefix": "FACEWIRE", "show_default": True},
    epilog="Every option can also be set as FACEWIRE_<OPTION>, or in the file given"
    " with --config; the command line wins, then the environment, then the file.",
)
@click.pass_context
def serve(context: click.Context, /, log_level: str, log_format: str, **_: Any) -> None:
    """Serve models over gRPC until SIGTERM.

    When ready it prints one line that ends in "listening on HOST:PORT", or in
    "listening on unix:PATH".
    """
    # The log comes first, so that errors of the Config are written in its format.
    set_up_log = partial(logs.set_up, log_level, log_format)
    set_up_log({})
    config = read_settings(Config, context)
    if line := warning.security_warning(config):
        logger.warning(line)
    if config.pull:
        _pull(config)
    if config.workers > 1:
        from facewire_client.cli.edge import in_words
        from facewire_server.workers.run import supervise
        from facewire_server.workers.worker import ProcessSetup

        setup = ProcessSetup(set_up_log, describe=in_words)
        asyncio.run(supervise(config, setup, _announce))
        return
    loading = start_loading(config)
    # Imported late: gRPC and the rest are imported while the models load.
    import uvloop

    from facewire_server.lifecycle.run import run

    uvloop.run(run(config, loading, _announce))


def _announce(line: str) -> None:
    # A reader of this line finds everything in the log that came before it.
    logs.flush()
    click.echo(f"facewire-server {line}")


def _pull(config: Config) -> None:
    # Imported late: it imports an HTTP client, which a server does not need.
    from facewire_server.catalogue.pull import pull_missing

    cache = ModelCache(config.cache)
    for model in config.models:
        with PullReport(model) as report:
            pull_missing(model, config.precision, cache, mirror=config.mirror, report=report)
