"""One DetectStream call: the requests that go out, and the results in the order of the images.

Images are read at most `window` ahead of the results taken. An image that cannot be sent gets
its error as its result, in the same order. An exception of the caller's iterator ends the
requests as its exhaustion would, and is raised after the results of the images before it.
"""

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Iterator
from enum import Enum, auto
from functools import partial
from queue import SimpleQueue
from types import TracebackType
from typing import TypeVar

from grpc import aio

from facewire.v1 import detect_pb2
from facewire.v1.detect_pb2 import DetectStreamResponse
from facewire_client.connection import Connection
from facewire_client.errors import FaceClientError, from_frame_error, stream_ended_early
from facewire_client.request import DetectOptions, Image, call_with_file, fill_request
from facewire_client.response import detect_result
from facewire_client.result import StreamResult

T = TypeVar("T")


class FrameConverter:
    """Converts images to requests, numbered from 0, and responses to results."""

    def __init__(
        self, connection: Connection, options: DetectOptions, *, drop_oldest: bool
    ) -> None:
        self._connection = connection
        self._options = options
        self._policy = (
            detect_pb2.OVERFLOW_POLICY_DROP_OLDEST
            if drop_oldest
            else detect_pb2.OVERFLOW_POLICY_WAIT
        )
        self._count = 0

    def request(self, image: Image) -> bytes | StreamResult:
        """Return the serialised request for the next image, or its error.

        An image that cannot be sent is not replaced by an empty frame: with `drop_oldest`,
        that would make the server drop another image.
        """
        message = detect_pb2.DetectStreamRequest(frame_id=self._count, overflow_policy=self._policy)
        self._count += 1
        limit = self._connection.max_message_bytes
        try:
            fill_request(message.request, image, limit=limit, **self._options)
            return self._connection.serialise(message)
        except FaceClientError as error:
            return StreamResult(message.frame_id, error=error)

    def result(self, message: DetectStreamResponse) -> StreamResult:
        """Return the result that a response holds."""
        frame_id = message.frame_id
        if message.HasField("error"):
            failure = message.error
            error = from_frame_error(failure.code, failure.reason, failure.message)
            return StreamResult(frame_id, error=error)
        return StreamResult(frame_id, detect_result(message.response))


class Marker(Enum):
    """An entry of the order of a stream that is not a result yet."""

    SENT = auto()
    """An image that the server answers."""
    END = auto()
    """No more images are read, or the call has ended."""


class Completion:
    """A context around the reading of the images; stores how that ended, for `check`."""

    def __init__(self) -> None:
        self._error: BaseException | None = None
        self._complete = False

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        # GeneratorExit and CancelledError stop the reading; they are not errors of the images.
        if isinstance(error, GeneratorExit | asyncio.CancelledError):
            return False
        self._error = error
        return error is not None

    def all_read(self) -> None:
        """Note that all images were read."""
        self._complete = True

    def check(self) -> None:
        """Raise the exception of the images, or FaceClientError if some were not read."""
        if self._error is not None:
            raise self._error
        if not self._complete:
            raise stream_ended_early()


class ImageStream:
    """The stream of a blocking client.

    gRPC iterates over the requests in a separate thread; the thread that reads the results
    calls the methods. `order` has one entry for each image that was read, so that errors made
    here and responses of the server come out in the order of the images.
    """

    def __init__(self, converter: FrameConverter, images: Iterable[Image], window: int) -> None:
        self.completion = Completion()
        self._converter = converter
        self._images = images
        self._slots = threading.Semaphore(window - 1)  # the first image needs no slot
        self._order: SimpleQueue[StreamResult | Marker] = SimpleQueue()
        self._closed = False

    def __iter__(self) -> Iterator[bytes]:
        try:
            with self.completion:
                for image in self._images:
                    request = self._converter.request(image)
                    if isinstance(request, bytes):
                        self._order.put(Marker.SENT)
                        yield request
                    else:
                        self._order.put(request)
                    self._slots.acquire()
                    if self._closed:
                        return
                self.completion.all_read()
        finally:
            self.end()

    def results(self, responses: Iterator[DetectStreamResponse]) -> Iterator[StreamResult]:
        """Yield the results in the order of the images; each lets one more image be read."""
        for entry in iter(self._order.get, Marker.END):
            if isinstance(entry, StreamResult):
                result = entry
            else:
                response = next(responses, None)
                if response is None:
                    raise stream_ended_early()
                result = self._converter.result(response)
            self._slots.release()
            yield result
        for response in responses:  # waits for the end of the call, and raises its status
            yield self._converter.result(response)

    def end(self) -> None:
        """End the results after the entries in order; any thread may call it."""
        self._order.put(Marker.END)

    def close(self) -> None:
        """Wake the thread that iterates over the requests, and let it end."""
        self._closed = True
        self._slots.release()


class AsyncImageStream:
    """The stream of an asyncio client; `write` runs in a task, which is cancelled to stop it."""

    def __init__(
        self,
        converter: FrameConverter,
        images: Iterable[Image] | AsyncIterable[Image],
        window: int,
    ) -> None:
        self.completion = Completion()
        self._converter = converter
        self._images = images
        self._slots = asyncio.Semaphore(window - 1)  # the first image needs no slot
        self._order: asyncio.Queue[StreamResult | Marker] = asyncio.Queue()

    async def write(self, call: "aio.StreamStreamCall[bytes, DetectStreamResponse]") -> None:
        """Send the requests; `completion` and the call's own status hold what goes wrong."""
        try:
            async for request in self._requests():
                await call.write(request)
            await call.done_writing()
        except asyncio.CancelledError:
            call.cancel()  # else the reader of the results would wait for ever
            raise

    async def _requests(self) -> AsyncIterator[bytes]:
        try:
            with self.completion:
                async for image in _iterate(self._images):
                    request = await call_with_file(image, partial(self._converter.request, image))
                    if isinstance(request, bytes):
                        self._order.put_nowait(Marker.SENT)
                        yield request
                    else:
                        self._order.put_nowait(request)
                    await self._slots.acquire()
                self.completion.all_read()
        finally:
            self.end()

    async def results(
        self, responses: AsyncIterator[DetectStreamResponse]
    ) -> AsyncGenerator[StreamResult]:
        """Yield the results in the order of the images; each lets one more image be read."""
        while (entry := await self._order.get()) is not Marker.END:
            if isinstance(entry, StreamResult):
                result = entry
            else:
                response = await anext(responses, None)
                if response is None:
                    raise stream_ended_early()
                result = self._converter.result(response)
            self._slots.release()
            yield result
        async for response in responses:  # waits for the end of the call, and raises its status
            yield self._converter.result(response)

    def end(self) -> None:
        """End the results after the entries in order."""
        self._order.put_nowait(Marker.END)


async def _iterate(images: Iterable[T] | AsyncIterable[T]) -> AsyncIterator[T]:
    if isinstance(images, AsyncIterable):
        async for image in images:
            yield image
    else:
        for image in images:
            yield image
