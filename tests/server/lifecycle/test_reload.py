"""Models are replaced while they serve, without a failed request."""

import asyncio
import gc
import os
import signal
import subprocess
import threading
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path

import grpc
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_server.config import Config
from facewire_server.inference.detector import Detector
from facewire_server.lifecycle import reload
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.lifecycle.reload import Files, Reloader
from tests.server.own_model import change_weights, copy_embedded
from tests.server.process import connected
from tests.server.replaced import wait_until


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return copy_embedded(tmp_path)


def has_changed(stub: DetectServiceStub, before: str) -> bool:
    return version(stub) != before


def version(stub: DetectServiceStub) -> str:
    return stub.GetModel(pb.GetModelRequest(), timeout=60).model.version


def test_a_hangup_reloads_without_a_failed_request(model: Path, photo: bytes) -> None:
    versions: set[str] = set()
    stop = threading.Event()
    arguments = ("--model", str(model))
    with connected(*arguments) as (process, channel):
        stub = DetectServiceStub(channel)
        request = pb.DetectRequest(encoded_image=photo)

        def ask() -> None:
            while not stop.is_set():
                answer = stub.Detect(request, timeout=30)
                assert len(answer.detections) == 1
                versions.add(answer.model_version)

        callers = [threading.Thread(target=ask) for _ in range(3)]
        for caller in callers:
            caller.start()
        for _ in range(2):
            before = version(stub)
            change_weights(model)
            process.send_signal(signal.SIGHUP)
            wait_until(partial(has_changed, stub, before))
        stop.set()
        for caller in callers:
            caller.join()
    assert len(versions) == 2  # changed, and changed back


def test_a_watched_model_is_reloaded_when_its_file_changes(model: Path) -> None:
    with connected("--model", str(model), "--watch") as (_, channel):
        stub = DetectServiceStub(channel)
        before = version(stub)
        change_weights(model)
        wait_until(partial(has_changed, stub, before))


def test_a_broken_file_leaves_the_old_model_serving_and_is_counted(
    model: Path, photo: bytes
) -> None:
    with connected("--model", str(model), "--metrics-port", "0") as (process, channel):
        stub = DetectServiceStub(channel)
        before = version(stub)
        model.write_text("<net>")
        process.send_signal(signal.SIGHUP)
        url = f"http://127.0.0.1:{metrics_port(process)}/metrics"
        failed = 'facewire_model_reloads_total{model="own",outcome="failed"} 1.0'
        wait_until(lambda: failed in read(url))
        assert version(stub) == before
        answer = stub.Detect(pb.DetectRequest(encoded_image=photo), timeout=60)
        assert len(answer.detections) == 1


def test_an_idle_server_frees_a_model_that_was_replaced(model: Path, photo: bytes) -> None:
    def detectors() -> int:
        return sum(
            isinstance(each, Detector) and each.description.name == "own"
            for each in gc.get_objects()
        )

    gc.collect()  # those of servers that other tests have closed
    config = Config(port=0, metrics_port=None, models=(str(model),))
    with (
        BackgroundServer(config) as server,
        grpc.insecure_channel(server.target) as channel,
    ):
        stub = DetectServiceStub(channel)
        for _ in range(20):  # so that each of its threads has worked
            stub.Detect(pb.DetectRequest(encoded_image=photo), timeout=60)
        before = version(stub)
        change_weights(model)
        server.reload()
        wait_until(partial(has_changed, stub, before))
        wait_until(lambda: detectors() == 1)


class Reloads:
    """A reloader of one model, with counts of its looks and reloads."""

    def __init__(self, path: Path, *, watch: bool) -> None:
        self.path = path
        self.asked = asyncio.Event()
        self.looks = 0
        self.reloads = 0
        self.reloader = Reloader(self.asked, self.files, self.reload, watch=watch)

    def files(self) -> Files:
        self.looks += 1
        return {"own": lambda: (self.path,)}

    async def reload(self, name: str) -> None:
        assert name == "own"
        self.reloads += 1

    def has_reloaded(self, times: int) -> bool:
        return self.reloads == times

    async def until(self, condition: Callable[[], bool]) -> None:
        """Run the reloader until this holds."""
        running = asyncio.create_task(self.reloader.run())
        async with asyncio.timeout(60):
            while not condition():
                await asyncio.sleep(0)
        running.cancel()


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reloads:
    monkeypatch.setattr(reload, "POLL_SECONDS", 0.001)
    path = tmp_path / "model"
    path.write_text("one")
    return Reloads(path, watch=True)


def test_a_model_reloaded_on_demand_is_not_reloaded_again_as_changed(
    watched: Reloads,
) -> None:
    async def main() -> None:
        await watched.until(lambda: watched.looks > 1)
        watched.path.write_text("another")
        watched.asked.set()
        await watched.until(lambda: watched.reloads > 0)
        looks = watched.looks
        await watched.until(lambda: watched.looks > looks + 5)

    asyncio.run(main())
    assert watched.reloads == 1


def test_a_model_that_changes_again_is_reloaded_again(watched: Reloads) -> None:
    async def main() -> None:
        await watched.until(lambda: watched.looks > 1)
        for number in (1, 2):
            watched.path.write_text("more" * number)
            await watched.until(partial(watched.has_reloaded, number))

    asyncio.run(main())


def test_a_reload_asked_for_before_it_runs_is_not_lost(tmp_path: Path) -> None:
    reloads = Reloads(tmp_path / "model", watch=False)

    async def main() -> None:
        reloads.asked.set()
        await reloads.until(lambda: reloads.reloads == 1)

    asyncio.run(main())


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_end_does_not_wait_for_a_reload_that_never_ends(model: Path, workers: str) -> None:
    with connected("--model", str(model), "--workers", workers) as (process, _):
        # A pipe without a writer: to open it for reading never returns.
        os.mkfifo(model.with_suffix(".toml"))
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: is_being_read(model.with_suffix(".toml")))
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def is_being_read(pipe: Path) -> bool:
    try:
        # Never closed: the reader would get to the end of the file.
        os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return False
    return True


def read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=60) as answer:
        text: str = answer.read().decode()
    return text


def metrics_port(process: subprocess.Popen[str]) -> int:
    """The port of metrics that the server logs."""
    assert process.stderr is not None
    for line in process.stderr:
        if "metrics on port" in line:
            return int(line.rsplit(" ", 1)[1])
    raise AssertionError("no port of metrics in the log")
