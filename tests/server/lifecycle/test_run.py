"""A server process from outside: its output, its signals, its health, its exit status."""

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import grpc
import numpy as np
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from tests.server.health import NOT_SERVING, SERVING, watch
from tests.server.process import command, connected, serving
from tests.server.rpc_errors import reason
from tests.server.tls_files import TlsFiles

REQUESTS = 60
SIDE = 7900
ROOM = ("--max-queue", str(REQUESTS))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_an_idle_server_with_success(number: signal.Signals) -> None:
    with serving() as (process, _):
        process.send_signal(number)
        assert process.wait(30) == 0
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


def test_requests_in_flight_at_the_signal_are_answered_and_new_ones_refused() -> None:
    with connected(*ROOM) as (process, channel):
        health = watch(channel)
        assert next(health) == SERVING
        calls = ask(channel, large_png(), 12)
        process.send_signal(signal.SIGTERM)
        assert next(health) == NOT_SERVING
        assert not all(call.done() for call in calls)
        with pytest.raises(grpc.RpcError) as refused:
            DetectServiceStub(channel).Detect(pb.DetectRequest(), timeout=30)
        code = grpc.StatusCode.UNAVAILABLE
        assert reason(refused.value) == (code, "SHUTTING_DOWN")
        assert {call.result().image_width for call in calls} == {SIDE}
        assert process.wait(30) == 0


def test_a_draining_server_answers_its_stream_and_ends_it(photo: bytes) -> None:
    release = threading.Event()

    def frames() -> Iterator[pb.DetectStreamRequest]:
        yield pb.DetectStreamRequest(request=pb.DetectRequest(encoded_image=photo))
        release.wait(60)

    with connected("--grace", "20") as (process, channel):
        stream = iter(DetectServiceStub(channel).DetectStream(frames(), timeout=60))
        assert len(next(stream).response.detections) == 1
        process.send_signal(signal.SIGTERM)
        with pytest.raises(grpc.RpcError) as ended:
            next(stream)
        code = grpc.StatusCode.UNAVAILABLE
        assert reason(ended.value) == (code, "SHUTTING_DOWN")
        assert process.wait(30) == 0
        release.set()


def test_requests_that_outlast_the_grace_are_cut_off() -> None:
    with connected("--grace", "0", *ROOM) as (process, channel):
        calls = ask(channel, large_png())
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert any(call.exception() for call in calls)


def test_a_second_signal_ends_at_once() -> None:
    with connected("--grace", "600", *ROOM) as (process, channel):
        health = watch(channel)
        assert next(health) == SERVING
        calls = ask(channel, large_png())
        process.send_signal(signal.SIGTERM)
        assert next(health) == NOT_SERVING
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 128 + signal.SIGTERM
        assert any(call.exception() for call in calls)


def ask(
    channel: grpc.Channel, image: bytes, count: int = REQUESTS
) -> "Sequence[grpc.Future[pb.DetectResponse]]":
    """Send many requests at once, and return when the first is answered."""
    request = pb.DetectRequest(encoded_image=image)
    stub = DetectServiceStub(channel)
    calls = [stub.Detect.future(request, timeout=60) for _ in range(count)]
    answered = threading.Event()
    for call in calls:
        call.add_done_callback(lambda _: answered.set())
    assert answered.wait(60)
    return calls


def large_png() -> bytes:
    """62 megapixels in a small file: sixty of them keep a server busy."""
    _, encoded = cv2.imencode(".png", np.zeros((SIDE, SIDE), np.uint8))
    return encoded.tobytes()


def test_a_port_that_is_taken_is_one_plain_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            command("serve", "--port", port, "--metrics-port", "off"),
            check=False,
            capture_output=True,
            text=True,
            timeout=30,
        )
    assert done.returncode == 1
    (line,) = [text for text in done.stderr.splitlines() if port in text]
    assert line.startswith("facewire-server: cannot listen on")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("flag", ["--token-file", "--tls-cert", "--tls-key"])
def test_a_pipe_without_a_writer_is_one_plain_line(tmp_path: Path, flag: str) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    files = TlsFiles(tmp_path)
    tls = ("--tls-cert", str(files.cert), "--tls-key", str(files.key))
    code = (
        "from facewire_server.system import file_watch; from facewire_server.__main__"
        " import main; file_watch.READ_SECONDS = 0.5; main()"
    )
    arguments = ("serve", "--port", "0", "--metrics-port", "off", *tls)
    done = subprocess.run(
        [command()[0], "-c", code, *arguments, flag, str(pipe)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    text = f"facewire-server: {flag}: cannot read {pipe}: no answer within 0.5 s\n"
    assert done.stderr == text
