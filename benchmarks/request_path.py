"""Where the time of one request goes, from its bytes to the bytes of its answer, without gRPC.

With --parallel, on a thread for each request that the device runs at a time: inference alone,
decoding alone, and the whole, in alternation.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import click
import numpy as np
import openvino as ov
from prometheus_client.exposition import generate_latest

from benchmarks.harness.images import PHOTO
from benchmarks.harness.rounds import alternate, column_medians, table
from benchmarks.harness.settings import print_settings, seconds_option
from facewire.v1 import detect_pb2 as pb
from facewire_server.config import Mode
from facewire_server.image.decode import decode
from facewire_server.image.fit import fit
from facewire_server.image.limits import ImageLimits
from facewire_server.inference.detector import Detector
from facewire_server.inference.runtime import Runtime
from facewire_server.models.source import EMBEDDED, Source
from facewire_server.rpc import converters, message_parser
from facewire_server.scheduling.job import Outcome
from facewire_server.telemetry.metrics import Metrics

LIMITS = ImageLimits(64_000_000)
REPEATS = 200
PARALLEL_ROUNDS = 3
Work = Callable[[], object]


class RequestPath:
    """The path of a request for one image, with a model of its own."""

    def __init__(self, model: str, image: Path) -> None:
        self.source = Source.find(model)
        self.detector = Detector(self.source, Runtime(mode=Mode.THROUGHPUT))
        self._metrics = Metrics()
        self._image = image.read_bytes()
        self._message = pb.DetectRequest(encoded_image=self._image).SerializeToString()

    def steps(self) -> dict[str, float]:
        """Run it; seconds that each step has taken."""
        started = time.perf_counter()
        rest, cut = message_parser.cut_out(self._message, message_parser.PATHS["Detect"])
        request = pb.DetectRequest.FromString(rest)
        options = converters.options(request.options)
        image = converters.image(request, cut, reducible=True)
        parsed = time.perf_counter()
        detections = self.detector.detect(image, options, LIMITS)
        detected = time.perf_counter()
        converters.response(Outcome(detections, waited=0), total=0).SerializeToString()
        answered = time.perf_counter()
        name, metrics = detections.model.name, self._metrics
        metrics.checkpoint_passed(name)
        metrics.answered(detections, 0.00001)
        metrics.finished("Detect", name, "OK", 0.0055)
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

    def alone(self) -> dict[str, float]:
        """Seconds of what is no step: decoding without fitting, and a scrape."""
        started = time.perf_counter()
        decode(self._image, limits=LIMITS, target=self.detector.target)
        decoded = time.perf_counter()
        generate_latest(self._metrics.registry)
        return {"decode alone": decoded - started, "a scrape": time.perf_counter() - decoded}

    def decode_and_fit(self) -> Work:
        """What decodes the image into an input of its own."""
        target = self.detector.target
        tensor = np.empty((1, 3, target.height, target.width), np.uint8)

        def work() -> None:
            picture = decode(self._image, limits=LIMITS, target=target)
            fit(picture, tensor, mode=target.mode, pad_value=0)

        return work


def parallel(make: Callable[[], Work], threads: int, seconds: float) -> tuple[float, float]:
    """Calls a second, and CPU ms for each, of so many threads with work of their own."""
    end = time.monotonic() + seconds

    def run(work: Work) -> int:
        count = 0
        while time.monotonic() < end:
            work()
            count += 1
        return count

    works = [make() for _ in range(threads)]
    began, used = time.monotonic(), time.process_time()
    with ThreadPoolExecutor(threads) as pool:
        done = sum(pool.map(run, works))
    took, used = time.monotonic() - began, time.process_time() - used
    return done / took, used / done * 1000


def print_parallel(path: RequestPath, seconds: float) -> None:
    """Medians of the rounds."""
    compiled = ov.Core().compile_model(path.source.path, "CPU", {"PERFORMANCE_HINT": "THROUGHPUT"})
    parts: dict[str, Callable[[], Work]] = {
        "inference": lambda: compiled.create_infer_request().infer,
        "decode and fit": path.decode_and_fit,
        "the whole": lambda: path.steps,
    }
    threads = path.detector.parallel
    runs = {name: partial(parallel, make, threads, seconds) for name, make in parts.items()}
    found = alternate(PARALLEL_ROUNDS, runs)
    medians = {name: column_medians(results) for name, results in found.items()}
    print(f"{threads} threads")
    rows = [(name, f"{rate:.1f}", f"{cpu:.2f}") for name, (rate, cpu) in medians.items()]
    print(table(("", "a second", "CPU ms"), rows))


@click.command(help=__doc__)
@click.option("--model", default=EMBEDDED, help="Name or path.", show_default=True)
@click.option("--image", type=click.Path(path_type=Path), default=PHOTO)
@seconds_option(3, "Of each part, a round, with --parallel.")
@click.option("--parallel", "side_by_side", is_flag=True)
def main(model: str, image: Path, seconds: float, side_by_side: bool) -> None:
    print_settings(model=Path(model).stem, image=image.name)
    path = RequestPath(model, image)
    if side_by_side:
        return print_parallel(path, seconds)
    print(f"{REPEATS} rounds, least ms of each step")
    for measure in (path.steps, path.alone):
        found = [measure() for _ in range(REPEATS)]
        for step in found[0]:
            print(f"{step:18}{min(each[step] for each in found) * 1000:8.3f}")


if __name__ == "__main__":
    main()
