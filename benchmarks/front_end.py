"""What the server can do when the network costs nothing, with one and more workers.

Serves a network that finds the same box in every image and computes nothing, and sends
it a JPEG of about 100 kB and a raw image of 1.2 MB, in a closed loop over several
connections. Rounds alternate between the numbers of workers. What is left is gRPC,
decoding, fitting, and the answer.
"""

import tempfile
from functools import partial
from pathlib import Path

import click
import cv2
import numpy as np

from benchmarks.harness.images import SIDE, encoded, pixels, save_trivial_network
from benchmarks.harness.rounds import alternate, column_medians, table
from benchmarks.harness.server import serving
from benchmarks.harness.settings import Numbers, print_settings, rounds_option, seconds_option
from benchmarks.harness.usage import Usage
from facewire.v1 import detect_pb2 as pb
from facewire_client.bench.load import ClosedLoop
from facewire_client.bench.run import run
from facewire_client.bench.sender import DETECT, Method
from facewire_client.bench.settings import Photo, Settings
from facewire_client.connection import Connection

CONNECTIONS, CALLS = 8, 2
"""How many connections, and calls at a time on each. Each worker has room for all: the
kernel may give one of them most connections."""

Row = tuple[float, float, float]
"""Requests a second, and CPU ms a request of the server and of the client."""


def raw_request(data: bytes, model: str) -> pb.DetectRequest:
    """A request for raw pixels."""
    bgr = pb.PIXEL_FORMAT_BGR
    raw = pb.RawImage(data=data, width=SIDE, height=SIDE, pixel_format=bgr)
    return pb.DetectRequest(raw_image=raw, model=model)


def serve_and_measure(network: Path, workers: int, seconds: float) -> dict[str, Row]:
    """Both images sent to a server with so many workers, after a second of warm-up each."""
    large = np.asarray(cv2.resize(pixels(), (SIDE, SIDE)), np.uint8)
    jpeg = Photo("JPEG", encoded(large, ".jpg", cv2.IMWRITE_JPEG_QUALITY, 92))
    raw = Photo("raw", large.tobytes())
    raw_method = Method(DETECT.path, raw_request, DETECT.answer)
    load = ClosedLoop(CONNECTIONS * CALLS)
    settings = Settings(load=load, duration=seconds, warmup=1, connections=CONNECTIONS)
    room = ("--max-queue", str(CONNECTIONS * CALLS))
    rows = {}
    with serving("--model", str(network), "--workers", str(workers), *room) as server:
        connection = Connection(server.target)
        for photo, method in ((jpeg, DETECT), (raw, raw_method)):
            used = Usage(server.pid)
            found = run(connection, settings, [photo], lambda _: None, method=method, meters=[used])
            count = found.record.answered_in_period
            name = f"{photo.name}, {len(photo.content) / 1000:.0f} kB"
            server_ms, client_ms = used.cpu_seconds * 1e3, found.cpu_seconds * 1e3
            rows[name] = (count / seconds, server_ms / count, client_ms / count)
    return rows


@click.command(help=__doc__)
@click.option("--workers", type=Numbers(), default="1,2", show_default=True)
@seconds_option(8, "Of each image, a round.")
@rounds_option(3)
def main(workers: tuple[int, ...], seconds: float, rounds: int) -> None:
    print_settings(workers=workers, rounds=rounds, seconds=seconds)
    print(f"{CONNECTIONS} connections of {CALLS} calls; the client runs on the same machine")
    with tempfile.TemporaryDirectory() as folder:
        network = Path(folder, "nothing.xml")
        save_trivial_network(network)
        each = {str(n): partial(serve_and_measure, network, n, seconds) for n in workers}
        found = alternate(rounds, each)
    rows = []
    for image in next(iter(found.values()))[0]:
        for number, results in found.items():
            rate, server, client = column_medians(result[image] for result in results)
            rows.append((image, number, f"{rate:.0f}", f"{server:.2f}", f"{client:.2f}"))
    print(table(("image", "workers", "requests/s", "server CPU ms", "client CPU ms"), rows))


if __name__ == "__main__":
    main()
