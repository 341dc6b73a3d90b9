"""All calls of a server: which requests are in flight, and how each of them ends.

Rule: bad input is logged as one line, a fault of the server with its traceback; the caller
gets no more than `facewire_server.rpc.status` allows. `Calls._end` alone records a request
that has ended in metrics, log and traces.
"""

import asyncio
import logging
import time
from asyncio import FIRST_COMPLETED
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import grpc.aio

from facewire_server.errors import FacewireError, Reason, RefusalError, detach
from facewire_server.rpc.call import Call, Context
from facewire_server.rpc.health import SERVICE
from facewire_server.rpc.refusal_log import RefusalLog
from facewire_server.rpc.status import Failure, failure
from facewire_server.rpc.tracing import Tracing
from facewire_server.telemetry.metrics import Metrics

logger = logging.getLogger("facewire_server.service.gate")

T = TypeVar("T")


class CallFailed(Exception):
    """A request has failed: it is counted and logged, and its status is not sent yet."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Calls:
    """Tracks requests from their arrival to their end. Runs on the server's event loop."""

    def __init__(self, metrics: Metrics, tracing: Tracing | None) -> None:
        """`tracing` None: no traces."""
        self.draining = asyncio.Event()
        self.refusals = RefusalLog()
        self._metrics = metrics
        metrics.inflight.set_function(lambda: self._requests)
        self._tracing = tracing
        self._requests = 0
        self.under_way = 0
        """How many requests and streams are in flight."""
        self.arrived = 0
        """How many have arrived since the start."""
        self._empty = asyncio.Event()
        self._empty.set()
        self._aborts_allowed = asyncio.Event()
        self._aborts_allowed.set()

    async def drain(self) -> None:
        """Refuse new requests, and return when those in flight have ended."""
        self.draining.set()
        await self._empty.wait()

    async def unless_draining(self, awaited: Coroutine[Any, Any, T]) -> T:
        """Await something that only a peer can complete; cancel it when the server drains.

        Raises RefusalError (SHUTTING_DOWN) in that case.
        """
        waiting = asyncio.create_task(awaited)
        draining = asyncio.create_task(self.draining.wait())
        try:
            await asyncio.wait((waiting, draining), return_when=FIRST_COMPLETED)
            if not waiting.done():
                raise shutting_down()
            return waiting.result()
        finally:
            waiting.cancel()
            draining.cancel()

    async def settle(self) -> None:
        """Return when nothing has arrived for a moment, or after half a second.

        Calls that gRPC has received and not handed over yet would be cancelled when it
        stops, and clients do not retry a cancelled call. Errors are held back until
        `release`: a client that gets one may call again at once.
        """
        self._aborts_allowed.clear()
        for _ in range(10):
            seen = self.arrived
            await asyncio.sleep(0.05)
            if self.arrived == seen:
                return

    def release(self) -> None:
        """Send the errors that `settle` has held back."""
        self._aborts_allowed.set()

    async def abort(self, context: Context, failed: Failure) -> None:
        """End an RPC with a failure; does not return."""
        await self._aborts_allowed.wait()
        try:
            await context.abort(failed.code, failed.message, tuple(failed.trailers()))
        except grpc.aio.InternalError:
            # gRPC could not send a message that it had accepted, since the peer reads
            # nothing. It cannot send a status to this peer either.
            raise asyncio.CancelledError from None

    def request(
        self, context: Context, method: str, *, service: str = SERVICE
    ) -> "_RequestContext":
        """Context of one request, an RPC or a frame of a stream; records how it ends.

        Any error inside except a cancellation leaves as CallFailed.
        """
        return _RequestContext(self, Call(service, method, context))

    async def refuse(
        self, context: Context, service: str, method: str, error: FacewireError
    ) -> None:
        """End an RPC with this error, and count it as one request; does not return.

        Neither reads its message nor checks whether the server drains.
        """
        call = Call(service, method, context)
        failed = self._fail(call, error)
        self._end(call, failed.code)
        await self.abort(context, failed)

    @contextmanager
    def stream(self, context: Context, method: str, *, service: str = SERVICE) -> Iterator[None]:
        """Context of an RPC that carries many requests; it does not count as one itself."""
        self._enter()
        try:
            if self.draining.is_set():
                raise shutting_down()
            yield
        except Exception as error:
            failed = self._fail(Call(service, method, context), error)
            detach(error)
            raise CallFailed(failed) from error
        finally:
            self._leave()

    def begin(self, call: Call) -> None:
        """Begin a request. Raises CallFailed while the server drains, and ends it then."""
        self._requests += 1
        self._enter()
        if self.draining.is_set():
            self.end(call, shutting_down())

    def end(self, call: Call, error: BaseException | None) -> None:
        """End a request. Raises CallFailed if the error is one but a cancellation."""
        self._requests -= 1
        self._leave()
        if error is None:
            return self._end(call, grpc.StatusCode.OK)
        if not isinstance(error, Exception):
            return self._end(call, grpc.StatusCode.CANCELLED)
        failed = self._fail(call, error)
        # The code that raised the error may store it, and the frames of its traceback
        # would keep the request in memory.
        detach(error)
        self._end(call, failed.code)
        raise CallFailed(failed) from error

    def _enter(self) -> None:
        """Delay the end of a drain, until `_leave`."""
        self.under_way += 1
        self.arrived += 1
        self._empty.clear()

    def _leave(self) -> None:
        self.under_way -= 1
        if not self.under_way:
            self._empty.set()

    def _end(self, call: Call, code: grpc.StatusCode) -> None:
        """Record a request that has ended with this code in metrics, traces and log."""
        seconds = time.monotonic() - call.arrived
        self._metrics.finished(call.method, call.model, code.name, seconds)
        for outcome in call.outcomes:
            self._metrics.answered(outcome.value, outcome.waited)
        if self._tracing is not None:
            self._tracing.ended(call, code)
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug("ended", extra=call.log_fields(code))

    def _fail(self, call: Call, error: Exception) -> Failure:
        """Count and log an error; return the status that the caller gets."""
        is_foreseen = isinstance(error, FacewireError)
        failed = failure(error, "" if is_foreseen else call.request_id)
        call.reason = failed.reason
        if failed.reason:
            self._metrics.rejected(failed.reason)
            self.refusals.add(call, failed)
        else:
            logger.error("failed", exc_info=error, extra=call.log_fields(failed.code))
        return failed


def shutting_down() -> RefusalError:
    """Return the error of a server that drains (SHUTTING_DOWN)."""
    return RefusalError(Reason.SHUTTING_DOWN, "the server is shutting down")


class _RequestContext:
    """See Calls.request."""

    __slots__ = ("_call", "_calls")

    def __init__(self, calls: Calls, call: Call) -> None:
        self._calls = calls
        self._call = call

    def __enter__(self) -> Call:
        self._calls.begin(self._call)
        return self._call

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._calls.end(self._call, error)


class UnaryCall:
    """Context of an RPC that is one request: an error inside ends the RPC."""

    __slots__ = ("_call", "_calls")

    def __init__(
        self, calls: Calls, context: Context, method: str, *, service: str = SERVICE
    ) -> None:
        self._calls = calls
        self._call = Call(service, method, context)

    async def __aenter__(self) -> Call:
        try:
            self._calls.begin(self._call)
        except CallFailed as failed:
            await self._calls.abort(self._call.context, failed.failure)
        return self._call

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            self._calls.end(self._call, error)
        except CallFailed as failed:
            await self._calls.abort(self._call.context, failed.failure)
