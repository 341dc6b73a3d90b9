"""The machine and the options of a measurement, and the bar that a result is held to."""

import os
import platform
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import click
import openvino as ov

from facewire_server.models.source import DATA, EMBEDDED

EMBEDDED_FILE = DATA / EMBEDDED / f"{EMBEDDED}.xml"  # the model that comes with the server
_PACKAGES = ("facewire", "grpcio", "numpy", "opencv-python-headless", "openvino", "protobuf")


def rounds_option(default: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """How many rounds to measure."""
    return click.option("--rounds", type=int, default=default, show_default=True)


def seconds_option(default: float, of: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """How long to measure."""
    return click.option("--seconds", type=float, default=default, help=of, show_default=True)


def print_settings(**settings: object) -> None:
    """Print the machine, how busy it was before, versions, and these settings."""
    processor = ov.Core().get_property("CPU", "FULL_DEVICE_NAME")
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    print(f"{processor}, {len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.2f}")
    print(f"Python {platform.python_version()}, {packages}")
    print(*(f"{key}={value}" for key, value in settings.items()), flush=True)


def progress(line: str) -> None:
    """Print on standard error what a long run does, with the time."""
    print(f"{time.strftime('%H:%M:%S')}  {line}", file=sys.stderr, flush=True)
