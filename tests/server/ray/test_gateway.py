"""Calls pass from Serve to the handlers of the services, and their statuses back."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from google.protobuf.wrappers_pb2 import Int32Value
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from ray.serve._private.proxy_request_response import ResponseStatus
from ray.serve.grpc_util import RayServegRPCContext

from facewire.v1 import detect_pb2 as pb
from facewire_server.config import Config, TransportLimits
from facewire_server.lifecycle.services import Services
from facewire_server.ray.gateway import Gateway, one
from facewire_server.security.access import Access
from tests.server.ray.served import PEER, served

DETECT = "/facewire.v1.DetectService/Detect"
STREAM = "/facewire.v1.DetectService/DetectStream"
CHECK, WATCH = "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"
OWN = "/own.Service/Method"

CONFIG = Config()

Test = Callable[[Services, Gateway], Coroutine[Any, Any, None]]


def run(test: Test, config: Config = CONFIG) -> None:
    """Run a test with the services of a server that has not loaded its models yet."""

    async def main() -> None:
        services = Services(config or Config(), ["own"])
        access = Access(config or Config())
        await test(
            services, Gateway(services.handlers(), access.interceptors(services.calls.refuse))
        )

    asyncio.run(main())


def own_gateway(handler: "grpc.RpcMethodHandler[Any, Any]", config: Config = CONFIG) -> Gateway:
    """A gateway to one method of its own."""
    handlers = Services(config, []).handlers()
    service = grpc.method_handlers_generic_handler("own.Service", {"Method": handler})
    handlers.add_generic_rpc_handlers((service,))
    return Gateway(handlers, ())


def status(context: RayServegRPCContext) -> tuple[grpc.StatusCode, str, str]:
    """The code, the reason and the message that a caller gets."""
    trailers = dict[str, Any](context.trailing_metadata())
    info = ErrorInfo()
    Status.FromString(trailers["grpc-status-details-bin"]).details[0].Unpack(info)
    return context.code(), info.reason, context.details()


async def nothing() -> AsyncIterator[Message]:
    """A caller who sends nothing, and stays."""
    await asyncio.Event().wait()
    yield pb.DetectStreamRequest()


def test_an_error_is_a_status_with_its_reason() -> None:
    async def test(_: Services, gateway: Gateway) -> None:
        context = served()
        answer = await gateway.unary(DETECT, pb.DetectRequest(), context)
        assert answer.SerializeToString() == b""
        expected = (grpc.StatusCode.UNAVAILABLE, "NOT_READY", "the models are being loaded")
        assert status(context) == expected

    run(test)


def test_a_call_has_the_peer_and_the_metadata_of_its_caller() -> None:
    async def answer(message: Int32Value, context: Any) -> Message:
        assert dict(context.invocation_metadata()) == {"x-request-id": "mine"}
        assert (context.peer(), context.time_remaining()) == (PEER, None)
        return Int32Value(value=message.value + 1)

    async def main() -> None:
        gateway = own_gateway(grpc.unary_unary_rpc_method_handler(answer, Int32Value.FromString))
        call = served(("x-request-id", "mine"))
        found = await gateway.unary(OWN, Int32Value(value=6), call)
        assert found == Int32Value(value=7)

    asyncio.run(main())


def test_a_caller_who_goes_cancels_the_handler() -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def hang(_: object, context: object) -> Message:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return Int32Value()

    async def main() -> None:
        gateway = own_gateway(grpc.unary_unary_rpc_method_handler(hang, Int32Value.FromString))
        call = asyncio.create_task(gateway.unary(OWN, Int32Value(), served()))
        await begun.wait()
        call.cancel()
        await asyncio.wait((call,))
        assert call.cancelled()
        assert cancelled.is_set()

    asyncio.run(main())


def test_calls_are_counted_as_in_a_server() -> None:
    begun = asyncio.Event()

    async def hang(_: object, context: object) -> Message:
        begun.set()
        await asyncio.Event().wait()
        return Int32Value()

    async def main() -> None:
        config = Config(limits=TransportLimits(max_calls=1))
        gateway = own_gateway(
            grpc.unary_unary_rpc_method_handler(hang, Int32Value.FromString), config
        )
        first = asyncio.create_task(gateway.unary(OWN, Int32Value(), served()))
        await begun.wait()
        second = served()
        await gateway.unary(OWN, Int32Value(), second)
        assert status(second)[:2] == (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_CALLS")
        assert dict(second.trailing_metadata())["grpc-retry-pushback-ms"] == "1000"
        first.cancel()

    asyncio.run(main())


def test_an_answer_of_a_stream_is_made_when_the_one_before_was_taken() -> None:
    made: list[int] = []

    async def count(_: object, context: object) -> AsyncIterator[Message]:
        for number in range(100):
            made.append(number)
            yield Int32Value(value=number)

    async def main() -> None:
        gateway = own_gateway(grpc.stream_stream_rpc_method_handler(count))
        answers = gateway.stream(OWN, nothing(), served())
        assert await anext(answers) == Int32Value(value=0)
        for _ in range(50):
            await asyncio.sleep(0)
        assert len(made) <= 3
        rest = [each async for each in answers]
        assert len(rest) == 99

    asyncio.run(main())


def test_a_watch_of_health_sends_changes_until_its_caller_goes() -> None:
    async def test(services: Services, gateway: Gateway) -> None:
        answers = gateway.stream(WATCH, one(HealthCheckRequest()), served())
        assert await anext(answers) == HealthCheckResponse(status="NOT_SERVING")
        services.health.serving()
        assert await anext(answers) == HealthCheckResponse(status="SERVING")
        before = len(asyncio.all_tasks())
        await answers.aclose()  # type: ignore[attr-defined]
        assert len(asyncio.all_tasks()) < before

    run(test)


def test_a_stream_whose_caller_is_idle_ends_with_a_status() -> None:
    limits = TransportLimits(stream_idle_seconds=0.05)

    async def test(_: Services, gateway: Gateway) -> None:
        context = served()
        (only,) = [each async for each in gateway.stream(STREAM, nothing(), context)]
        code, reason, message = status(context)
        assert (code, reason) == (grpc.StatusCode.DEADLINE_EXCEEDED, "STREAM_IDLE")
        assert only.SerializeToString() == ResponseStatus(code, True, message)

    run(test, Config(limits=limits))


def test_an_unforeseen_error_of_a_stream_is_raised() -> None:
    async def fail(_: object, context: object) -> AsyncIterator[Message]:
        raise ZeroDivisionError
        yield Int32Value()

    async def main() -> None:
        gateway = own_gateway(grpc.stream_stream_rpc_method_handler(fail))
        with pytest.raises(ZeroDivisionError):
            [each async for each in gateway.stream(OWN, nothing(), served())]

    asyncio.run(main())


def test_calls_need_a_token_where_there_is_a_file_of_them(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text("secret\n")
    config = Config(token_file=file)

    async def test(services: Services, _: Gateway) -> None:
        access = Access(config)
        following = asyncio.create_task(access.follow())
        gateway = Gateway(services.handlers(), access.interceptors(services.calls.refuse))
        request = pb.DetectRequest()
        for call in (served(), served(("authorization", "Bearer wrong"))):
            await gateway.unary(DETECT, request, call)
            assert status(call)[:2] == (grpc.StatusCode.UNAUTHENTICATED, "BAD_TOKEN")
        call = served()
        assert len([each async for each in gateway.stream(STREAM, nothing(), call)]) == 1
        assert status(call)[:2] == (grpc.StatusCode.UNAUTHENTICATED, "BAD_TOKEN")
        with_token = served(("authorization", "Bearer secret"))
        await gateway.unary(DETECT, request, with_token)
        assert status(with_token)[1] == "NOT_READY"
        open_to_all = served()
        await gateway.unary(CHECK, HealthCheckRequest(), open_to_all)
        assert open_to_all.code() is None
        following.cancel()

    run(test, config)
