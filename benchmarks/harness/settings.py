"""What numbers were measured on, and options that several commands have."""

import os
import platform
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

import click
import openvino as ov

from facewire_server.models.source import DATA, EMBEDDED

EMBEDDED_FILE = DATA / EMBEDDED / f"{EMBEDDED}.xml"
"""The model that comes with the server."""

_PACKAGES = ("facewire", "grpcio", "numpy", "opencv-python-headless", "openvino", "protobuf")

model_option = click.option("--model", default=EMBEDDED, help="Name or path.", show_default=True)
model_file_option = click.option(
    "--model", type=click.Path(path_type=Path), default=EMBEDDED_FILE, help="An IR (.xml)."
)


def rounds_option(default: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """How many rounds to measure."""
    return click.option("--rounds", type=int, default=default, show_default=True)


def seconds_option(default: float, of: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """How long to measure."""
    return click.option("--seconds", type=float, default=default, help=of, show_default=True)


class Choices(click.ParamType[tuple[str, ...]]):
    """Some of these names, separated by commas."""

    def __init__(self, choices: Iterable[str]) -> None:
        self.name = ",".join(choices)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """See click."""
        names = value if isinstance(value, tuple) else tuple(filter(None, value.split(",")))
        if unknown := set(names) - set(self.name.split(",")):
            self.fail(f"{', '.join(sorted(unknown))}: none of {self.name}")
        return names


class Numbers(click.ParamType[tuple[int, ...]]):
    """Whole numbers, separated by commas."""

    name = "numbers"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """See click."""
        try:
            return tuple(map(int, value.split(",")))
        except ValueError:
            self.fail(f"{value!r} is no list of whole numbers")


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


def processor() -> str:
    """The name of the processor."""
    return str(ov.Core().get_property("CPU", "FULL_DEVICE_NAME"))


def machine() -> dict[str, str]:
    """The machine, how busy it was before, and the versions in this environment."""
    return {
        "processor": processor(),
        "cores": str(cores()),
        "load before": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "python": platform.python_version(),
        **{package: version(package) for package in _PACKAGES},
    }


def print_settings(**settings: object) -> None:
    """One line: processor, cores, versions of what matters most, and these settings."""
    values = " ".join(f"{key}={_text(value)}" for key, value in settings.items())
    versions = f"Python {platform.python_version()}, grpcio {version('grpcio')}"
    print(f"{processor()}, {cores()} cores; {versions}; {values}", flush=True)


def print_lines(settings: Mapping[str, str]) -> None:
    """A line for each setting."""
    print("\n".join(f"{key}: {value}" for key, value in settings.items()), flush=True)


class Progress:
    """Tells on standard error what a long run does, with the time since its start."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def __call__(self, line: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - self._started), 60)
        print(f"{minutes:02}:{seconds:02}  {line}", file=sys.stderr, flush=True)


def end_with_bar(what: str, value: float, most: float) -> NoReturn:
    """Print whether a value is at most its bar; the exit status is 1 when it is not."""
    met = value <= most
    print(f"{what} {value:.3g}, bar {most:g}: {'met' if met else 'not met'}")
    raise SystemExit(0 if met else 1)


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return value.name if isinstance(value, Path) else str(value)
