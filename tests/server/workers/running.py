"""A server of two workers, for tests that look at it from outside."""

import os
import re
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import grpc
import psutil

from facewire.v1.detect_pb2_grpc import DetectServiceStub
from tests.server.process import command

# A connection of its own for each: they are what is spread over the workers.
OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)


class Workers:
    """A running server of two workers."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process = process
        self.log = log
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"listening on (\S+)$", line)
        assert found, line + log.read_text()
        self.target = found[1]

    @contextmanager
    def stub(self) -> Iterator[DetectServiceStub]:
        with grpc.insecure_channel(self.target, OWN_CONNECTION) as channel:
            yield DetectServiceStub(channel)

    def pids(self) -> list[int]:
        """The process ids of the workers.

        The supervisor has another child: the resource tracker of multiprocessing.
        """
        children = psutil.Process(self.process.pid).children()
        return [each.pid for each in children if "spawn_main" in " ".join(each.cmdline())]

    def replaced(self) -> int:
        """How many workers were replaced so far."""
        return self.log.read_text().count("serves again")

    def scrape(self) -> dict[str, float]:
        """The metrics of all processes."""
        found = re.search(r"metrics on port (\d+)", self.log.read_text())
        assert found
        url = f"http://127.0.0.1:{found[1]}/metrics"
        with urllib.request.urlopen(url, timeout=60) as answer:
            lines = answer.read().decode().splitlines()
        rows = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return {name: float(value) for name, value in rows}

    def wait_for(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not holds():
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)


@contextmanager
def two_workers(
    folder: Path,
    *options: str,
    environment: Mapping[str, str] | None = None,
    own_group: bool = False,
) -> Iterator[Workers]:
    """`environment`: variables of the server beside those of this process.

    `own_group`: its processes make a group, which can be sent a signal as by a terminal.
    """
    log = folder / "log"
    arguments = ("--port", "0", "--metrics-port", "0", "--workers", "2")
    with (
        log.open("w") as errors,
        subprocess.Popen(
            command("serve", *arguments, *options),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=own_group,
            env={**os.environ, **(environment or {})},
        ) as process,
    ):
        try:
            yield Workers(process, log)
        finally:
            process.terminate()
