"""A full queue: jobs are refused, or senders held back, and each client gets on."""

import asyncio
import threading
from functools import partial

import pytest

from facewire_server.errors import Reason, RefusalError
from facewire_server.scheduling.job import Checkpoint, FixedWork
from facewire_server.scheduling.queue_limit import Backpressure
from facewire_server.scheduling.scheduler import Scheduler
from tests.server.scheduling.schedulers import busy, scheduler


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


def test_another_sender_is_let_in_for_one_that_has_gone() -> None:
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


def test_a_full_queue_refuses_with_a_retry_time() -> None:
    async def main() -> None:
        async with scheduler(max_queue=0) as made:
            hold, running = await busy(made)
            with pytest.raises(RefusalError) as caught:
                await made.run(FixedWork(lambda _: 1, "late"))
            assert caught.value.reason is Reason.QUEUE_FULL
            assert caught.value.retry_after is not None
            assert caught.value.retry_after > 0
            hold.let_go.set()
            await running

    asyncio.run(main())


def test_a_job_that_is_not_sheddable_waits_however_full_the_queue_is() -> None:
    async def main() -> None:
        async with scheduler(max_queue=0) as made:
            hold, running = await busy(made)
            waiting = asyncio.create_task(made.run(FixedWork(lambda _: 1, "a"), sheddable=False))
            await asyncio.sleep(0)
            assert made.depth == 1
            hold.let_go.set()
            assert (await waiting).value == 1
            await running

    asyncio.run(main())


def test_a_full_queue_makes_room_for_a_client_who_has_less_in_it() -> None:
    async def main() -> None:
        async with scheduler(max_queue=3) as made:
            hold, running = await busy(made)
            one = FixedWork(lambda _: 1, "a")
            greedy = [asyncio.create_task(made.run(one, client="greedy")) for _ in range(3)]
            await asyncio.sleep(0)
            modest = asyncio.create_task(made.run(FixedWork(lambda _: 2, "a"), client="modest"))
            await asyncio.sleep(0)
            assert made.depth == 3
            with pytest.raises(RefusalError) as caught:
                await greedy.pop()
            assert caught.value.reason is Reason.QUEUE_FULL
            with pytest.raises(RefusalError):
                await made.run(FixedWork(lambda _: 3, "a"), client="greedy")
            # With two of each there would be no point in it.
            with pytest.raises(RefusalError):
                await made.run(FixedWork(lambda _: 4, "a"), client="modest")
            hold.let_go.set()
            assert (await modest).value == 2
            await asyncio.gather(running, *greedy)

    asyncio.run(main())


def test_jobs_that_are_not_sheddable_take_no_room_and_no_turn_from_others() -> None:
    async def main() -> None:
        async with scheduler(max_queue=1) as made:
            hold, running = await busy(made)
            order: list[str] = []

            def note(name: str, checkpoint: Checkpoint) -> None:
                order.append(name)

            frames = [
                asyncio.create_task(
                    made.run(
                        FixedWork(partial(note, "frame"), "a"), client="video", sheddable=False
                    )
                )
                for _ in range(100)
            ]
            await asyncio.sleep(0)
            single = made.run(FixedWork(partial(note, "single"), "a"), client="one")
            waiting = asyncio.create_task(single)
            await asyncio.sleep(0)
            assert made.depth == 101
            hold.let_go.set()
            await asyncio.gather(running, waiting, *frames)
            assert order.index("single") == 1

    asyncio.run(main())


def test_more_bytes_than_may_wait_are_refused_and_a_single_job_is_let_in() -> None:
    async def main() -> None:
        made = Scheduler(workers=1, max_queue=8, max_queued_bytes=10)
        hold, running = await busy(made)
        waiting = asyncio.create_task(made.run(FixedWork(lambda _: 1, "a", size=99)))
        await asyncio.sleep(0)
        assert made.depth == 1
        with pytest.raises(RefusalError) as caught:
            await made.run(FixedWork(lambda _: 1, "a", size=1))
        assert caught.value.reason is Reason.QUEUE_FULL
        assert caught.value.retry_after
        hold.let_go.set()
        await asyncio.gather(running, waiting)
        made.close()

    asyncio.run(main())


def test_a_client_with_many_bytes_gives_way_to_one_with_few() -> None:
    async def main() -> None:
        made = Scheduler(workers=1, max_queue=8, max_queued_bytes=10)
        hold, running = await busy(made)
        greedy = [
            asyncio.create_task(made.run(FixedWork(lambda _: 1, "a", size=3), client="g"))
            for _ in range(3)
        ]
        await asyncio.sleep(0)
        modest = asyncio.create_task(made.run(FixedWork(lambda _: 2, "a", size=4), client="m"))
        await asyncio.sleep(0)
        assert made.depth == 3
        with pytest.raises(RefusalError):
            await greedy.pop()
        with pytest.raises(RefusalError):
            await made.run(FixedWork(lambda _: 2, "a", size=4), client="m")
        hold.let_go.set()
        await asyncio.gather(running, modest, *greedy)
        made.close()

    asyncio.run(main())


def test_there_is_room_for_jobs_not_sheddable_when_half_of_the_bytes_are_left() -> None:
    async def main() -> None:
        made = Scheduler(workers=1, max_queue=8, max_queued_bytes=10)
        hold, running = await busy(made)
        await made.room("video")
        frame = asyncio.create_task(
            # However large it is, it counts as half of the bytes.
            made.run(FixedWork(lambda _: 1, "a", size=99), client="video", sheddable=False)
        )
        await asyncio.sleep(0)
        room = asyncio.create_task(made.room("video"))
        # What is left is for those who would be refused.
        single = asyncio.create_task(made.run(FixedWork(lambda _: 2, "a", size=5)))
        await asyncio.sleep(0.05)
        assert not room.done()
        assert made.depth == 2
        hold.let_go.set()
        await asyncio.wait_for(asyncio.gather(running, room, frame, single), 60)
        made.close()

    asyncio.run(main())
