"""Several processes of one server: the port they share, and how all of them end."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import psutil
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_server.errors import ConfigError
from facewire_server.workers.run import SharedPort
from tests.server.hanging_model import FOREVER, grey, write_hanging_model
from tests.server.workers.running import OWN_CONNECTION, Workers, two_workers

LONG = ("--grace", "600", "--stall-seconds", "0")


def test_a_free_port_is_found_and_can_be_shared() -> None:
    with SharedPort("127.0.0.1", 0) as shared:
        assert shared.port > 0
        for _ in range(2):
            with socket.socket() as other:
                other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                other.bind(("127.0.0.1", shared.port))


def test_the_port_is_reserved_at_all_addresses_of_a_name() -> None:
    with SharedPort("localhost", 0) as shared:
        for ip, family in ("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6):
            with socket.socket(family) as other, pytest.raises(OSError):
                other.bind((ip, shared.port))


def test_a_port_of_another_listener_is_refused_even_if_that_would_share_it() -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(ConfigError, match="the port is taken"):
            SharedPort("127.0.0.1", other.getsockname()[1])


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(ConfigError, match="no such address"):
        SharedPort("192.0.2.1", 0)


@contextmanager
def busy(folder: Path) -> Iterator[Workers]:
    """Two workers; one has a request that never ends, and a long grace for it."""
    model = write_hanging_model(folder / "hanging.xml", FOREVER)
    with (
        two_workers(folder, "--model", str(model), *LONG) as running,
        grpc.insecure_channel(running.target, OWN_CONNECTION) as channel,
    ):
        call = DetectServiceStub(channel).Detect.future(grey(255), timeout=600)
        running.wait_for(lambda: running.scrape()["facewire_inflight_requests"] == 1)
        yield running
        assert isinstance(call.exception(), grpc.RpcError)


def running_of(pids: list[int]) -> list[int]:
    return [pid for pid in pids if psutil.pid_exists(pid)]


def reuse_port(running: Workers, folder: Path) -> None:
    """Start another server on the port of one that has ended, and call it."""
    folder.mkdir()
    port = running.target.rpartition(":")[2]
    with two_workers(folder, "--port", port) as after, after.stub() as stub:
        assert after.target == running.target
        assert stub.ListModels(pb.ListModelsRequest(), timeout=30).models


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_the_workers_before_their_supervisor(
    number: signal.Signals, tmp_path: Path
) -> None:
    with busy(tmp_path) as running:
        pids = running.pids()
        running.process.send_signal(number)
        running.wait_for(lambda: "ending 2 workers" in running.log.read_text())
        assert running_of(pids)
        running.process.send_signal(number)
        assert running.process.wait(60) == 128 + number
        assert running_of(pids) == []
    reuse_port(running, tmp_path / "after")


def test_workers_with_requests_end_at_once_when_their_supervisor_is_killed(
    tmp_path: Path,
) -> None:
    with busy(tmp_path) as running:
        pids = running.pids()
        running.process.kill()
        running.wait_for(lambda: running_of(pids) == [])
        assert "the supervisor is gone" in running.log.read_text()
    reuse_port(running, tmp_path / "after")


def test_a_hangup_of_all_processes_ends_none_and_reloads(tmp_path: Path) -> None:
    with two_workers(tmp_path, own_group=True) as running:
        pids = running.pids()
        os.killpg(running.process.pid, signal.SIGHUP)
        running.wait_for(lambda: running.log.read_text().count(" reloaded: ") == 2)
        assert running.pids() == pids


def test_hangups_keep_no_worker_from_being_replaced(tmp_path: Path) -> None:
    with two_workers(tmp_path, own_group=True) as running:
        os.kill(running.pids()[0], signal.SIGKILL)

        def replaced() -> bool:
            os.killpg(running.process.pid, signal.SIGHUP)
            return running.replaced() == 1

        running.wait_for(replaced)
        assert "does not start" not in running.log.read_text()
        assert running.log.read_text().count("and is replaced") == 1
