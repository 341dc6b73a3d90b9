"""Where the time of one request goes, from its bytes to the bytes of its answer, without gRPC."""

import time
from pathlib import Path

import click
from prometheus_client.exposition import generate_latest

from benchmarks.harness.images import PHOTO
from benchmarks.harness.settings import print_settings
from facewire.v1 import detect_pb2 as pb
from facewire_server.config import Mode
from facewire_server.image.decode import decode
from facewire_server.image.limits import ImageLimits
from facewire_server.inference.detector import Detector
from facewire_server.inference.runtime import Runtime
from facewire_server.models.source import EMBEDDED, Source
from facewire_server.rpc import converters, message_parser
from facewire_server.scheduling.job import Outcome
from facewire_server.telemetry.metrics import Metrics

LIMITS = ImageLimits(64_000_000)
REPEATS = 200


class RequestPath:
    """The path of a request for one image, with a model of its own."""

    def __init__(self, model: str, image: Path) -> None:
        self.detector = Detector(Source.find(model), Runtime(mode=Mode.THROUGHPUT))
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


@click.command(help=__doc__)
@click.option("--model", default=EMBEDDED, help="Name or path.", show_default=True)
@click.option("--image", type=click.Path(path_type=Path), default=PHOTO)
def main(model: str, image: Path) -> None:
    print_settings(model=Path(model).stem, image=image.name)
    path = RequestPath(model, image)
    print(f"{REPEATS} rounds, least ms of each step")
    for measure in (path.steps, path.alone):
        found = [measure() for _ in range(REPEATS)]
        for step in found[0]:
            print(f"{step:18}{min(each[step] for each in found) * 1000:8.3f}")


if __name__ == "__main__":
    main()
