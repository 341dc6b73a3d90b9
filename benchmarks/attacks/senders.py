"""What hostile peers send. Each function attacks HOST:PORT, and says what came of it."""

import socket
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import cv2
import grpc
import numpy as np
from grpc_health.v1.health_pb2 import HealthCheckResponse
from hpack import Encoder
from hyperframe.frame import ContinuationFrame, Frame, HeadersFrame, SettingsFrame

from benchmarks.harness.images import PHOTO, encoded
from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from tests.server.http2_peer import (
    DETECT,
    DETECT_STREAM,
    WATCH,
    Peer,
    call_headers,
    connect,
    framed,
    headers_frame,
)

MIB = 1 << 20
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SettingsFrame(0).serialize()
HEADER_BLOCK = 16_000
"""Bytes of a header block in one frame; 16384 are allowed."""
SIDE = 2830
"""Of an image of noise that is 24 MB as a PNG."""
OPTIONS = (("grpc.use_local_subchannel_pool", 1), ("grpc.max_send_message_length", -1))


def large_message(target: str, size: int) -> str:
    """One message of so many bytes."""
    with Peer(target) as peer:
        stream = peer.call()
        sent = peer.message(stream, _request(size))
        return f"status {peer.wait(stream, 20)} after {sent / MIB:.0f} MiB"


def unfinished_messages(target: str, peers: int, size: int) -> str:
    """A message on each of several connections, all but its last byte."""
    message = framed(_request(size))[:-1]
    with ExitStack() as stack:
        opened = [stack.enter_context(Peer(target)) for _ in range(peers)]
        sent = [peer.send(peer.call(), message) for peer in opened]
    return f"{sum(sent) / MIB:.0f} MiB were taken in, and let go"


def compressed_zeros(target: str, encoding: str, size: int) -> str:
    """A compressed message of so many bytes."""
    zeros = zlib.compress(_request(size), wbits=31 if encoding == "gzip" else 15)
    with Peer(target) as peer:
        stream = peer.call(headers=[("grpc-encoding", encoding)])
        peer.message(stream, zeros, compressed=True)
        return f"status {peer.wait(stream, 20)}, {len(zeros)} bytes of {size}"


def large_metadata(target: str, size: int, calls: int, *, agreed: bool) -> str:
    """Calls with so many bytes of metadata, before or after the server's settings came."""
    with Peer(target) as peer:
        while agreed and peer.listen(0.3):
            pass
        for call in range(calls):
            peer.raw(*_metadata(2 * call + 1, size))
        return _answers(peer.socket)


def flood(target: str, frames: Iterator[Frame]) -> str:
    """Many frames on one connection."""
    with Peer(target) as peer:
        whole = peer.raw(*frames)
        return f"{'all' if whole else 'not all'} sent; {_answers(peer.socket)}"


def open_calls(calls: int) -> Iterator[Frame]:
    """Calls of which nothing but the headers ever comes."""
    return (headers_frame(stream) for stream in range(1, 2 * calls, 2))


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
            stream = peer.call(DETECT_STREAM)
            peer.send(stream, frame * 3)
        peer.wait(stream, 5)
        return f"{streams} streams of 3 images, no answer taken"


def large_frames(target: str, streams: int, frames: int) -> str:
    """Streams of large images as fast as they are taken, each on its own connection."""
    noise = np.random.default_rng(1).integers(0, 255, (SIDE, SIDE, 3), np.uint8)
    request = pb.DetectRequest(encoded_image=encoded(noise, ".png", cv2.IMWRITE_PNG_COMPRESSION, 1))

    def messages() -> Iterator[pb.DetectStreamRequest]:
        for number in range(frames):
            yield pb.DetectStreamRequest(frame_id=number, request=request)

    def answered(_: int) -> int:
        with grpc.insecure_channel(target, OPTIONS) as channel:
            answers = DetectServiceStub(channel).DetectStream(messages())
            return sum(answer.HasField("response") for answer in answers)

    with ThreadPoolExecutor(streams) as threads:
        return f"{sum(threads.map(answered, range(streams)))} images were answered"


def deaf_watches(target: str, peers: int, watches: int) -> str:
    """Watches of health, which needs no token, whose status is not taken."""
    with ExitStack() as stack:
        for _ in range(peers):
            peer = stack.enter_context(Peer(target, window=0))
            streams = [_watch(peer) for _ in range(watches)]
            peer.wait_begun(streams[-1], 20)
        other = stack.enter_context(Peer(target))
        stream = _watch(other)
        other.wait_begun(stream, 5)
        other.listen(1)
        status = HealthCheckResponse(status=HealthCheckResponse.SERVING)
        told = framed(status.SerializeToString()) == other.received.get(stream)
        return f"another watch was {'told SERVING' if told else 'told nothing'}"


def _watch(peer: Peer) -> int:
    stream = peer.call(WATCH)
    peer.message(stream, b"")
    return stream


def _request(size: int) -> bytes:
    return pb.DetectRequest(encoded_image=bytes(size)).SerializeToString()


def _metadata(stream: int, size: int) -> Iterator[Frame]:
    """The headers of a call with so many bytes of metadata, in as many frames as needed."""
    block = Encoder().encode(call_headers(DETECT))
    block += _header_field(HEADER_BLOCK - 100) * (size // HEADER_BLOCK)
    first, *rest = (
        block[start : start + HEADER_BLOCK] for start in range(0, len(block), HEADER_BLOCK)
    )
    frames: list[Frame] = [HeadersFrame(stream, first)]
    frames += [ContinuationFrame(stream, part) for part in rest]
    frames[-1].flags.add("END_HEADERS")
    yield from frames


def _header_field(size: int) -> bytes:
    """A field without indexing (RFC 7541, 6.2.2), with a value of at least 254 bytes."""
    rest, length = size - 127, b""
    while rest >= 128:
        length += bytes([rest % 128 + 128])
        rest //= 128
    return b"\x00\x01x\x7f" + length + bytes([rest]) + b"v" * size


def _answers(connection: socket.socket) -> str:
    """What kinds of frames come back until a second of silence, and whether it ends."""
    connection.settimeout(1)
    data, end = b"", "connection stands"
    try:
        while part := connection.recv(MIB):
            data += part
        end = "connection closed"
    except TimeoutError:
        pass
    except OSError:
        end = "connection closed"
    kinds: Counter[str] = Counter()
    while len(data) >= 9:
        frame, length = Frame.parse_frame_header(memoryview(data[:9]))
        kinds[type(frame).__name__.removesuffix("Frame")] += 1
        data = data[9 + length :]
    answered = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    return f"{end}; {answered or 'nothing'}"


def _is_closed(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        while connection.recv(65_536):
            pass
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True
