"""The handlers of all calls: admission checks metadata, gives slots and times messages.

Rule: nothing of a call is read before it has a slot. A call whose message comes slowly or
never occupies no worker and no room in the queue, and delays no drain.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing, suppress
from typing import Any, TypeAlias

import grpc.aio

from facewire_server.config import TransportLimits
from facewire_server.errors import FacewireError, Reason, RequestError, released
from facewire_server.rpc.call import Context
from facewire_server.rpc.call_slots import CallSlots
from facewire_server.rpc.calls import Calls
from facewire_server.rpc.health import OPEN_INFERENCE, SERVICE
from facewire_server.rpc.idle_timeout import IdleTimeout
from facewire_server.rpc.message_parser import PATHS, parser

ENTRY_BYTES = 32
"""HTTP/2 adds this to the length of each entry when it limits metadata (RFC 9113, 6.5.2)."""

CANCEL_SECONDS = 0.1
"""Seconds to wait for the cancellation of a call: gRPC reports the end of its messages first."""

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


class Admission(grpc.GenericRpcHandler):
    """Passes calls on to the handlers of the services that were added, or refuses them.

    gRPC has four kinds of handlers (unary_unary, unary_stream, stream_unary, stream_stream):
    requests are one message or a stream, and so are responses. For a single request gRPC
    reads the message before it calls the handler, and waits for it without a limit. So each
    handler is wrapped here in one of the kinds with streamed requests, which gRPC calls at
    once and which reads with `context.read()`. On the wire the kinds do not differ.

    Services are added as to a server, and the server gets this one handler: for each method
    that is registered with it, its loop would wait for the next call of that method, which
    costs every call more than the rest of its way into the server.
    """

    def __init__(self, limits: TransportLimits, calls: Calls, *, max_message_bytes: int) -> None:
        self._limits = limits
        self._calls = calls
        self._max_message_bytes = max_message_bytes
        self._slots = CallSlots(max_calls=limits.max_calls, max_watches=limits.max_watches)
        self._services: list[grpc.GenericRpcHandler] = []
        # By path, of methods that exist; an interceptor would wrap a handler for each call.
        self._admitting: dict[str, Handler] = {}

    def add_generic_rpc_handlers(self, handlers: Iterable[grpc.GenericRpcHandler]) -> None:
        """Add a service. Called by generated code."""
        self._services.extend(handlers)

    def add_registered_method_handlers(self, service: str, handlers: object) -> None:
        """Do nothing: the same handlers come as generic ones. Called by generated code."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "Handler | None":
        """Return the handler of a call, or one that refuses it. Called by gRPC."""
        path = handler_call_details.method
        handler = self._admitting.get(path) or self._new_handler(handler_call_details)
        if handler is None:
            return None  # gRPC answers UNIMPLEMENTED
        error = self._metadata_error(handler_call_details.invocation_metadata)
        return handler if error is None else self._refusing_handler(path, error)

    def _new_handler(self, details: grpc.HandlerCallDetails) -> "Handler | None":
        """Find the handler of a method, and keep it wrapped; None: there is no such method."""
        for service in self._services:
            handler = service.service(details)
            if handler is not None:
                admitting = self._admitting_handler(details.method, handler)
                return self._admitting.setdefault(details.method, admitting)
        return None

    def _metadata_error(self, metadata: Iterable[tuple[str, str | bytes]]) -> FacewireError | None:
        """Check the size of metadata.

        gRPC has the same limit, and does not apply it to the first calls of a peer that
        has not yet acknowledged the server's settings.
        """
        size = sum(len(key) + len(value) + ENTRY_BYTES for key, value in metadata)
        limit = self._limits.max_metadata_bytes
        if size <= limit:
            return None
        return RequestError(
            Reason.METADATA_TOO_LARGE,
            f"the metadata weighs {size} bytes, and the server takes {limit}",
        )

    async def _refuse(self, context: Context, path: str, error: FacewireError) -> None:
        """End a call; does not return."""
        _, service, method = path.split("/")
        # gRPC stores the AbortError of a call, whose traceback leads to frames that hold
        # the request, and those frames to the call: only the garbage collector would free
        # them. Here and below.
        with released():
            await self._calls.refuse(context, service, method, error)

    def _refusing_handler(self, path: str, error: FacewireError) -> Handler:
        """Make a handler that refuses a call of any kind before its message is read."""

        async def refuse(_: object, context: Context) -> None:
            await self._refuse(context, path, error)

        return grpc.stream_stream_rpc_method_handler(refuse)

    def _admitting_handler(self, path: str, handler: Handler) -> Handler:
        """Wrap a handler in one that takes a stream of requests: see the class.

        The kind of the response stays. No method of the server has streamed requests and a
        single response (stream_unary).
        """
        _, service, method = path.split("/")
        parse = parser(
            handler.request_deserializer,
            limit=self._max_message_bytes if service in (SERVICE, OPEN_INFERENCE) else None,
            path=PATHS.get(method) if service == SERVICE else None,
        )
        codec = parse, handler.response_serializer
        if handler.request_streaming:
            behaviour = self._many_messages(path, handler.stream_stream)
            return grpc.stream_stream_rpc_method_handler(behaviour, *codec)
        behaviour = self._one_message(path, handler.unary_stream or handler.unary_unary)
        if handler.response_streaming:
            return grpc.stream_stream_rpc_method_handler(behaviour, *codec)
        return grpc.stream_unary_rpc_method_handler(behaviour, *codec)

    def _one_message(self, path: str, behaviour: Any) -> Any:
        """Wrap a method with a single request: the message has a time to arrive.

        `behaviour` is a coroutine function. That holds for the one method that answers
        with a stream, too: the health service's Watch writes to the context.
        """

        async def answer(_: object, context: Context) -> Any:
            try:
                async with self._slots.slot(path, context.peer):
                    with released():
                        return await behaviour(await self._message(context), context)
            except FacewireError as error:
                await self._refuse(context, path, error)

        return answer

    async def _message(self, context: Context) -> Any:
        """Read the one message of a call. Raises RequestError."""
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
            # Either the peer has half-closed the call without a message, or it has
            # cancelled it: then the cancellation of this task follows, and ends the sleep.
            await asyncio.sleep(CANCEL_SECONDS)
            raise RequestError(Reason.BAD_MESSAGE, "the call has no message")
        return message

    def _many_messages(self, path: str, behaviour: Any) -> Any:
        """Wrap a method with streamed requests: the stream has an idle timeout.

        `behaviour` is a function that makes an asynchronous generator.
        """

        async def answer(_: object, context: Context) -> AsyncIterator[Any]:
            idle = IdleTimeout(self._limits.stream_idle_seconds)
            task = asyncio.current_task()
            assert task is not None, "gRPC runs handlers as tasks"
            ending = asyncio.create_task(self._end_when_idle(task, idle, context, path))
            try:
                async with self._slots.slot(path, context.peer):
                    requests = idle.observe_requests(_Messages(context))
                    answers = behaviour(requests, context)
                    with released():
                        # Closed from the inside out, whichever way the loop ends: a
                        # generator that is only dropped is closed at some later time.
                        async with (
                            aclosing(answers),
                            aclosing(idle.observe_answers(answers)) as observed,
                        ):
                            async for each in observed:
                                yield each
            except FacewireError as error:
                await self._refuse(context, path, error)
            finally:
                ending.cancel()

        return answer

    async def _end_when_idle(
        self, handler: asyncio.Task[Any], idle: IdleTimeout, context: Context, path: str
    ) -> None:
        """End a stream, of which `handler` is the task, when its peer is idle for too long."""
        error = RequestError(Reason.STREAM_IDLE, await idle.expired())
        # The handler is cancelled first, so that it sends nothing after the status. Its
        # `finally` cancels this task, which ends only at the next `await` that waits: gRPC
        # has the status by then.
        handler.cancel()
        with suppress(grpc.aio.AbortError):
            await self._refuse(context, path, error)


class _Messages(AsyncIterator[Any]):
    """The messages of a stream. Unlike gRPC's iterator it refers to none that it has returned."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def __anext__(self) -> Any:
        message = await self._context.read()
        if message is grpc.aio.EOF:
            raise StopAsyncIteration
        return message
