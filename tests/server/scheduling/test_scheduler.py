"""The scheduler: bounded, in order, and idle for callers that have gone."""

import asyncio
import gc
import threading
import time
import weakref
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from functools import partial

import pytest

from facewire_server.errors import Reason, RefusalError
from facewire_server.scheduling.job import Checkpoint, FixedWork
from facewire_server.scheduling.scheduler import Scheduler


@asynccontextmanager
async def scheduler(*, workers: int = 1, max_queue: int = 8) -> AsyncIterator[Scheduler]:
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

    def __call__(self, checkpoint: Checkpoint) -> str:
        checkpoint()
        self.started.set()
        assert self.let_go.wait(60)
        return "done"


async def busy(made: Scheduler) -> tuple[Hold, Awaitable[object]]:
    """Occupies one worker."""
    hold = Hold()
    running = asyncio.create_task(made.run(FixedWork(hold, "hold")))
    await asyncio.to_thread(hold.started.wait, 10)
    return hold, running


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


def test_a_full_queue_refuses_and_says_when_to_come_back() -> None:
    async def main() -> None:
        async with scheduler(max_queue=0) as made:
            hold, running = await busy(made)
            with pytest.raises(RefusalError) as refusal:
                await made.run(FixedWork(lambda _: 1, "late"))
            assert refusal.value.reason is Reason.QUEUE_FULL
            assert refusal.value.retry_after is not None
            assert refusal.value.retry_after > 0
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
            waiting = asyncio.create_task(made.run(FixedWork(lambda _: worked.append(1), "a")))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert made.depth == 0
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


def test_a_deadline_that_has_passed_is_refused_before_any_work() -> None:
    async def main() -> None:
        async with scheduler() as made:
            worked: list[int] = []
            with pytest.raises(RefusalError) as refusal:
                await made.run(
                    FixedWork(lambda _: worked.append(1), "a"), deadline=time.monotonic() - 1
                )
            assert refusal.value.reason is Reason.DEADLINE_UNREACHABLE
            assert worked == []

    asyncio.run(main())


def test_a_deadline_shorter_than_the_known_duration_is_refused() -> None:
    def slow(checkpoint: Checkpoint) -> None:
        checkpoint()
        time.sleep(0.2)

    async def main() -> None:
        async with scheduler() as made:
            await made.run(FixedWork(slow, "slow"))
            with pytest.raises(RefusalError) as refusal:
                await made.run(FixedWork(lambda _: None, "slow"), deadline=time.monotonic() + 0.05)
            assert refusal.value.reason is Reason.DEADLINE_UNREACHABLE
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
            with pytest.raises(RefusalError) as refusal:
                await waiting
            assert refusal.value.reason is Reason.DEADLINE_UNREACHABLE
            assert worked == []
            await running
            assert (await made.run(FixedWork(lambda _: 1, "b"))).value == 1

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


def test_a_full_queue_makes_room_for_a_client_who_has_less_in_it() -> None:
    async def main() -> None:
        async with scheduler(max_queue=3) as made:
            hold, running = await busy(made)
            greedy = [
                asyncio.create_task(made.run(FixedWork(lambda _: 1, "a"), client="greedy"))
                for _ in range(3)
            ]
            await asyncio.sleep(0)
            modest = asyncio.create_task(made.run(FixedWork(lambda _: 2, "a"), client="modest"))
            await asyncio.sleep(0)
            assert made.depth == 3
            with pytest.raises(RefusalError) as refusal:
                await greedy.pop()
            assert refusal.value.reason is Reason.QUEUE_FULL
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


def test_work_whose_deadline_passes_stops_at_its_checkpoint() -> None:
    async def main() -> None:
        async with scheduler() as made:

            def work(checkpoint: Checkpoint) -> None:
                time.sleep(0.1)
                checkpoint()
                raise AssertionError

            with pytest.raises(RefusalError) as refusal:
                await made.run(FixedWork(work, "a"), deadline=time.monotonic() + 0.05)
            assert refusal.value.reason is Reason.DEADLINE_UNREACHABLE

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


