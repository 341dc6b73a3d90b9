"""All workers serve the same model, whatever happens to its files."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from facewire.v1 import detect_pb2 as pb
from tests.server.own_model import change_weights, copy_embedded
from tests.server.workers.running import Workers, two_workers

CONNECTIONS = 16
"""Enough connections to reach both of two workers, except one time in 32768."""

RELOADS = 'facewire_model_reloads_total{model="own",outcome="%s"}'


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return copy_embedded(tmp_path)


@contextmanager
def serving(model: Path, *options: str) -> Iterator[Workers]:
    """Two workers that find no compiled model in the cache."""
    arguments = ("--model", str(model), "--no-compile-cache", *options)
    with two_workers(model.parent, *arguments) as running:
        yield running


def versions(running: Workers) -> set[str]:
    """The versions of the model that callers get."""
    found = set()
    for _ in range(CONNECTIONS):
        with running.stub() as stub:
            model = stub.GetModel(pb.GetModelRequest(), timeout=30).model
            assert model.name == "own"
            found.add(model.version)
    return found


def kill_one(running: Workers) -> None:
    """Kill a worker, and return when another has replaced it."""
    before = running.replaced()
    os.kill(running.pids()[0], signal.SIGKILL)
    running.wait_for(lambda: running.replaced() > before)


def test_a_replacement_serves_what_the_others_do_after_the_file_has_changed(
    model: Path, photo: bytes
) -> None:
    with serving(model) as running:
        before = versions(running)
        assert len(before) == 1
        change_weights(model)
        kill_one(running)
        assert versions(running) == before
        with running.stub() as stub:
            answer = stub.Detect(pb.DetectRequest(encoded_image=photo), timeout=30)
            assert len(answer.detections) == 1


def test_a_replacement_serves_what_the_others_do_after_the_file_is_gone(
    model: Path,
) -> None:
    with serving(model) as running:
        before = versions(running)
        for path in (model, model.with_suffix(".bin")):
            path.unlink()
        kill_one(running)
        assert versions(running) == before
        assert running.scrape()["facewire_workers"] == 2


def test_a_hangup_changes_what_all_serve_and_what_a_replacement_will(
    model: Path,
) -> None:
    with serving(model) as running:
        before = versions(running)
        change_weights(model)
        running.process.send_signal(signal.SIGHUP)
        running.wait_for(lambda: running.scrape().get(RELOADS % "succeeded") == 2)
        after = versions(running)
        assert len(after) == 1
        assert after != before
        change_weights(model)
        kill_one(running)
        assert versions(running) == after


def test_watching_changes_what_all_serve(model: Path) -> None:
    with serving(model, "--watch") as running:
        before = versions(running)
        change_weights(model)
        running.wait_for(lambda: running.scrape().get(RELOADS % "succeeded") == 2)
        after = versions(running)
        assert len(after) == 1
        assert after != before


@pytest.mark.parametrize("content", ["<net>", None])
def test_a_broken_file_changes_nothing_and_is_reported_once(
    model: Path, content: str | None
) -> None:
    with serving(model) as running:
        before = versions(running)
        if content is None:
            model.unlink()
        else:
            model.write_text(content)
        running.process.send_signal(signal.SIGHUP)
        running.wait_for(lambda: running.scrape().get(RELOADS % "failed") == 1)
        assert "own.xml" in running.log.read_text()
        kill_one(running)
        assert versions(running) == before
