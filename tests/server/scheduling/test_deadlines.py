"""Deadlines: a job that would miss its own is refused as early as that is known."""

import asyncio
import time

import pytest

from facewire_server.errors import Reason, RefusalError
from facewire_server.scheduling.job import Checkpoint, FixedWork
from facewire_server.scheduling.scheduler import Scheduler
from tests.server.scheduling.schedulers import busy, scheduler


def test_a_deadline_that_has_passed_is_refused_before_any_work() -> None:
    async def main() -> None:
        async with scheduler() as made:
            worked: list[int] = []
            with pytest.raises(RefusalError) as caught:
                await made.run(
                    FixedWork(lambda _: worked.append(1), "a"), deadline=time.monotonic() - 1
                )
            assert caught.value.reason is Reason.DEADLINE_UNREACHABLE
            assert worked == []

    asyncio.run(main())


def test_a_deadline_shorter_than_the_known_duration_is_refused() -> None:
    def slow(checkpoint: Checkpoint) -> None:
        checkpoint()
        time.sleep(0.2)

    async def main() -> None:
        async with scheduler() as made:
            await made.run(FixedWork(slow, "slow"))
            with pytest.raises(RefusalError) as caught:
                await made.run(FixedWork(lambda _: None, "slow"), deadline=time.monotonic() + 0.05)
            assert caught.value.reason is Reason.DEADLINE_UNREACHABLE
            await made.run(FixedWork(lambda _: None, "quick"), deadline=time.monotonic() + 5)

    asyncio.run(main())


def test_a_deadline_that_passes_in_the_queue_is_refused_before_any_work() -> None:
    async def main() -> None:
        async with scheduler() as made:
            hold, running = await busy(made)
            worked: list[int] = []
            deadline = time.monotonic() + 0.05
            waiting = asyncio.create_task(
                made.run(FixedWork(lambda _: worked.append(1), "a"), deadline=deadline)
            )
            await asyncio.sleep(0.1)
            hold.let_go.set()
            with pytest.raises(RefusalError) as caught:
                await waiting
            assert caught.value.reason is Reason.DEADLINE_UNREACHABLE
            assert worked == []
            await running
            assert (await made.run(FixedWork(lambda _: 1, "b"))).value == 1

    asyncio.run(main())


def test_work_whose_deadline_passes_stops_at_its_checkpoint() -> None:
    async def main() -> None:
        async with scheduler() as made:

            def work(checkpoint: Checkpoint) -> None:
                time.sleep(0.1)
                checkpoint()
                raise AssertionError

            with pytest.raises(RefusalError) as caught:
                await made.run(FixedWork(work, "a"), deadline=time.monotonic() + 0.05)
            assert caught.value.reason is Reason.DEADLINE_UNREACHABLE

    asyncio.run(main())


def test_a_bad_moment_does_not_have_everything_refused_for_ever() -> None:
    def slow(checkpoint: Checkpoint) -> None:
        checkpoint()
        time.sleep(0.1)

    async def main() -> None:
        async with scheduler() as made:
            await made.run(FixedWork(slow, "a"))
            refused = 0
            while True:
                deadline = time.monotonic() + 0.09
                try:
                    await made.run(FixedWork(lambda _: 1, "a"), deadline=deadline)
                except RefusalError:
                    refused += 1
                    await asyncio.sleep(0.05)
                else:
                    break
            assert refused > 0

    asyncio.run(main())


def slow_to_open(checkpoint: Checkpoint) -> None:
    """Work with a long first stage, and next to no second one."""
    time.sleep(0.3)
    checkpoint()


async def deadline_is_met(made: Scheduler, *, size: int) -> bool:
    try:
        deadline = time.monotonic() + 0.1
        await made.run(FixedWork(lambda _: None, "a", size=size), deadline=deadline)
    except RefusalError as caught:
        assert caught.reason is Reason.DEADLINE_UNREACHABLE
        return False
    return True


def test_a_slow_first_stage_has_no_job_refused_by_an_idle_scheduler() -> None:
    async def main() -> None:
        async with scheduler() as made:
            await made.run(FixedWork(slow_to_open, "a", size=1000))
            assert await deadline_is_met(made, size=1000)

    asyncio.run(main())


def test_beside_other_work_a_slow_first_stage_counts_for_what_is_as_large() -> None:
    async def main() -> None:
        async with scheduler(workers=2) as made:
            await made.run(FixedWork(slow_to_open, "a", size=1000))
            hold, running = await busy(made)
            assert not await deadline_is_met(made, size=1000)
            assert await deadline_is_met(made, size=10)
            hold.let_go.set()
            await running

    asyncio.run(main())


def test_a_second_stage_that_would_be_too_late_is_not_begun() -> None:
    costly: list[int] = []

    def slow(checkpoint: Checkpoint) -> None:
        checkpoint()
        time.sleep(0.3)

    def late(checkpoint: Checkpoint) -> None:
        time.sleep(0.2)
        checkpoint()
        costly.append(1)

    async def main() -> None:
        async with scheduler() as made:
            await made.run(FixedWork(slow, "a"))
            with pytest.raises(RefusalError) as caught:
                await made.run(FixedWork(late, "a"), deadline=time.monotonic() + 0.45)
            assert caught.value.reason is Reason.DEADLINE_UNREACHABLE
            assert costly == []

    asyncio.run(main())
