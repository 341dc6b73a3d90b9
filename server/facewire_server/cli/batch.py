"""`facewire-server batch`: finds the faces in many photos, on the cores of a cluster."""

import logging
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn, Self

import click

from facewire_server.cli.options import config_file, options, read_settings
from facewire_server.config import BatchConfig
from facewire_server.errors import CommandError
from facewire_server.telemetry import logs

if TYPE_CHECKING:
    from facewire_server.batch.run import Progress

logger = logging.getLogger("facewire_server.batch")

NEEDED = ("ray", "pyarrow", "pandas")
"""Packages of the extra `ray` that are not in the extra `server`."""

LINE_SECONDS = 10.0
"""Without a terminal: how often a line says how far the job is."""

VARIABLES = {
    "RAY_USAGE_STATS_ENABLED": "0",  # no telemetry
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # it writes to standard error what Ray overcomes
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # as Ray will do; else it warns
}
"""How Ray is configured before it is imported, where the user has not."""

LOCAL_VARIABLES = {
    # Looks for new log files, ten a second, and an agent's for its parent, one in 0.4 s.
    "RAY_LOG_MONITOR_MANY_FILES_THRESHOLD": "0",
    "LOG_NAME_UPDATE_INTERVAL_S": "60",
    "RAY_DASHBOARD_AGENT_CHECK_PARENT_INTERVAL_S": "5",
    # What only a dashboard shows: the machine, Ray's processes, and tasks.
    "REPORTER_UPDATE_INTERVAL_MS": "60000",
    "RAY_enable_metrics_collection": "0",
    "RAY_task_events_report_interval_ms": "0",
}
"""The same for a cluster that ends with the job: its own processes leave the cores alone."""


class Stopped(BaseException):
    """A signal ends the job. Not an Exception: no handler on its way may take it for an error."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@click.command(
    params=[
        click.Argument(["source"]),
        click.Option(
            ["--output"],
            required=True,
            metavar="DIR",
            help="The folder for the Parquet files with the faces; may be an address, too.",
        ),
        *options(BatchConfig),
        config_file,
    ],
    context_settings={"auto_envvar_prefix": "FACEWIRE", "show_default": True},
    epilog="Every option can also be set as FACEWIRE_<OPTION>, or in the file given"
    " with --config; the command line wins, then the environment, then the file.",
)
@click.pass_context
def batch(
    context: click.Context, /, source: str, output: str, log_level: str, log_format: str, **_: Any
) -> None:
    """Find the faces in all photos of SOURCE, on all cores of this machine or of a Ray cluster.

    SOURCE is a folder, a glob, a Parquet file (or a folder or glob of them) with a column of
    images or paths, or the address of such in an object store.

    Writes Parquet files with one row for each photo. A job that was broken off goes on where
    it was when the same command is given again. A photo that cannot be opened has a row, too,
    with the reason in the column `error`: the exit status is 0 when each photo has a row, and
    130 or 143 when SIGINT or SIGTERM ended the job.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        packages = f"more packages ({', '.join(missing)})"
        raise CommandError(f"batch needs {packages}: pip install 'facewire[ray]'")
    logs.set_up(log_level, log_format, {})
    config = read_settings(BatchConfig, context)
    for name, value in (VARIABLES | (LOCAL_VARIABLES if config.ray is None else {})).items():
        os.environ.setdefault(name, value)
    # Imported here, because of the packages.
    from facewire_server.batch.run import run

    try:
        with _signals(), Display() as display:
            progress = run(source, output, config, display.show)
    except Stopped as stopped:
        logs.say("facewire-server: stopped; the same command goes on where this one was")
        context.exit(128 + stopped.number)
    logs.flush()
    click.echo(summary(progress))


def summary(progress: "Progress") -> str:
    """Say what a job has done, on one line."""
    before = f"; {progress.before} were there before" if progress.before else ""
    if not progress.total:
        return f"no new photos{before}"
    errors = ", ".join(f"{count} {name}" for name, count in progress.errors.most_common())
    found = f"{progress.photos} photos, {progress.faces} faces, {errors or 'no errors'}"
    rate = progress.rate
    after = "" if rate is None else f" with the start, {rate:.1f} photos a second after it"
    return f"{found}; {progress.seconds:.1f} s{after}{before}"


class Display:
    """A progress bar on a terminal, else a line now and then."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._is_terminal = sys.stderr.isatty()
        self._said = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)

    def show(self, progress: "Progress") -> None:
        """Show how far a job is."""
        if self._is_terminal:
            self._update(progress)
        elif time.monotonic() - self._said >= LINE_SECONDS:
            self._said = time.monotonic()
            logger.info("%s", _how_far(progress))

    def _update(self, progress: "Progress") -> None:
        if self._bar is None:
            self._bar = click.progressbar(
                length=progress.total,
                label="photos",
                file=sys.stderr,
                show_pos=True,
                item_show_func=lambda text: text,
            )
            self._bar.__enter__()
        self._bar.update(progress.photos - self._bar.pos, _beside(progress))


def _how_far(progress: "Progress") -> str:
    return f"{progress.photos} of {progress.total} photos, {_beside(progress)}"


def _beside(progress: "Progress") -> str:
    rate = progress.rate
    return f"{progress.errors.total()} errors{'' if rate is None else f', {rate:.1f}/s'}"


@contextmanager
def _signals() -> Iterator[None]:
    """Raise Stopped on SIGINT and SIGTERM."""

    def stop(number: int, _: FrameType | None) -> NoReturn:
        raise Stopped(number)

    old = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
