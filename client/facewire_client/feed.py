"""What gRPC reads while a stream lasts: its requests, never too many at a time.

Images are read no more than `window` ahead of the answers. One that cannot be sent is
answered here, in its place of the order. What their iterator raises is kept in
`failure` for the reader of the answers, and ends the stream as its exhaustion would.
"""

import threading
from asyncio import CancelledError
from collections.abc import Iterable, Iterator
from enum import Enum, auto
from queue import SimpleQueue
from types import TracebackType

from facewire.v1.detect_pb2 import DetectStreamResponse
from facewire_client.errors import stream_ended_early
from facewire_client.frames import Frames
from facewire_client.request import Image
from facewire_client.result import StreamResult


class Failure:
    """A context that keeps what goes wrong inside, for somebody else to raise."""

    def __init__(self) -> None:
        self._error: BaseException | None = None

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        # Those two only end the iteration.
        if not isinstance(error, GeneratorExit | CancelledError):
            self._error = error
        return self._error is not None

    def reraise(self) -> None:
        """Raises what was kept, if anything was."""
        if self._error is not None:
            raise self._error


class Place(Enum):
    """What stands in the order of a stream besides answers that are known already."""

    SENT = auto()
    """An image that the server answers."""
    END = auto()
    """No more images are read, or the call has ended."""


class Feed:
    """The requests of a stream, iterated over by a thread of gRPC's.

    The other methods belong to the thread that reads the answers.
    """

    def __init__(self, frames: Frames, images: Iterable[Image], window: int) -> None:
        self.failure = Failure()
        self._frames = frames
        self._images = images
        self._slots = threading.Semaphore(window - 1)  # one is the first image's
        self._order: SimpleQueue[StreamResult | Place] = SimpleQueue()
        self._complete = False
        self._closed = False

    def __iter__(self) -> Iterator[bytes]:
        try:
            with self.failure:
                for image in self._images:
                    request = self._frames.request(image)
                    if isinstance(request, bytes):
                        self._order.put(Place.SENT)
                        yield request
                    else:
                        self._order.put(request)
                    self._slots.acquire()
                    if self._closed:
                        return
                self._complete = True
        finally:
            self.end()

    def answers(self, responses: Iterator[DetectStreamResponse]) -> Iterator[StreamResult]:
        """The answers in the order of the images; each lets one more be read."""
        for place in iter(self._order.get, Place.END):
            if isinstance(place, StreamResult):
                answer = place
            else:
                response = next(responses, None)
                if response is None:
                    raise stream_ended_early()
                answer = self._frames.result(response)
            self._slots.release()
            yield answer
        for response in responses:  # waits for the end of the call, and its status
            yield self._frames.result(response)

    def end(self) -> None:
        """Lets the answers end after what is in order; called from any thread."""
        self._order.put(Place.END)

    def finish(self) -> None:
        """Raises what the images raised, or that they were not all asked for."""
        self.failure.reraise()
        if not self._complete:
            raise stream_ended_early()

    def close(self) -> None:
        """Ends the iteration, so that its thread can end."""
        self._closed = True
        self._slots.release()
