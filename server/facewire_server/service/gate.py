"""What every request passes: refused or counted in, counted out, its error told.

Rule: bad input logs one line, a fault of ours logs its trace, and neither tells the
caller more than `facewire_server.service.status` allows.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import grpc.aio

from facewire_server.errors import Reason, RefusalError
from facewire_server.metrics import Metrics
from facewire_server.service.status import Failure, failure

logger = logging.getLogger(__name__)

Context = grpc.aio.ServicerContext[object, object]


@dataclass(slots=True)
class Call:
    """One request; `model` is known once it has been looked up.

    `client` is the connection it came by.
    `deadline` is a time of `time.monotonic`, None for a caller who waits forever.
    """

    method: str
    request_id: str
    client: str
    deadline: float | None
    model: str = ""
    arrived: float = field(default_factory=time.monotonic)


class CallFailed(Exception):
    """A request has failed; it is counted and logged, and only has to be told."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Gate:
    """Counts requests in and out. All of it runs on the server's event loop."""

    def __init__(self, metrics: Metrics) -> None:
        self.draining = asyncio.Event()
        self._metrics = metrics
        self._count = 0
        self._arrived = 0
        self._empty = asyncio.Event()
        self._empty.set()

    async def drain(self) -> None:
        """Lets no more requests in, and returns when the last one is out."""
        self.draining.set()
        await self._empty.wait()

    async def settle(self) -> None:
        """Returns when nothing has arrived for a moment, or after half a second.

        Calls that gRPC has received and not handed over yet get their refusal so; it
        would cancel them when it stops, and nobody tries a cancelled call again.
        """
        for _ in range(10):
            seen = self._arrived
            await asyncio.sleep(0.05)
            if self._arrived == seen:
                return

    @asynccontextmanager
    async def call(self, context: Context, method: str) -> AsyncIterator[Call]:
        """The frame of one RPC that is one request."""
        try:
            with self.request(context, method) as call:
                yield call
        except CallFailed as failed:
            await abort(context, failed.failure)

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
            self._metrics.inflight.dec()
            seconds = time.monotonic() - call.arrived
            self._metrics.finished(method, call.model, code.name, seconds)

    @contextmanager
    def stream(self, context: Context, method: str) -> Iterator[None]:
        """The frame of an RPC that is many requests; counts as none itself."""
        with self._inside(_call(context, method)):
            yield

    @contextmanager
    def _inside(self, call: Call) -> Iterator[None]:
        """Refuses while draining, holds up a drain, and turns errors to CallFailed."""
        self._count += 1
        self._arrived += 1
        self._empty.clear()
        try:
            if self.draining.is_set():
                raise shutting_down()
            yield
        except Exception as error:
            raise CallFailed(self._failed(call, error)) from error
        finally:
            self._count -= 1
            if not self._count:
                self._empty.set()

    def _failed(self, call: Call, error: Exception) -> Failure:
        failed = failure(error, call.request_id)
        if failed.reason:
            self._metrics.rejected(failed.reason)
            logger.info(
                "%s %s refused: %s: %s",
                call.method,
                call.request_id,
                failed.reason,
                failed.message,
            )
        else:
            logger.error("%s %s failed", call.method, call.request_id, exc_info=error)
        return failed


def shutting_down() -> RefusalError:
    """The refusal of a server that drains."""
    return RefusalError(Reason.SHUTTING_DOWN, "the server is shutting down")


async def abort(context: Context, failed: Failure) -> None:
    """Ends an RPC with a failure; does not return."""
    await context.abort(failed.code, failed.message, tuple(failed.trailers()))


def _call(context: Context, method: str) -> Call:
    remaining = context.time_remaining()
    deadline = None if remaining is None else time.monotonic() + remaining
    return Call(method, _request_id(context), context.peer(), deadline)


def _request_id(context: Context) -> str:
    for key, value in context.invocation_metadata() or ():
        if key == "x-request-id" and isinstance(value, str):
            return value[:128]
    return uuid.uuid4().hex
