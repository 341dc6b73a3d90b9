"""A worker, and a whole server, killed with SIGKILL under load, again and again.

docs/soak.md says what has to hold; the exit status is 1 when something is off.
"""

import asyncio
import math
import random
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import click
import psutil

from benchmarks.harness.rounds import table
from benchmarks.harness.server import Server
from benchmarks.harness.settings import print_settings
from benchmarks.soak.photos import Photo, photos
from facewire_client import AsyncFaceClient, FaceClientError

CALLERS, SECONDS = 8, 4.0  # how many callers, and the seconds between kills
RECOVERY = 30.0  # seconds in which every caller is to be answered again
REPLACEMENT = 300.0  # seconds in which what was killed is to be there again
COLUMNS = ("killed", "answered", "failed in flight", "failed after", "seconds to all")


class RetryingCaller:
    """Sends photos one after the other, and leaves retries to the client."""

    def __init__(self, photos: Sequence[Photo]) -> None:
        self.answered = self.since_kill = 0  # answers in all, and since the last kill
        self.errors: list[str] = []
        self.failed_since_kill = 0
        self.late = 0
        """Failed calls that were in flight at no kill, nor before the first answer after it."""
        self.mistakes: list[str] = []
        self.back = asyncio.Event()  # a call that began after the last kill was answered
        self.killed_at = 0.0
        self._kills = 0
        self._photos = photos

    def kill_begins(self) -> None:
        """Tell it that a kill is about to begin; `killed_at` is to be told when it has ended."""
        self._kills += 1
        self.killed_at = math.inf
        self.since_kill = self.failed_since_kill = 0
        self.back.clear()

    async def send(self, target: str, stop: asyncio.Event) -> None:
        """Send until `stop`."""
        self.back.set()
        async with AsyncFaceClient(target) as client:
            while not stop.is_set():
                photo = random.choice(self._photos)
                began, kills, connected = time.monotonic(), self._kills, self.back.is_set()
                try:
                    result = await client.detect(photo.jpeg)
                except FaceClientError as error:
                    self.errors.append(str(error))
                    self.failed_since_kill += 1
                    self.late += connected and kills == self._kills
                    continue
                self.answered += 1
                self.since_kill += 1
                boxes = [face.box for face in result.faces]
                if mistake := photo.mistake(result.image_size, boxes):
                    self.mistakes.append(mistake)
                if began > self.killed_at:
                    self.back.set()


class Fault(NamedTuple):
    """What is killed, of a server with so many workers."""

    name: str
    workers: int

    def is_over(self, server: Server) -> bool:
        """Whether all is there again."""
        return server.metrics().get("facewire_workers", 1) == self.workers

    def kill(self, server: Server) -> None:
        """Kill it with SIGKILL, and return when it has ended."""
        if self.workers == 1:
            return server.kill()
        worker = psutil.Process(random.choice(server.workers()))
        worker.kill()
        worker.wait(RECOVERY)  # until its parent has collected it


FAULTS = (Fault("worker", 2), Fault("server", 1))


async def kills(
    server: Server, fault: Fault, *, times: int, callers: int = CALLERS, seconds: float = SECONDS
) -> list[str]:
    """Kill under load so many times, and print it; returns what was off."""
    asking = [RetryingCaller(photos()) for _ in range(callers)]
    rows: list[Sequence[str]] = []
    problems, stop = [], asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for caller in asking:
            group.create_task(caller.send(server.target, stop))
        for _ in range(times):
            await asyncio.sleep(seconds)
            row, problem = await _one(server, fault, asking)
            rows.append(row)
            problems += problem
        await asyncio.sleep(seconds)
        stop.set()
    for caller in asking:
        problems += caller.mistakes
        if caller.late:
            problems.append(f"{caller.late} calls failed after their caller was back")
    failed = Counter(error for caller in asking for error in caller.errors)
    answered = sum(caller.answered for caller in asking)
    print(table(COLUMNS, rows))
    print(f"{answered + failed.total()} calls, {failed.total()} of them failed")
    print(*(f"{count} x {error}" for error, count in failed.items()), "", sep="\n", flush=True)
    return problems


async def _one(
    server: Server, fault: Fault, callers: Sequence[RetryingCaller]
) -> tuple[Sequence[str], list[str]]:
    """Kill once, when all is there; a row of the table, and what was off. Raises TimeoutError."""
    async with asyncio.timeout(REPLACEMENT):
        while not await asyncio.to_thread(fault.is_over, server):
            await asyncio.sleep(0.1)
    for caller in callers:
        caller.kill_begins()
    began = time.monotonic()
    await asyncio.to_thread(fault.kill, server)
    for caller in callers:
        caller.killed_at = time.monotonic()
    if fault.workers == 1:
        await asyncio.to_thread(server.start)
    problems = []
    try:
        async with asyncio.timeout(RECOVERY):
            await asyncio.gather(*(caller.back.wait() for caller in callers))
    except TimeoutError:
        problems.append(f"a caller was not answered within {RECOVERY:g} s")
    took = time.monotonic() - began
    counts = [
        sum(getattr(each, name) for each in callers)
        for name in ("since_kill", "failed_since_kill", "late")
    ]
    return (fault.name, *map(str, counts), f"{took:.1f}"), problems


@click.command(help=__doc__)
@click.option("--kills", "times", type=int, default=5, help="Of each kind.", show_default=True)
def main(times: int) -> None:
    print_settings(kills=times, callers=CALLERS, seconds=SECONDS)
    problems: list[str] = []
    for fault in FAULTS:
        with tempfile.TemporaryDirectory() as folder:
            server = Server(Path(folder, "log"), "--workers", str(fault.workers))
            try:
                problems += asyncio.run(kills(server, fault, times=times))
            finally:
                server.stop()
    print(*problems or ["nothing is off"], sep="\n")
    raise SystemExit(1 if problems else 0)


if __name__ == "__main__":
    main()
