"""What gRPC reads while a stream lasts: its requests, never too many at a time.

Images are read no more than `window` ahead of the answers. What their iterator
raises is kept in `failure` for the reader of the answers, and ends the stream as
its exhaustion would.
"""

import asyncio
import threading
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from functools import partial
from os import PathLike
from types import TracebackType
from typing import TypeVar

from facewire.v1.detect_pb2 import DetectStreamRequest
from facewire_client.frames import Frames
from facewire_client.request import Image

T = TypeVar("T")


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
        if not isinstance(error, GeneratorExit | asyncio.CancelledError):
            self._error = error
        return self._error is not None

    def reraise(self) -> None:
        """Raises what was kept, if anything was."""
        if self._error is not None:
            raise self._error


class Feed:
    """The requests of a stream, iterated over by a thread of gRPC's.

    The other methods belong to the thread that reads the answers.
    """

    def __init__(self, frames: Frames, images: Iterable[Image], window: int) -> None:
        self.failure = Failure()
        self._frames = frames
        self._images = images
        self._slots = threading.Semaphore(window - 1)  # one is the first image's
        self._closed = False

    def __iter__(self) -> Iterator[DetectStreamRequest]:
        with self.failure:
            for image in self._images:
                yield self._frames.request(image)
                self._slots.acquire()
                if self._closed:
                    return

    def answered(self) -> None:
        """Lets one more image be read."""
        self._slots.release()

    def close(self) -> None:
        """Ends the iteration, so that its thread can end."""
        self._closed = True
        self._slots.release()


class AsyncFeed:
    """The requests of a stream, iterated over by a task of their own.

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

    async def __aiter__(self) -> AsyncIterator[DetectStreamRequest]:
        with self.failure:
            async for image in _each(self._images):
                yield await prepare(image, partial(self._frames.request, image))
                await self._slots.acquire()

    def answered(self) -> None:
        """Lets one more image be read."""
        self._slots.release()


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
