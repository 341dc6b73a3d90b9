"""Senders are held back while too much waits, and each of them gets on."""

import asyncio
import threading

import pytest

from facewire_server.scheduling.queue_limit import Backpressure


async def settled() -> None:
    """Lets whatever is ready run, what came from other threads too."""
    for _ in range(5):
        await asyncio.sleep(0)


async def held(backpressure: Backpressure, *clients: str) -> list[asyncio.Task[None]]:
    tasks = [asyncio.create_task(backpressure.room(client)) for client in clients]
    await settled()
    return tasks


def test_below_the_limit_no_sender_waits() -> None:
    async def main() -> None:
        backpressure = Backpressure(10)
        backpressure.add(9)
        await asyncio.wait_for(backpressure.room("a"), 10)

    asyncio.run(main())


def test_from_the_limit_on_one_is_let_in_for_each_that_leaves() -> None:
    async def main() -> None:
        backpressure = Backpressure(10)
        for _ in range(4):
            backpressure.add(4)
        tasks = await held(backpressure, "a", "a", "a")
        backpressure.remove(4)
        await settled()
        assert [task.done() for task in tasks] == [False, False, False]
        backpressure.remove(4)
        await settled()
        assert [task.done() for task in tasks] == [True, False, False]
        backpressure.remove(4)
        await settled()
        assert [task.done() for task in tasks] == [True, True, False]
        backpressure.remove(4)
        await settled()
        assert all(task.done() for task in tasks)

    asyncio.run(main())


def test_when_nothing_waits_all_are_let_in_from_any_thread() -> None:
    async def main() -> None:
        backpressure = Backpressure(10)
        backpressure.add(100)
        tasks = await held(backpressure, "a", "b", "b")
        threading.Thread(target=backpressure.remove, args=(100,)).start()
        await asyncio.wait_for(asyncio.gather(*tasks), 60)

    asyncio.run(main())


def test_clients_take_turns() -> None:
    async def main() -> None:
        backpressure = Backpressure(10)
        for _ in range(3):
            backpressure.add(5)
        tasks = await held(backpressure, "a", "a", "b")
        backpressure.remove(5)
        backpressure.remove(5)
        backpressure.add(0)
        await settled()
        assert [task.done() for task in tasks] == [True, False, False]
        backpressure.add(1)
        backpressure.remove(1)
        await settled()
        assert [task.done() for task in tasks] == [True, False, True]
        for task in tasks:
            task.cancel()

    asyncio.run(main())


def test_a_sender_that_is_let_in_and_gone_leaves_its_place_to_another() -> None:
    async def main() -> None:
        backpressure = Backpressure(10)
        backpressure.add(10)
        backpressure.add(1)
        first, second = await held(backpressure, "a", "b")
        backpressure.remove(10)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        await asyncio.wait_for(second, 60)

    asyncio.run(main())
