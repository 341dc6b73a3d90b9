"""`facewire-server serve`: the server itself."""

import asyncio
import logging
from functools import partial
from pathlib import Path
from typing import Any

import click

from facewire_server import exposure, logs
from facewire_server.backend import load_aside
from facewire_server.catalogue.cache import Cache
from facewire_server.catalogue.entry import PRECISIONS
from facewire_server.commands import toml_config
from facewire_server.commands.pull_report import PullReport
from facewire_server.config import Config
from facewire_server.model.runtime import Mode
from facewire_server.model.source import EMBEDDED

logger = logging.getLogger(__name__)


def _metrics_port(
    context: click.Context, parameter: click.Parameter, value: str
) -> int | None:
    if value.lower() == "off":
        return None
    try:
        return int(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is neither a port nor off") from None


@click.command(
    context_settings={"auto_envvar_prefix": "FACEWIRE", "show_default": True},
    epilog="Every option can also be set as FACEWIRE_<OPTION>, or in the file given"
    " with --config; the command line wins, then the environment, then the file.",
)
@click.option(
    "--model",
    multiple=True,
    default=(EMBEDDED,),
    metavar="NAME|PATH",
    help="A model to serve; may be repeated. The first is the default one.",
)
@click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    show_default="what is in the cache, FP16 first",
    help="Of the weights of published models.",
)
@click.option("--pull", is_flag=True, help="Fetch published models that are missing.")
@click.option(
    "--mirror",
    metavar="URL|DIR",
    help="Fetch them from this address or folder instead of the published addresses.",
)
@click.option("--host", default="127.0.0.1", help="The address to listen on.")
@click.option("--port", default=50051, help="The port; 0: a free one.")
@click.option(
    "--metrics-port",
    default="9090",
    callback=_metrics_port,
    metavar="PORT|off",
    help="The port of /metrics; 0: a free one.",
)
@click.option(
    "--tls-cert",
    type=click.Path(path_type=Path),
    show_default="no encryption",
    help="Encrypt, with the certificate chain in this PEM file; read again when it"
    " changes, as the other two.",
)
@click.option(
    "--tls-key",
    type=click.Path(path_type=Path),
    help="The key of that certificate, a PEM file.",
)
@click.option(
    "--tls-client-ca",
    type=click.Path(path_type=Path),
    show_default="none is asked for",
    help="Let clients in that show a certificate of the authorities in this PEM file.",
)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path),
    show_default="none is asked for",
    help="Ask callers for one of the tokens in this file, one a line, as it is or as"
    " sha256:HEX; read again when it changes.",
)
@click.option("--device", default="CPU", help="Where OpenVINO runs the models.")
@click.option(
    "--mode",
    type=click.Choice([mode.value for mode in Mode]),
    default=Mode.ADAPTIVE.value,
    help="latency: each request gets all cores in turn; throughput: requests run side"
    " by side; adaptive: all cores for one that is alone, else side by side.",
)
@click.option(
    "--scaled-decode/--no-scaled-decode",
    default=True,
    help="Decode large JPEGs to no more pixels than the model sees, in eighths.",
)
@click.option(
    "--inference-precision",
    type=click.Choice(["auto", "f32", "bf16", "f16"]),
    default="auto",
    help="What the networks are computed in; auto: as the device chooses.",
)
@click.option(
    "--device-property",
    multiple=True,
    metavar="KEY=VALUE",
    help="A property for OpenVINO's device; may be repeated.",
)
@click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    show_default="the user's cache folder",
    help="The folder for fetched and compiled models.",
)
@click.option(
    "--compile-cache/--no-compile-cache",
    default=True,
    help="Keep compiled networks in the cache folder, for faster starts.",
)
@click.option(
    "--cut-tail/--no-cut-tail",
    default=False,
    help="Do in the extension what a network's own tail of ATSS does, where it is"
    " proven to do the same.",
)
@click.option(
    "--watch",
    is_flag=True,
    help="Reload models whose files change; SIGHUP reloads them in any case.",
)
@click.option(
    "--workers",
    default=1,
    help="How many processes serve on the port, each with its part of the cores.",
)
@click.option(
    "--max-message-mb", default=32.0, help="The largest request message, in MiB."
)
@click.option(
    "--max-megapixels",
    default=64.0,
    help="The largest image, in millions of pixels, as its header tells.",
)
@click.option(
    "--max-parallel",
    type=int,
    show_default="twice what the devices run side by side",
    help="How many requests are worked on at a time in each worker.",
)
@click.option(
    "--max-queue",
    type=int,
    show_default="6 for each of those",
    help="How many requests may wait in each worker; more are refused.",
)
@click.option(
    "--grace",
    default=30.0,
    help="Seconds to finish what runs after SIGTERM; a second signal ends at once.",
)
@click.option(
    "--stall-seconds",
    default=30.0,
    help="Seconds of work on one request after which health says NOT_SERVING until it"
    " ends: as long as clients wait by default. 0: never.",
)
@click.option(
    "--log-level",
    type=click.Choice(logs.LEVELS),
    default="info",
    help="What to log on standard error; debug: a line for each request.",
)
@click.option(
    "--log-format",
    type=click.Choice(logs.FORMATS),
    default="text",
    help="How; json: one object a line.",
)
@click.option(
    "--traces",
    is_flag=True,
    help="Send traces by OTLP over gRPC, as the OTEL_* variables say; needs"
    " facewire[otel].",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    is_eager=True,
    expose_value=False,
    callback=toml_config.read,
    help="A TOML file with options, such as: max-queue = 8",
)
def serve(
    model: tuple[str, ...],
    device_property: tuple[str, ...],
    cache: Path | None,
    log_level: str,
    log_format: str,
    **settings: Any,
) -> None:
    """Serve models over gRPC until SIGTERM.

    When ready it prints one line that ends in "listening on HOST:PORT".
    """
    set_up_log = partial(logs.set_up, log_level, log_format)
    set_up_log({})
    if cache is not None:
        settings["cache"] = cache
    config = Config(models=model, device_properties=device_property, **settings)
    if warning := exposure.warning(config):
        logger.warning(warning)
    if config.pull:
        _pull(config)
    if config.workers > 1:
        from facewire_server.workers.supervisor import supervise

        asyncio.run(supervise(config, set_up_log, _announce))
        return
    loading = load_aside(config)
    # Imported here: gRPC and the rest come in while the models load.
    from facewire_server.service.run import run

    asyncio.run(run(config, loading, _announce))


def _announce(line: str) -> None:
    click.echo(f"facewire-server {line}")


def _pull(config: Config) -> None:
    # Imported here: it brings an HTTP client, which a server does not need.
    from facewire_server.catalogue.pull import pull_missing

    cache = Cache(config.cache)
    for model in config.models:
        with PullReport(model) as report:
            pull_missing(
                model, config.precision, cache, mirror=config.mirror, report=report
            )
