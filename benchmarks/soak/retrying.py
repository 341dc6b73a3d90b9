"""A caller that leaves retries to the client, and keeps a record of each call."""

import asyncio
import math
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
    """When it began, when what was killed had ended, and when the first answer came then."""

    began: float
    ended: float = math.inf
    answered: float = math.inf

    def excuses(self, call: Call) -> bool:
        """Whether a call was under way before its caller was connected again."""
        return call.ended >= self.began and call.began < self.answered


class RetryingCaller:
    """Sends photos, one after the other, while it is open."""

    def __init__(self, target: str, photos: Sequence[Photo]) -> None:
        self.calls: list[Call] = []
        self.mistakes: list[str] = []
        self.back = asyncio.Event()
        """Set when a call that began after the last kill is answered."""
        self._target = target
        self._photos = photos
        self._kills: list[Kill] = []
        self._stop = False
        self._sending: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._sending = asyncio.create_task(self._send())
        return self

    async def __aexit__(self, *failure: object) -> None:
        self._stop = True
        if self._sending is not None:
            await self._sending

    def kill_begins(self) -> None:
        """Tell it that a kill is about to begin."""
        self._kills.append(Kill(time.monotonic()))
        self.back.clear()

    def kill_ended(self) -> None:
        """Tell it that what was killed has ended."""
        self._kills[-1].ended = time.monotonic()

    def since_kill(self) -> Iterator[Call]:
        """The calls that have ended since the last kill."""
        return (call for call in self.calls if call.ended > self._kills[-1].began)

    def late(self) -> int:
        """How many calls have failed though they were in flight at no kill."""
        return sum(
            bool(call.error) and not any(kill.excuses(call) for kill in self._kills)
            for call in self.calls
        )

    async def _send(self) -> None:
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
        if self._kills and began > (kill := self._kills[-1]).ended:
            kill.answered = min(kill.answered, time.monotonic())
            self.back.set()
