"""Mixed traffic for a long time: nothing grows, and every request is accounted for.

Good photos, bad ones, large bad ones, slow senders, cancelled calls, short deadlines,
connections that break, streams that are read and streams that are left, and reloads, all
at once, against a server in a process of its own. The exit status is 1 when something is
off: an answer that does not belong to its photo, a request without an outcome or with
another than it must have, counts of the server that contradict those of the callers, an
error in its log, or something that grows.
"""

import asyncio
import random
import tempfile
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from benchmarks.harness.server import Server
from benchmarks.harness.settings import print_settings
from benchmarks.soak import calls, connections, vitals
from benchmarks.soak.caller import Caller
from benchmarks.soak.ledger import Ledger
from benchmarks.soak.photos import Photo, photos, seen
from benchmarks.soak.streams import stream
from facewire.v1 import detect_pb2 as pb

GOOD_CALLERS = 8
RELOAD_SECONDS = 15.0
MESSAGE_MB = 20
MESSAGE_SECONDS = 5
MAX_QUEUE = 8
"""So short that good callers are refused now and then."""

ARGUMENTS = (
    *("--max-message-mb", str(MESSAGE_MB), "--max-queue", str(MAX_QUEUE)),
    *("--message-seconds", str(MESSAGE_SECONDS)),
)

WARM_UP = 0.1
"""The part of the time that the traffic runs before anything is compared."""

SETTLE_SECONDS = 60.0
"""For all to be given back when the traffic has ended."""

Traffic = Callable[[Caller], Coroutine[Any, Any, None]]


async def send_all(server: Server, taken: Sequence[Photo], ledger: Ledger, seconds: float) -> None:
    """Send mixed traffic for so long, and return when all of it has ended."""
    stop = asyncio.Event()
    message_bytes = MESSAGE_MB << 20
    kinds: list[Traffic] = [
        *[calls.send_good] * GOOD_CALLERS,
        lambda caller: calls.send_bad(caller, message_bytes),
        lambda caller: calls.send_large_bad(caller, message_bytes),
        connections.send_slowly,
        calls.cancel,
        calls.send_with_short_deadlines,
        connections.cut,
        lambda caller: stream(caller, pb.OVERFLOW_POLICY_WAIT),
        lambda caller: stream(caller, pb.OVERFLOW_POLICY_DROP_OLDEST),
        lambda caller: _reload_often(caller, server),
    ]
    async with asyncio.TaskGroup() as group:
        for number, traffic in enumerate(kinds):
            caller = Caller(server.target, taken, ledger, stop, random.Random(number))
            group.create_task(traffic(caller))
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
            answer = await stub.Detect(pb.DetectRequest(encoded_image=photo.jpeg))
            confirmed.append(photo.confirmed(*seen(answer)))
    return confirmed


async def reload(server: Server) -> None:
    """Reload the models in each process, and return when that is done."""
    wanted = server.reloads() + max(1, len(server.workers()))
    server.reload()
    async with asyncio.timeout(SETTLE_SECONDS):
        while server.reloads() < wanted:
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
    print_settings(minutes=minutes, workers=workers, max_queue=MAX_QUEUE)
    print(
        f"{GOOD_CALLERS} callers with good photos, a reload every {RELOAD_SECONDS:g} s or so;"
        f" from the first {vitals.WINDOW:.0%} of the samples to the last memory may grow by"
        f" {vitals.BUSY_MEMORY_MB:g} MB, threads by {vitals.BUSY_THREADS:g} and fds by"
        f" {vitals.BUSY_FDS:g}, at rest by {vitals.REST_MEMORY_MB:g} MB,"
        f" {vitals.REST_THREADS:g} and none, and memory by {vitals.KEPT_MEMORY_MB:g} MB since"
        " before all traffic",
        flush=True,
    )
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
