"""Jobs: what one that has ended keeps alive."""

import asyncio
import gc
import time
import weakref

import pytest

from facewire_server.scheduling.job import Checkpoint, FixedWork
from tests.server.scheduling.schedulers import busy, scheduler


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
