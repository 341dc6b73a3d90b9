"""The frames of a stream, each of which is a request of its own.

Rule: what a frame is counted, estimated and answered as is its own, whichever frame had
its slot before it.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from facewire.v1 import detect_pb2 as pb
from facewire_server.errors import FacewireError, Reason, RefusalError
from facewire_server.inference.detector import Detections
from facewire_server.rpc.call import Call, Context
from facewire_server.rpc.calls import CallFailed, Calls
from facewire_server.rpc.message_parser import Received, receive
from facewire_server.rpc.ordered_stream import LatestSlot, Pending
from facewire_server.rpc.status import Failure
from facewire_server.scheduling.job import Checkpoint, FixedWork

METHOD = "DetectStream"

Response: TypeAlias = pb.DetectStreamResponse


class Labels(Protocol):
    """What a request is counted by: Call and Frame have these attributes.

    `size` is how many bytes its message has; `model` is empty until the name is known.
    """

    model: str
    size: int


@dataclass(slots=True)
class Frame:
    """One frame: `work` is to be done for it, or else `refusal` is its answer.

    `arrived` is a time of `time.monotonic`.
    """

    frame_id: int
    size: int
    model: str = ""
    work: FixedWork[Detections] = field(init=False)
    refusal: Response | None = None
    arrived: float = field(default_factory=time.monotonic)


FrameSlot = LatestSlot[Pending[Frame, Response]]
"""Where a frame waits; see OrderedStream."""


@dataclass(frozen=True, slots=True)
class LatestWork:
    """Work for the frame that is in a slot when it runs. See scheduling.job.Work."""

    slot: FrameSlot

    @property
    def kind(self) -> str:
        """The model of the frame that is in the slot by now."""
        return self.slot.item.request.model

    @property
    def size(self) -> int:
        """The bytes of that frame."""
        return self.slot.item.request.size

    def run(self, checkpoint: Checkpoint) -> Detections:
        """Detect in the frame, which stays in the slot from now on."""
        return self.slot.take().request.work.run(checkpoint)


class Frames:
    """Makes requests of one stream's messages, and answers of their outcomes."""

    def __init__(
        self,
        calls: Calls,
        context: Context,
        *,
        look_up: Callable[[pb.DetectRequest, Labels], FixedWork[Detections]],
        detect: Callable[[FrameSlot, Call], Awaitable[pb.DetectResponse]],
    ) -> None:
        """`look_up` returns the work for a request, or raises FacewireError; `detect`
        has it done for the frame that is in a slot."""
        self._calls = calls
        self._context = context
        self._look_up = look_up
        self._detect = detect

    def read(
        self,
        first: Received[pb.DetectStreamRequest],
        rest: AsyncIterator[pb.DetectStreamRequest],
    ) -> AsyncIterator[Frame]:
        """The frames of all messages, in their order."""
        return _FrameIterator(self._frame, first, rest)

    async def answer(self, slot: FrameSlot) -> Response:
        """The answer to the frame that is in this slot when its work begins."""
        try:
            with self._calls.request(self._context, METHOD) as call:
                response = await self._detect(slot, call)
        except CallFailed as failed:
            return _error(slot.take().request, failed.failure)
        return Response(frame_id=slot.take().request.frame_id, response=response)

    def dropped(self, frame: Frame) -> Response:
        """The answer to a frame that a newer one has replaced."""
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
            with self._calls.request(self._context, METHOD) as call:
                call.model, call.arrived = frame.model, frame.arrived
                raise error
        except CallFailed as failed:
            return _error(frame, failed.failure)
        finally:
            del error  # its traceback holds this frame


class _FrameIterator(AsyncIterator[Frame]):
    """Frames of messages. Unlike a generator it keeps none while it awaits the next."""

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
