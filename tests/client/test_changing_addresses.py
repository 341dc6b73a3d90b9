"""Clients of a name whose servers come and go, as pods behind a headless Service do."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import grpc
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_client import FaceClient, FaceClientError
from facewire_client.connection import Connection
from tests.client.name_server import NameServer, name_server
from tests.deploy.envoy import wait_until
from tests.server.process import serving

LOOK_UP_SOON = ("grpc.dns_min_time_between_resolutions_ms", 100)
"""Instead of 30 s, for which deploy/kubernetes waits between two pods."""

RETRIES = """{
  "loadBalancingConfig": [{"round_robin": {}}],
  "methodConfig": [{
    "name": [{"service": "facewire.v1.DetectService"}],
    "retryPolicy": {
      "maxAttempts": 5,
      "initialBackoff": "0.1s",
      "maxBackoff": "2s",
      "backoffMultiplier": 2,
      "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"]
    }
  }]
}"""

Call = Callable[[], object]


class Callers:
    """Threads that each repeat a call until the end; `failures` should stay empty."""

    def __init__(self, calls: list[Call]) -> None:
        self.failures: list[Exception] = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(call,)) for call in calls]

    @contextmanager
    def running(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in self._threads:
                thread.join(60)

    def _run(self, call: Call) -> None:
        while not self._over.is_set():
            try:
                call()
            except (grpc.RpcError, FaceClientError) as error:
                self.failures.append(error)
                return


class Pod:
    """A server process at an address of its own; `answered` counts what it has answered."""

    def __init__(self, stack: ExitStack, folder: Path, address: str, port: int = 0) -> None:
        self.address = address
        self._log = folder / address
        self._process, target = stack.enter_context(
            serving(
                *("--host", address, "--port", str(port), "--log-level", "debug"),
                stderr=stack.enter_context(self._log.open("w")),
            )
        )
        self.port = int(target.rpartition(":")[2])

    @property
    def answered(self) -> int:
        return self._log.read_text().count("ended")

    def stop(self) -> None:
        """Have it drain, as at the end of a pod."""
        self._process.terminate()
        assert self._process.wait(60) == 0


@pytest.fixture
def look_up_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    options = Connection.options
    monkeypatch.setattr(Connection, "options", lambda own: [*options(own), LOOK_UP_SOON])


@pytest.fixture
def names() -> Iterator[NameServer]:
    with name_server() as running:
        yield running


def test_no_call_fails_while_servers_drain_and_others_take_their_place(
    names: NameServer, look_up_soon: None, photo: bytes, tmp_path: Path
) -> None:
    request = pb.DetectRequest(encoded_image=photo)
    with ExitStack() as stack:
        first = Pod(stack, tmp_path, "127.0.0.2")
        second = Pod(stack, tmp_path, "127.0.0.3", first.port)
        names.addresses = [first.address, second.address]
        target = names.target(first.port)
        client = stack.enter_context(FaceClient(target))
        options = ("grpc.service_config", RETRIES), LOOK_UP_SOON
        stub = DetectServiceStub(stack.enter_context(grpc.insecure_channel(target, options)))
        callers = Callers(
            [lambda: client.detect(photo), lambda: stub.Detect(request, timeout=30)] * 2
        )
        with callers.running():
            wait_until(lambda: bool(first.answered and second.answered))
            third = Pod(stack, tmp_path, "127.0.0.4", first.port)
            names.addresses = [second.address, third.address]
            first.stop()
            wait_until(lambda: bool(third.answered or callers.failures))
            names.addresses = [third.address]
            second.stop()
            before = third.answered
            wait_until(lambda: third.answered > before + 20 or bool(callers.failures))
    assert callers.failures == []
