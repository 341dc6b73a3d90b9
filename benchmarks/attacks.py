"""What attacks cost a server: CPU time and memory, each on a server of its own.

After each attack another client asks for the face in a photo.
"""

import resource
import socket
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from itertools import repeat
from typing import Any

import click
import cv2
import grpc
import numpy as np
from grpc_health.v1.health_pb2 import HealthCheckResponse
from hpack import Encoder, NeverIndexedHeaderTuple
from hyperframe.frame import ContinuationFrame, Frame, HeadersFrame, PingFrame, SettingsFrame

from benchmarks.harness import usage
from benchmarks.harness.images import PHOTO, encoded
from benchmarks.harness.server import OPTIONS, Server, serving
from benchmarks.harness.settings import print_settings
from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_client import FaceClient
from tests.server import http2_peer
from tests.server.http2_peer import Peer, connect, framed, headers_frame, rapid_resets

MIB = 1 << 20
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SettingsFrame(0).serialize()
HEADER_BLOCK = 16_000  # bytes of a header block in one frame; 16384 are allowed
SIDE = 2830  # of an image of noise that is 24 MB as a PNG


def _request(size: int) -> bytes:
    return pb.DetectRequest(encoded_image=bytes(size)).SerializeToString()


def large_message(target: str, size: int, encoding: str = "") -> str:
    """One message of so many bytes, compressed if asked for."""
    message = _request(size)
    if encoding:
        message = zlib.compress(message, wbits=31 if encoding == "gzip" else 15)
    with Peer(target) as peer:
        stream = peer.call(headers=[("grpc-encoding", encoding)] if encoding else [])
        sent = peer.message(stream, message, compressed=bool(encoding))
        return f"status {peer.wait(stream, 20)} after {sent / MIB:.2f} of {size / MIB:.0f} MiB"


def unfinished_messages(target: str, peers: int, size: int) -> str:
    """A message on each of several connections, all but its last byte."""
    message = framed(_request(size))[:-1]
    with ExitStack() as stack:
        opened = [stack.enter_context(Peer(target)) for _ in range(peers)]
        sent = [peer.send(peer.call(), message) for peer in opened]
    return f"{sum(sent) / MIB:.0f} MiB were taken in, and let go"