def test_an_observer_is_told_of_the_queue_and_of_checkpoints() -> None:
    class Notes:
        def __init__(self) -> None:
            self.depths: list[tuple[int, int]] = []
            self.kinds: list[str] = []

        def queued(self, depth: int, size: int) -> None:
            self.depths.append((depth, size))

        def checkpoint_passed(self, kind: str) -> None:
            self.kinds.append(kind)

    async def main() -> None:
        async with scheduler() as made:
            notes = Notes()
            made.watch(notes)
            await made.run(FixedWork(lambda checkpoint: checkpoint(), "costly", size=7))
            await made.run(FixedWork(lambda _: None, "cheap"))
            assert notes.depths == [(1, 7), (0, 0), (1, 0), (0, 0)]
            assert notes.kinds == ["costly"]

    asyncio.run(main())


def test_a_thread_that_waits_keeps_nothing_of_its_last_work() -> None:
    class Network:
        def infer(self, checkpoint: Checkpoint) -> bool:
            return checkpoint()

    async def main() -> None:
        async with scheduler(workers=2) as made:
            for _ in range(10):
                network = Network()
                kept = weakref.ref(network)
                await made.run(FixedWork(network.infer, "a"))
                del network
                while kept() is not None:
                    await asyncio.sleep(0.001)

    asyncio.run(asyncio.wait_for(main(), 60))


@pytest.mark.parametrize("end", ["fails", "is refused", "is too late", "is cancelled"])
def test_what_is_not_answered_is_let_go_without_the_garbage_collector(
    end: str,
) -> None:
    class Work:
        def __call__(self, checkpoint: Checkpoint) -> float:
            return 1 / 0

    async def main() -> None:
        async with scheduler(max_queue=int(end != "is refused")) as made:
            work = Work()
            kept = weakref.ref(work)
            if end == "fails":
                task = asyncio.create_task(made.run(FixedWork(work, "a")))
            else:
                hold, running = await busy(made)
                # Once more than the time that work of this kind is known to take.
                deadline = time.monotonic() + 0.05 if end == "is too late" else None
                task = asyncio.create_task(made.run(FixedWork(work, "a"), deadline=deadline))
                await asyncio.sleep(0.1)
                if end == "is cancelled":
                    task.cancel()
                    await asyncio.sleep(0)
                hold.let_go.set()
                await running
            await asyncio.wait((task,))
            assert task.cancelled() or task.exception() is not None
            del task, work
            while kept() is not None:
                await asyncio.sleep(0.001)

    gc.collect()
    gc.disable()
    try:
        asyncio.run(asyncio.wait_for(main(), 60))
    finally:
        gc.enable()


class ChangingWork:
    """Work that becomes another kind while it waits."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self.kind = "quick"
        self.size = 0

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
            with pytest.raises(RefusalError) as refusal:
                await waiting[0]
            assert refusal.value.reason is Reason.DEADLINE_UNREACHABLE
            told = (await waiting[1]).value
            assert told is not None
            assert told[0] == "slow"

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
    except RefusalError as refusal:
        assert refusal.reason is Reason.DEADLINE_UNREACHABLE
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
            with pytest.raises(RefusalError) as refusal:
                await made.run(FixedWork(late, "a"), deadline=time.monotonic() + 0.45)
            assert refusal.value.reason is Reason.DEADLINE_UNREACHABLE
            assert costly == []

    asyncio.run(main())


def test_more_bytes_than_may_wait_are_refused_and_one_alone_is_let_in() -> None:
    async def main() -> None:
        made = Scheduler(workers=1, max_queue=8, max_queued_bytes=10)
        hold, running = await busy(made)
        waiting = asyncio.create_task(made.run(FixedWork(lambda _: 1, "a", size=99)))
        await asyncio.sleep(0)
        assert made.depth == 1
        with pytest.raises(RefusalError) as refusal:
            await made.run(FixedWork(lambda _: 1, "a", size=1))
        assert refusal.value.reason is Reason.QUEUE_FULL
        assert refusal.value.retry_after
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
