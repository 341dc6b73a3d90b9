"""Runs against a fake server."""

import threading
from dataclasses import replace
from time import process_time

import grpc
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire_client import FaceClientError
from facewire_client.bench.load import ClosedLoop, OpenLoop
from facewire_client.bench.percentiles import spread
from facewire_client.bench.recorder import Answer, Recorder
from facewire_client.bench.run import CpuMeter, run
from facewire_client.bench.sender import DETECT, Method
from facewire_client.bench.settings import Photo, Settings
from facewire_client.connection import Connection
from tests.client.authority import Authority
from tests.client.bench.servers import TIMEOUT, Crowd, Rotation, Stall, until
from tests.client.fake_server import FakeServer, echo

PHOTO = Photo("photo.jpg", b"0123456789")
SHORT = Settings(load=ClosedLoop(1), warmup=0.0, duration=0.2)
LONG = replace(SHORT, duration=TIMEOUT)
"""For runs that `until` ends."""


def record(target: str, settings: Settings = SHORT, *photos: Photo) -> Recorder:
    """Return the record of a run against this server."""
    connection = Connection(target, timeout=10.0, token="secret")
    return run(connection, settings, photos or [PHOTO], lambda _: None).record


def test_a_closed_loop_keeps_so_many_in_flight(fake: FakeServer) -> None:
    fake.answer = crowd = Crowd(4)
    found = record(fake.target, replace(SHORT, load=ClosedLoop(4)))
    assert crowd.most == 4
    assert len(found.latencies) == found.planned == len(fake.requests)


def test_a_stalled_server_shows_in_the_percentiles_of_an_open_loop(
    fake: FakeServer,
) -> None:
    fake.answer = Stall(after=30)
    # So few slots that nearly all requests due during the stall have to wait.
    load = OpenLoop(rate=150, seed=1, outstanding=2)
    found = record(fake.target, replace(SHORT, load=load, duration=0.8))
    times = spread(found.latencies)
    assert times is not None
    assert times.p99 > 200
    assert times.p90 > 100
    assert found.planned == len(found.latencies) + found.unsent


def test_every_refusal_is_counted_by_reason_and_none_is_retried(
    fake: FakeServer,
) -> None:
    fake.answer = until(20, Rotation(), fake)
    found = record(fake.target, LONG)
    full, fault = ("RESOURCE_EXHAUSTED", "QUEUE_FULL"), ("INTERNAL", "")
    assert set(found.failures) == {full, fault}
    assert found.failures[full] == found.failures[fault] == 5
    assert found.messages[fault] == "a fault"
    assert found.planned == len(fake.requests) == 21
    assert set(found.detections[0]) == {0, 1}


class Opening:
    """A meter whose `opened` is set when the period starts."""

    def __init__(self) -> None:
        self.opened = threading.Event()

    def start(self) -> None:
        self.opened.set()

    def stop(self) -> None:
        pass


def test_the_warm_up_is_left_out(fake: FakeServer) -> None:
    opening = Opening()

    def answer(request: pb.DetectRequest) -> pb.DetectResponse:
        opening.opened.wait(TIMEOUT)  # the first request is one of the warm-up
        return pb.DetectResponse()

    fake.answer = until(3, answer, fake)
    connection = Connection(fake.target, timeout=TIMEOUT)
    settings = replace(LONG, warmup=1.0)
    found = run(connection, settings, [PHOTO], lambda _: None, meters=[opening])
    assert found.record.planned == len(fake.requests) - 1 == 3


def test_a_deadline_is_sent_and_missed(fake: FakeServer) -> None:
    fake.answer = fake.hang
    found = record(fake.target, replace(SHORT, deadline=0.05))
    assert set(found.failures) == {("DEADLINE_EXCEEDED", "")}
    assert not found.latencies


def test_a_request_that_waits_beyond_its_deadline_is_not_sent(
    fake: FakeServer,
) -> None:
    fake.answer = fake.hang
    load = OpenLoop(rate=300, seed=1, outstanding=1)
    found = record(fake.target, replace(SHORT, load=load, deadline=0.05))
    assert found.unsent > 10
    assert found.planned == found.unsent + found.failures.total()


