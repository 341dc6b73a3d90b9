"""The command `facewire bench`, against a fake server."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import grpc
import pytest
from click.testing import CliRunner, Result

from facewire_client.bench.settings import Photo
from facewire_client.cli.root import root
from facewire_server.lifecycle.background import BackgroundServer
from tests.client.bench.servers import TIMEOUT, First
from tests.client.failure import Failure
from tests.client.fake_server import FakeServer, echo

SHORT = ("--duration", "0.2", "--warmup", "0")
Run = Callable[..., Result]


@pytest.fixture
def run(fake: FakeServer) -> Run:
    """Run a short bench against the fake server, with more options."""

    def invoke(*options: str) -> Result:
        environment = {"FACEWIRE_SERVER": fake.target}
        return CliRunner().invoke(root, ["bench", *SHORT, *options], env=environment)

    return invoke


def test_the_report_is_printed_as_tables(run: Run) -> None:
    result = run("--concurrency", "2")
    assert result.exit_code == 0, result.output
    assert "2 at a time, 1 connection" in result.stdout
    assert "nano 0123456789ab FP32" in result.stdout
    assert result.stderr == ""


def test_the_report_is_printed_as_one_document(run: Run, fake: FakeServer) -> None:
    result = run("--rate", "100", "--seed", "5", "--deadline", "30000", "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    settings = document["settings"]
    assert settings["server"] == fake.target
    assert (settings["loop"], settings["rate"], settings["seed"]) == ("open", 100, 5)
    assert (settings["deadline_ms"], settings["outstanding"]) == (30000, 1000)
    assert document["model"]["name"] == "nano"
    assert document["requests"]["answered"] == document["statuses"][0]["count"] > 0


def test_a_closed_loop_of_eight_is_the_default(run: Run) -> None:
    settings = json.loads(run("--json").stdout)["settings"]
    assert (settings["loop"], settings["concurrency"]) == ("closed", 8)


def test_images_are_read_from_files(run: Run, fake: FakeServer, tmp_path: Path) -> None:
    paths = [tmp_path / "one", tmp_path / "two"]
    for path in paths:
        path.write_bytes(path.name.encode())
    result = run("--json", *(f"--image={path}" for path in paths))
    images = json.loads(result.stdout)["images"]
    assert [image["name"] for image in images] == [str(path) for path in paths]
    assert {request.encoded_image for request in fake.requests} == {b"one", b"two"}


def test_no_answer_at_all_is_a_failure_with_a_report(run: Run, fake: FakeServer) -> None:
    def refuse(request: object) -> NoReturn:
        raise Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, "QUEUE_FULL")

    fake.answer = refuse
    result = run("--json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert document["requests"]["answered"] == 0
    assert [each["reason"] for each in document["statuses"]] == ["QUEUE_FULL"]


def test_an_unknown_model_is_one_plain_line(fake: FakeServer) -> None:
    result = command(fake.target, "--model", "nobody")
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("facewire: ")
    assert "UNKNOWN_MODEL" in line


def test_an_unreachable_server_is_one_plain_line() -> None:
    result = command("127.0.0.1:1")
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert "cannot reach 127.0.0.1:1" in line


def test_a_server_that_implements_detect_only_is_measured(run: Run, fake: FakeServer) -> None:
    fake.failures.append(Failure(grpc.StatusCode.UNIMPLEMENTED))
    result = run()
    assert result.exit_code == 0, result.output
    assert "it does not tell its model" in result.stdout


@pytest.mark.parametrize(
    "options",
    [
        ("--concurrency", "0"),
        ("--rate", "0"),
        ("--rate", "1", "--concurrency", "1"),
        ("--seed", "1"),
        ("--outstanding", "1"),
        ("--duration", "0"),
        ("--deadline", "0.5"),
        ("--image", "nowhere.jpg"),
        ("--nonsense",),
    ],
)
def test_wrong_usage_exits_with_two(run: Run, fake: FakeServer, options: tuple[str, ...]) -> None:
    result = run(*options)
    assert result.exit_code == 2
    assert "Error: " in result.stderr
    assert not fake.calls


def test_without_a_default_photo_one_must_be_given(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Photo, "default", lambda: None)
    result = run()
    assert result.exit_code == 2
    assert "--image FILE" in result.stderr


def test_an_interruption_ends_early_and_still_reports(fake: FakeServer) -> None:
    fake.answer = First(20, echo, fake.hang)
    options = ("--duration", "60", "--warmup", "0", "--concurrency", "3", "--json")
    with subprocess.Popen(
        arguments(fake.target, *options),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        wait_for_requests(fake, 23)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, errors) == (0, "")
    document = json.loads(output)
    assert document["end_reason"] == "interrupted"
    assert 0 < document["measured_seconds"] < 60
    requests = document["requests"]
    assert (requests["answered"], requests["unfinished"]) == (20, 3)
    assert requests["planned"] == 23


def test_the_limit_of_another_model_is_refused_before_the_load(run: Run, fake: FakeServer) -> None:
    result = run("--limit", "face-detection-nano")
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("facewire: ")
    assert "is not what the server runs" in line
    assert not fake.requests


def test_a_real_server_is_compared_with_the_limit(real: BackgroundServer) -> None:
    options = ("bench", *SHORT, "--json", "--server", real.target, "--limit")
    result = CliRunner().invoke(root, options)
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    limit = document["limit"]
    assert limit["hint"] == "throughput"
    rate = document["rates"]["answered"]
    assert limit["ratio"] == pytest.approx(rate / limit["throughput"])
    assert document["same_detections"]
    stages = document["stages_ms"]
    assert stages["total"]["mean"] > stages["inference"]["mean"] > 0


def command(target: str, *options: str) -> "subprocess.CompletedProcess[str]":
    """Run a short bench in a process of its own."""
    return subprocess.run(
        arguments(target, *SHORT, *options),
        check=False,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )


def arguments(target: str, *options: str) -> list[str]:
    bench = [sys.executable, "-m", "facewire_client", "bench", "--server", target]
    return [*bench, *options]


def wait_for_requests(fake: FakeServer, count: int) -> None:
    deadline = time.monotonic() + TIMEOUT
    while len(fake.requests) < count:
        assert time.monotonic() < deadline, f"only {len(fake.requests)} came"
        time.sleep(0.01)
