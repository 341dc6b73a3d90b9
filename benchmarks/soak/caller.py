"""What every kind of traffic shares: the photos, the ledger, and how calls end."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import grpc

from benchmarks.soak.ledger import OK, Kind, Ledger
from benchmarks.soak.photos import Photo, seen
from facewire.v1 import detect_pb2 as pb
from facewire.v1 import detect_pb2_grpc
from tests.server.http2_peer import reason

OPTIONS = (
    ("grpc.use_local_subchannel_pool", 1),  # a connection of its own
    ("grpc.max_send_message_length", -1),
)

CODE_NAMES = {code.value[0]: code.name for code in grpc.StatusCode}

LOST_SECONDS = 60.0
"""After which a call that should be answered is taken for lost."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller that sends one kind of traffic until `stop`."""

    target: str
    photos: Sequence[Photo]
    ledger: Ledger
    stop: asyncio.Event
    rng: random.Random = field(default_factory=lambda: random.Random(1))

    @asynccontextmanager
    async def connection(self) -> "AsyncIterator[detect_pb2_grpc.DetectServiceAsyncStub]":
        """A connection of its own, closed when it is left."""
        async with grpc.aio.insecure_channel(self.target, OPTIONS) as channel:
            yield detect_pb2_grpc.DetectServiceStub(channel)

    def photo(self) -> Photo:
        """One of the photos, at random."""
        return self.rng.choice(self.photos)

    async def pause(self, most: float) -> None:
        """Wait up to so many seconds, or until `stop`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self.rng.uniform(0, most)):
                await self.stop.wait()

    async def detect(
        self,
        stub: "detect_pb2_grpc.DetectServiceAsyncStub",
        kind: Kind,
        request: pb.DetectRequest,
        *,
        photo: Photo | None = None,
        timeout: float = LOST_SECONDS,
        cancel_after: float | None = None,
    ) -> None:
        """Make a call and account for it; its answer has to be that to `photo`."""
        self.ledger.send(kind)
        call = stub.Detect(request, timeout=timeout)
        if cancel_after is not None:
            asyncio.get_running_loop().call_later(cancel_after, call.cancel)
        try:
            answer = await call
        except grpc.aio.AioRpcError as error:
            self.ledger.end(kind, outcome(error))
        except asyncio.CancelledError:
            if not call.cancelled():
                raise
            self.ledger.end(kind, "CANCELLED")
        else:
            self.ledger.end(kind, OK)
            if photo is not None:
                self.ledger.mistake(photo.mistake(*seen(answer)))


def outcome(error: grpc.aio.AioRpcError) -> str:
    """The status of a failed call, with the server's reason if it has given one."""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin" and isinstance(value, bytes):
            return f"{error.code().name} {reason(value)}"
    return error.code().name


def frame_outcome(answer: pb.DetectStreamResponse) -> str:
    """The outcome of one frame of a stream."""
    if answer.HasField("error"):
        return f"{CODE_NAMES[answer.error.code]} {answer.error.reason}"
    return OK
