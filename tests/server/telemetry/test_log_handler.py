"""The log when its reader is slow, gone, or missing from the start."""

import contextlib
import gc
import logging
import os
import re
import signal
import subprocess
import weakref
from collections.abc import Iterator
from urllib.request import urlopen

import pytest

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_server.telemetry.log_handler import QueuedHandler
from facewire_server.telemetry.log_queue import LogQueue
from facewire_server.telemetry.logs import TextFormatter
from tests.server.health import SERVING, watch
from tests.server.process import command, connected

Pipe = tuple[int, int]
ERRORS = 2000
"""More lines than a pipe and the queue hold."""


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)


def logger_to(handler: QueuedHandler) -> logging.Logger:
    """A logger with this handler alone."""
    handler.setFormatter(TextFormatter())
    logger = logging.getLogger("tests.log_handler")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.handlers = [handler]
    return logger


def test_a_reader_that_comes_back_gets_errors_and_the_number_of_dropped_lines(
    pipe: Pipe,
) -> None:
    reading, writing = pipe
    logger = logger_to(QueuedHandler(writing, LogQueue(10)))
    for number in range(ERRORS):
        logger.info("refused %d %s", number, 500 * "x")
    logger.error("a fault")
    text = ""
    while "lines left out" not in text:
        text += os.read(reading, 1 << 16).decode()
    while "a fault" not in text:
        text += os.read(reading, 1 << 16).decode()
    written = text.count("refused")
    assert written < ERRORS
    assert f"WARNING facewire_server.log_handler: {ERRORS - written} lines" in text


def test_a_non_blocking_descriptor_loses_nothing(pipe: Pipe) -> None:
    reading, writing = pipe
    os.set_blocking(writing, False)
    logger = logger_to(QueuedHandler(writing))
    for number in range(900):
        logger.info("%d %s", number, 500 * "x")
    text = ""
    while text.count("\n") < 900:
        text += os.read(reading, 1 << 16).decode()
    assert "left out" not in text


def test_a_reader_that_is_gone_causes_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    handler = QueuedHandler(writing)
    logger_to(handler).error("its reader is gone")
    handler.flush()
    os.close(writing)


def test_a_queued_line_keeps_nothing_of_a_request_alive(pipe: Pipe) -> None:
    class Image:
        """Stands for what a traceback refers to."""

    def failing(image: Image) -> None:
        raise RuntimeError("it failed")

    _, writing = pipe
    logger = logger_to(QueuedHandler(writing, LogQueue(10)))
    logger.info(100_000 * "x")  # more than the pipe takes: the next ones wait
    image = Image()
    found = weakref.ref(image)
    try:
        failing(image)
    except RuntimeError:
        logger.exception("failed")
    del image
    gc.collect()
    assert found() is None


def test_a_log_without_a_reader_stops_neither_requests_nor_health_nor_the_exit(
    photo: bytes,
) -> None:
    # At that level each request has a line, at others many refusals have few.
    with connected("--metrics-port", "0", "--log-level", "debug") as (process, channel):
        assert process.stderr is not None
        metrics = next(line for line in process.stderr if "metrics on port" in line)
        bad = pb.DetectStreamRequest(request=pb.DetectRequest(encoded_image=b"none"))
        stub = DetectServiceStub(channel)
        answers = stub.DetectStream(iter(ERRORS * [bad]), timeout=60)
        assert all(answer.HasField("error") for answer in answers)
        assert next(watch(channel)) == SERVING
        found = stub.Detect(pb.DetectRequest(encoded_image=photo), timeout=60)
        assert len(found.detections) == 1
        url = f"http://127.0.0.1:{metrics.split()[-1]}/metrics"
        with urlopen(url, timeout=60) as answer:
            dropped = re.search(rb"\nfacewire_log_lines_dropped_total (.*)", answer.read())
        assert dropped
        assert float(dropped[1]) > 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_a_process_that_ends_writes_what_is_queued() -> None:
    code = (
        "import logging; from facewire_server.telemetry.logs import set_up;"
        " set_up('info', 'text', {});"
        " [logging.error('%d', number) for number in range(500)]"
    )
    done = subprocess.run([command()[0], "-c", code], capture_output=True, check=True, text=True)
    lines = done.stderr.splitlines()
    assert [line.rpartition(" ")[2] for line in lines] == [str(n) for n in range(500)]


@pytest.fixture
def full_pipe(pipe: Pipe) -> int:
    """A pipe that is full, as in front of a stalled log collector."""
    _, writing = pipe
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writing, 4096 * b"x")
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writing, b"x")
    os.set_blocking(writing, True)
    return writing


def test_a_server_that_cannot_start_ends_although_its_log_is_not_read(
    full_pipe: int,
) -> None:
    arguments = ("--host", "192.0.2.1", "--port", "0", "--metrics-port", "off")
    done = subprocess.run(command("serve", *arguments), check=False, stderr=full_pipe, timeout=120)
    assert done.returncode == 1


def test_a_line_written_with_say_comes_after_what_was_logged() -> None:
    code = (
        "import logging; from facewire_server.telemetry import logs;"
        " logs.set_up('info', 'text', {});"
        " [logging.error('%d', number) for number in range(500)];"
        " logs.say('the end')"
    )
    done = subprocess.run([command()[0], "-c", code], capture_output=True, check=True, text=True)
    assert done.stderr.count("\n") == 501
    assert done.stderr.endswith("\nthe end\n")
