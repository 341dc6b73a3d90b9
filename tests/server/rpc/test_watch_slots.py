"""Slots that go to who has fewest."""

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from facewire_server.errors import Reason, RefusalError
from facewire_server.rpc.watch_slots import WatchSlots


class Watches:
    """Watches by the name of their connection, until each ends."""

    def __init__(self, limit: int) -> None:
        self._slots = WatchSlots(limit)
        self.tasks: list[asyncio.Task[None]] = []

    async def open(self, connections: str) -> list[asyncio.Task[None]]:
        """One for each letter, one after the other."""
        for connection in connections:
            self.tasks.append(asyncio.create_task(self._hold(connection)))
            for _ in range(5):
                await asyncio.sleep(0)
        return self.tasks

    def refused(self) -> list[int]:
        """The numbers of those that were refused, be it at once or later."""
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
def test_the_newest_of_the_connection_with_most_gives_way(
    connections: str, refused: list[int]
) -> None:
    async def main(watches: Watches) -> None:
        await watches.open(connections)
        assert watches.refused() == refused

    run(main, 3)


def test_a_watch_that_ends_leaves_its_slot() -> None:
    async def main(watches: Watches) -> None:
        (first,) = await watches.open("a")
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        watches.tasks.clear()
        await watches.open("bc")
        assert watches.refused() == [1]

    run(main, 1)


def test_a_timeout_of_what_runs_inside_is_left_as_it_is() -> None:
    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with WatchSlots(1).slot("a"), asyncio.timeout(0):
                await asyncio.Event().wait()

    asyncio.run(main())
