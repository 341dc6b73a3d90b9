"""What every request passes: refused or counted in, counted out, its error told.

Rule: bad input logs one line, a fault of ours logs its trace, and neither tells the
caller more than `facewire_server.rpc.status` allows.
"""

import asyncio
import logging
import re
import time
import uuid
from asyncio import FIRST_COMPLETED
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import grpc.aio

from facewire_server.errors import FacewireError, Reason, RefusalError
from facewire_server.inference.detector import Detections
from facewire_server.rpc.health import SERVICE
from facewire_server.rpc.status import Failure, failure
from facewire_server.scheduling.scheduler import Outcome
from facewire_server.telemetry.metrics import Metrics
from facewire_server.tracebacks import detach

logger = logging.getLogger("facewire_server.service.gate")

T = TypeVar("T")

Context = grpc.aio.ServicerContext[object, object]

MAX_REQUEST_ID = 128
"""The most characters of a request id."""


@dataclass(slots=True)
class Call:
    """One request; `model` is known once it has been looked up.

    `peer` is the connection it came by; `answer` is what was found, and `reason` why
    there is no answer; `size` is how many bytes its message has.
    `deadline` is a time of `time.monotonic`, None for a caller who waits forever.
    """

    service: str
    method: str
    request_id: str
    deadline: float | None
    peer: str
    model: str = ""
    size: int = 0
    answer: Outcome[Detections] | None = None
    reason: str = ""
    arrived: float = field(default_factory=time.monotonic)


Ended = Callable[[Call, Context, grpc.StatusCode], None]
"""Is told of a request that has just ended; see Tracing."""


class CallFailed(Exception):
    """A request has failed; it is counted and logged, and only has to be told."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Calls:
    """Counts requests in and out. All of it runs on the server's event loop."""

    def __init__(self, metrics: Metrics, ended: Ended) -> None:
        """`ended` is told of each request."""
        self.draining = asyncio.Event()
        self._metrics = metrics
        self._ended = ended
        self.under_way = 0
        """How many requests and streams are in."""
        self.arrived = 0
        """How many have ever come."""
        self._empty = asyncio.Event()
        self._empty.set()
        self._telling = asyncio.Event()
        self._telling.set()

    async def drain(self) -> None:
        """Lets no more requests in, and returns when the last one is out."""
        self.draining.set()
        await self._empty.wait()

    async def unless_draining(self, awaited: Coroutine[Any, Any, T]) -> T:
        """What this returns; it is cancelled when the server begins to drain.

        For what only a peer can bring about. Raises RefusalError (SHUTTING_DOWN).
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
        """Returns when nothing has arrived for a moment, or after half a second.

        Calls that gRPC has received and not handed over yet would be cancelled when it
        stops, and nobody tries a cancelled call again. Refusals are kept until
        `release`, since whoever gets one may ask again at once.
        """
        self._telling.clear()
        for _ in range(10):
            seen = self.arrived
            await asyncio.sleep(0.05)
            if self.arrived == seen:
                return

    def release(self) -> None:
        """Lets the refusals go that `settle` has kept."""
        self._telling.set()

    async def abort(self, context: Context, failed: Failure) -> None:
        """Ends an RPC with a failure; does not return."""
        await self._telling.wait()
        try:
            await context.abort(failed.code, failed.message, tuple(failed.trailers()))
        except grpc.aio.InternalError:
            # What the peer does not take is in the way of any other word to it.
            raise asyncio.CancelledError from None

    @asynccontextmanager
    async def call(self, context: Context, method: str) -> AsyncIterator[Call]:
        """The frame of one RPC that is one request."""
        try:
            with self.request(context, method) as call:
                yield call
        except CallFailed as failed:
            await self.abort(context, failed.failure)

    @contextmanager
    def request(self, context: Context, method: str) -> Iterator[Call]:
        """The frame of one request, be it an RPC or a part of a stream.

        Whatever goes wrong inside, but for a cancellation, leaves as CallFailed.
        """
        call = _call(context, method)
        code = grpc.StatusCode.OK
        self._metrics.inflight.inc()
        try:
            with self._inside(call):
                yield call
        except asyncio.CancelledError:
            code = grpc.StatusCode.CANCELLED
            raise
        except CallFailed as failed:
            code = failed.failure.code
            raise
        finally:
            self._count_out(call, context, code)

    async def refuse(
        self, context: Context, service: str, method: str, error: FacewireError
    ) -> None:
        """Ends an RPC with this error, and counts it as one request.

        What it asks is not looked at, nor whether the server drains.
        """
        call = _call(context, method, service)
        self._metrics.inflight.inc()
        failed = self._failed(call, error)
        self._count_out(call, context, failed.code)
        await self.abort(context, failed)

    @contextmanager
    def stream(self, context: Context, method: str) -> Iterator[None]:
        """The frame of an RPC that is many requests; counts as none itself."""
        with self._inside(_call(context, method)):
            yield

    @contextmanager
    def _inside(self, call: Call) -> Iterator[None]:
        """Refuses while draining, holds up a drain, and turns errors to CallFailed."""
        self.under_way += 1
        self.arrived += 1
        self._empty.clear()
        try:
            if self.draining.is_set():
                raise shutting_down()
            yield
        except Exception as error:
            failed = self._failed(call, error)
            detach(error)  # who has raised it may keep it, and its frames the request
            raise CallFailed(failed) from error
        finally:
            self.under_way -= 1
            if not self.under_way:
                self._empty.set()

    def _count_out(self, call: Call, context: Context, code: grpc.StatusCode) -> None:
        self._metrics.inflight.dec()
        seconds = time.monotonic() - call.arrived
        self._metrics.finished(call.method, call.model, code.name, seconds)
        self._ended(call, context, code)
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug("ended", extra=_fields(call, code))

    def _failed(self, call: Call, error: Exception) -> Failure:
        failed = failure(error, call.request_id)
        call.reason = failed.reason
        if failed.reason:
            self._metrics.rejected(failed.reason)
            logger.info(
                "refused: %s",
                failed.message,
                extra=_fields(call, failed.code),
            )
        else:
            fields = _fields(call, failed.code)
            logger.error("failed", exc_info=error, extra=fields)
        return failed


def shutting_down() -> RefusalError:
    """The refusal of a server that drains."""
    return RefusalError(Reason.SHUTTING_DOWN, "the server is shutting down")


def _call(context: Context, method: str, service: str = SERVICE) -> Call:
    remaining = context.time_remaining()
    deadline = None if remaining is None else time.monotonic() + remaining
    return Call(service, method, _request_id(context), deadline, context.peer())


def _request_id(context: Context) -> str:
    """The caller's own, or a new one.

    It has visible ASCII only, so that it cannot pass for more than one word of a log.
    """
    for key, value in context.invocation_metadata() or ():
        if key == "x-request-id" and isinstance(value, str) and value:
            return re.sub(r"[^!-~]", "_", value[:MAX_REQUEST_ID])
    return uuid.uuid4().hex


def _fields(call: Call, code: grpc.StatusCode) -> dict[str, str | float]:
    """What the log tells of a request beside the message."""
    fields: dict[str, str | float] = {
        "method": call.method,
        "request_id": call.request_id,
        "model": call.model,
        "code": code.name,
        "reason": call.reason,
        "milliseconds": round(1000 * (time.monotonic() - call.arrived), 3),
        "peer": call.peer,
    }
    return {name: value for name, value in fields.items() if value != ""}
