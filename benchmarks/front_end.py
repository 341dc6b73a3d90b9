"""What the server can do when the network costs nothing, with one and more workers.

    python -m benchmarks.front_end [--workers 1 2] [--seconds 8] [--rounds 3]

Serves a network that finds the same box in every image and computes nothing, and sends
it a JPEG of about 100 kB and a raw image of 1.2 MB, in a closed loop over several
connections, from a process of its own. Rounds alternate between the numbers of workers.
What is left is gRPC, decoding, fitting, and the answer.
"""

import argparse
import asyncio
import multiprocessing
import platform
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import grpc
import numpy as np

from benchmarks.nothing import SIDE, save_network
from benchmarks.process_tree import cpu_seconds
from benchmarks.server_process import serving
from facewire.v1 import detect_pb2 as pb
from facewire_server.models.source import DATA
from facewire_server.system.cpu_quota import available_cores

METHOD = "/facewire.v1.DetectService/Detect"
CONNECTIONS, CALLS = 8, 2
"""How many connections, and calls at a time on each. Each worker has room for all: the
kernel may give one of them most connections."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One measurement."""

    rate: float
    server_ms: float
    client_ms: float


def requests() -> dict[str, bytes]:
    """The messages to send, by what they hold."""
    stored = np.frombuffer((DATA / "astronaut.jpg").read_bytes(), np.uint8)
    photo = cv2.imdecode(stored, cv2.IMREAD_COLOR)
    assert photo is not None
    large = cv2.resize(photo, (SIDE, SIDE))
    jpeg = cv2.imencode(".jpg", large, (cv2.IMWRITE_JPEG_QUALITY, 92))[1].tobytes()
    raw = pb.RawImage(
        data=large.tobytes(),
        width=SIDE,
        height=SIDE,
        pixel_format=pb.PIXEL_FORMAT_BGR,
    )
    return {
        f"JPEG, {len(jpeg) // 1000} kB": pb.DetectRequest(encoded_image=jpeg).SerializeToString(),
        f"raw, {len(raw.data) / 1e6:.1f} MB": pb.DetectRequest(raw_image=raw).SerializeToString(),
    }


def measure(pid: int, target: str, request: bytes, seconds: float) -> Turn:
    """Asks for a while, from a process of its own."""
    context = multiprocessing.get_context("spawn")
    before = cpu_seconds(pid)
    with context.Pool(1) as pool:
        count, elapsed, client = pool.apply(ask, (target, request, seconds))
    used = cpu_seconds(pid) - before
    return Turn(count / elapsed, used / count * 1000, client / count * 1000)


def ask(target: str, request: bytes, seconds: float) -> tuple[int, float, float]:
    """Answers counted, seconds they took, and CPU seconds of this process."""
    return asyncio.run(_ask(target, request, seconds))


async def _ask(target: str, request: bytes, seconds: float) -> tuple[int, float, float]:
    options = (("grpc.use_local_subchannel_pool", 1),)
    channels = [grpc.aio.insecure_channel(target, options=options) for _ in range(CONNECTIONS)]
    for channel in channels:
        await channel.channel_ready()
    started, cpu = time.perf_counter(), time.process_time()
    count = 0

    async def caller(channel: grpc.aio.Channel) -> None:
        nonlocal count
        detect: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHOD)
        while time.perf_counter() - started < seconds:
            await detect(request)
            count += 1

    await asyncio.gather(*(caller(each) for each in channels for _ in range(CALLS)))
    elapsed, cpu = time.perf_counter() - started, time.process_time() - cpu
    for channel in channels:
        await channel.close()
    return count, elapsed, cpu


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description="The server without a network")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    print(
        f"{platform.processor() or platform.machine()}, {available_cores()} cores;"
        f" grpcio {grpc.__version__}; {CONNECTIONS} connections of {CALLS} calls,"
        f" {given.rounds} rounds of {given.seconds:g} s, medians; the client runs on"
        " the same machine"
    )
    turns: dict[tuple[str, int], list[Turn]] = {}
    with tempfile.TemporaryDirectory() as folder:
        network = Path(folder) / "nothing.xml"
        save_network(network)
        for _ in range(given.rounds):
            for workers in given.workers:
                room = ("--max-queue", str(CONNECTIONS * CALLS))
                arguments = ("--model", str(network), "--workers", str(workers))
                with serving(*arguments, *room) as (process, target):
                    for name, request in requests().items():
                        measure(process.pid, target, request, 1)  # to warm up
                        turn = measure(process.pid, target, request, given.seconds)
                        turns.setdefault((name, workers), []).append(turn)
    print("image         workers  requests/s  server CPU ms  client CPU ms")
    for (name, workers), rows in sorted(turns.items()):
        rate = statistics.median(row.rate for row in rows)
        server = statistics.median(row.server_ms for row in rows)
        client = statistics.median(row.client_ms for row in rows)
        print(f"{name:14}{workers:7}{rate:12.0f}{server:15.2f}{client:15.2f}")


if __name__ == "__main__":
    main()
