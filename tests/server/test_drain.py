"""SIGTERM in the middle of mixed load: what was accepted is answered."""

import json
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from facewire.inference.v2.open_inference_pb2 import ModelInferRequest
from facewire.inference.v2.open_inference_pb2_grpc import GRPCInferenceServiceStub
from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from tests.server.infer import elements, raw
from tests.server.process import serving
from tests.server.rpc_errors import reason

OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)
NAMES = {code.value[0]: code.name for code in grpc.StatusCode}

Answers = Counter[tuple[str, str]]
"""How often a request of this id got this code."""


class Callers:
    """Threads that ask until the server is gone, and record its answers."""

    def __init__(self, target: str, photo: bytes) -> None:
        self.answers: Answers = Counter()
        self.busy = threading.Event()
        self._target = target
        good = pb.DetectRequest(encoded_image=photo)
        bad = pb.DetectRequest(encoded_image=photo[:-2000])
        batch = raw("BYTES", [2], elements(photo, photo))
        kinds: list[Callable[[grpc.Channel], bool]] = [
            *[lambda channel: self._ask(DetectServiceStub(channel).Detect, good)] * 4,
            *[lambda channel: self._ask(DetectServiceStub(channel).Detect, bad)] * 2,
            *[lambda channel: self._ask(GRPCInferenceServiceStub(channel).ModelInfer, batch)] * 2,
            lambda channel: self._stream(channel, good),
            lambda channel: self._infer_stream(channel, batch),
        ]
        self._threads = [threading.Thread(target=self._run, args=(kind,)) for kind in kinds]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    def _run(self, kind: Callable[[grpc.Channel], bool]) -> None:
        with grpc.insecure_channel(self._target, OWN_CONNECTION) as channel:
            while kind(channel):
                pass

    def _ask(self, method: Any, request: pb.DetectRequest | ModelInferRequest) -> bool:
        """One call; returns whether the server was there."""
        request_id, metadata = identity()
        try:
            method(request, timeout=60, metadata=metadata)
        except grpc.RpcError as error:
            code, why = reason(error)
            if not why:
                assert code is grpc.StatusCode.UNAVAILABLE
                return False
            self.answers[request_id, code.name] += 1
        else:
            self.answers[request_id, "OK"] += 1
            if self.answers.total() > 100:
                self.busy.set()
        return True

    def _stream(self, channel: grpc.Channel, request: pb.DetectRequest) -> bool:
        method, frame = DetectServiceStub(channel).DetectStream, pb.DetectStreamRequest
        return self._endless(method, frame(request=request), lambda it: NAMES[it.error.code])

    def _infer_stream(self, channel: grpc.Channel, request: ModelInferRequest) -> bool:
        method = GRPCInferenceServiceStub(channel).ModelStreamInfer
        return self._endless(method, request, lambda it: it.error_message or "OK")

    def _endless(self, method: Any, request: object, code: Callable[[Any], str]) -> bool:
        """A stream for as long as the server takes it."""
        request_id, metadata = identity()
        over = threading.Event()

        def requests() -> Iterator[object]:
            while not over.is_set():
                yield request

        try:
            for answer in method(requests(), timeout=60, metadata=metadata):
                self.answers[request_id, code(answer)] += 1
        except grpc.RpcError as error:
            assert reason(error)[0] is grpc.StatusCode.UNAVAILABLE
        finally:
            over.set()
        return False


def identity() -> tuple[str, tuple[tuple[str, str]]]:
    request_id = uuid.uuid4().hex
    return request_id, (("x-request-id", request_id),)


@pytest.mark.parametrize("workers", [1, 2])
def test_every_accepted_request_is_answered_with_the_code_in_the_log(
    workers: int, tmp_path: Path, photo: bytes
) -> None:
    log = ("--log-level", "debug", "--log-format", "json")
    # A worker that drains for longer than its part of the grace does not hold up the next.
    arguments = (*log, "--workers", str(workers), "--grace", "60")
    with (
        (tmp_path / "log").open("w") as stderr,
        serving(*arguments, stderr=stderr) as (process, target),
    ):
        callers = Callers(target, photo)
        try:
            assert callers.busy.wait(60)
        finally:
            process.terminate()
            status = process.wait(60)
            callers.join()
    assert status == 0
    ended: Answers = Counter()
    records = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    for record in records:
        if record["message"] == "ended":
            ended[record["request_id"], record["code"]] += 1
    assert ended == callers.answers
    codes = {code for _, code in ended}
    assert {"OK", "INVALID_ARGUMENT"} <= codes <= {*NAMES.values()} - {"CANCELLED"}
    if workers > 1:
        places = {
            (each["worker"], each["message"].partition(",")[0]): place
            for place, each in enumerate(records)
            if "worker" in each
        }
        first_is_gone = max(place for (worker, _), place in places.items() if worker == 0)
        assert first_is_gone < places[1, "draining"]
