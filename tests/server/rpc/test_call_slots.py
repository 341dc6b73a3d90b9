"""Slots for calls: how many there are, and which watch gives its own up."""

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from facewire_server.errors import Reason, RefusalError
from facewire_server.rpc.call_slots import (
    HEALTH_CHECK,
    HEALTH_WATCH,
    RETRY_SECONDS,
    CallSlots,
    WatchSlots,
)


class Watches:
    """Opens watches, each on a connection with the name of one letter."""

    def __init__(self, limit: int) -> None:
        self._slots = WatchSlots(limit)
        self.tasks: list[asyncio.Task[None]] = []

    async def open(self, connections: str) -> list[asyncio.Task[None]]:
        """Open one for each letter, one after the other."""
        for connection in connections:
            self.tasks.append(asyncio.create_task(self._hold(connection)))
            for _ in range(5):
                await asyncio.sleep(0)
        return self.tasks

    def refused(self) -> list[int]:
        """The numbers of the watches that were refused, at once or later."""
        ended = [task.exception() if task.done() else None for task in self.tasks]
        for error in ended:
            assert error is None or isinstance(error, RefusalError)
            assert error is None or error.reason is Reason.TOO_MANY_CALLS
        return [number for number, error in enumerate(ended) if error]

    async def _hold(self, connection: str) -> None:
        async with self._slots.slot(connection):
            await asyncio.Event().wait()


def run(main: Callable[[Watches], Coroutine[None, None, None]], limit: int) -> None:
    async def whole() -> None:
        await main(Watches(limit))

    asyncio.run(whole())


@pytest.mark.parametrize(
    ("connections", "refused"),
    [
        ("aaa", []),
        ("abc", []),
        ("aaaa", [3]),
        ("abcd", [3]),
        ("aaab", [2]),
        ("aaabb", [2, 4]),
        ("aaabc", [1, 2]),
        ("aaabca", [1, 2, 5]),
    ],
)
def test_the_connection_with_most_watches_loses_its_newest_one(
    connections: str, refused: list[int]
) -> None:
    async def main(watches: Watches) -> None:
        await watches.open(connections)
        assert watches.refused() == refused

    run(main, 3)


def test_a_watch_that_ends_frees_its_slot() -> None:
    async def main(watches: Watches) -> None:
        (first,) = await watches.open("a")
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        watches.tasks.clear()
        await watches.open("bc")
        assert watches.refused() == [1]

    run(main, 1)


def test_a_timeout_raised_inside_is_not_taken_for_a_refusal() -> None:
    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with WatchSlots(1).slot("a"), asyncio.timeout(0):
                await asyncio.Event().wait()

    asyncio.run(main())


def test_calls_and_checks_of_health_are_counted_apart() -> None:
    slots = CallSlots(max_calls=1, max_watches=1)

    async def is_free(path: str) -> bool:
        try:
            async with slots.slot(path, lambda: "a"):
                return True
        except RefusalError as error:
            assert error.reason is Reason.TOO_MANY_CALLS
            assert error.retry_after == RETRY_SECONDS
            return False

    async def main() -> None:
        async with slots.slot("/x/Y", lambda: "a"):
            assert not await is_free("/x/Y")
            assert not await is_free("/x/Z")
            async with slots.slot(HEALTH_CHECK, lambda: "a"):
                assert not await is_free(HEALTH_CHECK)
            assert await is_free(HEALTH_CHECK)
            assert await is_free(HEALTH_WATCH)
        assert await is_free("/x/Y")

    asyncio.run(main())
