"""A worker, and a whole server, killed with SIGKILL under load, again and again.

    python -m benchmarks.soak.faults [--kills 5] [--callers 8] [--seconds 4]

Callers with the client's default retries ask about photos that are known, each on a
connection of its own. Every few seconds a worker of a server with two is killed; then
the whole of a server, which is started again on its port. No answer may be wrong, and a
call may fail only if it began before its caller was connected again, that is, before
the first answer after the kill. Exit status 1 when something is off.
"""

import argparse
import asyncio
import os
import platform
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import grpc

from benchmarks.soak.photos import photos
from benchmarks.soak.retrying import RetryingCaller
from benchmarks.soak.server import Server
from facewire_client.cli.table import align
from facewire_server.system.cpu_quota import available_cores

RECOVERY = 30.0
"""Seconds in which every caller is to be answered again."""

REPLACEMENT = 300.0
"""Seconds in which what was killed is to be there again."""

COLUMNS = ("killed", "answered", "failed in flight", "failed after", "seconds to all")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is killed when it is all there, and what is done then."""

    name: str
    workers: int
    is_there: Callable[[Server], bool]
    kill: Callable[[Server], None]
    mend: Callable[[Server], None]


def kill_worker(server: Server) -> None:
    """Ends one of the workers. Raises SystemExit when the system does not end it."""
    pid = random.choice(server.workers())
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + RECOVERY
    while Path(f"/proc/{pid}").exists():
        if time.monotonic() > deadline:
            raise SystemExit(f"process {pid} is there {RECOVERY:g} s after SIGKILL")
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
    """Kills under load so many times, and prints it; returns what was off.

    `seconds` go by between the kills.
    """
    taken = photos()
    rows: list[Sequence[str]] = [COLUMNS]
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
    print(align(rows, right=range(1, 5)), flush=True)
    errors = [call.error for caller in asking for call in caller.calls]
    failed = Counter(error for error in errors if error)
    print(f"{len(errors)} calls, {failed.total()} of them failed")
    print(*(f"{count} x {error}" for error, count in failed.items()), "", sep="\n")
    return problems


async def _all_there(server: Server, fault: Fault) -> None:
    """Returns when it can be killed again. Raises SystemExit when that takes long."""
    try:
        async with asyncio.timeout(REPLACEMENT):
            while not await asyncio.to_thread(fault.is_there, server):
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise SystemExit(f"no {fault.name} again after {REPLACEMENT:g} s") from None


async def _one(
    server: Server, fault: Fault, callers: Sequence[RetryingCaller]
) -> tuple[Sequence[str], list[str]]:
    """One kill: a row of the table, and what was off."""
    await _all_there(server, fault)
    for caller in callers:
        caller.struck()
    began = time.monotonic()
    await asyncio.to_thread(fault.kill, server)
    for caller in callers:
        caller.dead()
    await asyncio.to_thread(fault.mend, server)
    problems = []
    try:
        async with asyncio.timeout(RECOVERY):
            await asyncio.gather(*(caller.back.wait() for caller in callers))
    except TimeoutError:
        problems.append(f"a caller was not answered within {RECOVERY:g} s")
    took = time.monotonic() - began
    since = [call for each in callers for call in each.since_kill()]
    answered = sum(not call.error for call in since)
    late = sum(each.late() for each in callers)
    row = (fault.name, str(answered))
    return (*row, str(len(since) - answered), str(late), f"{took:.1f}"), problems


def main() -> None:
    """Kills and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=5, help="of each kind")
    parser.add_argument("--callers", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=4, help="between kills")
    given = parser.parse_args()
    settings = " ".join(f"{key}={value}" for key, value in vars(given).items())
    cores = available_cores()
    machine = f"{platform.machine()}, {cores} cores; grpcio {grpc.__version__}"
    print(f"{machine}; {settings}", flush=True)
    problems: list[str] = []
    for fault in FAULTS:
        with tempfile.TemporaryDirectory() as folder:
            server = Server(Path(folder) / "log", "--workers", str(fault.workers))
            try:
                problems += asyncio.run(
                    kills(
                        server,
                        fault,
                        times=given.kills,
                        callers=given.callers,
                        seconds=given.seconds,
                    )
                )
            finally:
                server.stop()
    print(*problems or ["nothing is off"], sep="\n")
    raise SystemExit(1 if problems else 0)


if __name__ == "__main__":
    main()
