"""A worker, and a whole server, killed with SIGKILL under load, again and again.

Callers with the client's default retries ask about photos that are known, each on a
connection of its own. Every few seconds a worker of a server with two is killed; then
the whole of a server, which is started again on its port. No answer may be wrong, and a
call may fail only if it began before its caller was connected again, that is, before
the first answer after the kill. The exit status is 1 when something is off.
"""

import asyncio
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

import click
import psutil

from benchmarks.harness.rounds import table
from benchmarks.harness.server import Server
from benchmarks.harness.settings import print_settings, seconds_option
from benchmarks.soak.photos import photos
from benchmarks.soak.retrying import RetryingCaller

RECOVERY = 30.0
"""Seconds in which every caller is to be answered again."""

REPLACEMENT = 300.0
"""Seconds in which what was killed is to be there again."""

COLUMNS = ("killed", "answered", "failed in flight", "failed after", "seconds to all")


class Fault(NamedTuple):
    """What is killed when it is all there, and what is done then."""

    name: str
    workers: int
    is_there: Callable[[Server], bool]
    kill: Callable[[Server], None]
    repair: Callable[[Server], None]


def kill_worker(server: Server) -> None:
    """Kill one of the workers. Raises SystemExit when the system does not end it."""
    worker = psutil.Process(random.choice(server.workers()))
    worker.kill()
    deadline = time.monotonic() + RECOVERY
    while worker.is_running():  # until its parent has collected it
        if time.monotonic() > deadline:
            raise SystemExit(f"process {worker.pid} is there {RECOVERY:g} s after SIGKILL")
        time.sleep(0.001)


def has_workers(server: Server) -> bool:
    """Whether two of them serve."""
    return server.metrics()["facewire_workers"] == 2


FAULTS = (
    Fault("worker", 2, has_workers, kill_worker, lambda server: None),
    Fault("server", 1, lambda server: True, Server.kill, Server.start),
)


async def kills(
    server: Server, fault: Fault, *, times: int, callers: int, seconds: float
) -> list[str]:
    """Kill under load so many times, and print it; returns what was off.

    `seconds` go by between the kills.
    """
    taken = photos()
    rows: list[Sequence[str]] = []
    problems = []
    async with AsyncExitStack() as stack:
        asking = [
            await stack.enter_async_context(RetryingCaller(server.target, taken))
            for _ in range(callers)
        ]
        for _ in range(times):
            await asyncio.sleep(seconds)
            row, problem = await _one(server, fault, asking)
            rows.append(row)
            problems += problem
        await asyncio.sleep(seconds)
    for caller in asking:
        problems += caller.mistakes
        if late := caller.late():
            problems.append(f"{late} calls failed after their caller was back")
    print(table(COLUMNS, rows), flush=True)
    errors = [call.error for caller in asking for call in caller.calls]
    failed = Counter(error for error in errors if error)
    print(f"{len(errors)} calls, {failed.total()} of them failed")
    print(*(f"{count} x {error}" for error, count in failed.items()), "", sep="\n")
    return problems


async def _one(
    server: Server, fault: Fault, callers: Sequence[RetryingCaller]
) -> tuple[Sequence[str], list[str]]:
    """Kill once, when all is there; returns a row of the table, and what was off.

    Raises TimeoutError when what was killed before is not there again.
    """
    async with asyncio.timeout(REPLACEMENT):
        while not await asyncio.to_thread(fault.is_there, server):
            await asyncio.sleep(0.1)
    for caller in callers:
        caller.kill_begins()
    began = time.monotonic()
    await asyncio.to_thread(fault.kill, server)
    for caller in callers:
        caller.kill_ended()
    await asyncio.to_thread(fault.repair, server)
    problems = []
    try:
        async with asyncio.timeout(RECOVERY):
            await asyncio.gather(*(caller.back.wait() for caller in callers))
    except TimeoutError:
        problems.append(f"a caller was not answered within {RECOVERY:g} s")
    took = time.monotonic() - began
    since = [call for each in callers for call in each.since_kill()]
    failed = sum(bool(call.error) for call in since)
    counts = (len(since) - failed, failed, sum(each.late() for each in callers))
    return (fault.name, *map(str, counts), f"{took:.1f}"), problems


@click.command(help=__doc__)
@click.option("--kills", "times", type=int, default=5, help="Of each kind.", show_default=True)
@click.option("--callers", type=int, default=8, show_default=True)
@seconds_option(4, "Between kills.")
def main(times: int, callers: int, seconds: float) -> None:
    print_settings(kills=times, callers=callers, seconds=seconds)
    problems: list[str] = []
    for fault in FAULTS:
        with tempfile.TemporaryDirectory() as folder:
            server = Server(Path(folder, "log"), "--workers", str(fault.workers))
            run = kills(server, fault, times=times, callers=callers, seconds=seconds)
            try:
                problems += asyncio.run(run)
            finally:
                server.stop()
    print(*problems or ["nothing is off"], sep="\n")
    raise SystemExit(1 if problems else 0)


if __name__ == "__main__":
    main()
