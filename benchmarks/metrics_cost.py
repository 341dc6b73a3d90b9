"""What the metrics of one request cost, and what a scrape costs.

    python -m benchmarks.metrics_cost [--requests 20000] [--rounds 7]

CPU time of the process, the median of the rounds: once alone, and once while another
thread scrapes without a pause, which is far more often than any Prometheus does.
"""

import argparse
import statistics
import threading
import time
from collections.abc import Callable

import numpy as np
from prometheus_client.exposition import generate_latest

from facewire_server.inference.detector import Detections, Stages
from facewire_server.inference.heads.base import Found
from facewire_server.models.description import Description
from facewire_server.telemetry.metrics import Metrics

MODEL = "face-detection-nano"
BAR_US = 25.0

FOUND = Found(np.zeros((3, 4), np.float32), np.zeros(3, np.float32), np.zeros(3, np.int32), None)
DESCRIPTION = Description(
    name=MODEL,
    labels=("face",),
    head="",
    resize="standard",
    input_width=320,
    input_height=320,
    device="CPU",
    precision="FP32",
    sha256="0" * 64,
    min_confidence=0.5,
    iou_threshold=0.5,
)
DETECTIONS = Detections(DESCRIPTION, FOUND, 512, 512, Stages(0.002, 0.003, 0.0001))


def count(metrics: Metrics) -> None:
    """What a server counts of one answered request."""
    metrics.inflight.inc()
    metrics.checkpoint_passed(MODEL)
    metrics.answered(DETECTIONS, 0.00001)
    metrics.inflight.dec()
    metrics.finished("Detect", MODEL, "OK", 0.0055)


def microseconds(work: Callable[[], object], times: int, rounds: int) -> float:
    """CPU time of this thread for one call of `work`."""
    took = []
    for _ in range(rounds):
        started = time.thread_time()
        for _ in range(times):
            work()
        took.append((time.thread_time() - started) / times)
    return 1e6 * statistics.median(took)


def main() -> None:
    """Prints a line for each; exits 1 when a request costs more than the bar."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    metrics = Metrics()

    def request() -> None:
        count(metrics)

    def scrape() -> bytes:
        return generate_latest(metrics.registry)

    alone = microseconds(request, arguments.requests, arguments.rounds)
    print(f"a request: {alone:.1f} us of CPU", flush=True)
    stop = threading.Event()

    def scrape_on() -> None:
        while not stop.is_set():
            scrape()

    scraper = threading.Thread(target=scrape_on)
    scraper.start()
    beside = microseconds(request, arguments.requests, arguments.rounds)
    stop.set()
    scraper.join()
    print(f"a request beside scrapes: {beside:.1f} us of CPU")
    each = microseconds(scrape, 20, arguments.rounds)
    print(f"a scrape: {each:.0f} us of CPU, {len(scrape())} bytes")
    met = alone <= BAR_US
    print(f"bar {BAR_US:g} us a request: {'' if met else 'not '}met")
    raise SystemExit(0 if met else 1)


if __name__ == "__main__":
    main()
