"""A model is replaced under load, and nobody notices but for its version."""

import gc
import shutil
import signal
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path

import grpc
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_server.config import Config
from facewire_server.detector import Detector
from facewire_server.model.source import DATA, EMBEDDED
from facewire_server.service.background import BackgroundServer
from tests.server.process import connected


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of the embedded model that may be changed."""
    for suffix in (".xml", ".bin"):
        shutil.copy(DATA / EMBEDDED / f"{EMBEDDED}{suffix}", tmp_path / f"own{suffix}")
    return tmp_path / "own.xml"


def change(model: Path) -> None:
    """Turns the lowest bit of one weight, so that the hash is another.

    The file is replaced, as tools do that care for those who read it.
    """
    weights = model.with_suffix(".bin")
    content = bytearray(weights.read_bytes())
    content[-2] ^= 1
    fresh = weights.with_suffix(".new")
    fresh.write_bytes(content)
    fresh.rename(weights)


def wait_for(condition: Callable[[], bool]) -> None:
    """Waits for what has to happen soon."""
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until, "it does not happen"
        time.sleep(0.05)


def has_changed(stub: DetectServiceStub, before: str) -> bool:
    return version(stub) != before


def version(stub: DetectServiceStub) -> str:
    return stub.GetModel(pb.GetModelRequest(), timeout=10).model.version


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
            change(model)
            process.send_signal(signal.SIGHUP)
            wait_for(partial(has_changed, stub, before))
        stop.set()
        for caller in callers:
            caller.join()
    assert len(versions) == 2  # changed, and changed back


def test_a_watched_model_is_reloaded_when_its_file_changes(model: Path) -> None:
    with connected("--model", str(model), "--watch") as (_, channel):
        stub = DetectServiceStub(channel)
        before = version(stub)
        change(model)
        wait_for(partial(has_changed, stub, before))


def test_a_broken_file_leaves_the_old_model_serving_and_is_told(
    model: Path, photo: bytes
) -> None:
    with connected("--model", str(model), "--metrics-port", "0") as (process, channel):
        stub = DetectServiceStub(channel)
        before = version(stub)
        model.write_text("<net>")
        process.send_signal(signal.SIGHUP)
        url = f"http://127.0.0.1:{metrics_port(process)}/metrics"
        failed = 'facewire_model_reloads_total{model="own",outcome="failed"} 1.0'
        wait_for(lambda: failed in read(url))
        assert version(stub) == before
        answer = stub.Detect(pb.DetectRequest(encoded_image=photo), timeout=10)
        assert len(answer.detections) == 1


def test_a_quiet_server_lets_a_model_go_that_was_replaced(
    model: Path, photo: bytes
) -> None:
    def detectors() -> int:
        return sum(
            isinstance(each, Detector) and each.description.name == "own"
            for each in gc.get_objects()
        )

    config = Config(port=0, metrics_port=None, models=(str(model),))
    with (
        BackgroundServer(config) as server,
        grpc.insecure_channel(server.target) as channel,
    ):
        stub = DetectServiceStub(channel)
        for _ in range(20):  # so that each of its threads has worked
            stub.Detect(pb.DetectRequest(encoded_image=photo), timeout=10)
        before = version(stub)
        change(model)
        server.reload()
        wait_for(partial(has_changed, stub, before))
        wait_for(lambda: detectors() == 1)


def read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        text: str = answer.read().decode()
    return text


def metrics_port(process: subprocess.Popen[str]) -> int:
    """The port that the server's log names."""
    assert process.stderr is not None
    for line in process.stderr:
        if "metrics on port" in line:
            return int(line.rsplit(" ", 1)[1])
    raise AssertionError("the log names no port of metrics")
