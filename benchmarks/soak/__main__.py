"""Mixed traffic for a long time: nothing grows, and every request is accounted for.

docs/soak.md lists the traffic and what has to hold; the exit status is 1 when something is off.
"""

import asyncio
import random
import tempfile
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import click

from benchmarks.harness.server import Server, total
from benchmarks.harness.settings import print_settings
from benchmarks.soak import traffic, vitals
from benchmarks.soak.caller import Caller
from benchmarks.soak.ledger import Ledger
from benchmarks.soak.photos import Photo, photos
from facewire.v1 import detect_pb2 as pb
from facewire_client import FaceClient

GOOD_CALLERS = 8
RELOAD_SECONDS = 15.0
MESSAGE_MB = 20
ARGUMENTS = ("--max-message-mb", f"{MESSAGE_MB}", "--max-queue", "8", "--message-seconds", "5")
"""The queue is so short that good callers are refused now and then."""
WARM_UP = 0.1  # the part of the time that the traffic runs before anything is compared


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


def confirmed_photos(server: Server) -> Sequence[Photo]:
    """The photos with their boxes as they are found when there is no other traffic."""
    confirmed = []
    with FaceClient(server.target) as client:
        for photo in photos():
            result = client.detect(photo.jpeg)
            boxes = [face.box for face in result.faces]
            confirmed.append(photo.confirmed(result.image_size, boxes))
    return confirmed


def reload(server: Server) -> None:
    """Reload the models in each process, and return when that is done."""
    name = "facewire_model_reloads_total"
    wanted = total(server.metrics(), name) + max(1, len(server.workers()))
    server.reload()
    until = time.monotonic() + vitals.LONGEST_SECONDS
    while total(server.metrics(), name) < wanted:
        if time.monotonic() > until:
            raise SystemExit("the models were not reloaded")
        time.sleep(0.1)


def soak(server: Server, seconds: float) -> list[str]:
    """Run all of it, print it, and return what was off."""
    ledger, taken = Ledger(), confirmed_photos(server)
    before, start = server.counts(), vitals.look(server)
    asyncio.run(send_all(server, taken, ledger, WARM_UP * seconds))
    reload(server)  # OpenVINO has more threads from the first one on
    rest = vitals.settled(server, vitals.Vitals.at_rest)
    samples: list[vitals.Vitals] = []
    left = (1 - WARM_UP) * seconds
    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(vitals.watch, server, samples, left)
        asyncio.run(send_all(server, taken, ledger, left))
        watching.result()
    end = vitals.settled(server, lambda found: not list(vitals.remains(rest, found)))
    counted = server.counts() - before
    first, last = vitals.windows(samples)
    looks = {"before all traffic": start, "rest before": rest, "rest after": end}
    looks |= {"first window": first, "last window": last}
    print(vitals.table(looks.items()), ledger.account(counted), "", sep="\n\n")
    return [
        *ledger.problems(),
        *ledger.disagreements(counted),
        *vitals.growth(first, last, vitals.BUSY, "under load"),
        *vitals.remains(rest, end),
        *vitals.growth(start, end, vitals.KEPT, "since before all traffic"),
    ]


@click.command(help=__doc__)
@click.option("--minutes", type=float, default=20, show_default=True)
@click.option("--workers", type=int, default=1, show_default=True)
def main(minutes: float, workers: int) -> None:
    print_settings(minutes=minutes, workers=workers)
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder, "log"), *ARGUMENTS, "--workers", str(workers))
        try:
            problems = soak(server, minutes * 60)
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
