"""The images of one request, worked on side by side and answered as one."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from functools import partial

from facewire_server.errors import RequestError
from facewire_server.inference.detector import Detections
from facewire_server.rpc.call import Call
from facewire_server.rpc.dispatcher import Dispatcher
from facewire_server.rpc.ordered_stream import LatestSlot, OrderedStream, Pending
from facewire_server.scheduling.job import FixedWork, Outcome

Work = FixedWork[Detections]
Result = Outcome[Detections] | BaseException


async def run_batch(
    dispatcher: Dispatcher, works: Sequence[Work], call: Call, *, sheddable: bool
) -> list[Outcome[Detections]]:
    """Have all work of a call done; returns the outcomes in its order.

    At most as many images as there are workers are in the queue or in work. The first is
    admitted as `sheddable` says, the others wait for room as the frames of a stream do.
    Raises the error of the first image that has one; the others are cancelled.
    """
    if len(works) == 1:
        return [await dispatcher.run(works[0], call, sheddable=sheddable)]
    scheduler = dispatcher.loaded.scheduler
    first = works[0] if sheddable else None

    async def run(slot: LatestSlot[Pending[Work, Result]]) -> Result:
        work = slot.take().request
        running = dispatcher.run(work, call, sheddable=work is first)
        # An error is returned: a stream would wait forever for an answer that fails.
        (result,) = await asyncio.gather(running, return_exceptions=True)
        return result

    room = partial(scheduler.room, call.peer)
    stream = OrderedStream(run, window=scheduler.workers, room=room)
    outcomes: list[Outcome[Detections]] = []
    async with aclosing(stream.run(_iterate(works), asyncio.Event())) as results:
        async for result in results:
            if isinstance(result, BaseException):
                raise _of_image(len(outcomes), result)
            outcomes.append(result)
    return outcomes


async def _iterate(works: Sequence[Work]) -> AsyncIterator[Work]:
    for work in works:
        yield work


def _of_image(index: int, error: BaseException) -> BaseException:
    """Name the image in an error that is its fault."""
    if isinstance(error, RequestError):
        return RequestError(error.reason, f"image {index}: {error}")
    return error
