"""What decoding adds to inference when as many requests run side by side as can.

    python -m benchmarks.side_by_side [--model FILE] [--image FILE...] [--seconds 3]

The server's own path without gRPC and without a client, on a thread for each request
that the device runs at a time: inference alone, decoding alone, and the whole of it,
in turns. The whole is the least that a server could cost here, were messages free.
"""

import argparse
import itertools
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.comparison.machine import settings
from facewire.v1 import detect_pb2 as pb
from facewire_server.config import Mode
from facewire_server.image.decode import open_image
from facewire_server.image.fit import fit
from facewire_server.image.limits import ImageLimits
from facewire_server.inference.detector import Detector, Options
from facewire_server.inference.engine import Engine
from facewire_server.inference.preprocess import PreprocessedNetwork
from facewire_server.inference.runtime import Runtime
from facewire_server.models.source import DATA, EMBEDDED, Source
from facewire_server.rpc import converters

LIMITS = ImageLimits(64_000_000)
ROUNDS = 3

Step = Callable[[pb.DetectRequest], object]
"""What one thread does with each request."""


def inferring(engine: Engine) -> Step:
    """Inference of what is in the input already."""

    def infer(request: pb.DetectRequest) -> None:
        with engine.slot() as slot:
            slot.infer(exclusive=False)

    return infer


def decoding(detector: Detector) -> Step:
    """From the file to an input of its own."""
    target = detector.target
    tensor = np.empty((1, target.height, target.width, 3), np.uint8)

    def decode(request: pb.DetectRequest) -> None:
        picture = open_image(converters.image(request, reducible=True), LIMITS, target)
        fit(picture, tensor, mode=target.mode, pad_value=0)

    return decode


def detecting(detector: Detector) -> Step:
    """From the file to the boxes."""

    def detect(request: pb.DetectRequest) -> None:
        detector.detect(converters.image(request, reducible=True), Options(), LIMITS)

    return detect


def measured(
    make: Callable[[], Step],
    requests: Sequence[pb.DetectRequest],
    threads: int,
    seconds: float,
) -> tuple[float, float]:
    """Requests a second, and CPU ms for each, of so many threads for so long."""
    steps = [make() for _ in range(threads)]
    end = time.monotonic() + seconds

    def run(step: Step) -> int:
        for count, request in enumerate(itertools.cycle(requests)):
            if time.monotonic() > end:
                return count
            step(request)
        raise AssertionError("a cycle does not end")

    began, used = time.monotonic(), time.process_time()
    with ThreadPoolExecutor(threads) as pool:
        done = sum(pool.map(run, steps))
    took, used = time.monotonic() - began, time.process_time() - used
    return done / took, used / done * 1000


def main() -> None:
    """Measures in turns, and prints medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=EMBEDDED)
    parser.add_argument("--image", type=Path, nargs="+", default=[DATA / "astronaut.jpg"])
    parser.add_argument("--seconds", type=float, default=3, help="a part, a round")
    given = parser.parse_args()
    source, runtime = Source.find(given.model), Runtime(mode=Mode.THROUGHPUT)
    detector = Detector(source, runtime)
    engine = Engine(PreprocessedNetwork.load(source, source.read(), runtime), runtime)
    parts = {
        "inference": lambda: inferring(engine),
        "decode and fit": lambda: decoding(detector),
        "the whole": lambda: detecting(detector),
    }
    requests = [pb.DetectRequest(encoded_image=each.read_bytes()) for each in given.image]
    threads = detector.parallel
    print("\n".join(f"{key}: {value}" for key, value in settings().items()))
    print(f"{Path(given.model).stem}, {engine.precision}, {threads} threads,")
    print(f"{len(requests)} images, {ROUNDS} rounds of {given.seconds:g} s, medians")
    rounds = [
        {name: measured(make, requests, threads, given.seconds) for name, make in each}
        for each in itertools.repeat(list(parts.items()), ROUNDS)
    ]
    for name in parts:
        rate, cpu = (median(each[name][i] for each in rounds) for i in range(2))
        print(f"{name:16}{rate:9.1f}/s{cpu:9.2f} ms CPU")


if __name__ == "__main__":
    main()
