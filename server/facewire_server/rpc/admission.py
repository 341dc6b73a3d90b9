"""What every call passes before it is a request: counted, weighed, and read in time.

Rule: nothing of a call is read before it is let in, and one whose message comes slowly
or never holds no worker, no place in the queue, and no drain.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any, TypeAlias

import grpc.aio
from grpc_health.v1 import health

from facewire_server.config import TransportLimits
from facewire_server.errors import FacewireError, Reason, RefusalError, RequestError
from facewire_server.rpc.calls import Calls, Context
from facewire_server.rpc.health import SERVICE
from facewire_server.rpc.idle_timeout import IdleTimeout
from facewire_server.rpc.message_parser import parser
from facewire_server.rpc.watch_slots import WatchSlots
from facewire_server.tracebacks import released

HEALTH_CHECK = f"/{health.SERVICE_NAME}/Check"
"""Counted apart, so that a probe is answered when there are too many other calls."""

HEALTH_WATCH = f"/{health.SERVICE_NAME}/Watch"
"""Counted apart, since it lasts and needs no token: see WatchSlots."""

ENTRY_BYTES = 32
"""What HTTP/2 adds to the length of each entry of metadata when it weighs them."""

RETRY_SECONDS = 1.0
"""When to come back to a server with too many calls."""

GONE_SECONDS = 0.1
"""The end of a cancelled call's messages comes before the news that it is cancelled."""

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


class Admission(grpc.aio.ServerInterceptor):
    """Hands calls to their handlers, or has the gate refuse them."""

    def __init__(self, limits: TransportLimits, gate: Calls, *, max_message_bytes: int) -> None:
        self._limits = limits
        self._max_message_bytes = max_message_bytes
        self._gate = gate
        self._open: Counter[bool] = Counter()
        self._watches = WatchSlots(limits.max_watches)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable["Handler | None"]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "Handler | None":
        """The handler of a call, or one that refuses it. Called by gRPC."""
        path = handler_call_details.method
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        error = self._overweight(handler_call_details.invocation_metadata)
        if error is not None:
            return self._refusal(path, error)
        return self._reading(path, handler)

    def _overweight(self, metadata: Iterable[tuple[str, str | bytes]]) -> FacewireError | None:
        """Refuses what gRPC lets through of a peer that has agreed to no settings."""
        weight = sum(len(key) + len(value) + ENTRY_BYTES for key, value in metadata)
        limit = self._limits.max_metadata_bytes
        if weight <= limit:
            return None
        return RequestError(
            Reason.METADATA_TOO_LARGE,
            f"the metadata weighs {weight} bytes, and the server takes {limit}",
        )

    @asynccontextmanager
    async def _counted(self, path: str, context: Context) -> AsyncIterator[None]:
        """The life of a call. Raises RefusalError when there are too many."""
        if path == HEALTH_WATCH:
            async with self._watches.slot(context.peer()):
                yield
            return
        kind = path == HEALTH_CHECK
        if self._open[kind] >= self._limits.max_calls:
            raise RefusalError(
                Reason.TOO_MANY_CALLS,
                f"the server has {self._limits.max_calls} calls open, and takes no more",
                RETRY_SECONDS,
            )
        self._open[kind] += 1
        try:
            yield
        finally:
            self._open[kind] -= 1

    async def _refuse(self, context: Context, path: str, error: FacewireError) -> None:
        """Ends a call; does not return."""
        _, service, method = path.split("/")
        with released():  # gRPC stores an abort, and its frames lead back to it
            await self._gate.refuse(context, service, method, error)

    def _refusal(self, path: str, error: FacewireError) -> Handler:
        """Refuses a call of any kind, before its message is read.

        It is a handler of streams; callers do not see the difference.
        """

        async def refuse(requests: object, context: Context) -> None:
            await self._refuse(context, path, error)

        return grpc.stream_stream_rpc_method_handler(refuse)

    def _reading(self, path: str, handler: Handler) -> Handler:
        """A handler that reads the messages itself, and then does as the given one."""
        if handler.request_streaming:
            return grpc.stream_stream_rpc_method_handler(
                self._many(path, handler.stream_stream),
                self._parser(path, handler),
                handler.response_serializer,
            )
        handler_of = (
            grpc.stream_stream_rpc_method_handler
            if handler.response_streaming
            else grpc.stream_unary_rpc_method_handler
        )
        return handler_of(
            self._one(path, handler.unary_stream or handler.unary_unary),
            self._parser(path, handler),
            handler.response_serializer,
        )

    def _parser(self, path: str, handler: Handler) -> Callable[[bytes], Any]:
        is_ours = path.startswith(f"/{SERVICE}/")
        limit = self._max_message_bytes if is_ours else None
        return parser(handler.request_deserializer, limit)

    def _one(self, path: str, behaviour: Any) -> Any:
        """For calls with one message: it has its time to arrive."""

        async def answer(_: object, context: Context) -> Any:
            try:
                async with self._counted(path, context):
                    with released():  # see _refuse
                        return await behaviour(await self._message(context), context)
            except FacewireError as error:
                await self._refuse(context, path, error)

        return answer

    def _many(self, path: str, behaviour: Any) -> Any:
        """For streams: they end when the peer leaves them alone for too long."""

        async def answer(_: object, context: Context) -> AsyncIterator[Any]:
            lull = IdleTimeout(self._limits.stream_idle_seconds)

            async def end(handler: asyncio.Task[Any]) -> None:
                error = RequestError(Reason.STREAM_IDLE, await lull.lasts())
                handler.cancel()
                with suppress(grpc.aio.AbortError):
                    await self._refuse(context, path, error)

            handler = asyncio.current_task()
            assert handler is not None, "gRPC runs handlers as tasks"
            ending = asyncio.create_task(end(handler))
            try:
                async with self._counted(path, context):
                    answers = behaviour(lull.requests(_Messages(context)), context)
                    with released():  # see _refuse
                        async with (
                            aclosing(answers),
                            aclosing(lull.answers(answers)) as all_,
                        ):
                            async for each in all_:
                                yield each
            except FacewireError as error:
                await self._refuse(context, path, error)
            finally:
                ending.cancel()

        return answer

    async def _message(self, context: Context) -> Any:
        """The one message of a call. Raises RequestError."""
        seconds = self._limits.message_seconds
        try:
            async with asyncio.timeout(seconds):
                message = await context.read()
        except TimeoutError:
            raise RequestError(
                Reason.MESSAGE_TIMEOUT,
                f"the message has not arrived within {seconds:g} s",
            ) from None
        if message is grpc.aio.EOF:
            await asyncio.sleep(GONE_SECONDS)
            raise RequestError(Reason.BAD_MESSAGE, "the call has no message")
        return message


class _Messages(AsyncIterator[Any]):
    """The messages of a stream; unlike gRPC's own it does not keep the last one."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def __anext__(self) -> Any:
        message = await self._context.read()
        if message is grpc.aio.EOF:
            raise StopAsyncIteration
        return message
