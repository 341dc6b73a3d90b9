"""Attacks on the transport: connections, HTTP/2, and messages that are no images."""

import socket
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from hyperframe.frame import Frame, PingFrame, SettingsFrame

from benchmarks.attacks.attack import PHOTO, Attack
from benchmarks.attacks.floods import metadata, open_calls, rapid_resets
from benchmarks.attacks.peer import DETECT_STREAM, Peer, connect, framed
from benchmarks.attacks.streams import large_frames
from facewire.v1 import detect_pb2 as pb

MIB = 1 << 20
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SettingsFrame(0).serialize()


def _request(size: int) -> bytes:
    return pb.DetectRequest(encoded_image=bytes(size)).SerializeToString()


def _large_message(target: str, size: int) -> str:
    with Peer(target) as peer:
        stream = peer.call()
        sent = peer.message(stream, _request(size))
        status = peer.wait(stream, 20)
        return f"status {status} after {sent / MIB:.0f} MiB"


def _unfinished_messages(target: str, peers: int, size: int) -> str:
    message = framed(_request(size))[:-1]
    with _peers(target, peers) as all_:
        sent = [peer.send(peer.call(), message) for peer in all_]
    return f"{sum(sent) / MIB:.0f} MiB were taken in, and let go"


def _bomb(target: str, encoding: str, size: int) -> str:
    zeros = zlib.compress(_request(size), wbits=31 if encoding == "gzip" else 15)
    with Peer(target) as peer:
        stream = peer.call(headers=[("grpc-encoding", encoding)])
        peer.message(stream, zeros, compressed=True)
        status = peer.wait(stream, 20)
        return f"status {status}, {len(zeros)} bytes of {size}"


def _metadata(target: str, size: int, calls: int, *, agreed: bool) -> str:
    with Peer(target) as peer:
        while agreed and peer.listen(0.3):
            pass
        for call in range(calls):
            peer.raw(*metadata(2 * call + 1, size))
        return _said(peer.socket)


def _flood(target: str, frames: Iterator[Frame]) -> str:
    with Peer(target) as peer:
        whole = peer.raw(*frames)
        said = _said(peer.socket)
        return f"{'all' if whole else 'not all'} sent; {said}"


def _said(connection: socket.socket) -> str:
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


def _connections(target: str, count: int, words: bytes) -> str:
    with ExitStack() as stack:
        opened = [stack.enter_context(connect(target)) for _ in range(count)]
        for each in opened:
            each.sendall(words)
        time.sleep(1)
        return f"{sum(map(_is_closed, opened))} of {count} hung up on within a second"


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


def _slow_senders(target: str, calls: int) -> str:
    message = framed(_request(1000))
    with Peer(target) as peer:
        streams = [peer.call() for _ in range(calls)]
        for number in range(3):
            for stream in streams:
                peer.send(stream, message[number : number + 1])
            time.sleep(1)
        statuses = Counter(peer.wait(stream, 20) for stream in streams)
        return f"statuses {dict(statuses)}"


def _slow_readers(target: str, streams: int) -> str:
    frame = framed(
        pb.DetectStreamRequest(request=pb.DetectRequest(encoded_image=PHOTO)).SerializeToString()
    )
    with Peer(target, window=0) as peer:
        for _ in range(streams):
            stream = peer.call(DETECT_STREAM)
            peer.send(stream, frame * 3)
        peer.wait(stream, 5)
        return f"{streams} streams of 3 images, no answer taken"


@contextmanager
def _peers(target: str, count: int) -> Iterator[list[Peer]]:
    with ExitStack() as stack:
        yield [stack.enter_context(Peer(target)) for _ in range(count)]


ATTACKS = (
    Attack(
        "a message of 70 MiB",
        "--max-message-mb",
        lambda to: _large_message(to, 70 * MIB),
    ),
    Attack(
        "a message of 60 MiB",
        "--max-message-mb",
        lambda to: _large_message(to, 60 * MIB),
    ),
    Attack(
        "10 connections, a message of 60 MiB each, but for its last byte",
        "--max-message-mb",
        lambda to: _unfinished_messages(to, 10, 60 * MIB),
    ),
    Attack("gzip, 60 MiB of zeros", "none", lambda to: _bomb(to, "gzip", 60 * MIB)),
    Attack("deflate, 60 MiB of zeros", "none", lambda to: _bomb(to, "deflate", 60 * MIB)),
    Attack(
        "100 calls with 1 MB of metadata",
        "--max-metadata-kb",
        lambda to: _metadata(to, 1_000_000, 100, agreed=True),
    ),
    Attack(
        "the same, settings never agreed to",
        "--max-metadata-kb",
        lambda to: _metadata(to, 1_000_000, 100, agreed=False),
    ),
    Attack(
        "2000 silent connections",
        "--max-connections",
        lambda to: _connections(to, 2000, b""),
    ),
    Attack(
        "2000 connections that begin HTTP/2",
        "--max-connections",
        lambda to: _connections(to, 2000, PREFACE),
    ),
    Attack(
        "20000 calls on one connection",
        "--max-streams",
        lambda to: _flood(to, open_calls(20_000)),
    ),
    Attack(
        "100000 calls taken back at once",
        "--max-streams",
        lambda to: _flood(to, rapid_resets(100_000)),
    ),
    Attack(
        "100000 pings",
        "none",
        lambda to: _flood(to, (PingFrame(0, b"facewire") for _ in range(100_000))),
    ),
    Attack(
        "100000 frames of settings",
        "none",
        lambda to: _flood(to, (SettingsFrame(0) for _ in range(100_000))),
    ),
    Attack(
        "100 senders at a byte a second",
        "--message-seconds",
        lambda to: _slow_senders(to, 100),
        ("--message-seconds", "3"),
    ),
    Attack(
        "100 streams whose answers are not taken",
        "--stream-idle-seconds",
        lambda to: _slow_readers(to, 100),
        ("--stream-idle-seconds", "2"),
    ),
    Attack(
        "20 streams of 6 images of 24 MB",
        "--max-queued-mb",
        lambda to: large_frames(to, 20, 6),
    ),
)
"""In the order of docs/limits.md."""
