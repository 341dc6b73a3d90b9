"""A caller that leaves retries to the client, and keeps a record of each call."""

import asyncio
import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

from benchmarks.soak.photos import Photo
from facewire_client import AsyncFaceClient, FaceClientError


class Call(NamedTuple):
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
        self.kills: list[Kill] = []
        self.back = asyncio.Event()
        """Set when a call that began after the last kill is answered."""
        self._target = target
        self._photos = photos
        self._stop = False

    async def __aenter__(self) -> Self:
        self._sending = asyncio.create_task(self._send())
        return self

    async def __aexit__(self, *failure: object) -> None:
        self._stop = True
        await self._sending

    def kill_begins(self) -> None:
        """Tell it that a kill is about to begin."""
        self.kills.append(Kill(time.monotonic()))
        self.back.clear()

    def kill_ended(self) -> None:
        """Tell it that what was killed has ended."""
        self.kills[-1].ended = time.monotonic()

    def since_kill(self) -> list[Call]:
        """The calls that have ended since the last kill."""
        return [call for call in self.calls if call.ended > self.kills[-1].began]

    def late(self) -> int:
        """How many calls have failed though they were in flight at no kill."""
        failed = [call for call in self.calls if call.error]
        return sum(not any(kill.excuses(call) for kill in self.kills) for call in failed)

    async def _send(self) -> None:
        async with AsyncFaceClient(self._target) as client:
            while not self._stop:
                photo = random.choice(self._photos)
                began, error = time.monotonic(), ""
                try:
                    result = await client.detect(photo.jpeg)
                except FaceClientError as failed:
                    error = str(failed)
                else:
                    boxes = [face.box for face in result.faces]
                    if mistake := photo.mistake(result.image_size, boxes):
                        self.mistakes.append(mistake)
                    if self.kills and began > (kill := self.kills[-1]).ended:
                        kill.answered = min(kill.answered, time.monotonic())
                        self.back.set()
                self.calls.append(Call(began, time.monotonic(), error))
