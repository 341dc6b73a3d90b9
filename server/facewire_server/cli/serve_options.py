"""The options of `facewire-server serve`, in groups that --help keeps together."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from facewire_server.catalogue.catalogue import PRECISIONS
from facewire_server.cli import toml_config
from facewire_server.image.limits import MAX_SCANS, MAX_SIDE
from facewire_server.inference.runtime import Mode
from facewire_server.models.source import EMBEDDED
from facewire_server.telemetry import logs

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def group(*options: Decorator) -> Decorator:
    """All of these as one decorator; --help has them in this order."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


models = group(
    click.option(
        "--model",
        multiple=True,
        default=(EMBEDDED,),
        metavar="NAME|PATH",
        help="A model to serve; may be repeated. The first is the default one.",
    ),
    click.option(
        "--precision",
        type=click.Choice(PRECISIONS),
        show_default="what is in the cache, FP16 first",
        help="Of the weights of published models.",
    ),
    click.option("--pull", is_flag=True, help="Fetch published models that are missing."),
    click.option(
        "--mirror",
        metavar="URL|DIR",
        help="Fetch them from this address or folder instead of the published addresses.",
    ),
    click.option(
        "--cache",
        type=click.Path(file_okay=False, path_type=Path),
        show_default="the user's cache folder",
        help="The folder for fetched and compiled models.",
    ),
    click.option(
        "--compile-cache/--no-compile-cache",
        default=True,
        help="Keep compiled networks in the cache folder, for faster starts.",
    ),
    click.option(
        "--watch",
        is_flag=True,
        help="Reload models whose files change; SIGHUP reloads them in any case.",
    ),
)
"""Which models are served, and where they come from."""

computing = group(
    click.option("--device", default="CPU", help="Where OpenVINO runs the models."),
    click.option(
        "--mode",
        type=click.Choice([mode.value for mode in Mode]),
        default=Mode.ADAPTIVE.value,
        help="latency: each request gets all cores in turn; throughput: requests run side"
        " by side; adaptive: all cores for one that is alone, else side by side.",
    ),
    click.option(
        "--scaled-decode/--no-scaled-decode",
        default=True,
        help="Reduce large images on the way to what the model sees.",
    ),
    click.option(
        "--inference-precision",
        type=click.Choice(["auto", "f32", "bf16", "f16"]),
        default="auto",
        help="What the networks are computed in; auto: as the device chooses.",
    ),
    click.option(
        "--device-property",
        multiple=True,
        metavar="KEY=VALUE",
        help="A property for OpenVINO's device; may be repeated.",
    ),
    click.option(
        "--workers",
        default=1,
        help="How many processes serve on the port, each with its part of the cores.",
    ),
)
"""How the models run."""

limits = group(
    click.option("--max-message-mb", default=32.0, help="The largest request message, in MiB."),
    click.option(
        "--max-megapixels",
        default=64.0,
        help="The largest image, in millions of pixels, as its header tells.",
    ),
    click.option("--max-side", default=MAX_SIDE, help="The longest side of an image, in pixels."),
    click.option(
        "--max-scans",
        default=MAX_SCANS,
        help="How often a JPEG may go over its pixels; progressive ones do about 10 times.",
    ),
    click.option(
        "--max-parallel",
        type=int,
        show_default="twice what the devices run side by side",
        help="How many requests are worked on at a time in each worker.",
    ),
    click.option(
        "--max-queue",
        type=int,
        show_default="4 for each of those",
        help="How many requests may wait in each worker; more are refused.",
    ),
    click.option(
        "--max-queued-mb",
        default=256.0,
        help="How much of messages may wait in each worker, in MiB: single calls beyond"
        " it are refused, streams beyond half of it are held back.",
    ),
    click.option(
        "--grace",
        default=30.0,
        help="Seconds to finish what runs after SIGTERM; a second signal ends at once.",
    ),
    click.option(
        "--stall-seconds",
        default=30.0,
        help="Seconds of work on one request after which health says NOT_SERVING until it"
        " ends: as long as clients wait by default. 0: never.",
    ),
)
"""How much the server takes, and for how long."""

telling = group(
    click.option(
        "--log-level",
        type=click.Choice(logs.LEVELS),
        default="info",
        help="What to log on standard error; debug: a line for each request.",
    ),
    click.option(
        "--log-format",
        type=click.Choice(logs.FORMATS),
        default="text",
        help="How; json: one object a line.",
    ),
    click.option(
        "--traces",
        is_flag=True,
        help="Send traces by OTLP over gRPC, as the OTEL_* variables say; needs facewire[otel].",
    ),
)
"""What it tells of itself."""

config_file = click.option(
    "--config",
    type=click.Path(path_type=Path),
    is_eager=True,
    expose_value=False,
    callback=toml_config.read,
    help="A TOML file with options, such as: max-queue = 8",
)
"""Where options may stand that are not on the command line."""
