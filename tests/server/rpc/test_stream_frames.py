"""A frame that takes another's place in a stream is counted and timed as itself."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_ext import Placement
from facewire_server.config import Config
from facewire_server.image.fit import fit
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.models.source import DATA, EMBEDDED
from tests.server.scrape import scrape

OTHER = "other"


@pytest.fixture
def let_go(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Work does not end before this is set."""
    event = threading.Event()

    def hang(*arguments: Any, **options: Any) -> Placement:
        assert event.wait(60)
        return fit(*arguments, **options)

    monkeypatch.setattr("facewire_server.inference.detector.fit", hang)
    return event


@pytest.fixture
def server(tmp_path: Path, let_go: threading.Event) -> Iterator[BackgroundServer]:
    """A server with two models, and one thread that works for them."""
    for suffix in (".xml", ".bin"):
        file = DATA / EMBEDDED / f"{EMBEDDED}{suffix}"
        shutil.copy(file, tmp_path / f"{OTHER}{suffix}")
    models = (EMBEDDED, str(tmp_path / f"{OTHER}.xml"))
    config = Config(models=models, port=0, metrics_port=0, max_parallel=1)
    with BackgroundServer(config) as running:
        yield running
        let_go.set()


def wait_for(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def requests(code: str, model: str) -> str:
    labels = f'code="{code}",method="DetectStream",model="{model}"'
    return f"facewire_requests_total{{{labels}}}"


def test_the_frame_that_is_worked_on_gives_model_options_and_times(
    server: BackgroundServer, let_go: threading.Event, photo: bytes
) -> None:
    sent = 0.0

    def frame(number: int, model: str, confidence: float) -> pb.DetectStreamRequest:
        options = pb.DetectOptions(min_confidence=confidence)
        return pb.DetectStreamRequest(
            frame_id=number,
            request=pb.DetectRequest(encoded_image=photo, model=model, options=options),
            overflow_policy=pb.OVERFLOW_POLICY_DROP_OLDEST,
        )

    def frames() -> Iterator[pb.DetectStreamRequest]:
        nonlocal sent
        yield frame(1, EMBEDDED, 0.5)
        wait_for(lambda: scrape(server)["facewire_inflight_requests"] == 1)
        wait_for(lambda: scrape(server)["facewire_queue_depth"] == 0)
        yield frame(2, EMBEDDED, 0.5)
        wait_for(lambda: scrape(server)["facewire_queue_depth"] == 1)
        # What the second frame waits is no time of the third.
        time.sleep(0.3)
        sent = time.monotonic()
        yield frame(3, OTHER, 1.0)
        wait_for(lambda: requests("ABORTED", EMBEDDED) in scrape(server))
        let_go.set()

    with grpc.insecure_channel(server.target) as channel:
        stream = DetectServiceStub(channel).DetectStream(frames(), timeout=60)
        first, second, third = stream
        took = time.monotonic() - sent
    assert first.response.model_name == EMBEDDED
    assert second.error.reason == "FRAME_DROPPED"
    assert third.response.model_name == OTHER
    assert not third.response.detections
    timing = third.response.timing
    assert timing.queue_us <= timing.total_us <= 1e6 * took
    counted = scrape(server)
    assert counted[requests("OK", EMBEDDED)] == counted[requests("OK", OTHER)] == 1
    for model in (EMBEDDED, OTHER):
        assert counted[f'facewire_inferences_total{{model="{model}"}}'] == 1


def test_an_invalid_frame_is_answered_with_its_error_and_replaces_no_other(
    server: BackgroundServer, let_go: threading.Event, photo: bytes
) -> None:
    def frames() -> Iterator[pb.DetectStreamRequest]:
        for number, model in enumerate((EMBEDDED, EMBEDDED, "unknown", EMBEDDED)):
            options = pb.DetectOptions(min_confidence=2 if number == 3 else 0.5)
            yield pb.DetectStreamRequest(
                frame_id=number,
                request=pb.DetectRequest(encoded_image=photo, model=model, options=options),
                overflow_policy=pb.OVERFLOW_POLICY_DROP_OLDEST,
            )
            if not number:
                wait_for(lambda: scrape(server)["facewire_inflight_requests"] == 1)
                wait_for(lambda: scrape(server)["facewire_queue_depth"] == 0)
        wait_for(lambda: rejected(server, "BAD_OPTION") == 1)
        let_go.set()

    with grpc.insecure_channel(server.target) as channel:
        stream = DetectServiceStub(channel).DetectStream(frames(), timeout=60)
        reasons = [answer.error.reason for answer in stream]
    assert reasons == ["", "", "UNKNOWN_MODEL", "BAD_OPTION"]


def rejected(server: BackgroundServer, reason: str) -> float:
    return scrape(server)[f'facewire_rejected_total{{reason="{reason}"}}']
