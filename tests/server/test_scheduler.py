"""The scheduler: bounded, in order, and never working for nobody."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from functools import partial

import pytest

from facewire_server.errors import Reason, RefusalError
from facewire_server.scheduler import Scheduler


@asynccontextmanager
async def scheduler(
    *, workers: int = 1, max_queue: int = 8
) -> AsyncIterator[Scheduler]:
    made = Scheduler(workers=workers, max_queue=max_queue)
    try:
        yield made
    finally:
        made.close()


class Hold:
    """Work that lasts until it is let go."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.let_go = threading.Event()

    def __call__(self) -> str:
        self.started.set()
        assert self.let_go.wait(10)
        return "done"


async def busy(made: Scheduler) -> tuple[Hold, Awaitable[object]]:
    """Occupies one worker."""
    hold = Hold()
    running = asyncio.create_task(made.run(hold, kind="hold"))
    await asyncio.to_thread(hold.started.wait, 10)
    return hold, running


def test_work_returns_its_value_and_how_long_it_waited() -> None:
    async def main() -> None:
        async with scheduler() as made:
            outcome = await made.run(lambda: 42, kind="quick")
            assert outcome.value == 42
            assert outcome.waited >= 0

    asyncio.run(main())


def test_an_error_of_the_work_is_raised_and_frees_the_worker() -> None:
    async def main() -> None:
        async with scheduler() as made:
            with pytest.raises(ZeroDivisionError):
                await made.run(lambda: 1 // 0, kind="wrong")
            assert (await made.run(lambda: 1, kind="right")).value == 1

    asyncio.run(main())


def test_a_full_queue_refuses_and_says_when_to_come_back() -> None:
    async def main() -> None:
        async with scheduler(max_queue=0) as made:
            hold, running = await busy(made)
            with pytest.raises(RefusalError) as refusal:
                await made.run(lambda: 1, kind="late")
            assert refusal.value.reason is Reason.QUEUE_FULL
            assert refusal.value.retry_after is not None
            assert refusal.value.retry_after > 0
            hold.let_go.set()
            await running

    asyncio.run(main())


def test_a_patient_caller_waits_however_full_the_queue_is() -> None:
    async def main() -> None:
        async with scheduler(max_queue=0) as made:
            hold, running = await busy(made)
            waiting = asyncio.create_task(made.run(lambda: 1, kind="a", patient=True))
            await asyncio.sleep(0)
            assert made.depth == 1
            hold.let_go.set()
            assert (await waiting).value == 1
            await running

    asyncio.run(main())


def test_waiting_callers_are_served_in_the_order_of_their_arrival() -> None:
    async def main() -> None:
        async with scheduler() as made:
            hold, running = await busy(made)
            order: list[int] = []
            waiting = [
                asyncio.create_task(made.run(partial(order.append, number), kind="a"))
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
            waiting = asyncio.create_task(made.run(lambda: worked.append(1), kind="a"))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert made.depth == 0
            hold.let_go.set()
            await running
            assert (await made.run(lambda: 2, kind="b")).value == 2
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
                await made.run(lambda: 1, kind="too many")
            hold.let_go.set()
            while made.depth or not made.idle:
                await asyncio.sleep(0.001)
            assert (await made.run(lambda: 3, kind="after")).value == 3

    asyncio.run(main())


def test_a_deadline_that_has_passed_is_refused_before_any_work() -> None:
    async def main() -> None:
        async with scheduler() as made:
            worked: list[int] = []
            with pytest.raises(RefusalError) as refusal:
                await made.run(
                    lambda: worked.append(1), kind="a", deadline=time.monotonic() - 1
                )
            assert refusal.value.reason is Reason.DEADLINE_UNREACHABLE
            assert worked == []

    asyncio.run(main())


def test_a_deadline_shorter_than_the_known_duration_is_refused() -> None:
    async def main() -> None:
        async with scheduler() as made:
            await made.run(lambda: time.sleep(0.2), kind="slow")
            await asyncio.sleep(0)
            with pytest.raises(RefusalError) as refusal:
                await made.run(
                    lambda: None, kind="slow", deadline=time.monotonic() + 0.05
                )
            assert refusal.value.reason is Reason.DEADLINE_UNREACHABLE
            await made.run(lambda: None, kind="quick", deadline=time.monotonic() + 5)

    asyncio.run(main())


def test_a_deadline_that_passes_in_the_queue_is_refused_before_any_work() -> None:
    async def main() -> None:
        async with scheduler() as made:
            hold, running = await busy(made)
            worked: list[int] = []
            deadline = time.monotonic() + 0.05
            waiting = asyncio.create_task(
                made.run(lambda: worked.append(1), kind="a", deadline=deadline)
            )
            await asyncio.sleep(0.1)
            hold.let_go.set()
            with pytest.raises(RefusalError) as refusal:
                await waiting
            assert refusal.value.reason is Reason.DEADLINE_UNREACHABLE
            assert worked == []
            await running
            assert (await made.run(lambda: 1, kind="b")).value == 1

    asyncio.run(main())
