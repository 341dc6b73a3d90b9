"""A worker that stalls, beside one that goes on serving."""

import os
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import grpc

from facewire.v1.detect_pb2_grpc import DetectServiceStub
from tests.server.hanging_model import FOREVER, grey, write_hanging_model
from tests.server.health import NOT_SERVING, SERVING, check, watch
from tests.server.workers.running import OWN_CONNECTION, Workers, two_workers

SOME_SECONDS = 5_000_000
"""Iterations of the model's loop that outlast the limit of a stall."""

STALLED = "facewire_watchdog_stalled"


@contextmanager
def hanging(folder: Path, iterations: int) -> Iterator[Workers]:
    """Two workers with a model that loops so often for a bright image."""
    model = write_hanging_model(folder / "hanging.xml", iterations)
    arguments = ("--model", str(model), "--stall-seconds", "0.5", "--grace", "0")
    with two_workers(folder, *arguments) as running:
        yield running


def test_a_stalled_worker_is_reported_and_the_other_answers(tmp_path: Path) -> None:
    with (
        hanging(tmp_path, FOREVER) as running,
        grpc.insecure_channel(running.target, OWN_CONNECTION) as channel,
        ExitStack() as stack,
    ):
        health = watch(channel)
        assert next(health) == SERVING
        call = DetectServiceStub(channel).Detect.future(grey(255), timeout=300)
        assert next(health) == NOT_SERVING
        running.wait_for(lambda: running.scrape()[STALLED] == 1)
        other = another(running, stack)
        answer = DetectServiceStub(other).Detect(grey(0), timeout=30)
        assert len(answer.detections) == 1
        line = re.search(r"ERROR .*stalled: one request of hanging .*", log(running))
        assert line
        # As an operator, or a script, would do then.
        pid = re.search(r"\bpid=(\d+)", line[0])
        assert pid
        os.kill(int(pid[1]), signal.SIGKILL)
        error = call.exception()
        assert isinstance(error, grpc.RpcError)
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        running.wait_for(lambda: "serves again" in log(running))
        assert running.scrape()[STALLED] == 0


def test_a_worker_is_healthy_again_when_its_work_ends(tmp_path: Path) -> None:
    with (
        hanging(tmp_path, SOME_SECONDS) as running,
        grpc.insecure_channel(running.target, OWN_CONNECTION) as channel,
    ):
        health = watch(channel)
        assert next(health) == SERVING
        call = DetectServiceStub(channel).Detect.future(grey(255), timeout=300)
        assert next(health) == NOT_SERVING
        assert next(health) == SERVING
        assert len(call.result().detections) == 1
        running.wait_for(lambda: running.scrape()[STALLED] == 0)
        assert re.search(r"INFO .*no longer stalled after", log(running))


def another(running: Workers, stack: ExitStack) -> grpc.Channel:
    """A connection to a worker that does not stall."""
    for _ in range(64):
        channel = grpc.insecure_channel(running.target, OWN_CONNECTION)
        stack.enter_context(channel)
        if check(channel, timeout=30) == SERVING:
            return channel
    raise AssertionError("all connections lead to the worker that stalls")


def log(running: Workers) -> str:
    return running.log.read_text()
