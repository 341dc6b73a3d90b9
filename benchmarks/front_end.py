"""What the server can do when the network costs nothing, with one and more workers.

Serves a network that finds the same box in every image and computes nothing, and sends
it a JPEG of about 100 kB and a raw image of 1.2 MB, in a closed loop over several
connections, from a process of its own. Rounds alternate between the numbers of workers.
What is left is gRPC, decoding, fitting, and the answer.
"""

import asyncio
import multiprocessing
import tempfile
import time
from functools import partial
from pathlib import Path

import click
import cv2
import grpc
import numpy as np

from benchmarks.harness import usage
from benchmarks.harness.images import SIDE, encoded, pixels, save_trivial_network
from benchmarks.harness.rounds import alternate, column_medians, table
from benchmarks.harness.server import serving
from benchmarks.harness.settings import Numbers, print_settings, rounds_option, seconds_option
from facewire.v1 import detect_pb2 as pb

METHOD = "/facewire.v1.DetectService/Detect"
CONNECTIONS, CALLS = 8, 2
"""How many connections, and calls at a time on each. Each worker has room for all: the
kernel may give one of them most connections."""

Row = tuple[float, float, float]
"""Requests a second, and CPU ms a request of the server and of the client."""


def requests() -> dict[str, bytes]:
    """Serialised requests by what they hold."""
    large = np.asarray(cv2.resize(pixels(), (SIDE, SIDE)), np.uint8)
    jpeg = encoded(large, ".jpg", cv2.IMWRITE_JPEG_QUALITY, 92)
    bgr = pb.PIXEL_FORMAT_BGR
    raw = pb.RawImage(data=large.tobytes(), width=SIDE, height=SIDE, pixel_format=bgr)
    return {
        f"JPEG, {len(jpeg) // 1000} kB": pb.DetectRequest(encoded_image=jpeg).SerializeToString(),
        f"raw, {len(raw.data) / 1e6:.1f} MB": pb.DetectRequest(raw_image=raw).SerializeToString(),
    }


def measure(pid: int, target: str, request: bytes, seconds: float) -> Row:
    """Send a request again and again, from a process of its own."""
    before = usage.cpu_seconds(pid)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        count, elapsed, client = pool.apply(send, (target, request, seconds))
    used = usage.cpu_seconds(pid) - before
    return count / elapsed, used / count * 1000, client / count * 1000


def send(target: str, request: bytes, seconds: float) -> tuple[int, float, float]:
    """The number of answers, the seconds they took, and CPU seconds of this process."""
    return asyncio.run(_send(target, request, seconds))


async def _send(target: str, request: bytes, seconds: float) -> tuple[int, float, float]:
    options = (("grpc.use_local_subchannel_pool", 1),)
    channels = [grpc.aio.insecure_channel(target, options=options) for _ in range(CONNECTIONS)]
    for channel in channels:
        await channel.channel_ready()
    started, cpu = time.perf_counter(), time.process_time()
    count = 0

    async def call(channel: grpc.aio.Channel) -> None:
        nonlocal count
        detect: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHOD)
        while time.perf_counter() - started < seconds:
            await detect(request)
            count += 1

    await asyncio.gather(*(call(each) for each in channels for _ in range(CALLS)))
    elapsed, cpu = time.perf_counter() - started, time.process_time() - cpu
    for channel in channels:
        await channel.close()
    return count, elapsed, cpu


def serve_and_measure(network: Path, workers: int, seconds: float) -> dict[str, Row]:
    """All requests to a server with so many workers, after a second of warm-up each."""
    room = ("--max-queue", str(CONNECTIONS * CALLS))
    with serving("--model", str(network), "--workers", str(workers), *room) as server:
        rows = {}
        for name, request in requests().items():
            measure(server.pid, server.target, request, 1)
            rows[name] = measure(server.pid, server.target, request, seconds)
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
    for image in requests():
        for number, turns in found.items():
            rate, server, client = column_medians(turn[image] for turn in turns)
            rows.append((image, number, f"{rate:.0f}", f"{server:.2f}", f"{client:.2f}"))
    print(table(("image", "workers", "requests/s", "server CPU ms", "client CPU ms"), rows))


if __name__ == "__main__":
    main()