def test_images_take_turns_with_the_model_asked_for(fake: FakeServer) -> None:
    fake.answer = until(4, echo, fake)
    photos = Photo("one.jpg", b"1"), Photo("two.jpg", b"22")
    found = record(fake.target, replace(LONG, model="nano"), *photos)
    sent = [(request.encoded_image, request.model) for request in fake.requests[:4]]
    assert sent == [(b"1", "nano"), (b"22", "nano")] * 2
    assert [each.total() for each in found.detections] == [2, 2]
    assert fake.metadata[0]["authorization"] == "Bearer secret"


@pytest.mark.parametrize("connections", [1, 3])
def test_connections_take_turns(fake: FakeServer, connections: int) -> None:
    fake.answer = until(connections, echo, fake)
    record(fake.target, replace(LONG, connections=connections))
    assert len(set(fake.peers)) == connections


def test_a_server_with_tls_is_measured() -> None:
    authority = Authority()
    key, chain = authority.issue("server")
    with FakeServer(grpc.ssl_server_credentials([(key, chain)])) as server:
        root = authority.root_certificates
        connection = Connection(server.target, root_certificates=root)
        found = run(connection, SHORT, [PHOTO], lambda _: None).record
    assert len(found.latencies) == found.planned > 0


def test_the_clients_cpu_time_and_the_progress_are_reported(fake: FakeServer) -> None:
    reported: list[float] = []
    settings = replace(SHORT, warmup=0.1, duration=0.3)
    found = run(Connection(fake.target), settings, [PHOTO], reported.append)
    assert found.cpu_seconds > 0
    assert sum(reported) == pytest.approx(0.4)


class Calls:
    """A meter that records its calls."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def start(self) -> None:
        self.made.append("start")

    def stop(self) -> None:
        self.made.append("stop")


def test_meters_start_and_stop_with_the_period(fake: FakeServer) -> None:
    meter = Calls()
    run(Connection(fake.target), SHORT, [PHOTO], lambda _: None, meters=[meter])
    assert meter.made[:2] == ["start", "stop"]
    assert set(meter.made[2:]) <= {"stop"}


def test_another_method_may_be_measured(fake: FakeServer) -> None:
    seven = Method(DETECT.path, DETECT.request, lambda reply: Answer(7))
    connection = Connection(fake.target)
    found = run(connection, SHORT, [PHOTO], lambda _: None, method=seven).record
    assert set(found.detections[0]) == {7}
    assert not found.stages["total"]


def test_a_period_longer_than_the_load_is_measured_to_its_end(
    fake: FakeServer,
) -> None:
    load = OpenLoop(rate=0.001, seed=1, outstanding=1)
    run(Connection(fake.target), replace(SHORT, load=load), [PHOTO], lambda _: None)
    assert not fake.requests


def test_an_unreachable_server_is_an_error_before_the_load() -> None:
    connection = Connection("127.0.0.1:1", timeout=0.2)
    with pytest.raises(FaceClientError, match="cannot reach") as caught:
        run(connection, SHORT, [PHOTO], lambda _: None)
    assert caught.value.code is grpc.StatusCode.UNAVAILABLE


def test_a_photo_over_the_limit_is_an_error_before_the_load() -> None:
    connection = Connection("127.0.0.1:1", max_message_mb=1)
    with pytest.raises(FaceClientError, match="MESSAGE_TOO_LARGE"):
        run(connection, SHORT, [Photo("large", bytes(1 << 20))], lambda _: None)


def work() -> None:
    end = process_time() + 0.02
    while process_time() < end:
        pass


def test_cpu_time_counts_from_the_start_to_the_first_stop() -> None:
    meter = CpuMeter()
    work()
    meter.start()
    work()
    meter.stop()
    counted = meter.seconds
    work()
    meter.stop()
    assert 0.02 <= counted == meter.seconds


def test_without_a_start_no_cpu_time_counts() -> None:
    meter = CpuMeter()
    meter.stop()
    assert meter.seconds == 0
