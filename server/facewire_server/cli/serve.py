"""`facewire-server serve`: the server itself."""

import asyncio
import logging
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import click

from facewire_server.catalogue.cache import ModelCache
from facewire_server.cli import listening_options, serve_options, transport_options
from facewire_server.cli.pull_report import PullReport
from facewire_server.config import Config
from facewire_server.lifecycle.loading import load_aside
from facewire_server.limits import Limits
from facewire_server.security import warning
from facewire_server.telemetry import logs

logger = logging.getLogger("facewire_server.commands.serve")


@click.command(
    context_settings={"auto_envvar_prefix": "FACEWIRE", "show_default": True},
    epilog="Every option can also be set as FACEWIRE_<OPTION>, or in the file given"
    " with --config; the command line wins, then the environment, then the file.",
)
@serve_options.models
@listening_options.listening
@serve_options.computing
@serve_options.limits
@transport_options.limits
@serve_options.telling
@serve_options.config_file
def serve(
    model: tuple[str, ...],
    device_property: tuple[str, ...],
    cache: Path | None,
    log_level: str,
    log_format: str,
    **settings: Any,
) -> None:
    """Serve models over gRPC until SIGTERM.

    When ready it prints one line that ends in "listening on HOST:PORT", or in
    "listening on unix:PATH".
    """
    set_up_log = partial(logs.set_up, log_level, log_format)
    set_up_log({})
    if cache is not None:
        settings["cache"] = cache
    config = Config(
        models=model,
        device_properties=device_property,
        limits=Limits(**{each.name: settings.pop(each.name) for each in fields(Limits)}),
        **settings,
    )
    if line := warning.security_warning(config):
        logger.warning(line)
    if config.pull:
        _pull(config)
    if config.workers > 1:
        from facewire_server.workers.supervisor import supervise

        asyncio.run(supervise(config, set_up_log, _announce))
        return
    loading = load_aside(config)
    # Imported here: gRPC and the rest come in while the models load.
    import uvloop

    from facewire_server.lifecycle.run import run

    uvloop.run(run(config, loading, _announce))


def _announce(line: str) -> None:
    logs.flush()  # whoever reads this line finds in the log what comes before it
    click.echo(f"facewire-server {line}")


def _pull(config: Config) -> None:
    # Imported here: it brings an HTTP client, which a server does not need.
    from facewire_server.catalogue.pull import pull_missing

    cache = ModelCache(config.cache)
    for model in config.models:
        with PullReport(model) as report:
            pull_missing(model, config.precision, cache, mirror=config.mirror, report=report)
