"""The frames of a stream, each of which is a request of its own.

Rule: what a frame is counted, estimated and answered as is its own, whichever frame
had its place before it.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from facewire.v1 import detect_pb2 as pb
from facewire_server.errors import FacewireError, Reason, RefusalError
from facewire_server.inference.detector import Detections
from facewire_server.rpc.calls import Call, CallFailed, Calls, Context
from facewire_server.rpc.latest_slot import LatestSlot
from facewire_server.rpc.message_parser import Received, receive
from facewire_server.rpc.ordered_stream import Asked
from facewire_server.rpc.status import Failure
from facewire_server.scheduling.job import Checkpoint

METHOD = "DetectStream"

Response: TypeAlias = pb.DetectStreamResponse
Work = Callable[[Checkpoint], Detections]


class Labelled(Protocol):
    """A request of `size` bytes, told the name of its model when that is known."""

    model: str
    size: int


@dataclass(slots=True)
class Frame:
    """One frame: `work` is to be done for it, or else `refusal` is its answer."""

    frame_id: int
    size: int
    model: str = ""
    work: Work = field(init=False)
    refusal: Response | None = None
    arrived: float = field(default_factory=time.monotonic)


Place = LatestSlot[Asked[Frame, Response]]
"""Where a frame waits; see OrderedStream."""


class Frames:
    """Makes requests of one stream's messages, and answers of what comes of them."""

    def __init__(
        self,
        gate: Calls,
        context: Context,
        *,
        look_up: Callable[[pb.DetectRequest, Labelled], Work],
        detect: Callable[[Place, Call], Awaitable[pb.DetectResponse]],
    ) -> None:
        """`look_up` says what is to be done for a request, or raises FacewireError;
        `detect` has it done for the frame that has a place."""
        self._gate = gate
        self._context = context
        self._look_up = look_up
        self._detect = detect

    def read(
        self,
        first: Received[pb.DetectStreamRequest],
        rest: AsyncIterator[pb.DetectStreamRequest],
    ) -> AsyncIterator[Frame]:
        """The frames of all messages, in their order."""
        return _Read(self._frame, first, rest)

    async def answer(self, place: Place) -> Response:
        """The answer to the frame that has this place when its turn comes."""
        try:
            with self._gate.request(self._context, METHOD) as call:
                response = await self._detect(place, call)
        except CallFailed as failed:
            return _error(place.take().request, failed.failure)
        return Response(frame_id=place.take().request.frame_id, response=response)

    def dropped(self, frame: Frame) -> Response:
        """The answer to a frame that has given its place to a newer one."""
        error = RefusalError(Reason.FRAME_DROPPED, "a newer frame took its place")
        return self._refusal(frame, error)

    def _frame(self, received: Received[pb.DetectStreamRequest]) -> Frame:
        message = received.message
        frame = Frame(message.frame_id, received.size)
        try:
            frame.work = self._look_up(message.request, frame)
        except FacewireError as error:
            frame.refusal = self._refusal(frame, error)
        return frame

    def _refusal(self, frame: Frame, error: FacewireError) -> Response:
        try:
            with self._gate.request(self._context, METHOD) as call:
                call.model, call.arrived = frame.model, frame.arrived
                raise error
        except CallFailed as failed:
            return _error(frame, failed.failure)
        finally:
            del error  # its traceback holds this frame


class _Read(AsyncIterator[Frame]):
    """Frames of messages; none is kept while the next one is awaited."""

    def __init__(
        self,
        frame: Callable[[Received[pb.DetectStreamRequest]], Frame],
        first: Received[pb.DetectStreamRequest],
        rest: AsyncIterator[pb.DetectStreamRequest],
    ) -> None:
        self._frame = frame
        self._first: Received[pb.DetectStreamRequest] | None = first
        self._rest = rest

    async def __anext__(self) -> Frame:
        received, self._first = self._first, None
        received = received or await receive(self._rest)
        if received is None:
            raise StopAsyncIteration
        return self._frame(received)


def _error(frame: Frame, failed: Failure) -> Response:
    number, _ = failed.code.value
    return Response(
        frame_id=frame.frame_id,
        error=pb.FrameError(code=number, reason=failed.reason, message=failed.message),
    )
