"""What the server can do when the network costs nothing, with one and with two workers.

What is left is gRPC, decoding, fitting and the answer, for a JPEG of about 100 kB and a raw
image of 1.2 MB, in a closed loop over several connections.
"""

import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import click
import cv2
import numpy as np

from benchmarks.harness.images import encoded, pixels
from benchmarks.harness.rounds import alternate, column_medians, table
from benchmarks.harness.server import Server, serving
from benchmarks.harness.settings import print_settings, rounds_option, seconds_option
from benchmarks.harness.usage import Usage
from facewire.v1 import detect_pb2 as pb
from facewire_client.bench.load import ClosedLoop
from facewire_client.bench.run import run
from facewire_client.bench.sender import DETECT, Method
from facewire_client.bench.settings import Photo, Settings
from facewire_client.connection import Connection
from tests.server.constant_model import write_constant_model

WORKERS = (1, 2)
CONNECTIONS, CALLS = 8, 2
"""How many connections, and calls at a time on each. Each worker has room for all: the
kernel may give one of them most connections."""
SIDE = 640  # pixels of the network's square input, and of the images
FOUND = (100.0, 100.0, 300.0, 300.0, 0.9, 0)


def _raw_request(data: bytes, model: str) -> pb.DetectRequest:
    raw = pb.RawImage(data=data, width=SIDE, height=SIDE, pixel_format=pb.PIXEL_FORMAT_BGR)
    return pb.DetectRequest(raw_image=raw, model=model)


def measured(
    server: Server, settings: Settings, photo: Photo, method: Method
) -> tuple[float, float, float]:
    """Requests a second, and CPU ms a request of the server and of this process."""
    used = Usage(server.pid)
    connection = Connection(server.target)
    found = run(connection, settings, [photo], lambda _: None, method=method, meters=[used])
    count = found.record.answered_in_period
    ms = (used.cpu_seconds * 1e3 / count, found.cpu_seconds * 1e3 / count)
    return count / settings.duration, *ms


def serve_and_measure(
    network: Path, workers: int, seconds: float
) -> dict[str, tuple[float, float, float]]:
    """Of each image requests a second, and CPU ms a request of the server and of the client."""
    large = np.asarray(cv2.resize(pixels(), (SIDE, SIDE)), np.uint8)
    jpeg = Photo("JPEG", encoded(large, ".jpg", cv2.IMWRITE_JPEG_QUALITY, 92))
    raw, raw_method = Photo("raw", large.tobytes()), replace(DETECT, request=_raw_request)
    load = ClosedLoop(CONNECTIONS * CALLS)
    settings = Settings(load=load, duration=seconds, warmup=1, connections=CONNECTIONS)
    room = ("--max-queue", str(CONNECTIONS * CALLS))
    with serving("--model", str(network), "--workers", str(workers), *room) as server:
        return {
            f"{photo.name}, {len(photo.content) / 1000:.0f} kB": measured(
                server, settings, photo, method
            )
            for photo, method in ((jpeg, DETECT), (raw, raw_method))
        }


@click.command(help=__doc__)
@seconds_option(8, "Of each image, a round.")
@rounds_option(3)
def main(seconds: float, rounds: int) -> None:
    print_settings(rounds=rounds, seconds=seconds)
    print(f"{CONNECTIONS} connections of {CALLS} calls; the client runs on the same machine")
    with tempfile.TemporaryDirectory() as folder:
        network = write_constant_model(Path(folder, "nothing.xml"), [FOUND], {}, SIDE)
        each = {str(n): partial(serve_and_measure, network, n, seconds) for n in WORKERS}
        found = alternate(rounds, each)
    rows = []
    for image in next(iter(found.values()))[0]:
        for number, results in found.items():
            rate, server, client = column_medians(result[image] for result in results)
            rows.append((image, number, f"{rate:.0f}", f"{server:.2f}", f"{client:.2f}"))
    print(table(("image", "workers", "requests/s", "server CPU ms", "client CPU ms"), rows))


if __name__ == "__main__":
    main()
