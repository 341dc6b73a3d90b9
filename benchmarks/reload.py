"""Reloads of a model under full load: no request fails, and memory comes back.

Copies a model, serves the copy, keeps callers asking in a closed loop, and reloads it
again and again with one bit of its weights flipped, so that every answer tells which
version has given it. Before and after, the same load without reloads. The exit status is
1 when a request has failed.
"""

import shutil
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import click
import grpc

from benchmarks.harness import usage
from benchmarks.harness.images import PHOTO
from benchmarks.harness.rounds import latency_line
from benchmarks.harness.server import Server, serving
from benchmarks.harness.settings import model_file_option, print_settings, seconds_option
from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_client import FaceClient


@dataclass
class Load:
    """What the callers have seen: seconds an answer, answers a version, failures."""

    seconds: list[float] = field(default_factory=list)
    versions: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def call(self, target: str) -> None:
        """One caller, until `stop`; without the client's retries every failure shows."""
        request = pb.DetectRequest(encoded_image=PHOTO.read_bytes())
        with grpc.insecure_channel(target) as channel:
            stub = DetectServiceStub(channel)
            while not self.stop.is_set():
                started = time.perf_counter()
                try:
                    answer = stub.Detect(request, timeout=60)
                except grpc.RpcError as error:
                    self.failures.append(str(error))
                else:
                    self.seconds.append(time.perf_counter() - started)
                    self.versions[answer.model_version] += 1

    def __str__(self) -> str:
        return (
            f"{len(self.seconds)} answers of {len(self.versions)} versions,"
            f" {len(self.failures)} failures; {latency_line(self.seconds)}"
        )


def flip_bit(weights: Path) -> None:
    """Flip the lowest bit of the last byte but one, by replacing the file."""
    content = bytearray(weights.read_bytes())
    content[-2] ^= 1
    fresh = weights.with_suffix(".new")
    fresh.write_bytes(content)
    fresh.rename(weights)


def reload(server: Server, weights: Path) -> None:
    """Reload a changed model, and return when it answers."""
    with FaceClient(server.target) as client:
        before = client.model().version
        flip_bit(weights)
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
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "copy.xml")
        weights = copy.with_suffix(".bin")
        shutil.copy(model, copy)
        shutil.copy(model.with_suffix(".bin"), weights)
        with serving("--model", str(copy), "--cache", f"{folder}/cache") as server:

            def measure(title: str, reloads: int = 0) -> Load:
                load = Load()
                callers = [
                    threading.Thread(target=load.call, args=(server.target,))
                    for _ in range(concurrency)
                ]
                for caller in callers:
                    caller.start()
                for _ in range(reloads):
                    reload(server, weights)
                if not reloads:
                    time.sleep(seconds)
                load.stop.set()
                for caller in callers:
                    caller.join()
                memory, threads = usage.resident_mb(server.pid), usage.threads(server.pid)
                print(f"{title}: {load}; {memory:.0f} MB, {threads} threads", flush=True)
                return load

            measure("warm-up")
            measure("before")
            during = measure(f"{reloads} reloads", reloads)
            measure("after")
    raise SystemExit(1 if during.failures else 0)


if __name__ == "__main__":
    main()
