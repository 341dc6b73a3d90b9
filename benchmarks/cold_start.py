"""Seconds from the start of a process to its first answer: the server, and the limit.

    python -m benchmarks.cold_start MODEL.xml [--rounds 5]

The limit is a bare script that compiles and infers once (`cold_start_bare`). Each has a
cache of compiled networks of its own. The first start finds it empty; then both start
again in turns. The server's answer is that to a real request over gRPC.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import grpc

from benchmarks.server_process import serving
from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_server.models.source import DATA

BAR_SECONDS = 0.5
"""How much slower than the bare script the server's second start may be."""


def start_bare(model: Path, cache: Path) -> float:
    """Seconds from the start of the bare script to its inference."""
    command = [sys.executable, "-m", "benchmarks.cold_start_bare", str(model)]
    done = subprocess.run(
        [*command, "--cache", str(cache)], check=True, capture_output=True, text=True
    )
    return float(json.loads(done.stdout)["answered"])


def start_server(model: Path, cache: Path) -> float:
    """Seconds from the start of the server to its first answer."""
    request = pb.DetectRequest(encoded_image=(DATA / "astronaut.jpg").read_bytes())
    started = time.perf_counter()
    with serving("--model", str(model), "--cache", str(cache)) as (_, target):
        with grpc.insecure_channel(target) as channel:
            DetectServiceStub(channel).Detect(request, timeout=60)
        return time.perf_counter() - started


def main() -> None:
    """Prints first starts, then medians of second starts, and exits 1 over the bar."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    print(f"{arguments.model.name}, {arguments.rounds} rounds")
    with tempfile.TemporaryDirectory() as folder:
        starts = {
            "bare": (start_bare, Path(folder) / "bare"),
            "server": (start_server, Path(folder) / "server"),
        }
        for name, (start, cache) in starts.items():
            print(f"{name}: {start(arguments.model, cache):.2f} s with an empty cache")
        seconds: dict[str, list[float]] = {name: [] for name in starts}
        for _ in range(arguments.rounds):
            for name, (start, cache) in starts.items():
                seconds[name].append(start(arguments.model, cache))
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    for name, values in seconds.items():
        each = " ".join(f"{value:.2f}" for value in values)
        print(f"{name}: {medians[name]:.2f} s with its cache (median of {each})")
    slower = medians["server"] - medians["bare"]
    met = slower <= BAR_SECONDS
    print(f"server - bare: {slower:+.2f} s, bar {BAR_SECONDS}: {'' if met else 'not '}met")
    raise SystemExit(0 if met else 1)


if __name__ == "__main__":
    main()
