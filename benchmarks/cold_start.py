"""Seconds from the start of a process to its first answer: the server, and the limit.

The limit is a bare script that compiles the model and infers once. Both start with an empty
cache of compiled networks, and then with a full one, in alternation.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

from benchmarks.harness.images import PHOTO
from benchmarks.harness.rounds import alternate, medians
from benchmarks.harness.server import serving
from benchmarks.harness.settings import print_settings, rounds_option
from facewire_client import FaceClient

BAR_SECONDS = 0.5  # how much slower than the bare script the server's second start may be
BARE = """
import sys
sys.modules["openvino_telemetry"] = None  # else it reports itself to a web service
import openvino as ov
print("imported", flush=True)
settings = {"PERFORMANCE_HINT": "THROUGHPUT", "CACHE_DIR": sys.argv[2]}
compiled = ov.Core().compile_model(sys.argv[1], "CPU", settings)
print("compiled", flush=True)
compiled.create_infer_request().infer()
print("answered", flush=True)
"""
"""Prints a word after each step. Nothing of facewire is imported."""


def start_bare(model: Path, cache: Path) -> dict[str, float]:
    """Seconds from the start of the bare script to the end of each of its steps."""
    command = [sys.executable, "-c", BARE, str(model), str(cache)]
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        steps = {line.strip(): time.perf_counter() - started for line in process.stdout}
    if "answered" not in steps:
        raise SystemExit("the bare script failed; its error is above")
    return steps


def start_server(model: Path, cache: Path) -> float:
    """Seconds from the start of the server to its first answer."""
    started = time.perf_counter()
    with serving("--model", str(model), "--cache", str(cache)) as server:
        with FaceClient(server.target) as client:
            client.detect(PHOTO)
        return time.perf_counter() - started


@click.command(help=__doc__)
@click.argument("model", type=click.Path(exists=True, path_type=Path))
@rounds_option(5)
def main(model: Path, rounds: int) -> None:
    print_settings(model=model.name, rounds=rounds)
    with tempfile.TemporaryDirectory() as folder:
        bare, server = Path(folder, "bare"), Path(folder, "server")
        steps = start_bare(model, bare)
        print("bare, empty cache:", *(f"{step} {took:.2f} s" for step, took in steps.items()))
        print(f"server, empty cache: {start_server(model, server):.2f} s")
        starts: dict[str, Callable[[], float]] = {
            "bare": lambda: start_bare(model, bare)["answered"],
            "server": partial(start_server, model, server),
        }
        seconds = medians(alternate(rounds, starts))
    for name, took in seconds.items():
        print(f"{name}, with its cache: {took:.2f} s (median)")
    more = seconds["server"] - seconds["bare"]
    print(f"server - bare, s: {more:.3g}, at most {BAR_SECONDS:g}")
    raise SystemExit(0 if more <= BAR_SECONDS else 1)


if __name__ == "__main__":
    main()
