"""A caller who leaves it to the client to try again, and remembers each call."""

import asyncio
import math
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from benchmarks.soak.photos import Photo
from facewire_client import AsyncFaceClient, FaceClientError
from facewire_client.result import DetectResult


@dataclass(frozen=True, slots=True)
class Call:
    """When a call began and ended, and its error; empty: it was answered."""

    began: float
    ended: float
    error: str


@dataclass(slots=True)
class Kill:
    """When it was done, when what was killed had ended, and the first answer after."""

    struck: float
    dead: float = math.inf
    answered: float = math.inf

    def excuses(self, call: Call) -> bool:
        """Whether a call was under way before its caller was connected again."""
        return call.ended >= self.struck and call.began < self.answered


class RetryingCaller:
    """Asks about photos, one after the other, while it is open."""

    def __init__(self, target: str, photos: Sequence[Photo]) -> None:
        self.calls: list[Call] = []
        self.mistakes: list[str] = []
        self.back = asyncio.Event()
        """Set when a call that began after the last kill is answered."""
        self._target = target
        self._photos = photos
        self._kills: list[Kill] = []
        self._stop = False
        self._asking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._asking = asyncio.create_task(self._ask())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop = True
        if self._asking is not None:
            await self._asking

    def struck(self) -> None:
        """To be called right before a kill."""
        self._kills.append(Kill(time.monotonic()))
        self.back.clear()

    def dead(self) -> None:
        """To be called when what was killed has ended."""
        self._kills[-1].dead = time.monotonic()

    def since_kill(self) -> Iterator[Call]:
        """The calls that have ended since the last kill."""
        return (call for call in self.calls if call.ended > self._kills[-1].struck)

    def late(self) -> int:
        """How many calls have failed though they were in flight at no kill."""
        return sum(
            bool(call.error) and not any(kill.excuses(call) for kill in self._kills)
            for call in self.calls
        )

    async def _ask(self) -> None:
        async with AsyncFaceClient(self._target) as client:
            while not self._stop:
                photo = random.choice(self._photos)
                began = time.monotonic()
                error = ""
                try:
                    result = await client.detect(photo.jpeg)
                except FaceClientError as failed:
                    error = str(failed)
                else:
                    self._answered(photo, began, result)
                self.calls.append(Call(began, time.monotonic(), error))

    def _answered(self, photo: Photo, began: float, result: DetectResult) -> None:
        boxes = [face.box for face in result.faces]
        if mistake := photo.mistake(result.image_size, boxes):
            self.mistakes.append(mistake)
        if self._kills and began > (kill := self._kills[-1]).dead:
            kill.answered = min(kill.answered, time.monotonic())
            self.back.set()