def large_metadata(target: str, size: int, calls: int, agreed: bool) -> str:
    """Calls with so many bytes of metadata, before or after the server's settings came."""
    start = http2_peer.call_headers(http2_peer.DETECT)
    field = NeverIndexedHeaderTuple("x", "v" * (HEADER_BLOCK - 100))
    headers: list[Any] = [*start, *[field] * (size // HEADER_BLOCK)]
    block = Encoder().encode(headers, huffman=False)
    parts = [block[at : at + HEADER_BLOCK] for at in range(0, len(block), HEADER_BLOCK)]
    with Peer(target) as peer:
        while agreed and peer.listen(0.3):
            pass
        for stream in range(1, 2 * calls, 2):
            frames: list[Frame] = [HeadersFrame(stream, parts[0])]
            frames += [ContinuationFrame(stream, part) for part in parts[1:]]
            frames[-1].flags.add("END_HEADERS")
            peer.raw(*frames)
        return _answers(peer.socket)


def flood(target: str, frames: Iterable[Frame]) -> str:
    """Many frames on one connection."""
    with Peer(target) as peer:
        whole = peer.raw(*frames)
        return f"{'all' if whole else 'not all'} sent; {_answers(peer.socket)}"


def connections(target: str, count: int, content: bytes) -> str:
    """Connections on which this is sent, and nothing else."""
    with ExitStack() as stack:
        opened = [stack.enter_context(connect(target)) for _ in range(count)]
        for each in opened:
            each.sendall(content)
        time.sleep(1)
        return f"{sum(map(_is_closed, opened))} of {count} hung up on within a second"


def slow_senders(target: str, calls: int) -> str:
    """Calls whose message comes at a byte a second."""
    message = framed(_request(1000))
    with Peer(target) as peer:
        streams = [peer.call() for _ in range(calls)]
        for number in range(3):
            for stream in streams:
                peer.send(stream, message[number : number + 1])
            time.sleep(1)
        return f"statuses {dict(Counter(peer.wait(stream, 20) for stream in streams))}"


def slow_readers(target: str, streams: int) -> str:
    """Streams of three images whose answers are not taken."""
    request = pb.DetectRequest(encoded_image=PHOTO.read_bytes())
    frame = framed(pb.DetectStreamRequest(request=request).SerializeToString())
    with Peer(target, window=0) as peer:
        for _ in range(streams):
            stream = peer.call(http2_peer.DETECT_STREAM)
            peer.send(stream, frame * 3)
        peer.wait(stream, 5)
        return f"{streams} streams of 3 images, no answer taken"


def large_frames(target: str, streams: int, frames: int) -> str:
    """Streams of large images as fast as they are taken, each on its own connection."""
    noise = np.random.default_rng(1).integers(0, 255, (SIDE, SIDE, 3), np.uint8)
    request = pb.DetectRequest(encoded_image=encoded(noise, ".png", cv2.IMWRITE_PNG_COMPRESSION, 1))

    def answered(_: int) -> int:
        messages = (pb.DetectStreamRequest(frame_id=n, request=request) for n in range(frames))
        with grpc.insecure_channel(target, OPTIONS) as channel:
            answers = DetectServiceStub(channel).DetectStream(messages)
            return sum(answer.HasField("response") for answer in answers)

    with ThreadPoolExecutor(streams) as threads:
        return f"{sum(threads.map(answered, range(streams)))} images were answered"


def deaf_watches(target: str, peers: int, watches: int) -> str:
    """Watches of health, which needs no token, whose status is not taken."""

    def watch(peer: Peer) -> int:
        stream = peer.call(http2_peer.WATCH)
        peer.message(stream, b"")
        return stream

    with ExitStack() as stack:
        for _ in range(peers):
            peer = stack.enter_context(Peer(target, window=0))
            streams = [watch(peer) for _ in range(watches)]
            peer.wait_begun(streams[-1], 20)
        other = stack.enter_context(Peer(target))
        stream = watch(other)
        other.wait_begun(stream, 5)
        other.listen(1)
        status = HealthCheckResponse(status=HealthCheckResponse.SERVING)
        told = framed(status.SerializeToString()) == other.received.get(stream)
        return f"another watch was {'told SERVING' if told else 'told nothing'}"


def _answers(connection: socket.socket) -> str:
    """What kinds of frames come back until a second of silence, and whether it ends."""
    connection.settimeout(1)
    data, end = b"", "connection closed"
    with suppress(ConnectionError):
        try:
            while part := connection.recv(MIB):
                data += part
        except TimeoutError:
            end = "connection stands"
    kinds: Counter[str] = Counter()
    while len(data) >= 9:
        frame, length = Frame.parse_frame_header(memoryview(data[:9]))
        kinds[type(frame).__name__.removesuffix("Frame")] += 1
        data = data[9 + length :]
    answered = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    return f"{end}; {answered or 'nothing'}"


def _is_closed(connection: socket.socket) -> bool:
    connection.setblocking(False)
    with suppress(ConnectionError):
        try:
            while connection.recv(65_536):
                pass
        except BlockingIOError:
            return False
    return True


ATTACKS: tuple[tuple[Any, ...], ...] = (
    ("a message of 70 MiB", "--max-message-mb", large_message, 70 * MIB),
    ("a message of 60 MiB", "--max-message-mb", large_message, 60 * MIB),
    ("10 of them, but for a last byte", "--max-message-mb", unfinished_messages, 10, 60 * MIB),
    ("gzip, 60 MiB of zeros", "none", large_message, 60 * MIB, "gzip"),
    ("deflate, 60 MiB of zeros", "none", large_message, 60 * MIB, "deflate"),
    ("100 calls with 1 MB of metadata", "--max-metadata-kb", large_metadata, 10**6, 100, True),
    ("the same, settings never agreed to", "--max-metadata-kb", large_metadata, 10**6, 100, False),
    ("2000 silent connections", "--max-connections", connections, 2000, b""),
    ("2000 connections that begin HTTP/2", "--max-connections", connections, 2000, PREFACE),
    ("20000 calls at once", "--max-streams", flood, map(headers_frame, range(1, 40_000, 2))),
    ("100000 calls taken back at once", "--max-streams", flood, rapid_resets(100_000)),
    ("100000 pings", "none", flood, repeat(PingFrame(0, b"facewire"), 100_000)),
    ("100000 frames of settings", "none", flood, repeat(SettingsFrame(0), 100_000)),
    ("100 senders at a byte a second", "--message-seconds 3", slow_senders, 100),
    ("100 streams whose answers are not taken", "--stream-idle-seconds 2", slow_readers, 100),
    ("20 streams of 6 images of 24 MB", "--max-queued-mb", large_frames, 20, 6),
    ("1000 watches of health whose status is not taken", "--max-watches", deaf_watches, 10, 100),
)
"""Name, the option that bounds it (one with a value is given to the server), what attacks
HOST:PORT and says what came of it, and its arguments; in the order of docs/limits.md."""


def _seconds_of(target: str, requests: int) -> float:
    started = time.perf_counter()
    with FaceClient(target) as client:
        for _ in range(requests):
            client.detect(PHOTO)
    return time.perf_counter() - started


def cost(server: Server, attack: Callable[..., str], *arguments: object) -> str:
    """Attack a server that has answered photos; CPU, and memory above that before."""
    _seconds_of(server.target, 20)
    before = usage.resident_mb(server.pid)
    with usage.Usage(server.pid) as used:
        outcome = attack(server.target, *arguments)
        time.sleep(0.5)
    kept = usage.resident_mb(server.pid) - before
    waited = _seconds_of(server.target, 1)
    numbers = (1000 * used.cpu_seconds, used.peak_mb - before, kept, 1000 * waited)
    return " | ".join([*(f"{number:.0f}" for number in numbers), outcome])


@click.command(help=__doc__)
@click.option("--only", default="", help="Attacks with these words in their names.")
def main(only: str) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    print_settings(files=most)
    print("| attack | limit | CPU ms | peak MB | kept MB | newcomer ms | outcome |")
    print("|---|---|---|---|---|---|---|")
    for name, limit, *attack in ATTACKS:
        if only in name:
            with serving(*(limit.split() if " " in limit else ())) as server:
                print(f"| {name} | {limit} | {cost(server, *attack)} |", flush=True)


if __name__ == "__main__":
    main()
