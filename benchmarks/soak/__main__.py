"""Mixed traffic for a long time: nothing grows, and every request is accounted for.

    python -m benchmarks.soak [--minutes 20] [--workers 1]

Good photos, bad ones, large bad ones, slow senders, cancelled calls, short deadlines,
connections that break, streams that are read and streams that are left, and reloads, all
at once, against a server in a process of its own. Exit status 1 when something is off: an answer
that does not belong to its photo, a request without an outcome or with another than it must
have, counts of the server that contradict those of the callers, an error in its log, or
something that grows.
"""

import argparse
import asyncio
import platform
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import grpc

from benchmarks.soak import report, vitals
from benchmarks.soak.caller import Caller
from benchmarks.soak.ledger import Ledger
from benchmarks.soak.photos import Photo, photos, seen
from benchmarks.soak.server import Server
from benchmarks.soak.traffic import GOOD_CALLERS, RELOAD_SECONDS, traffic
from facewire.v1 import detect_pb2 as pb
from facewire_server.system.cpu_quota import available_cores

MESSAGE_MB = 20
MESSAGE_SECONDS = 5
MAX_QUEUE = 8
"""So short that good callers are turned away now and then."""

ARGUMENTS = (
    *("--max-message-mb", str(MESSAGE_MB), "--max-queue", str(MAX_QUEUE)),
    *("--message-seconds", str(MESSAGE_SECONDS)),
)

WARM_UP = 0.1
"""The part of the time that the traffic runs before anything is compared."""

PATIENCE = 60.0
"""Seconds for all to be given back when the traffic has ended."""


async def known(server: Server) -> Sequence[Photo]:
    """The photos with their boxes as they are found when nothing else is there."""
    caller = Caller(server.target, (), Ledger(), asyncio.Event())
    confirmed = []
    async with caller.connection() as stub:
        for photo in photos():
            answer = await stub.Detect(pb.DetectRequest(encoded_image=photo.jpeg))
            confirmed.append(photo.confirmed(*seen(answer)))
    return confirmed


async def reload(server: Server) -> None:
    """Has each process reload its models, and returns when they have."""
    wanted = server.reloads() + max(1, len(server.workers()))
    server.reload()
    async with asyncio.timeout(PATIENCE):
        while server.reloads() < wanted:
            await asyncio.sleep(0.1)


async def soak(server: Server, seconds: float) -> list[str]:
    """Runs all of it, prints it, and returns what was off."""
    began = time.monotonic()
    ledger = Ledger()
    taken = await known(server)
    before = server.counts()
    start = await asyncio.to_thread(vitals.look, server, began)

    async def send(part: float) -> None:
        limit = MESSAGE_MB << 20
        await traffic(server, taken, ledger, part * seconds, message_bytes=limit)

    await send(WARM_UP)
    await reload(server)  # OpenVINO has more threads from the first one on
    rest = await vitals.calm(server, began, vitals.at_rest, patience=PATIENCE)
    samples: list[vitals.Vitals] = []
    watching = asyncio.create_task(vitals.watch(server, began, samples))
    await send(1 - WARM_UP)
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching  # raises what kept it from looking

    def given_back(found: vitals.Vitals) -> bool:
        return not list(vitals.remains(rest, found))

    end = await vitals.calm(server, began, given_back, patience=PATIENCE)
    counted = server.counts() - before
    first, last = vitals.windows(samples)
    looks = {"first_window": first, "last_window": last}
    looks |= {"start": start, "rest_before": rest, "rest_after": end}
    print(report.course(samples), report.comparison(**looks), sep="\n\n", end="\n\n")
    print(report.account(ledger), report.counts(counted), sep="\n\n", end="\n\n")
    return [
        *ledger.problems(),
        *ledger.disagreements(counted),
        *vitals.growth(first, last),
        *vitals.remains(rest, end),
        *vitals.kept(start, end),
    ]


def main() -> None:
    """Runs and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    print(
        f"{platform.machine()}, {available_cores()} cores; grpcio {grpc.__version__};"
        f" {given.minutes:g} minutes, {given.workers} workers, {GOOD_CALLERS} callers"
        f" with good photos, a reload every {RELOAD_SECONDS:g} s or so, --max-queue"
        f" {MAX_QUEUE}; from the first {vitals.WINDOW:.0%} of the samples to the last"
        f" memory may grow by {vitals.BUSY_MEMORY_MB:g} MB, threads by"
        f" {vitals.BUSY_THREADS:g} and fds by {vitals.BUSY_FDS:g}, at rest by"
        f" {vitals.REST_MEMORY_MB:g} MB, {vitals.REST_THREADS:g} and none, and memory"
        f" by {vitals.KEPT_MEMORY_MB:g} MB since before all traffic",
        flush=True,
    )
    with tempfile.TemporaryDirectory() as folder:
        server = Server(
            Path(folder) / "log",
            *(*ARGUMENTS, "--workers", str(given.workers)),
        )
        try:
            problems = asyncio.run(soak(server, given.minutes * 60))
        finally:
            status = server.stop()
        if errors := server.complaints():
            problems.append(f"{len(errors)} errors in the log, the first: {errors[0]}")
    if status:
        problems.append(f"the server ended with status {status}")
    print(*problems or ["nothing is off"], sep="\n")
    raise SystemExit(1 if problems else 0)


if __name__ == "__main__":
    main()
