"""What an event loop sends while a stream lasts: see `feed`."""

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Iterable,
)
from functools import partial
from os import PathLike
from typing import TypeVar

from grpc import aio

from facewire.v1.detect_pb2 import DetectStreamResponse
from facewire_client.errors import stream_ended_early
from facewire_client.feed import Failure, Place
from facewire_client.frames import Frames
from facewire_client.request import Image
from facewire_client.result import StreamResult

T = TypeVar("T")


class AsyncFeed:
    """The requests of a stream, and its answers; `write` needs a task of its own.

    Needs no closing: the task is cancelled.
    """

    def __init__(
        self,
        frames: Frames,
        images: Iterable[Image] | AsyncIterable[Image],
        window: int,
    ) -> None:
        self.failure = Failure()
        self._frames = frames
        self._images = images
        self._slots = asyncio.Semaphore(window - 1)  # one is the first image's
        self._order: asyncio.Queue[StreamResult | Place] = asyncio.Queue()
        self._complete = False

    async def write(self, call: "aio.StreamStreamCall[bytes, DetectStreamResponse]") -> None:
        """Sends the requests; what goes wrong with that, the answers' reader learns."""
        try:
            async for request in self._requests():
                await call.write(request)
            await call.done_writing()
        except asyncio.CancelledError:
            call.cancel()  # or its reader would wait for ever
            raise

    async def _requests(self) -> AsyncIterator[bytes]:
        try:
            with self.failure:
                async for image in _each(self._images):
                    build = partial(self._frames.request, image)
                    request = await prepare(image, build)
                    if isinstance(request, bytes):
                        self._order.put_nowait(Place.SENT)
                        yield request
                    else:
                        self._order.put_nowait(request)
                    await self._slots.acquire()
                self._complete = True
        finally:
            self.end()

    async def answers(
        self, responses: AsyncIterator[DetectStreamResponse]
    ) -> AsyncGenerator[StreamResult]:
        """The answers in the order of the images; each lets one more be read."""
        while (place := await self._order.get()) is not Place.END:
            if isinstance(place, StreamResult):
                answer = place
            else:
                response = await anext(responses, None)
                if response is None:
                    raise stream_ended_early()
                answer = self._frames.result(response)
            self._slots.release()
            yield answer
        async for response in responses:  # waits for the end of the call, as above
            yield self._frames.result(response)

    def end(self) -> None:
        """Lets the answers end after what is in order."""
        self._order.put_nowait(Place.END)

    def finish(self) -> None:
        """Raises what the images raised, or that they were not all asked for."""
        self.failure.reraise()
        if not self._complete:
            raise stream_ended_early()


async def prepare(image: Image, build: Callable[[], T]) -> T:
    """What `build` makes of an image: away from the loop if it must read a file."""
    if isinstance(image, str | PathLike):
        return await asyncio.to_thread(build)
    return build()


async def _each(images: Iterable[T] | AsyncIterable[T]) -> AsyncIterator[T]:
    if isinstance(images, AsyncIterable):
        async for image in images:
            yield image
    else:
        for image in images:
            yield image
