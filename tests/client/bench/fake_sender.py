"""A sender that sends nothing, and notes what it was told to."""

import asyncio
from collections.abc import Coroutine
from time import monotonic
from typing import Any


class FakeSender:
    """Each of its requests takes `seconds`, all but those that `stall` adds to."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.planned: list[float] = []
        self.given_up: list[float] = []
        self.latencies: list[float] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self.stall_after: int | None = None
        self.stall = 0.0

    def send(self, planned: float) -> Coroutine[Any, Any, None]:
        self.planned.append(planned)
        return self._send(planned)

    def give_up(self, planned: float) -> None:
        self.given_up.append(planned)

    async def _send(self, planned: float) -> None:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        stalls = len(self.planned) - 1 == self.stall_after
        try:
            await asyncio.sleep(self.seconds + (self.stall if stalls else 0.0))
            self.latencies.append(monotonic() - planned)
        finally:
            self.in_flight -= 1
