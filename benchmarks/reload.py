"""Reloads of a model under full load: no request fails, and memory comes back.

    python -m benchmarks.reload [--model FILE] [--reloads 20] [--concurrency 4]

Copies a model, serves the copy, keeps CONCURRENCY callers asking in a closed loop, and
reloads it again and again with one bit of its weights turned, so that every answer
tells which version has given it. Before and after, the same load without reloads.
"""

import argparse
import shutil
import signal
import statistics
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from benchmarks.server_process import serving, status
from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_client import FaceClient
from facewire_server.models.source import DATA, EMBEDDED

PHOTO = DATA / "astronaut.jpg"


@dataclass
class Load:
    """What the callers have seen: seconds an answer, answers a version, failures."""

    seconds: list[float] = field(default_factory=list)
    versions: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def ask(self, target: str) -> None:
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

    def line(self) -> str:
        """The load in words."""
        cuts = statistics.quantiles(self.seconds, n=100)
        worst = max(self.seconds)
        return (
            f"{len(self.seconds)} answers of {len(self.versions)} versions,"
            f" {len(self.failures)} failures; p50 {cuts[49] * 1e3:.1f} ms,"
            f" p99 {cuts[98] * 1e3:.1f} ms, worst {worst * 1e3:.1f} ms"
        )


def flip(weights: Path) -> None:
    """Turns the lowest bit of the last weight but one, by replacing the file."""
    content = bytearray(weights.read_bytes())
    content[-2] ^= 1
    fresh = weights.with_suffix(".new")
    fresh.write_bytes(content)
    fresh.rename(weights)


def main() -> None:
    """Prints the settings, then the load before, during and after the reloads."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    embedded = DATA / EMBEDDED / f"{EMBEDDED}.xml"
    parser.add_argument("--model", type=Path, default=embedded, help="an IR (.xml)")
    parser.add_argument("--reloads", type=int, default=20)
    parser.add_argument("--concurrency", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=5, help="without reloads")
    arguments = parser.parse_args()
    print(" ".join(f"{key}={value}" for key, value in vars(arguments).items()))
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "copy.xml"
        shutil.copy(arguments.model, model)
        weights = model.with_suffix(".bin")
        shutil.copy(arguments.model.with_suffix(".bin"), weights)
        options = ("--model", str(model), "--cache", f"{folder}/cache")
        with serving(*options) as (process, target):

            def measure(title: str, reloads: int) -> Load:
                load = Load()
                callers = [
                    threading.Thread(target=load.ask, args=(target,))
                    for _ in range(arguments.concurrency)
                ]
                for caller in callers:
                    caller.start()
                with FaceClient(target) as client:
                    for _ in range(reloads):
                        before = client.model().version
                        flip(weights)
                        process.send_signal(signal.SIGHUP)
                        while client.model().version == before:
                            time.sleep(0.02)
                if not reloads:
                    time.sleep(arguments.seconds)
                load.stop.set()
                for caller in callers:
                    caller.join()
                resident = status(process, "VmRSS") >> 10
                threads = status(process, "Threads")
                print(f"{title}: {load.line()}; {resident} MB, {threads} threads")
                return load

            measure("warm-up", 0)
            measure("before", 0)
            during = measure(f"{arguments.reloads} reloads", arguments.reloads)
            measure("after", 0)
    raise SystemExit(1 if during.failures else 0)


if __name__ == "__main__":
    main()
