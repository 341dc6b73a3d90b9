"""ModelStreamInfer over real gRPC: many requests on one connection."""

import threading
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from facewire.inference.v2 import open_inference_pb2 as pb
from facewire.inference.v2.open_inference_pb2_grpc import GRPCInferenceServiceStub
from facewire_server.config import Config
from facewire_server.lifecycle.background import BackgroundServer
from tests.server.infer import elements, outputs, raw
from tests.server.rpc_errors import reason
from tests.server.scrape import scrape


@pytest.fixture(scope="module")
def infer(channel: grpc.Channel) -> GRPCInferenceServiceStub:
    """The generated stub on the shared connection."""
    return GRPCInferenceServiceStub(channel)


def numbered(photos: list[bytes]) -> Iterator[pb.ModelInferRequest]:
    """One request for each photo, with its index as the id."""
    for index, photo in enumerate(photos):
        request = raw("BYTES", [1], elements(photo))
        request.id = str(index)
        request.parameters["triton_enable_empty_final_response"].bool_param = True
        yield request


def test_requests_are_answered_in_their_order_and_errors_end_no_stream(
    infer: GRPCInferenceServiceStub, server: BackgroundServer, photo: bytes
) -> None:
    bad = {3: photo[:999], 4: b"no photo", 10: b""}
    photos = [bad.get(index, photo) for index in range(12)]
    series = 'facewire_requests_total{code="INVALID_ARGUMENT",method="ModelStreamInfer"'
    answers = list(infer.ModelStreamInfer(numbered(photos), timeout=60))
    assert [answer.infer_response.id for answer in answers] == [str(i) for i in range(12)]
    failed = [index for index, answer in enumerate(answers) if answer.error_message]
    assert failed == list(bad)
    reasons = [answers[index].error_message.partition(" ")[0] for index in failed]
    assert reasons == ["[CORRUPT_IMAGE]", "[UNSUPPORTED_FORMAT]", "[EMPTY_IMAGE]"]
    for index, answer in enumerate(answers):
        if index not in bad:
            assert answer.infer_response.parameters["triton_final_response"].bool_param
            assert len(outputs(answer.infer_response)["boxes"]) == 1
    counted = sum(value for name, value in scrape(server).items() if name.startswith(series))
    assert counted >= len(bad)


def test_a_stream_without_requests_ends(infer: GRPCInferenceServiceStub) -> None:
    assert not list(infer.ModelStreamInfer(iter(()), timeout=30))


def test_a_request_over_the_limit_fails_alone(
    infer: GRPCInferenceServiceStub, photo: bytes
) -> None:
    large, good = infer.ModelStreamInfer(numbered([bytes(1 << 20), photo]), timeout=60)
    assert large.error_message.startswith("[MESSAGE_TOO_LARGE] the message has ")
    assert "--max-message-mb" in large.error_message
    assert large.infer_response.id == "0"
    assert not good.error_message


def test_a_drain_ends_a_stream_after_the_answers(photo: bytes) -> None:
    with (
        BackgroundServer(Config(port=0, metrics_port=None)) as server,
        grpc.insecure_channel(server.target) as channel,
    ):

        def requests() -> Iterator[pb.ModelInferRequest]:
            yield from numbered([photo])
            answered.wait()
            server.begin_drain()
            ended.wait()

        answered, ended = threading.Event(), threading.Event()
        stream: Any = GRPCInferenceServiceStub(channel).ModelStreamInfer(requests(), timeout=60)
        assert not next(stream).error_message
        answered.set()
        with pytest.raises(grpc.RpcError) as caught:
            next(stream)
        ended.set()
        assert reason(caught.value) == (grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN")
