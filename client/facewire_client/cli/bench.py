"""`facewire bench`: measures a server under load."""

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import grpc

from facewire_client.bench.limit import Baseline, LimitError
from facewire_client.bench.load import ClosedLoop, OpenLoop
from facewire_client.bench.report import Report, report
from facewire_client.bench.run import Run, run
from facewire_client.bench.settings import Photo, Settings
from facewire_client.cli.connection import with_connection
from facewire_client.cli.load import with_load
from facewire_client.cli.output import print_error, printable, show, show_document
from facewire_client.cli.summary import summary
from facewire_client.client import FaceClient
from facewire_client.connection import Connection
from facewire_client.errors import FaceClientError
from facewire_client.result import ModelInfo

_POSITIVE = click.FloatRange(min=0, min_open=True)

_EPILOG = """\b
Examples:
  facewire bench --concurrency 16
  facewire bench --rate 400 --deadline 200 --duration 60 --json > overload.json
  facewire bench --concurrency 1 --limit
"""


@click.command(epilog=_EPILOG)
@with_connection
@click.option(
    "images",
    "--image",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What to send; several take turns. Default: a small photo of one face.",
)
@click.option("--model", default="", metavar="NAME", help="Not the default model.")
@with_load
@click.option(
    "--duration",
    default=10.0,
    type=_POSITIVE,
    metavar="SECONDS",
    show_default=True,
    help="How long to measure.",
)
@click.option(
    "--warmup",
    default=2.0,
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    show_default=True,
    help="How long to send before that.",
)
@click.option(
    "--deadline",
    type=click.FloatRange(min=1),
    metavar="MS",
    help="How soon an answer must come to be of use.",
)
@click.option(
    "--connections",
    default=1,
    type=click.IntRange(min=1),
    metavar="N",
    show_default=True,
    help="How many TCP connections take turns.",
)
@click.option(
    "--limit",
    is_flag=False,
    flag_value="",
    metavar="[NAME|PATH]",
    help="Compare with OpenVINO's benchmark_app, here, on the server's model.",
)
@click.option("as_json", "--json", is_flag=True, help="Print one JSON document.")
def bench(
    client: FaceClient,
    connection: Connection,
    images: Sequence[Path],
    model: str,
    load: ClosedLoop | OpenLoop,
    duration: float,
    warmup: float,
    deadline: float | None,
    connections: int,
    limit: str | None,
    as_json: bool,
) -> None:
    """Measure what a server does under load.

    Latency counts from when a request was planned, so that waiting is not hidden.
    Nothing is tried again. Ctrl-C ends early and still prints the report; the exit
    status is 1 when no request was answered.
    """
    settings = Settings(
        load=load,
        duration=duration,
        warmup=warmup,
        deadline=None if deadline is None else deadline / 1e3,
        connections=connections,
        model=model,
    )
    photos = _photos(images)
    served = _served(client, model)
    baseline = None if limit is None else _baseline(limit, served, settings)
    measured = _run(connection, settings, photos)
    result = report(connection, settings, photos, served, measured)
    failed = not result.requests.answered
    if baseline is not None and not failed and result.end_reason == "duration":
        result, failed = _with_limit(result, baseline)
    if as_json:
        show_document(result.document())
    else:
        show(summary(result))
    sys.exit(1 if failed else 0)


def _photos(images: Sequence[Path]) -> list[Photo]:
    if images:
        try:
            return [Photo.read(image) for image in images]
        except OSError as error:
            raise click.UsageError(
                f"cannot read {printable(str(error.filename))}: {error.strerror}"
            ) from None
    photo = Photo.default()
    if photo is None:
        raise click.UsageError("there is no photo to send; give one: --image FILE")
    return [photo]


def _served(client: FaceClient, model: str) -> ModelInfo | None:
    """Ask the server for its model; None: it implements Detect only."""
    try:
        return client.model(model)
    except FaceClientError as error:
        if error.code is grpc.StatusCode.UNIMPLEMENTED:
            return None
        raise


def _run(connection: Connection, settings: Settings, photos: Sequence[Photo]) -> Run:
    """Send the load, with a progress bar on a terminal."""
    milliseconds = round((settings.warmup + settings.duration) * 1e3)
    with click.progressbar(
        length=milliseconds,
        label="measuring",
        file=sys.stderr,
        hidden=not sys.stderr.isatty(),
    ) as bar:
        return run(connection, settings, photos, lambda passed: bar.update(round(passed * 1e3)))


def _baseline(model: str, served: ModelInfo | None, settings: Settings) -> Baseline:
    try:
        return Baseline.find(model, served, settings)
    except LimitError as error:
        print_error(str(error))
        sys.exit(1)


def _with_limit(result: Report, baseline: Baseline) -> tuple[Report, bool]:
    """Run benchmark_app; return the report with the limit in it, and whether that failed."""
    if sys.stderr.isatty():
        click.echo("running benchmark_app", err=True)
    try:
        limit = baseline.measure(result.rates.answered)
    except LimitError as error:
        print_error(str(error))
        return result, True
    except KeyboardInterrupt:
        print_error("benchmark_app was interrupted")
        return result, True
    return dataclasses.replace(result, limit=limit), False
