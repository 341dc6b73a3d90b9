"""What models cost that lie idle in one server, or that are reloaded under full load.

With --reloads no request fails, or the exit status is 1. Before each reload one bit of the
weights is flipped, so that every answer tells its version.
"""

import shutil
import tempfile
import time
from pathlib import Path

import click

from benchmarks.harness import usage
from benchmarks.harness.images import PHOTO
from benchmarks.harness.rounds import latency_line
from benchmarks.harness.server import Callers, Server, serving
from benchmarks.harness.settings import EMBEDDED_FILE, print_settings, seconds_option
from facewire_client import FaceClient
from tests.server.own_model import change_weights

COUNTS = (1, 2, 4, 8)
CALLERS = 4


def idle(paths: list[Path], seconds: float) -> str:
    """CPU, threads and memory of a server with these models; then all are asked."""
    names = [path.stem for path in paths]
    with serving(*(part for path in paths for part in ("--model", str(path)))) as server:
        with FaceClient(server.target) as client:
            for name in names:
                client.detect(PHOTO, model=name)
        with usage.Usage(server.pid) as used:
            time.sleep(seconds)
        threads, memory = usage.threads(server.pid), usage.resident_mb(server.pid)
        with Callers(server.target, PHOTO.read_bytes(), 8 // len(names), *names) as callers:
            time.sleep(seconds)
    share, rate = used.cpu_seconds / seconds, len(callers.seconds) / seconds
    return (
        f"{len(names)} models: idle CPU {share:.2%} of a core, {threads} threads,"
        f" {memory:.0f} MB; asked all at once {rate:.0f} requests/s"
    )


def reload(server: Server, model: Path) -> None:
    """Flip a bit of the weights, in a new file; return when the changed model answers."""
    with FaceClient(server.target) as client:
        before = client.model().version
        change_weights(model)
        server.reload()
        while client.model().version == before:
            time.sleep(0.02)


def reloaded(model: Path, reloads: int, seconds: float) -> int:
    """Reload so often under load, and print how it was before and after; failed requests."""
    failures = 0
    with serving("--model", str(model), "--cache", str(model.with_name("cache"))) as server:
        for title in ("warm-up", "before", f"{reloads} reloads", "after"):
            with Callers(server.target, PHOTO.read_bytes(), CALLERS) as callers:
                if "reloads" not in title:
                    time.sleep(seconds)
                else:
                    for _ in range(reloads):
                        reload(server, model)
            failures += len(callers.failures)
            memory, threads = usage.resident_mb(server.pid), usage.threads(server.pid)
            print(
                f"{title}: {len(callers.seconds)} answers of {len(callers.versions)} versions,"
                f" {len(callers.failures)} failures; {latency_line(callers.seconds)};"
                f" {memory:.0f} MB, {threads} threads",
                flush=True,
            )
    return failures


@click.command(help=__doc__)
@click.option("--reloads", type=int, default=0, help="How many; 0: idle models.")
@seconds_option(5, "Idle, and asked; or without reloads.")
def main(reloads: int, seconds: float) -> None:
    print_settings(model=EMBEDDED_FILE.stem, reloads=reloads, callers=CALLERS, seconds=seconds)
    with tempfile.TemporaryDirectory() as folder:
        copies = [Path(folder, f"copy-{number}.xml") for number in range(max(COUNTS))]
        for copy in copies:
            for suffix in (".xml", ".bin"):
                shutil.copy(EMBEDDED_FILE.with_suffix(suffix), copy.with_suffix(suffix))
        if reloads:
            raise SystemExit(1 if reloaded(copies[0], reloads, seconds) else 0)
        for count in COUNTS:
            print(idle(copies[:count], seconds), flush=True)


if __name__ == "__main__":
    main()
