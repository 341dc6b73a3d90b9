"""Iterables of images for streams."""

import threading
import time
from collections.abc import AsyncIterator, Iterator


class Endless:
    """An endless iterable of images of one byte, for either client.

    `read` counts the images that were read, `reader` is the thread that reads them.
    """

    def __init__(self) -> None:
        self.read = 0
        self.reader: threading.Thread | None = None

    def __iter__(self) -> Iterator[bytes]:
        self.reader = threading.current_thread()
        while True:
            self.read += 1
            yield b"x"

    def wait(self, count: int) -> None:
        """Wait until `count` images were read; fail if they are not, or if more are."""
        deadline = time.monotonic() + 60
        while self.read < count:
            assert time.monotonic() < deadline, f"only {self.read} were read"
            time.sleep(0.005)
        time.sleep(0.05)
        assert self.read == count

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for image in self:
            yield image


def broken(*images: bytes) -> Iterator[bytes]:
    """Yield the images, then raise OSError."""
    yield from images
    raise OSError("the camera is gone")
