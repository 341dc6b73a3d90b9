"""Reloads of a model under full load: no request fails, and memory comes back.

Before each reload one bit of the weights is flipped, so that every answer tells its version.
The exit status is 1 when a request has failed.
"""

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
from tests.server.own_model import change_weights, copy_embedded

CALLERS = 4


def reload(server: Server, model: Path) -> None:
    """Flip a bit of the weights, in a new file; return when the changed model answers."""
    with FaceClient(server.target) as client:
        before = client.model().version
        change_weights(model)
        server.reload()
        while client.model().version == before:
            time.sleep(0.02)


@click.command(help=__doc__)
@click.option("--reloads", type=int, default=20, show_default=True)
@seconds_option(5, "Without reloads.")
def main(reloads: int, seconds: float) -> None:
    print_settings(model=EMBEDDED_FILE.stem, reloads=reloads, callers=CALLERS, seconds=seconds)
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = copy_embedded(Path(folder))
        with serving("--model", str(copy), "--cache", f"{folder}/cache") as server:
            for title in ("warm-up", "before", f"{reloads} reloads", "after"):
                with Callers(server.target, PHOTO.read_bytes(), CALLERS) as callers:
                    if "reloads" not in title:
                        time.sleep(seconds)
                    else:
                        for _ in range(reloads):
                            reload(server, copy)
                failures += len(callers.failures)
                memory, threads = usage.resident_mb(server.pid), usage.threads(server.pid)
                print(
                    f"{title}: {len(callers.seconds)} answers of {len(callers.versions)} versions,"
                    f" {len(callers.failures)} failures; {latency_line(callers.seconds)};"
                    f" {memory:.0f} MB, {threads} threads",
                    flush=True,
                )
    raise SystemExit(1 if failures else 0)


if __name__ == "__main__":
    main()
