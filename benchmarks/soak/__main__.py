"""Mixed traffic for a long time: nothing grows, and every request is accounted for.

Runs against a server in a process of its own; docs/soak.md lists the traffic. The exit
status is 1 when something is off: an answer that does not belong to its photo, a request
without an outcome or with another than it must have, counts of the server that contradict
those of the callers, an error in its log, or something that grows.
"""

import asyncio
import random
import tempfile
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import click

from benchmarks.harness.server import Server, total
from benchmarks.harness.settings import print_settings
from benchmarks.soak import traffic, vitals
from benchmarks.soak.caller import Caller
from benchmarks.soak.ledger import Ledger
from benchmarks.soak.photos import Photo, photos, seen
from facewire.v1 import detect_pb2 as pb

GOOD_CALLERS = 8
RELOAD_SECONDS = 15.0
MESSAGE_MB = 20
ARGUMENTS = ("--max-message-mb", f"{MESSAGE_MB}", "--max-queue", "8", "--message-seconds", "5")
"""The queue is so short that good callers are refused now and then."""

WARM_UP = 0.1
"""The part of the time that the traffic runs before anything is compared."""

SETTLE_SECONDS = 60.0
"""For all to be given back when the traffic has ended."""


async def send_all(server: Server, taken: Sequence[Photo], ledger: Ledger, seconds: float) -> None:
    """Send mixed traffic for so long, and return when all of it has ended."""
    stop, size = asyncio.Event(), MESSAGE_MB << 20
    bad, large = traffic.bad_requests(taken[-1].jpeg, size), traffic.large_bad_requests(size)
    wait, drop = pb.OVERFLOW_POLICY_WAIT, pb.OVERFLOW_POLICY_DROP_OLDEST
    kinds: list[Callable[[Caller], Coroutine[Any, Any, None]]] = [
        *[partial(traffic.send_photos, kind=traffic.GOOD)] * GOOD_CALLERS,
        partial(traffic.send_photos, kind=traffic.CANCELS, cancel=0.1, pause=0.1),
        partial(traffic.send_photos, kind=traffic.EXPIRES, deadline=0.1, pause=0.1),
        partial(traffic.send_bad, bad=bad, pause=0.05, streams=False),
        partial(traffic.send_bad, bad=large, pause=0.3, streams=True),
        partial(traffic.stream, name="frames that wait", policy=wait),
        partial(traffic.stream, name="frames of live video", policy=drop),
        traffic.send_slowly,
        traffic.cut,
        partial(_reload_often, server=server),
    ]
    async with asyncio.TaskGroup() as group:
        for number, send in enumerate(kinds):
            caller = Caller(server.target, taken, ledger, stop, random.Random(number))
            group.create_task(send(caller))
        await asyncio.sleep(seconds)
        stop.set()


async def _reload_often(caller: Caller, server: Server) -> None:
    while not caller.stop.is_set():
        await caller.pause(2 * RELOAD_SECONDS)
        server.reload()


async def confirmed_photos(server: Server) -> Sequence[Photo]:
    """The photos with their boxes as they are found when there is no other traffic."""
    caller = Caller(server.target, (), Ledger(), asyncio.Event())
    confirmed = []
    async with caller.connection() as stub:
        for photo in photos():
            answer = await stub.Detect(photo.request)
            confirmed.append(photo.confirmed(*seen(answer)))
    return confirmed


def reloads(server: Server) -> float:
    """How often a model was reloaded."""
    return total(server.metrics(), "facewire_model_reloads_total")


async def reload(server: Server) -> None:
    """Reload the models in each process, and return when that is done."""
    wanted = reloads(server) + max(1, len(server.workers()))
    server.reload()
    async with asyncio.timeout(SETTLE_SECONDS):
        while reloads(server) < wanted:
            await asyncio.sleep(0.1)


async def soak(server: Server, seconds: float) -> list[str]:
    """Run all of it, print it, and return what was off."""
    began = time.monotonic()
    ledger = Ledger()
    taken = await confirmed_photos(server)
    before = server.counts()
    start = await asyncio.to_thread(vitals.look, server, began)
    await send_all(server, taken, ledger, WARM_UP * seconds)
    await reload(server)  # OpenVINO has more threads from the first one on
    rest = await vitals.settled(server, began, vitals.at_rest, limit=SETTLE_SECONDS)
    samples: list[vitals.Vitals] = []
    watching = asyncio.create_task(vitals.watch(server, began, samples))
    await send_all(server, taken, ledger, (1 - WARM_UP) * seconds)
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching  # raises what kept it from looking

    def given_back(found: vitals.Vitals) -> bool:
        return not list(vitals.remains(rest, found))

    end = await vitals.settled(server, began, given_back, limit=SETTLE_SECONDS)
    counted = server.counts() - before
    first, last = vitals.windows(samples)
    looks = {"first window": first, "last window": last}
    looks |= {"start": start, "rest before": rest, "rest after": end}
    print(vitals.course(samples), vitals.table(looks.items()), sep="\n\n", end="\n\n")
    print(ledger.account(), ledger.server_account(counted), sep="\n\n", end="\n\n")
    return [
        *ledger.problems(),
        *ledger.disagreements(counted),
        *vitals.growth(first, last),
        *vitals.remains(rest, end),
        *vitals.kept(start, end),
    ]


@click.command(help=__doc__)
@click.option("--minutes", type=float, default=20, show_default=True)
@click.option("--workers", type=int, default=1, show_default=True)
def main(minutes: float, workers: int) -> None:
    print_settings(minutes=minutes, workers=workers)
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder, "log"), *ARGUMENTS, "--workers", str(workers))
        try:
            problems = asyncio.run(soak(server, minutes * 60))
        finally:
            status = server.stop()
        if errors := server.logged_errors():
            problems.append(f"{len(errors)} errors in the log, the first: {errors[0]}")
    if status:
        problems.append(f"the server ended with status {status}")
    print(*problems or ["nothing is off"], sep="\n")
    raise SystemExit(1 if problems else 0)


if __name__ == "__main__":
    main()
