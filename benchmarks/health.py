"""How long a health check takes while every core is busy with images.

For each format a process of callers keeps the server decoding and inferring, while this
process, which does nothing else, checks health over a connection of its own.
"""

import multiprocessing
import time
from multiprocessing.synchronize import Event

import click
import cv2
import numpy as np

from benchmarks.harness.callers import Callers
from benchmarks.harness.images import PHOTO, encoded
from benchmarks.harness.rounds import latency_line
from benchmarks.harness.server import serving
from benchmarks.harness.settings import end_with_bar, model_option, print_settings, seconds_option
from facewire_client import FaceClient

BAR_MS = 50.0
FORMATS = {"JPEG": ".jpg", "PNG": ".png", "WebP": ".webp", "TIFF": ".tiff"}


def images() -> dict[str, bytes]:
    """The small photo, and 16 megapixels of soft noise in every format."""
    noise = np.random.default_rng(0).integers(0, 256, (100, 100, 3), np.uint8)
    large = np.asarray(cv2.resize(noise, (4000, 4000), interpolation=cv2.INTER_CUBIC), np.uint8)
    files = {f"16 MP {name}": encoded(large, ending) for name, ending in FORMATS.items()}
    return {"small JPEG": PHOTO.read_bytes(), **files}


def keep_busy(target: str, image: bytes, callers: int, stop: Event) -> None:
    """Send requests until `stop`."""
    with Callers(target, image, callers):
        stop.wait()


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


@click.command(help=__doc__)
@model_option
@click.option("--callers", type=int, default=4, show_default=True)
@seconds_option(5, "Of each image.")
def main(model: str, callers: int, seconds: float) -> None:
    print_settings(model=model, callers=callers, seconds=seconds)
    spawn = multiprocessing.get_context("spawn")
    worst = 0.0
    with serving("--model", model, "--max-message-mb", "64") as server:
        for name, image in images().items():
            stop = spawn.Event()
            busy = spawn.Process(target=keep_busy, args=(server.target, image, callers, stop))
            busy.start()
            time.sleep(2)
            took = check(server.target, seconds)
            stop.set()
            busy.join()
            worst = max(worst, took[len(took) * 99 // 100])
            print(f"{name} ({len(image) / 1e6:.1f} MB): {latency_line(took)}", flush=True)
    end_with_bar("worst p99, ms:", 1e3 * worst, BAR_MS)


if __name__ == "__main__":
    main()
