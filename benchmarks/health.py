"""How long a health check takes while every core is busy with images.

    python -m benchmarks.health [--model NAME|PATH] [--callers 4] [--seconds 5]

For each format a process of callers keeps the server decoding and inferring, while this
process, which does nothing else, asks for its health over a connection of its own.
"""

import argparse
import multiprocessing
import time
from multiprocessing.synchronize import Event
from threading import Thread

import cv2
import grpc
import numpy as np

from benchmarks.server_process import serving
from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_client import FaceClient
from facewire_server.models.source import DATA, EMBEDDED

BAR_MS = 50.0


def pictures() -> dict[str, bytes]:
    """The small photo, and 16 megapixels of soft noise in every format."""
    noise = np.random.default_rng(0).integers(0, 256, (100, 100, 3), np.uint8)
    large = cv2.resize(noise, (4000, 4000), interpolation=cv2.INTER_CUBIC)
    kinds = {"JPEG": ".jpg", "PNG": ".png", "WebP": ".webp", "TIFF": ".tiff"}
    found = {"small JPEG": (DATA / "astronaut.jpg").read_bytes()}
    for name, ending in kinds.items():
        found[f"16 MP {name}"] = cv2.imencode(ending, large)[1].tobytes()
    return found


def keep_busy(target: str, image: bytes, callers: int, stop: Event) -> None:
    """Asks without a pause, from `callers` threads, until `stop`."""
    request = pb.DetectRequest(encoded_image=image)

    def ask() -> None:
        options = [("grpc.max_send_message_length", -1)]
        with grpc.insecure_channel(target, options) as channel:
            stub = DetectServiceStub(channel)
            while not stop.is_set():
                stub.Detect(request, timeout=60)

    threads = [Thread(target=ask) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def check(target: str, seconds: float) -> list[float]:
    """Milliseconds of health checks, a hundred a second, in ascending order."""
    took = []
    with FaceClient(target) as client:
        client.health()
        until = time.perf_counter() + seconds
        while (started := time.perf_counter()) < until:
            client.health()
            took.append((time.perf_counter() - started) * 1000)
            time.sleep(0.01)
    return sorted(took)


def main() -> None:
    """Prints the settings, then a line for each format; exits 1 over the bar."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=EMBEDDED)
    parser.add_argument("--callers", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=5)
    arguments = parser.parse_args()
    print(" ".join(f"{key}={value}" for key, value in vars(arguments).items()))
    spawn = multiprocessing.get_context("spawn")
    worst = 0.0
    options = ("--model", arguments.model, "--max-message-mb", "64")
    with serving(*options) as (_, target):
        for name, image in pictures().items():
            stop = spawn.Event()
            busy = spawn.Process(target=keep_busy, args=(target, image, arguments.callers, stop))
            busy.start()
            time.sleep(2)
            took = check(target, arguments.seconds)
            stop.set()
            busy.join()
            p99 = took[len(took) * 99 // 100]
            worst = max(worst, p99)
            print(
                f"{name} ({len(image) / 1e6:.1f} MB): p50 {took[len(took) // 2]:.1f},"
                f" p99 {p99:.1f}, worst {took[-1]:.1f} ms",
                flush=True,
            )
    met = worst <= BAR_MS
    print(f"worst p99 {worst:.1f} ms, bar {BAR_MS:g} ms: {'' if met else 'not '}met")
    raise SystemExit(0 if met else 1)


if __name__ == "__main__":
    main()
