"""Where the time of one request goes, from its bytes to the bytes of its answer.

Runs the server's own path without gRPC in one thread, and prints the least time of each
step. With --parallel, on a thread for each request that the device runs at a time:
inference alone, decoding alone, and the whole, in alternation. With --callgrind, the
instructions of all of it by library, for a network that computes nothing: valgrind does
not know all instructions that OpenVINO would choose for another.
"""

import itertools
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click
import numpy as np
import openvino as ov
from prometheus_client.exposition import generate_latest

from benchmarks.harness.callgrind import instructions, require_valgrind
from benchmarks.harness.images import PHOTO, save_trivial_network
from benchmarks.harness.rounds import alternate, column_medians, in_threads, table
from benchmarks.harness.settings import model_option, print_settings, rounds_option, seconds_option
from facewire.v1 import detect_pb2 as pb
from facewire_server.config import Mode
from facewire_server.image.decode import decode
from facewire_server.image.fit import fit
from facewire_server.image.limits import ImageLimits
from facewire_server.inference.detector import Detections, Detector
from facewire_server.inference.runtime import Runtime
from facewire_server.models.source import Source
from facewire_server.rpc import converters
from facewire_server.scheduling.job import Outcome
from facewire_server.telemetry.metrics import Metrics

LIMITS = ImageLimits(64_000_000)
FEW, MANY = 10, 40
"""Requests of callgrind's two programs: what they differ by is the cost of the rest."""
ROUNDS = 3

CHILD = """
import sys
from pathlib import Path
from benchmarks.request_path import RequestPath
path = RequestPath(sys.argv[1], Path(sys.argv[2]))
for _ in range(int(sys.argv[3])):
    path.steps()
"""


class RequestPath:
    """The path of a request for one image, with a model of its own."""

    def __init__(self, model: str, image: Path) -> None:
        self.source = Source.find(model)
        self.detector = Detector(self.source, Runtime(mode=Mode.THROUGHPUT))
        self.metrics = Metrics()
        self._image = image.read_bytes()
        self._message = pb.DetectRequest(encoded_image=self._image).SerializeToString()

    def steps(self) -> dict[str, float]:
        """Run it; seconds that each step has taken."""
        started = time.perf_counter()
        request = pb.DetectRequest.FromString(self._message)
        options = converters.options(request.options)
        image = converters.image(request, reducible=True)
        parsed = time.perf_counter()
        detections = self.detector.detect(image, options, LIMITS)
        detected = time.perf_counter()
        outcome = Outcome(detections, waited=0)
        converters.response(outcome, total=0).SerializeToString()
        answered = time.perf_counter()
        self._count(detections)
        counted = time.perf_counter()
        stages = detections.stages
        return {
            "read the message": parsed - started,
            "decode and fit": stages.decode,
            "inference": stages.inference,
            "boxes": stages.postprocess,
            "write the answer": answered - detected,
            "count it": counted - answered,
        }

    def _count(self, detections: Detections) -> None:
        """Update the metrics as the server does for an answered request."""
        name = detections.model.name
        self.metrics.inflight.inc()
        self.metrics.checkpoint_passed(name)
        self.metrics.answered(detections, 0.00001)
        self.metrics.inflight.dec()
        self.metrics.finished("Detect", name, "OK", 0.0055)

    def scrape(self) -> float:
        """Seconds that a scrape of the metrics takes."""
        started = time.perf_counter()
        generate_latest(self.metrics.registry)
        return time.perf_counter() - started

    def decode(self) -> float:
        """Seconds that decoding alone takes."""
        started = time.perf_counter()
        decode(self._image, limits=LIMITS, target=self.detector.target)
        return time.perf_counter() - started

    def decode_and_fit(self) -> Callable[[], object]:
        """What decodes the image into an input of its own."""
        target = self.detector.target
        tensor = np.empty((1, 3, target.height, target.width), np.uint8)

        def work() -> None:
            picture = decode(self._image, limits=LIMITS, target=target)
            fit(picture, tensor, mode=target.mode, pad_value=0)

        return work


def parallel(
    make: Callable[[], Callable[[], object]], threads: int, seconds: float
) -> tuple[float, float]:
    """Calls a second, and CPU ms for each, of so many threads with work of their own."""
    works = iter([make() for _ in range(threads)])
    end = time.monotonic() + seconds

    def run() -> int:
        work = next(works)
        for count in itertools.count():
            if time.monotonic() > end:
                return count
            work()
        raise AssertionError("counting does not end")

    began, used = time.monotonic(), time.process_time()
    done = sum(in_threads(threads, run))
    took, used = time.monotonic() - began, time.process_time() - used
    return done / took, used / done * 1000


def print_parallel(path: RequestPath, seconds: float) -> None:
    """Medians of the rounds."""
    compiled = ov.Core().compile_model(path.source.path, "CPU", {"PERFORMANCE_HINT": "THROUGHPUT"})
    parts: dict[str, Callable[[], Callable[[], object]]] = {
        "inference": lambda: compiled.create_infer_request().infer,
        "decode and fit": path.decode_and_fit,
        "the whole": lambda: path.steps,
    }
    threads = path.detector.parallel
    found = alternate(
        ROUNDS, {name: partial(parallel, make, threads, seconds) for name, make in parts.items()}
    )
    rows = []
    for name, results in found.items():
        rate, cpu = column_medians(results)
        rows.append((name, f"{rate:.1f}", f"{cpu:.2f}"))
    print(f"{threads} threads")
    print(table(("", "a second", "CPU ms"), rows))


def print_instructions(image: Path) -> None:
    """Thousands of instructions of one request, by library."""
    require_valgrind()
    with tempfile.TemporaryDirectory() as folder:
        network = Path(folder, "nothing.xml")
        save_trivial_network(network)
        few, many = (instructions(CHILD, str(network), str(image), str(n)) for n in (FEW, MANY))
    for library, count in (many - few).most_common(12):
        print(f"{library:44}{count / (MANY - FEW) / 1000:10.1f}")
    total = (many.total() - few.total()) / (MANY - FEW)
    print(f"{'in all, thousands of instructions':44}{total / 1000:10.1f}")


@click.command(help=__doc__)
@model_option
@click.option("--image", type=click.Path(path_type=Path), default=PHOTO)
@rounds_option(200)
@seconds_option(3, "Of each part, a round, with --parallel.")
@click.option("--parallel", "side_by_side", is_flag=True)
@click.option("--callgrind", is_flag=True)
def main(
    model: str, image: Path, rounds: int, seconds: float, side_by_side: bool, callgrind: bool
) -> None:
    print_settings(model=Path(model).stem, image=image)
    if callgrind:
        return print_instructions(image)
    path = RequestPath(model, image)
    if side_by_side:
        return print_parallel(path, seconds)
    steps = [path.steps() for _ in range(rounds)]
    print(f"{rounds} rounds, least ms of each step")
    for step in steps[0]:
        print(f"{step:18}{min(each[step] for each in steps) * 1000:8.3f}")
    least = min(path.decode() for _ in range(rounds))
    print(f"(decode alone     {least * 1000:8.3f})")
    least = min(path.scrape() for _ in range(rounds))
    print(f"(a scrape         {least * 1000:8.3f})")


if __name__ == "__main__":
    main()
