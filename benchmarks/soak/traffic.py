"""All kinds of traffic at once, for a while."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from benchmarks.soak import calls
from benchmarks.soak.caller import Caller
from benchmarks.soak.cut import cut
from benchmarks.soak.large import ask_largely
from benchmarks.soak.ledger import Ledger
from benchmarks.soak.photos import Photo
from benchmarks.soak.server import Server
from benchmarks.soak.slow import send_slowly
from benchmarks.soak.streams import stream
from facewire.v1 import detect_pb2 as pb

GOOD_CALLERS = 8
RELOAD_SECONDS = 15.0

Play = Callable[[Caller], Coroutine[Any, Any, None]]


async def traffic(
    server: Server,
    photos: Sequence[Photo],
    ledger: Ledger,
    seconds: float,
    *,
    message_bytes: int,
) -> None:
    """Sends mixed traffic for so long, and returns when all of it has ended."""
    stop = asyncio.Event()
    plays: list[Play] = [calls.ask_well] * GOOD_CALLERS
    plays += [
        lambda caller: calls.ask_badly(caller, message_bytes),
        lambda caller: ask_largely(caller, message_bytes),
        send_slowly,
        calls.cancel,
        calls.hurry,
        cut,
        lambda caller: stream(caller, pb.OVERFLOW_POLICY_WAIT),
        lambda caller: stream(caller, pb.OVERFLOW_POLICY_DROP_OLDEST),
        lambda caller: _reload(caller, server),
    ]
    async with asyncio.TaskGroup() as group:
        for number, play in enumerate(plays):
            chance = random.Random(number)
            caller = Caller(server.target, photos, ledger, stop, chance)
            group.create_task(play(caller))
        await asyncio.sleep(seconds)
        stop.set()


async def _reload(caller: Caller, server: Server) -> None:
    while not caller.stop.is_set():
        await caller.pause(2 * RELOAD_SECONDS)
        server.reload()
