"""The work for a tensor: what a request meets while its network is being compiled."""

import asyncio
import errno
import time
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import grpc
import numpy as np
import pytest

from facewire.inference.v2.open_inference_pb2_grpc import GRPCInferenceServiceStub
from facewire_server.config import Config
from facewire_server.errors import FacewireError, Reason, RefusalError, RequestError
from facewire_server.inference import published_network
from facewire_server.inference.published_network import RETRY_SECONDS
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.rpc.shared_memory import Places
from facewire_server.rpc.tensor_job import TensorJob
from tests.server.infer import raw, refused

SHAPE = [1, 3, 416, 416]


def refusal(
    compiling: Future[bool], *, deadline: float | None, waiting: int = 0, lacked: bool = False
) -> Any:
    """The error of a request whose network is in this state."""
    published = SimpleNamespace(compiled=lambda: compiling, waiting=waiting, lacked_memory=lacked)
    description = SimpleNamespace(name="m")
    detector: Any = SimpleNamespace(published=published, description=description)
    dispatcher: Any = SimpleNamespace(
        loaded=SimpleNamespace(scheduler=SimpleNamespace(max_queue=2))
    )
    call: Any = SimpleNamespace(deadline=deadline)
    job = TensorJob("", detector, Any, [], Places())  # type: ignore[arg-type]
    with pytest.raises(FacewireError) as caught:
        asyncio.run(job.answer(dispatcher, call, sheddable=True))
    assert published.waiting == waiting
    return caught.value


def test_a_deadline_holds_while_the_network_is_compiled() -> None:
    error = refusal(Future(), deadline=time.monotonic() + 0.01)
    assert isinstance(error, RefusalError)
    assert error.reason is Reason.DEADLINE_UNREACHABLE


def test_only_as_many_wait_as_the_queue_holds() -> None:
    error = refusal(Future(), deadline=None, waiting=2)
    assert isinstance(error, RefusalError)
    assert error.reason is Reason.QUEUE_FULL and error.retry_after


def test_a_network_that_cannot_be_compiled_is_not_served() -> None:
    failed: Future[bool] = Future()
    failed.set_result(False)
    error = refusal(failed, deadline=None)
    assert isinstance(error, RequestError)
    assert error.reason is Reason.NOT_SERVED


def test_a_network_for_which_there_was_no_memory_may_be_asked_for_when_it_is_tried_again() -> None:
    failed: Future[bool] = Future()
    failed.set_result(False)
    error = refusal(failed, deadline=None, lacked=True)
    assert isinstance(error, RefusalError)
    assert (error.reason, error.retry_after) == (Reason.OUT_OF_MEMORY, RETRY_SECONDS)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RuntimeError("std::bad_alloc"), grpc.StatusCode.RESOURCE_EXHAUSTED),
        (OSError(errno.EMFILE, "Too many"), grpc.StatusCode.RESOURCE_EXHAUSTED),
        (RuntimeError("unsupported"), grpc.StatusCode.UNIMPLEMENTED),
    ],
)
def test_only_a_lack_of_memory_may_pass(
    error: Exception, code: grpc.StatusCode, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    config = Config(port=0, metrics_port=None)
    with BackgroundServer(config) as server, grpc.insecure_channel(server.target) as channel:
        monkeypatch.setattr(published_network, "compile_network", fail)
        pixels = bytes(416 * 416 * 3)
        found = refused(GRPCInferenceServiceStub(channel), raw("UINT8", SHAPE, pixels))
    assert found[0] is code


def test_a_network_that_fails_to_compile_takes_nothing_else_down(
    photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no memory for /secret/path")

    config = Config(port=0, metrics_port=None)
    with BackgroundServer(config) as server, grpc.insecure_channel(server.target) as channel:
        monkeypatch.setattr(published_network, "compile_network", fail)
        infer = GRPCInferenceServiceStub(channel)
        pixels = np.zeros((416, 416, 3), np.uint8)
        for _ in range(2):
            code, why, message = refused(infer, raw("UINT8", SHAPE, pixels.tobytes()))
            assert (code, why) == (grpc.StatusCode.UNIMPLEMENTED, "NOT_SERVED")
            assert "secret" not in message
        infer.ModelInfer(raw("UINT8", [416, 416, 3], pixels.tobytes()), timeout=30)
