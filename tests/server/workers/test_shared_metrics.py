"""One /metrics for several processes, and what it must not do to them."""

import os
import signal
from pathlib import Path

import pytest

from facewire.v1 import detect_pb2 as pb
from tests.server.process import connected
from tests.server.workers.running import Workers, two_workers

OK = 'facewire_requests_total{code="OK",method="GetModel",model=""}'


def ask(running: Workers, times: int) -> None:
    for _ in range(times):
        with running.stub() as stub:
            stub.GetModel(pb.GetModelRequest(), timeout=30)


def test_counting_needs_no_files(tmp_path: Path) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    environment = {"TMPDIR": str(folder), "PROMETHEUS_MULTIPROC_DIR": str(folder)}
    arguments = ("--no-compile-cache",)
    with two_workers(tmp_path, *arguments, environment=environment) as running:
        ask(running, 8)
        assert running.scrape()[OK] == 8
        assert list(folder.iterdir()) == []


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("variable", ["PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir"])
def test_the_folder_of_prometheus_multiprocess_mode_is_ignored(
    variable: str, workers: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(tmp_path / "there is none"))
    with connected("--workers", workers, "--metrics-port", "0") as (process, _):
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0
        assert "Traceback" not in errors
    assert not (tmp_path / "there is none").exists()


def test_what_a_worker_has_counted_stays_when_it_is_killed(tmp_path: Path) -> None:
    with two_workers(tmp_path) as running:
        ask(running, 12)
        assert running.scrape()[OK] == 12
        for pid in running.pids():
            os.kill(pid, signal.SIGKILL)
        running.wait_for(lambda: running.replaced() == 2)
        ask(running, 3)
        after = running.scrape()
        assert after[OK] == 15
        assert after["facewire_workers"] == 2
        assert after["facewire_worker_restarts_total"] == 2


def test_a_worker_that_does_not_answer_holds_up_no_scrape(tmp_path: Path) -> None:
    with two_workers(tmp_path) as running:
        ask(running, 12)
        assert running.scrape()[OK] == 12
        silent = running.pids()[0]
        os.kill(silent, signal.SIGSTOP)
        try:
            for _ in range(3):
                assert running.scrape()[OK] == 12
        finally:
            os.kill(silent, signal.SIGCONT)
        ask(running, 3)
        assert running.scrape()[OK] == 15


def test_each_worker_keeps_answers_of_its_own_and_the_metrics_are_their_sum(
    tmp_path: Path, photo: bytes
) -> None:
    request = pb.DetectRequest(encoded_image=photo)
    with two_workers(tmp_path, "--response-cache-mb", "1") as running:
        cached = []
        for _ in range(12):
            with running.stub() as stub:
                cached.append(stub.Detect(request, timeout=60).cached)
        values = running.scrape()
    assert 1 <= cached.count(False) <= 2
    assert values["facewire_response_cache_hits_total"] == cached.count(True)
    assert values["facewire_response_cache_misses_total"] == cached.count(False)
    assert values["facewire_response_cache_bytes"] > 0
