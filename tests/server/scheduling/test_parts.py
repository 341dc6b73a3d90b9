"""Work whose costly stage comes in parts: its checkpoints, its estimates, its workers."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from facewire_server.errors import Reason, RefusalError
from facewire_server.scheduling.fair_queue import FairQueue
from facewire_server.scheduling.job import Checkpoint, FixedWork
from facewire_server.scheduling.scheduler import Scheduler
from tests.server.scheduling.schedulers import Hold, scheduler

PART_SECONDS = 0.03


def parts(count: int, done: list[int] | None = None) -> FixedWork[int]:
    """Work in as many parts, which takes a while for each, and notes it."""

    def run(checkpoint: Checkpoint) -> int:
        for left in range(count, 0, -1):
            checkpoint(left)
            time.sleep(PART_SECONDS)
            if done is not None:
                done.append(left)
        return count

    return FixedWork(run, "tiles", in_parts=True)


def test_the_deadline_of_work_in_parts_counts_those_that_are_left() -> None:
    async def main() -> None:
        async with scheduler() as made:
            done: list[int] = []
            await made.run(parts(3))
            deadline = time.monotonic() + 10 * PART_SECONDS
            with pytest.raises(RefusalError) as caught:
                await made.run(parts(100, done), deadline=deadline)
            assert caught.value.reason is Reason.DEADLINE_UNREACHABLE
            assert not done
            await made.run(parts(3, done), deadline=time.monotonic() + 60)
            assert done == [3, 2, 1]

    asyncio.run(main())


def test_what_was_seen_of_such_work_counts_when_it_is_admitted() -> None:
    async def main() -> None:
        async with scheduler(workers=2) as made:
            started: list[int] = []
            await made.run(parts(10))
            with pytest.raises(RefusalError) as caught:
                await made.run(parts(10, started), deadline=time.monotonic() + PART_SECONDS)
            assert caught.value.reason is Reason.DEADLINE_UNREACHABLE
            assert not started
            # Work of the same kind that has no parts is estimated apart.
            whole = FixedWork(lambda _: 1, "tiles")
            assert (await made.run(whole, deadline=time.monotonic() + PART_SECONDS)).value == 1

    asyncio.run(main())


def test_a_deadline_that_passes_between_parts_ends_the_work() -> None:
    async def main() -> None:
        async with scheduler() as made:
            done: list[int] = []
            with pytest.raises(RefusalError) as caught:
                await made.run(parts(200, done), deadline=time.monotonic() + 4 * PART_SECONDS)
            assert caught.value.reason is Reason.DEADLINE_UNREACHABLE
            assert 0 < len(done) < 200

    asyncio.run(main())


def test_a_caller_who_goes_between_parts_ends_the_work() -> None:
    async def main() -> None:
        async with scheduler() as made:
            first, go_on, done = threading.Event(), threading.Event(), []

            def run(checkpoint: Checkpoint) -> None:
                checkpoint(2)
                first.set()
                assert go_on.wait(60)
                checkpoint(1)
                done.append(1)

            task = asyncio.create_task(made.run(FixedWork(run, "tiles", in_parts=True)))
            await asyncio.to_thread(first.wait, 60)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            go_on.set()
            await made.run(FixedWork(lambda _: None, "after"))
            assert not done

    asyncio.run(main())


async def start(made: Scheduler, count: int) -> tuple[list[Hold], list[asyncio.Task[Any]]]:
    """Work in parts that lasts until it is let go, as much as is asked for."""
    holds = [Hold() for _ in range(count)]
    works = [FixedWork(hold, "tiles", in_parts=True) for hold in holds]
    tasks = [asyncio.create_task(made.run(each, client=n)) for n, each in enumerate(works)]
    await until(lambda: made.running >= min(count, made.workers // 2))
    return holds, tasks


async def until(true: Callable[[], bool]) -> None:
    while not true():
        await asyncio.sleep(0.001)


def test_work_in_parts_leaves_half_of_the_workers_to_other_work() -> None:
    async def main() -> None:
        async with scheduler(workers=4) as made:
            holds, tasks = await start(made, 4)
            assert (made.running, made.depth) == (2, 2)
            for _ in range(8):
                assert (await made.run(FixedWork(lambda _: 1, "quick"), client="other")).value == 1
            assert not holds[2].started.is_set()
            for hold in holds:
                hold.let_go.set()
            assert [each.value for each in await asyncio.gather(*tasks)] == ["done"] * 4

    asyncio.run(main())


def test_a_single_worker_does_work_in_parts_too() -> None:
    async def main() -> None:
        async with scheduler(workers=1) as made:
            assert (await made.run(parts(3))).value == 3

    asyncio.run(main())


def test_the_wait_for_the_workers_of_such_work_counts_for_its_deadline() -> None:
    async def main() -> None:
        async with scheduler(workers=2) as made:
            await made.run(parts(20))
            running = asyncio.create_task(made.run(parts(20)))
            await until(lambda: made.running == 1)
            deadline = time.monotonic() + 30 * PART_SECONDS
            with pytest.raises(RefusalError) as caught:
                await made.run(parts(20), client="other", deadline=deadline)
            assert caught.value.reason is Reason.DEADLINE_UNREACHABLE
            await running

    asyncio.run(main())


def test_how_long_a_job_runs_is_told_of_its_present_part() -> None:
    async def main() -> None:
        async with scheduler() as made:
            hold = Hold()

            def run(checkpoint: Checkpoint) -> None:
                checkpoint(2)
                time.sleep(PART_SECONDS)
                hold(checkpoint)

            task = asyncio.create_task(made.run(FixedWork(run, "tiles", in_parts=True)))
            began = time.monotonic()
            await asyncio.to_thread(hold.started.wait, 60)
            now = time.monotonic()
            longest = made.longest_running(now)
            assert longest is not None
            assert longest[0] == "tiles"
            assert longest[1] <= now - began - PART_SECONDS
            hold.let_go.set()
            await task

    asyncio.run(main())


def test_clients_that_are_passed_over_keep_their_turn() -> None:
    queue: FairQueue[str] = FairQueue()
    for client, item in [("a", "a1"), ("a", "a2"), ("b", "b1"), ("c", "c1")]:
        queue.push(client, item)
    assert queue.pop(lambda item: item != "a1") == "b1"
    assert queue.pop(lambda _: False) is None
    assert [queue.pop() for _ in range(4)] == ["a1", "c1", "a2", None]
