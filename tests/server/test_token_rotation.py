"""Tokens that change while a server runs, and a log without any token."""

import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_client import FaceClient, FaceClientError
from facewire_server.config import Config
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.system import file_watch
from tests.server.process import serving
from tests.server.raw_http2 import call as raw_call
from tests.server.replaced import replace, wait_until

OLD, NEW = "old-sesame-1", "new-sesame-2"


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "tokens"
    path.write_text(f"{OLD}\n")
    return path


@pytest.fixture
def server(token_file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BackgroundServer]:
    """A server that polls its file often; one test may change it."""
    monkeypatch.setattr(file_watch, "POLL_SECONDS", 0.02)
    config = Config(port=0, metrics_port=None, token_file=token_file)
    with BackgroundServer(config) as running:
        yield running


def admits(target: str, token: str) -> bool:
    with FaceClient(target, token=token) as client:
        try:
            return bool(client.models())
        except FaceClientError as error:
            assert error.reason == "BAD_TOKEN"
            return False


def test_a_new_token_takes_effect_and_a_stream_lives_on(
    server: BackgroundServer, token_file: Path, photo: bytes
) -> None:
    rotated = threading.Event()

    def frames() -> Iterator[bytes]:
        yield photo
        assert rotated.wait(60)
        yield photo

    with FaceClient(server.target, token=OLD) as client:
        stream = client.detect_stream(frames())
        assert next(stream).result
        replace(token_file, f"{NEW}\n".encode())
        wait_until(lambda: admits(server.target, NEW))
        assert not admits(server.target, OLD)
        rotated.set()
        assert [len(answer.result.faces) for answer in stream if answer.result] == [1]


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda path: replace(path, b"\n"), "holds no token"),
        (
            lambda path: replace(path, f"{NEW}\n{NEW} x\n".encode()),
            "line 2: a token is one",
        ),
        (lambda path: path.unlink(), "cannot read"),
    ],
    ids=["empty", "bad line", "removed"],
)
def test_a_file_that_turns_bad_changes_nothing(
    server: BackgroundServer,
    token_file: Path,
    caplog: pytest.LogCaptureFixture,
    spoil: Callable[[Path], object],
    complaint: str,
) -> None:
    spoil(token_file)
    wait_until(lambda: "tokens not reloaded" in caplog.text)
    assert admits(server.target, OLD)
    assert not admits(server.target, NEW)
    replace(token_file, f"{NEW}\n".encode())
    wait_until(lambda: admits(server.target, NEW))
    (error,) = [each for each in caplog.records if "not reloaded" in each.getMessage()]
    assert complaint in error.getMessage()
    assert error.exc_info is None
    assert "sesame" not in caplog.text


def test_a_pipe_instead_of_the_file_blocks_neither_calls_nor_the_exit(
    token_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(file_watch, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(file_watch, "READ_SECONDS", 0.5)
    config = Config(port=0, metrics_port=None, token_file=token_file)
    with BackgroundServer(config) as server:
        token_file.unlink()
        os.mkfifo(token_file)
        wait_until(lambda: "no answer within" in caplog.text)
        assert admits(server.target, OLD)


def admitted(target: str, token: str) -> set[bool]:
    """The answers about a token on many connections: each worker gets some of them."""
    return {_on_its_own_connection(target, token) for _ in range(16)}


def _on_its_own_connection(target: str, token: str) -> bool:
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(target, options) as channel:
        call = DetectServiceStub(channel).ListModels
        metadata = (("authorization", f"Bearer {token}"),)
        try:
            call(pb.ListModelsRequest(), metadata=metadata, timeout=30)
        except grpc.RpcError as error:
            failed: Any = error
            assert failed.code() is grpc.StatusCode.UNAUTHENTICATED
            return False
        return True


def test_all_workers_follow_the_file(token_file: Path) -> None:
    arguments = ("--workers", "2", "--token-file", str(token_file))
    # Nothing reads the log here, and a line for each error would fill its pipe.
    with serving(*arguments, "--log-level", "warning") as (_, target):
        assert admitted(target, OLD) == {True}
        assert admitted(target, NEW) == {False}
        replace(token_file, f"{NEW}\n".encode())
        wait_until(lambda: admitted(target, NEW) == {True})
        assert admitted(target, OLD) == {False}


@pytest.mark.parametrize("form", ["text", "json"])
def test_refusals_are_logged_and_no_token_is(token_file: Path, form: str) -> None:
    arguments = ("--log-level", "debug", "--log-format", form)
    with serving("--token-file", str(token_file), *arguments) as (process, target):
        assert admits(target, OLD)
        assert not admits(target, "wrong-sesame")
        for value in b"Bearer bad-sesame-\xff", b"Bearer bad-sesame-\xc3\xa9":
            header = (b"authorization", value)
            port = int(target.rpartition(":")[2])
            path = "/facewire.v1.DetectService/ListModels"
            assert b"grpc-status\x0216" in raw_call(port, path, header)
        process.terminate()
        assert process.wait(30) == 0
        assert process.stderr is not None
        log = process.stderr.read()
    assert "sesame" not in log
    assert "Traceback" not in log
    assert log.count("BAD_TOKEN") >= 3
    if form == "json":
        lines = [json.loads(line) for line in log.splitlines()]
        refused = [line for line in lines if line["message"].startswith("refused: ")]
        assert len(refused) == 3
        for line in refused:
            assert (line["level"], line["method"]) == ("INFO", "ListModels")
            assert (line["code"], line["reason"]) == ("UNAUTHENTICATED", "BAD_TOKEN")
