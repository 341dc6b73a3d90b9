"""What models cost that lie idle in one server: CPU, threads, memory; then all are asked."""

import shutil
import tempfile
import time
from pathlib import Path

import click

from benchmarks.harness import usage
from benchmarks.harness.images import PHOTO
from benchmarks.harness.server import Callers, serving
from benchmarks.harness.settings import EMBEDDED_FILE, print_settings, seconds_option
from facewire_client import FaceClient

COUNTS = (1, 2, 4, 8)


def measure(names: list[str], options: list[str], seconds: float) -> str:
    """A line about a server with these models."""
    with serving(*options) as server:
        with FaceClient(server.target) as client:
            for name in names:
                client.detect(PHOTO, model=name)
        with usage.Usage(server.pid) as idle:
            time.sleep(seconds)
        threads, memory = usage.threads(server.pid), usage.resident_mb(server.pid)
        with Callers(server.target, PHOTO.read_bytes(), 8 // len(names), *names) as callers:
            time.sleep(seconds)
    share, rate = idle.cpu_seconds / seconds, len(callers.seconds) / seconds
    return (
        f"{len(names)} models: idle CPU {share:.2%} of a core, {threads} threads,"
        f" {memory:.0f} MB; asked all at once {rate:.0f} requests/s"
    )


@click.command(help=__doc__)
@seconds_option(5, "Idle, and asked.")
def main(seconds: float) -> None:
    print_settings(model=EMBEDDED_FILE.stem, seconds=seconds)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, f"copy-{number}.xml") for number in range(max(COUNTS))]
        for path in paths:
            for ending in (".xml", ".bin"):
                shutil.copy(EMBEDDED_FILE.with_suffix(ending), path.with_suffix(ending))
        for count in COUNTS:
            options = [part for path in paths[:count] for part in ("--model", str(path))]
            print(measure([path.stem for path in paths[:count]], options, seconds), flush=True)


if __name__ == "__main__":
    main()
