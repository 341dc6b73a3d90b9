"""Which calls a server with tokens answers, over real connections."""

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_reflection.v1alpha.reflection_pb2 import (
    ServerReflectionRequest,
    ServerReflectionResponse,
)

from facewire.inference.v2.open_inference_pb2_grpc import GRPCInferenceServiceStub
from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_server.config import Config
from facewire_server.errors import ConfigError
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.lifecycle.server import Server
from facewire_server.models.source import DATA
from tests.server.health import SERVING, check, watch
from tests.server.infer import elements, outputs, raw
from tests.server.rpc_errors import reason
from tests.server.scrape import scrape

TOKEN, HASHED = "open-sesame-1", "open-sesame-2"
REFUSED = grpc.StatusCode.UNAUTHENTICATED, "BAD_TOKEN"
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
DETECT = "/facewire.v1.DetectService/Detect"

Metadata = tuple[tuple[str, str], ...]


def bearer(token: str) -> Metadata:
    return (("authorization", f"Bearer {token}"),)


@pytest.fixture(scope="module")
def with_tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BackgroundServer]:
    """A server that asks for one of two tokens."""
    path = tmp_path_factory.mktemp("tokens") / "tokens"
    digest = hashlib.sha256(HASHED.encode()).hexdigest()
    path.write_text(f"# of the tests\n{TOKEN}\n\nsha256:{digest}\n")
    config = Config(port=0, metrics_port=0, token_file=path, max_message_mb=1)
    with BackgroundServer(config) as server:
        yield server


@pytest.fixture(scope="module")
def connection(with_tokens: BackgroundServer) -> Iterator[grpc.Channel]:
    """A connection to the server with tokens."""
    with grpc.insecure_channel(with_tokens.target) as opened:
        yield opened


def detect(channel: grpc.Channel, metadata: Metadata) -> int:
    photo = (DATA / "astronaut.jpg").read_bytes()
    request = pb.DetectRequest(encoded_image=photo)
    stub = DetectServiceStub(channel)
    return len(stub.Detect(request, metadata=metadata, timeout=30).detections)


def detect_stream(channel: grpc.Channel, metadata: Metadata) -> int:
    photo = (DATA / "astronaut.jpg").read_bytes()
    frame = pb.DetectStreamRequest(request=pb.DetectRequest(encoded_image=photo))
    stub = DetectServiceStub(channel)
    answers = stub.DetectStream(iter([frame]), metadata=metadata, timeout=30)
    return sum(len(answer.response.detections) for answer in answers)


def list_models(channel: grpc.Channel, metadata: Metadata) -> int:
    request = pb.ListModelsRequest()
    stub = DetectServiceStub(channel)
    return len(stub.ListModels(request, metadata=metadata, timeout=30).models)


def get_model(channel: grpc.Channel, metadata: Metadata) -> int:
    stub = DetectServiceStub(channel)
    answer = stub.GetModel(pb.GetModelRequest(), metadata=metadata, timeout=30)
    return int(answer.model.is_default)


def infer(channel: grpc.Channel, metadata: Metadata) -> int:
    request = raw("BYTES", [1], elements((DATA / "astronaut.jpg").read_bytes()))
    answer = GRPCInferenceServiceStub(channel).ModelInfer(request, metadata=metadata, timeout=30)
    return len(outputs(answer)["boxes"])


def reflect(channel: grpc.Channel, metadata: Metadata) -> int:
    call = channel.stream_stream(
        REFLECTION,
        ServerReflectionRequest.SerializeToString,
        ServerReflectionResponse.FromString,
    )
    requests = iter([ServerReflectionRequest(list_services="")])
    (answer,) = call(requests, metadata=metadata, timeout=30)
    services = [service.name for service in answer.list_services_response.service]
    return services.count("facewire.v1.DetectService")


def raw_call(
    channel: grpc.Channel, path: str, message: bytes = b"", metadata: Metadata = ()
) -> bytes:
    """Call any method with any bytes."""
    call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(path)
    return call(message, metadata=metadata, timeout=30)


Ask = Callable[[grpc.Channel, Metadata], int]
every_call = pytest.mark.parametrize(
    "ask", [detect, detect_stream, list_models, get_model, infer, reflect]
)


def error_of(ask: Callable[[], object]) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        ask()
    return reason(caught.value)


@every_call
@pytest.mark.parametrize("token", [TOKEN, HASHED])
def test_a_call_with_a_token_is_answered(connection: grpc.Channel, ask: Ask, token: str) -> None:
    assert ask(connection, bearer(token)) == 1


@every_call
@pytest.mark.parametrize(
    "metadata",
    [(), bearer("wrong"), bearer(TOKEN) * 2, (("authorization", TOKEN),)],
    ids=["none", "wrong", "two", "no scheme"],
)
def test_a_call_without_a_valid_token_is_refused(
    connection: grpc.Channel, ask: Ask, metadata: Metadata
) -> None:
    assert error_of(lambda: ask(connection, metadata)) == REFUSED


