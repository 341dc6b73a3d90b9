"""How long a health check takes while every core is busy with images of each format."""

import multiprocessing
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.synchronize import Event

import cv2
import grpc
import numpy as np

from benchmarks.harness.images import PHOTO, encoded
from benchmarks.harness.rounds import latency_line
from benchmarks.harness.server import OPTIONS, serving
from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_client import FaceClient

CALLERS = 4
FORMATS = ("jpg", "png", "webp", "tiff")


def images() -> dict[str, bytes]:
    """The small photo, and 16 megapixels of soft noise in every format."""
    noise = np.random.default_rng(0).integers(0, 256, (100, 100, 3), np.uint8)
    large = np.asarray(cv2.resize(noise, (4000, 4000), interpolation=cv2.INTER_CUBIC), np.uint8)
    files = {f"16 MP {name}": encoded(large, f".{name}") for name in FORMATS}
    return {"small jpg": PHOTO.read_bytes(), **files}


def keep_busy(target: str, image: bytes, stop: Event) -> None:
    """Send requests until `stop`, or a failure, on a connection for each caller."""

    def call(_: int) -> None:
        with grpc.insecure_channel(target, OPTIONS) as channel:
            while not stop.is_set():
                DetectServiceStub(channel).Detect(pb.DetectRequest(encoded_image=image), timeout=60)

    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(call, range(CALLERS)))


def check(target: str, seconds: float) -> list[float]:
    """Seconds that health checks take, a hundred a second, in ascending order."""
    took = []
    with FaceClient(target) as client:
        client.health()
        until = time.perf_counter() + seconds
        while (started := time.perf_counter()) < until:
            client.health()
            took.append(time.perf_counter() - started)
            time.sleep(0.01)
    return sorted(took)


def worst_p99(seconds: float) -> float:
    """The worst 99th percentile in ms, each image for so many seconds."""
    spawn = multiprocessing.get_context("spawn")
    worst = 0.0
    with serving("--max-message-mb", "64") as server:
        for name, image in images().items():
            stop = spawn.Event()
            busy = spawn.Process(target=keep_busy, args=(server.target, image, stop))
            busy.start()
            time.sleep(2)
            took = check(server.target, seconds)
            stop.set()
            busy.join()
            worst = max(worst, took[len(took) * 99 // 100])
            print(f"{name} ({len(image) / 1e6:.1f} MB): {latency_line(took)}", flush=True)
    return 1e3 * worst
