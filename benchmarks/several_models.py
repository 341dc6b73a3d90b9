"""What models cost that lie idle in one server: CPU, threads, memory.

Serves copies of one model under names of their own, asks each of them once, and then
leaves the server alone. Last, all are asked at once, to show that they share the cores:
how many requests are worked on at a time is the server's, however many models it has.
"""

import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from benchmarks.harness import usage
from benchmarks.harness.images import PHOTO
from benchmarks.harness.server import serving
from benchmarks.harness.settings import Numbers, model_file_option, print_settings, seconds_option
from facewire_client import FaceClient

REQUESTS = 400


def copies(model: Path, count: int, folder: Path) -> list[Path]:
    """The model under `count` names."""
    paths = [folder / f"copy-{number}.xml" for number in range(count)]
    for path in paths:
        shutil.copy(model, path)
        shutil.copy(model.with_suffix(".bin"), path.with_suffix(".bin"))
    return paths


def measure(paths: list[Path], seconds: float) -> str:
    """A line about a server with these models."""
    options = [option for path in paths for option in ("--model", str(path))]
    with serving(*options) as server, FaceClient(server.target) as client:
        photo = PHOTO.read_bytes()

        def detect(path: Path, times: int) -> None:
            for _ in range(times):
                client.detect(photo, model=path.stem)

        for path in paths:
            detect(path, 1)
        before = usage.cpu_seconds(server.pid)
        time.sleep(seconds)
        idle = (usage.cpu_seconds(server.pid) - before) / seconds
        threads, memory = usage.threads(server.pid), usage.resident_mb(server.pid)
        each = REQUESTS // len(paths) // 2
        started = time.perf_counter()
        with ThreadPoolExecutor(8) as callers:
            list(callers.map(lambda path: detect(path, each), paths * 2))
        rate = 2 * each * len(paths) / (time.perf_counter() - started)
    return (
        f"{len(paths)} models: idle CPU {idle:.2%} of a core, {threads} threads,"
        f" {memory:.0f} MB; asked all at once {rate:.0f} requests/s"
    )


@click.command(help=__doc__)
@model_file_option
@click.option("--models", type=Numbers(), default="1,2,4,8", show_default=True)
@seconds_option(5, "Idle.")
def main(model: Path, models: tuple[int, ...], seconds: float) -> None:
    print_settings(model=model, seconds=seconds)
    for count in models:
        with tempfile.TemporaryDirectory() as folder:
            print(measure(copies(model, count, Path(folder)), seconds), flush=True)


if __name__ == "__main__":
    main()
