"""Streams of images that tell how far they were read, and by whom."""

import threading
import time
from collections.abc import AsyncIterator, Iterator


class Endless:
    """Images without end, of one byte each, for either client."""

    def __init__(self) -> None:
        self.read = 0
        self.reader: threading.Thread | None = None

    def __iter__(self) -> Iterator[bytes]:
        self.reader = threading.current_thread()
        while True:
            self.read += 1
            yield b"x"

    def wait(self, count: int) -> None:
        """Returns when so many were read; fails if they are not, or if more are."""
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
    """The images, and then a camera that is gone."""
    yield from images
    raise OSError("the camera is gone")
