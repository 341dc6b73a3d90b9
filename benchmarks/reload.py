"""Reloads of a model under full load: no request fails, and memory comes back.

Copies a model, serves the copy, keeps callers asking in a closed loop, and reloads it
again and again with one bit of its weights flipped, so that every answer tells which
version has given it. Before and after, the same load without reloads. The exit status is
1 when a request has failed.
"""

import tempfile
import time
from pathlib import Path

import click

from benchmarks.harness import usage
from benchmarks.harness.callers import Callers
from benchmarks.harness.images import PHOTO, copy_model
from benchmarks.harness.rounds import latency_line
from benchmarks.harness.server import Server, serving
from benchmarks.harness.settings import model_file_option, print_settings, seconds_option
from facewire_client import FaceClient


def reload(server: Server, weights: Path) -> None:
    """Flip a bit of the weights, in a new file; return when the changed model answers."""
    content = bytearray(weights.read_bytes())
    content[-2] ^= 1
    fresh = weights.with_suffix(".new")
    fresh.write_bytes(content)
    with FaceClient(server.target) as client:
        before = client.model().version
        fresh.rename(weights)
        server.reload()
        while client.model().version == before:
            time.sleep(0.02)


@click.command(help=__doc__)
@model_file_option
@click.option("--reloads", type=int, default=20, show_default=True)
@click.option("--concurrency", type=int, default=4, show_default=True)
@seconds_option(5, "Without reloads.")
def main(model: Path, reloads: int, concurrency: int, seconds: float) -> None:
    print_settings(model=model, reloads=reloads, concurrency=concurrency, seconds=seconds)
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = copy_model(model, Path(folder, "copy.xml"))
        with serving("--model", str(copy), "--cache", f"{folder}/cache") as server:
            for title in ("warm-up", "before", f"{reloads} reloads", "after"):
                with Callers(server.target, PHOTO.read_bytes(), concurrency) as callers:
                    if "reloads" not in title:
                        time.sleep(seconds)
                    else:
                        for _ in range(reloads):
                            reload(server, copy.with_suffix(".bin"))
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
