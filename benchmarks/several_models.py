"""What models cost that lie idle in one server: CPU, threads, memory.

Serves copies of one model under names of their own, asks each of them once, and then
leaves the server alone. Last, all are asked at once, to show that they share the cores:
how many requests are worked on at a time is the server's, however many models it has.
"""

import tempfile
import time
from pathlib import Path

import click

from benchmarks.harness import usage
from benchmarks.harness.callers import Callers
from benchmarks.harness.images import PHOTO, copy_model
from benchmarks.harness.server import serving
from benchmarks.harness.settings import Numbers, model_file_option, print_settings, seconds_option
from facewire_client import FaceClient


def measure(paths: list[Path], seconds: float) -> str:
    """A line about a server with these models."""
    options = [option for path in paths for option in ("--model", str(path))]
    with serving(*options) as server:
        with FaceClient(server.target) as client:
            for path in paths:
                client.detect(PHOTO, model=path.stem)
        with usage.Usage(server.pid) as idle:
            time.sleep(seconds)
        threads, memory = usage.threads(server.pid), usage.resident_mb(server.pid)
        names = [path.stem for path in paths]
        with Callers(server.target, PHOTO.read_bytes(), 8 // len(names), *names) as callers:
            time.sleep(seconds)
    share, rate = idle.cpu_seconds / seconds, len(callers.seconds) / seconds
    return (
        f"{len(paths)} models: idle CPU {share:.2%} of a core, {threads} threads,"
        f" {memory:.0f} MB; asked all at once {rate:.0f} requests/s"
    )


@click.command(help=__doc__)
@model_file_option
@click.option("--models", type=Numbers(), default="1,2,4,8", show_default=True)
@seconds_option(5, "Idle, and asked.")
def main(model: Path, models: tuple[int, ...], seconds: float) -> None:
    print_settings(model=model, seconds=seconds)
    for count in models:
        with tempfile.TemporaryDirectory() as folder:
            paths = [copy_model(model, Path(folder, f"copy-{n}.xml")) for n in range(count)]
            print(measure(paths, seconds), flush=True)


if __name__ == "__main__":
    main()
