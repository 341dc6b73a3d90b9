"""The way of a call from Serve's replica to the handlers of the services, and back."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import grpc.aio
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from ray.serve._private.proxy_request_response import ResponseStatus
from ray.serve.grpc_util import RayServegRPCContext

from facewire_server.ray.context import ProxiedContext
from facewire_server.rpc.admission import Admission, Handler


class StreamStatus:
    """Ends a stream with the status in Serve's context, in the place of a message.

    Serve sends a status only with a message, or for an exception: it logs the trace of that
    in replica and proxy, and drops the trailing metadata. Serve's proxies end their own
    streams with a ResponseStatus, which they do not send, whoever has made it.
    """

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        self._status = ResponseStatus(code, is_error=True, message=message)

    def SerializeToString(self) -> ResponseStatus:
        """Called by Serve's replica, which passes on what it gets."""
        return self._status


@dataclass(slots=True)
class CallDetails:
    """See grpc.HandlerCallDetails."""

    method: str
    invocation_metadata: tuple[tuple[str, str | bytes], ...]


class Gateway:
    """Does what gRPC's server does with calls: finds the handler of each, and runs it."""

    def __init__(
        self, admission: Admission, interceptors: Sequence[grpc.aio.ServerInterceptor]
    ) -> None:
        self._admission = admission
        self._interceptors = interceptors

    async def unary(self, path: str, message: Message, served: RayServegRPCContext) -> Message:
        """Answer a call of the method `path` with one message.

        An error is a status in `served`, and an empty answer, which callers do not see.
        """
        context = ProxiedContext(served, one(message))
        try:
            answer: Message = await (await self._behaviour(path, context))(None, context)
        except grpc.aio.AbortError:
            return Empty()
        return answer

    async def stream(
        self, path: str, messages: AsyncIterator[Message], served: RayServegRPCContext
    ) -> AsyncIterator[Message | StreamStatus]:
        """Answer a call of the method `path` with a stream; an error is its last element."""
        context = ProxiedContext(served, messages)
        # A task of its own: the handler may be cancelled, which must not cancel Serve's.
        handling = asyncio.create_task(self._handle(path, context))
        try:
            async for answer in context.answers():
                yield answer
        finally:
            handling.cancel()
            await asyncio.wait((handling,))
        if context.aborted:
            yield StreamStatus(served.code(), served.details())
        else:
            handling.result()

    async def _handle(self, path: str, context: ProxiedContext) -> None:
        """Run the handler of a stream, and write its answers to the context."""
        try:
            answers = (await self._behaviour(path, context))(None, context)
            if inspect.isawaitable(answers):
                await answers  # it writes to the context itself, or aborts the call
            else:
                async for answer in answers:
                    await context.write(answer)
        finally:
            context.finish()

    async def _behaviour(self, path: str, context: ProxiedContext) -> Any:
        """Find the handler of a call, and return the function in it."""
        find = self._admit
        for interceptor in reversed(self._interceptors):
            find = partial(interceptor.intercept_service, find)
        handler = await find(CallDetails(path, tuple(context.invocation_metadata())))
        assert handler is not None, f"there is no method {path}"
        context.parse = handler.request_deserializer or context.parse
        return handler.stream_unary or handler.stream_stream

    async def _admit(self, details: grpc.HandlerCallDetails) -> "Handler | None":
        return self._admission.service(details)


async def one(message: Message) -> AsyncIterator[Message]:
    """Yield one message."""
    yield message
