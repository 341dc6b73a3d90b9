"""The watchdog: health, log and metrics report work that does not end."""

import asyncio
import logging
import re
import signal
import threading
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Any

import grpc
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_ext import Placement
from facewire_server.config import Config, TransportLimits
from facewire_server.image.fit import fit
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.lifecycle.watchdog import Watchdog
from facewire_server.models.source import EMBEDDED
from facewire_server.rpc.health import SERVICE, Health
from facewire_server.scheduling.job import Checkpoint, FixedWork
from facewire_server.scheduling.scheduler import Scheduler
from facewire_server.telemetry.metrics import Metrics
from tests.server.hanging_model import grey, write_hanging_model
from tests.server.health import NOT_SERVING, SERVING, watch
from tests.server.process import connected

LIMIT = 30.0
LOGGER = "facewire_server.service.watchdog"


class RecordedHealth(Health):
    """Health that keeps the statuses it was given."""

    def __init__(self) -> None:
        super().__init__(["m"], TransportLimits())
        self.statuses: list[str] = []

    def serving(self) -> None:
        self.statuses.append("serving")

    def not_serving(self) -> None:
        self.statuses.append("not serving")


class Stall:
    """A scheduler with a job that lasts until it is released, and its watchdog."""

    def __init__(self, limit: float) -> None:
        self.scheduler = Scheduler(workers=1, max_queue=0)
        self.health = RecordedHealth()
        self.metrics = Metrics()
        self.watchdog = Watchdog(self.scheduler, self.health, self.metrics, limit=limit)
        self.began = threading.Event()
        self.release = threading.Event()

    def work(self, _: Checkpoint) -> None:
        self.began.set()
        assert self.release.wait(60)

    def gauge(self) -> float | None:
        return self.metrics.registry.get_sample_value("facewire_watchdog_stalled")

    def check(self, seconds: float) -> None:
        """Have the watchdog check when the work has lasted for so long."""
        longest = self.scheduler.longest_running(0.0)
        self.watchdog.check(seconds - longest[1] if longest else seconds)


@asynccontextmanager
async def stall(limit: float = LIMIT) -> AsyncIterator[Stall]:
    made = Stall(limit)
    working = asyncio.create_task(made.scheduler.run(FixedWork(made.work, "m")))
    await asyncio.to_thread(made.began.wait, 10)
    try:
        yield made
    finally:
        made.release.set()
        await working
        made.scheduler.close()


def test_a_stall_is_reported_once_and_so_is_its_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        async with stall() as made:
            for seconds in (0.0, LIMIT):
                made.check(seconds)
            assert made.health.statuses == []
            assert made.gauge() == 0
            for seconds in (LIMIT + 1, LIMIT + 2):
                made.check(seconds)
            assert made.health.statuses == ["not serving"]
            assert made.gauge() == 1
            made.release.set()
            await asyncio.to_thread(idle, made.scheduler)
            made.check(0.0)
            made.check(0.0)
            assert made.health.statuses == ["not serving", "serving"]
            assert made.gauge() == 0

    with caplog.at_level(logging.INFO, LOGGER):
        asyncio.run(main())
    stalled, recovered = [each for each in caplog.records if each.name == LOGGER]
    assert stalled.levelno == logging.ERROR
    assert "one request of m has been worked on for 31.0 s" in stalled.getMessage()
    assert recovered.levelno == logging.INFO
    assert "no longer stalled" in recovered.getMessage()


def idle(scheduler: Scheduler) -> None:
    while scheduler.running:
        pass


def test_a_limit_of_zero_turns_the_watchdog_off() -> None:
    async def main() -> None:
        async with stall(limit=0) as made:
            await made.watchdog.run()
            assert made.health.statuses == []

    asyncio.run(main())


def test_an_idle_scheduler_has_no_running_job() -> None:
    scheduler = Scheduler(workers=1, max_queue=0)
    assert scheduler.longest_running(1.0) is None
    scheduler.close()


def test_a_server_is_healthy_again_when_the_work_goes_on(
    monkeypatch: pytest.MonkeyPatch, photo: bytes
) -> None:
    release = threading.Event()

    def hang(*arguments: Any, **options: Any) -> Placement:
        assert release.wait(30)
        return fit(*arguments, **options)

    monkeypatch.setattr("facewire_server.inference.detector.fit", hang)
    config = Config(port=0, metrics_port=None, stall_seconds=0.2)
    with (
        BackgroundServer(config) as server,
        grpc.insecure_channel(server.target) as channel,
    ):
        names = ("", SERVICE, f"{SERVICE}/{EMBEDDED}")
        watched = [watch(channel, name) for name in names]
        assert [next(each) for each in watched] == [SERVING] * 3
        request = pb.DetectRequest(encoded_image=photo)
        call = DetectServiceStub(channel).Detect.future(request, timeout=30)
        assert [next(each) for each in watched] == [NOT_SERVING] * 3
        assert not call.done()
        release.set()
        assert [next(each) for each in watched] == [SERVING] * 3
        assert len(call.result().detections) == 1


def test_an_inference_that_never_ends_is_reported_and_does_not_keep_the_process(
    tmp_path: Path,
) -> None:
    model = write_hanging_model(tmp_path / "hanging.xml")
    arguments = ("--model", str(model), "--stall-seconds", "0.5", "--grace", "0")
    with connected(*arguments, "--metrics-port", "0") as (process, channel):
        assert process.stderr is not None
        port = found(process.stderr, r"metrics on port (\d+)")
        health = watch(channel)
        stub = DetectServiceStub(channel)
        assert len(stub.Detect(grey(0), timeout=30).detections) == 1
        assert next(health) == SERVING
        call = stub.Detect.future(grey(255), timeout=60)
        assert next(health) == NOT_SERVING
        assert found(process.stderr, r"ERROR .*one request of (\S+) has") == "hanging"
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            assert "facewire_watchdog_stalled 1.0" in answer.read().decode()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert isinstance(call.exception(), grpc.RpcError)


def test_other_models_are_answered_while_one_stalls(tmp_path: Path, photo: bytes) -> None:
    model = write_hanging_model(tmp_path / "hanging.xml")
    arguments = ("--model", EMBEDDED, "--model", str(model), "--max-parallel", "2")
    stalls = ("--stall-seconds", "0.5", "--grace", "0")
    with connected(*arguments, *stalls) as (_, channel):
        health = watch(channel, f"{SERVICE}/{EMBEDDED}")
        assert next(health) == SERVING
        stub = DetectServiceStub(channel)
        request = grey(255)
        request.model = "hanging"
        hanging = stub.Detect.future(request, timeout=60)
        assert next(health) == NOT_SERVING
        for _ in range(5):
            answer = stub.Detect(pb.DetectRequest(encoded_image=photo), timeout=30)
            assert len(answer.detections) == 1
        assert not hanging.done()


def found(log: IO[str], pattern: str) -> str:
    """The first group of the pattern in the next line that matches."""
    for line in log:
        if match := re.search(pattern, line):
            return match[1]
    raise AssertionError(f"the log has ended without {pattern}")