def test_every_refusal_has_the_same_message(connection: grpc.Channel) -> None:
    messages = set()
    for metadata in (), bearer("wrong"), bearer(TOKEN) * 2, bearer(""):
        with pytest.raises(grpc.RpcError) as caught:
            list_models(connection, metadata)
        call: Any = caught.value
        messages.add(call.details())
    assert messages == {
        "a token is asked for, as authorization: Bearer TOKEN, and is missing or wrong"
    }


def test_health_needs_no_token(connection: grpc.Channel) -> None:
    assert check(connection) == SERVING
    assert check(connection, "facewire.v1.DetectService") == SERVING
    assert next(watch(connection)) == SERVING


@pytest.mark.parametrize(
    "path",
    [
        "/grpc.health.v1.Health/List",
        "/grpc.health.v1.Health/check",
        "/grpc.health.v1.Health/Check/",
        "//grpc.health.v1.Health/Check",
        "/grpc.reflection.v2.ServerReflection/ServerReflectionInfo",
        "/facewire.v1.DetectService/Nothing",
        "/x",
    ],
)
def test_methods_that_do_not_exist_need_a_token_too(connection: grpc.Channel, path: str) -> None:
    assert error_of(lambda: raw_call(connection, path)) == REFUSED
    if "List" not in path:
        answer = error_of(lambda: raw_call(connection, path, metadata=bearer(TOKEN)))
        assert answer == (grpc.StatusCode.UNIMPLEMENTED, "")


@pytest.mark.parametrize("message", [b"\xff no message", bytes(3 << 20)])
def test_a_call_is_refused_before_its_message_is_read(
    connection: grpc.Channel, message: bytes
) -> None:
    assert error_of(lambda: raw_call(connection, DETECT, message)) == REFUSED
    token = bearer(TOKEN)
    assert error_of(lambda: raw_call(connection, DETECT, message, token)) != REFUSED


def test_the_token_is_checked_before_anything_else(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text(TOKEN)
    config = Config(port=0, metrics_port=None, token_file=path)

    async def main() -> None:
        async with Server(config) as server:
            channel = grpc.aio.insecure_channel(f"127.0.0.1:{server.port}")
            call = DetectServiceStub(channel).ListModels
            assert await _reason(call, ()) == "BAD_TOKEN"
            assert await _reason(call, bearer(TOKEN)) == "NOT_READY"
            await server.drain()
            # Calls that arrive now are answered when the server stops.
            late = [asyncio.create_task(_reason(call, each)) for each in ((), bearer(TOKEN))]
            await asyncio.sleep(0.2)
        assert await asyncio.gather(*late) == ["BAD_TOKEN", "SHUTTING_DOWN"]
        await channel.close()

    asyncio.run(main())


async def _reason(call: Any, metadata: Metadata) -> str:
    with pytest.raises(grpc.RpcError) as caught:
        await call(pb.ListModelsRequest(), metadata=metadata, timeout=30)
    _, found = reason(caught.value)
    return found


def test_refusals_are_counted_under_no_name_that_a_caller_made_up(
    with_tokens: BackgroundServer, connection: grpc.Channel
) -> None:
    calls: dict[str, Callable[[], object]] = {
        "Detect": lambda: detect(connection, ()),
        "DetectStream": lambda: detect_stream(connection, ()),
        "ServerReflectionInfo": lambda: reflect(connection, ()),
        "unknown": lambda: raw_call(connection, "/made/up"),
    }
    before = scrape(with_tokens)
    for call in calls.values():
        error_of(call)
    after = scrape(with_tokens)
    rejected = 'facewire_rejected_total{reason="BAD_TOKEN"}'
    assert after[rejected] - before[rejected] == len(calls)
    for method in calls:
        labels = f'{{code="UNAUTHENTICATED",method="{method}",model=""}}'
        name = f"facewire_requests_total{labels}"
        assert after[name] - before.get(name, 0) == 1
    assert after["facewire_inflight_requests"] == 0
    assert not any("made" in name for name in after)


def test_without_a_token_file_no_token_is_needed(stub: DetectServiceStub) -> None:
    metadata = bearer("whatever")
    assert stub.ListModels(pb.ListModelsRequest(), timeout=30, metadata=metadata).models


@pytest.mark.parametrize("content", ["", "# none\n", "two words\n"])
def test_a_server_does_not_start_with_a_bad_token_file(tmp_path: Path, content: str) -> None:
    path = tmp_path / "tokens"
    path.write_text(content)
    config = Config(port=0, metrics_port=None, token_file=path)
    with pytest.raises(ConfigError, match="--token-file"):
        BackgroundServer(config).__enter__()
