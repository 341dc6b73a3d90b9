"""The scheduler: bounded, in order, and idle for callers that have gone."""

import asyncio
import threading
import time
from functools import partial

import pytest

from facewire_server.errors import Reason, RefusalError
from facewire_server.scheduling.job import Checkpoint, FixedWork
from facewire_server.scheduling.scheduler import Scheduler
from tests.server.scheduling.schedulers import busy, scheduler


def test_work_returns_its_value_and_how_long_it_waited() -> None:
    async def main() -> None:
        async with scheduler() as made:
            outcome = await made.run(FixedWork(lambda _: 42, "quick"))
            assert outcome.value == 42
            assert outcome.waited >= 0

    asyncio.run(main())


def test_an_error_of_the_work_is_raised_and_frees_the_worker() -> None:
    async def main() -> None:
        async with scheduler() as made:
            with pytest.raises(ZeroDivisionError):
                await made.run(FixedWork(lambda _: 1 // 0, "wrong"))
            assert (await made.run(FixedWork(lambda _: 1, "right"))).value == 1

    asyncio.run(main())


def test_waiting_callers_are_served_in_the_order_of_their_arrival() -> None:
    async def main() -> None:
        async with scheduler() as made:
            hold, running = await busy(made)
            order: list[int] = []

            def note(number: int, checkpoint: Checkpoint) -> None:
                order.append(number)

            waiting = [
                asyncio.create_task(made.run(FixedWork(partial(note, number), "a")))
                for number in range(5)
            ]
            await asyncio.sleep(0)
            hold.let_go.set()
            await asyncio.gather(running, *waiting)
            assert order == [0, 1, 2, 3, 4]

    asyncio.run(main())


def test_a_caller_cancelled_while_waiting_costs_no_work() -> None:
    async def main() -> None:
        async with scheduler() as made:
            hold, running = await busy(made)
            worked: list[int] = []
            work = FixedWork(lambda _: worked.append(1), "a", size=7)
            waiting = asyncio.create_task(made.run(work))
            await asyncio.sleep(0)
            assert (made.depth, made.queued_bytes) == (1, 7)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert (made.depth, made.queued_bytes) == (0, 0)
            hold.let_go.set()
            await running
            assert (await made.run(FixedWork(lambda _: 2, "b"))).value == 2
            assert worked == []

    asyncio.run(main())


def test_a_caller_cancelled_while_its_work_runs_leaves_the_worker_busy() -> None:
    async def main() -> None:
        async with scheduler(max_queue=0) as made:
            hold, running = await busy(made)
            task = asyncio.ensure_future(running)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            with pytest.raises(RefusalError):
                await made.run(FixedWork(lambda _: 1, "too many"))
            hold.let_go.set()
            while made.running:
                await asyncio.sleep(0.001)
            assert (await made.run(FixedWork(lambda _: 3, "after"))).value == 3

    asyncio.run(main())


def test_clients_take_turns() -> None:
    async def main() -> None:
        async with scheduler() as made:
            hold, running = await busy(made)
            order: list[str] = []

            def note(name: str, checkpoint: Checkpoint) -> None:
                order.append(name)

            names = ["a1", "a2", "a3", "b1", "c1", "b2"]
            waiting = [
                asyncio.create_task(made.run(FixedWork(partial(note, name), "a"), client=name[0]))
                for name in names
            ]
            await asyncio.sleep(0)
            hold.let_go.set()
            await asyncio.gather(running, *waiting)
            assert order == ["a1", "b1", "c1", "a2", "b2", "a3"]

    asyncio.run(main())


def test_work_for_a_caller_who_has_gone_stops_at_its_checkpoint() -> None:
    async def main() -> None:
        async with scheduler() as made:
            began, go_on = threading.Event(), threading.Event()
            costly: list[int] = []

            def work(checkpoint: Checkpoint) -> None:
                began.set()
                assert go_on.wait(60)
                checkpoint()
                costly.append(1)

            task = asyncio.create_task(made.run(FixedWork(work, "a")))
            await asyncio.to_thread(began.wait, 10)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            go_on.set()
            assert (await made.run(FixedWork(lambda _: 2, "b"))).value == 2
            assert costly == []

    asyncio.run(main())


def test_a_checkpoint_returns_whether_the_job_is_exclusive() -> None:
    async def main() -> None:
        async with scheduler(workers=2) as made:
            assert (await made.run(FixedWork(lambda checkpoint: checkpoint(), "a"))).value
            hold, running = await busy(made)
            assert not (await made.run(FixedWork(lambda checkpoint: checkpoint(), "a"))).value
            hold.let_go.set()
            await running

    asyncio.run(main())


def test_a_scheduler_is_watched_as_jobs_pass_their_checkpoint() -> None:
    async def main() -> None:
        async with scheduler() as made:
            kinds: list[str] = []
            made.watch(kinds.append)
            await made.run(FixedWork(lambda checkpoint: checkpoint(), "costly"))
            await made.run(FixedWork(lambda _: None, "cheap"))
            assert kinds == ["costly"]

    asyncio.run(main())


class ChangingWork:
    """Work that becomes another kind while it waits."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self.kind = "quick"
        self.size = 0
        self.in_parts = False

    def run(self, checkpoint: Checkpoint) -> tuple[str, float] | None:
        return self._scheduler.longest_running(0.0)


def test_a_job_is_estimated_and_reported_as_the_kind_that_it_is_when_it_begins() -> None:
    def slow(checkpoint: Checkpoint) -> None:
        checkpoint()
        time.sleep(0.2)

    async def main() -> None:
        async with scheduler() as made:
            await made.run(FixedWork(slow, "slow"))
            hold, running = await busy(made)
            deadline = time.monotonic() + 0.15
            work = ChangingWork(made)
            waiting = [
                asyncio.create_task(made.run(work, deadline=each)) for each in (deadline, None)
            ]
            await asyncio.sleep(0)
            work.kind = "slow"
            hold.let_go.set()
            await running
            # Less than what is slow takes, and more than anything else.
            with pytest.raises(RefusalError) as caught:
                await waiting[0]
            assert caught.value.reason is Reason.DEADLINE_UNREACHABLE
            longest = (await waiting[1]).value
            assert longest is not None
            assert longest[0] == "slow"

    asyncio.run(main())


def test_what_waits_when_the_scheduler_closes_is_cancelled() -> None:
    async def main() -> None:
        async with scheduler() as made:
            hold, running = await busy(made)
            waiting = asyncio.create_task(made.run(FixedWork(lambda _: 1, "a")))
            await asyncio.sleep(0)
            made.close()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            hold.let_go.set()
            await running

    asyncio.run(main())
