"""The frames of a stream; each of them is one request.

Rule: a frame is counted, estimated and answered by its own model, size and arrival, even
when it has replaced another frame in a slot.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from facewire.v1 import detect_pb2 as pb
from facewire_server.errors import FacewireError, Reason, RefusalError
from facewire_server.image.data import Data
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
    """The attributes by which a request is counted; Call and Frame have them.

    `size` is that of its message in bytes; `model` is empty until the name is known.
    """

    model: str
    size: int


@dataclass(slots=True)
class Frame:
    """One frame: `work` is to be done for it, or else `error` is its answer.

    `arrived` is a time of `time.monotonic`.
    """

    frame_id: int
    size: int
    model: str = ""
    work: FixedWork[Detections] = field(init=False)
    error: Response | None = None
    arrived: float = field(default_factory=time.monotonic)


FrameSlot = LatestSlot[Pending[Frame, Response]]
"""The slot in which a frame waits; see OrderedStream."""


@dataclass(frozen=True, slots=True)
class LatestWork:
    """Work for the frame that is in a slot when it runs. See scheduling.job.Work."""

    slot: FrameSlot

    @property
    def kind(self) -> str:
        """The model of the frame that is in the slot now."""
        return self.slot.item.request.model

    @property
    def size(self) -> int:
        """The bytes of that frame."""
        return self.slot.item.request.size

    @property
    def in_parts(self) -> bool:
        """Whether that frame is looked at in tiles."""
        return self.slot.item.request.work.in_parts

    @property
    def early(self) -> Callable[[], Detections | None] | None:
        """How to get the detections in that frame without work; see FixedWork."""
        return self.slot.item.request.work.early

    def run(self, checkpoint: Checkpoint) -> Detections:
        """Take the frame out of the slot for good, and detect in it."""
        return self.slot.take().request.work.run(checkpoint)


class Frames:
    """Converts the messages of one stream to frames, and the outcomes of frames to answers."""

    def __init__(
        self,
        calls: Calls,
        context: Context,
        *,
        look_up: Callable[
            [pb.DetectRequest, Data | None, Labels], Awaitable[FixedWork[Detections]]
        ],
        detect: Callable[[FrameSlot, Call], Awaitable[pb.DetectResponse]],
    ) -> None:
        """`look_up` returns the work for a request and the image that was cut out of it, or
        raises FacewireError; `detect` has it done for the frame that is in a slot."""
        self._calls = calls
        self._context = context
        self._look_up = look_up
        self._detect = detect

    def read(
        self,
        first: Received[pb.DetectStreamRequest],
        rest: AsyncIterator[pb.DetectStreamRequest],
    ) -> AsyncIterator[Frame]:
        """Iterate over the frames of all messages, in their order."""
        return _FrameIterator(self._frame, first, rest)

    async def answer(self, slot: FrameSlot) -> Response:
        """Return the answer to the frame that is in this slot when its work begins."""
        try:
            with self._calls.request(self._context, METHOD) as call:
                response = await self._detect(slot, call)
        except CallFailed as failed:
            return _error_response(slot.take().request, failed.failure)
        return Response(frame_id=slot.take().request.frame_id, response=response)

    def dropped(self, frame: Frame) -> Response:
        """Return the answer to a frame that a newer one has replaced."""
        error = RefusalError(Reason.FRAME_DROPPED, "a newer frame took its place")
        return self._refuse(frame, error)

    async def _frame(self, received: Received[pb.DetectStreamRequest]) -> Frame:
        message, (size, image) = received.message, received.arrival
        frame = Frame(message.frame_id, size)
        try:
            frame.work = await self._look_up(message.request, image, frame)
        except FacewireError as error:
            frame.error = self._refuse(frame, error)
        return frame

    def _refuse(self, frame: Frame, error: FacewireError) -> Response:
        """Count and log a frame that ends with this error; return its answer."""
        try:
            with self._calls.request(self._context, METHOD) as call:
                call.model, call.arrived = frame.model, frame.arrived
                raise error
        except CallFailed as failed:
            return _error_response(frame, failed.failure)
        finally:
            del error  # its traceback refers to this function, and so to `frame`


class _FrameIterator(AsyncIterator[Frame]):
    """Iterates over frames. Unlike a generator it refers to none while it awaits the next."""

    def __init__(
        self,
        frame: Callable[[Received[pb.DetectStreamRequest]], Awaitable[Frame]],
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
        return await self._frame(received)


def _error_response(frame: Frame, failed: Failure) -> Response:
    number, _ = failed.code.value
    return Response(
        frame_id=frame.frame_id,
        error=pb.FrameError(code=number, reason=failed.reason, message=failed.message),
    )
