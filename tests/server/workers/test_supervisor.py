"""Several processes on one port, as their operator and their callers see them."""

import os
import resource
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import grpc
import psutil
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire_server.workers.supervisor import split_cores
from tests.server.health import SERVING, check
from tests.server.process import command
from tests.server.rpc_errors import reason
from tests.server.workers.running import OWN_CONNECTION, Workers, two_workers


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    with two_workers(tmp_path_factory.mktemp("workers")) as running:
        yield running


def test_connections_are_spread_over_the_workers_and_counted_together(
    workers: Workers, photo: bytes
) -> None:
    before = workers.scrape()
    sockets = [count_sockets(pid) for pid in workers.pids()]
    with ExitStack() as stack:
        for _ in range(24):
            stub = stack.enter_context(workers.stub())
            response = stub.Detect(pb.DetectRequest(encoded_image=photo), timeout=30)
            assert len(response.detections) == 1
        shares = [count_sockets(pid) for pid in workers.pids()]
    taken = [now - then for now, then in zip(shares, sockets, strict=True)]
    assert sum(taken) == 24
    assert min(taken) > 0
    after = workers.scrape()
    name = 'facewire_requests_total{code="OK",method="Detect",model="face-detection-'
    (key,) = [key for key in after if key.startswith(name)]
    assert after[key] - before.get(key, 0) == 24
    assert after["facewire_workers"] == 2
    assert after["facewire_inflight_requests"] == 0
    (info,) = [key for key in after if key.startswith("facewire_model_info")]
    assert after[info] == 1


def count_sockets(pid: int) -> int:
    """How many TCP sockets a process has open."""
    return len(psutil.Process(pid).net_connections("tcp"))


def test_every_worker_has_its_part_of_the_cores(workers: Workers) -> None:
    parts = [os.sched_getaffinity(pid) for pid in workers.pids()]
    assert len(parts) == 2
    available = os.sched_getaffinity(0)
    if len(available) > 1:
        assert not parts[0] & parts[1]
    assert parts[0] | parts[1] <= available


def test_a_worker_that_is_killed_is_replaced_and_the_others_go_on(
    workers: Workers, photo: bytes
) -> None:
    before = workers.scrape()
    victim = workers.pids()[0]
    os.kill(victim, signal.SIGKILL)
    answered = 0

    def replaced() -> bool:
        nonlocal answered
        with workers.stub() as stub:
            try:
                stub.Detect(pb.DetectRequest(encoded_image=photo), timeout=30)
            except grpc.RpcError as error:
                # Only what the killed one had taken in: nothing is misanswered.
                assert reason(error)[0] is grpc.StatusCode.UNAVAILABLE
            else:
                answered += 1
        return workers.scrape()["facewire_worker_restarts_total"] > before.get(
            "facewire_worker_restarts_total", 0
        )

    workers.wait_for(replaced)
    assert answered
    pids = workers.pids()
    assert len(pids) == 2
    assert victim not in pids
    with grpc.insecure_channel(workers.target, OWN_CONNECTION) as channel:
        assert check(channel, timeout=30) == SERVING
    log = workers.log.read_text()
    assert f"ended with status {-signal.SIGKILL}, and is replaced" in log
    after = workers.scrape()
    assert after["facewire_workers"] == 2
    for name in before:
        if "_total" in name:
            assert after[name] >= before[name], name


def test_a_worker_that_cannot_be_replaced_now_is_replaced_later(
    tmp_path: Path, photo: bytes
) -> None:
    with two_workers(tmp_path) as running:
        (victim, _), supervisor = running.pids(), running.process.pid
        limits = resource.prlimit(supervisor, resource.RLIMIT_NOFILE)
        # No file descriptor more, but for those that it has.
        resource.prlimit(supervisor, resource.RLIMIT_NOFILE, (3, limits[1]))
        os.kill(victim, signal.SIGKILL)
        running.wait_for(lambda: "does not start" in running.log.read_text())
        assert "[Errno 24]" in running.log.read_text()
        resource.prlimit(supervisor, resource.RLIMIT_NOFILE, limits)
        running.wait_for(lambda: "serves again" in running.log.read_text())
        assert len(running.pids()) == 2
        with running.stub() as stub:
            response = stub.Detect(pb.DetectRequest(encoded_image=photo), timeout=30)
            assert len(response.detections) == 1
        assert running.scrape()["facewire_workers"] == 2


def test_a_hangup_reloads_the_models_of_all(workers: Workers) -> None:
    name = 'facewire_model_reloads_total{model="face-detection-nano",outcome="succeede'

    def reloads() -> float:
        return sum(value for key, value in workers.scrape().items() if key.startswith(name))

    before = reloads()
    workers.process.send_signal(signal.SIGHUP)
    workers.wait_for(lambda: reloads() >= before + 2)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all_of_them_with_success(
    number: signal.Signals, tmp_path: Path, photo: bytes
) -> None:
    with two_workers(tmp_path) as running:
        pids = running.pids()
        with running.stub() as stub:
            calls = [
                stub.Detect.future(pb.DetectRequest(encoded_image=photo), timeout=30)
                for _ in range(8)
            ]
            calls[0].result()
            running.process.send_signal(number)
            for call in calls[1:]:
                error = call.exception()
                if isinstance(error, grpc.RpcError):
                    assert reason(error)[0] is grpc.StatusCode.UNAVAILABLE
        assert running.process.wait(60) == 0
        assert not any(map(psutil.pid_exists, pids))
        assert "Traceback" not in running.log.read_text()


def test_workers_end_when_their_supervisor_is_gone(tmp_path: Path) -> None:
    with two_workers(tmp_path) as running:
        pids = running.pids()
        running.process.kill()
        running.wait_for(lambda: not any(map(psutil.pid_exists, pids)))


def test_a_broken_model_ends_the_start_with_one_line(tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no model at all")
    ended = subprocess.run(
        command("serve", "--port", "0", "--workers", "2", "--model", str(broken)),
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 1
    assert "broken.onnx cannot be read" in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr


def test_cores_are_split_into_neighbours() -> None:
    assert split_cores([0, 1, 2, 3, 8], 2) == [[0, 1], [2, 3, 8]]
    assert split_cores([4], 3) == [[4], [4], [4]]
    assert split_cores([0, 1], 2) == [[0], [1]]
