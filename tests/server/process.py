"""A server in a separate process, for tests that send it signals."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import grpc


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "facewire_server", *arguments]


@contextmanager
def serving(
    *arguments: str, stderr: int | IO[str] = subprocess.PIPE
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server process that is ready, and where it listens."""
    process = subprocess.Popen(
        command("serve", "--port", "0", "--metrics-port", "off", *arguments),
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.search(r"listening on (\S+)$", line)
            assert found, line
            yield process, found[1]
        finally:
            process.kill()


@contextmanager
def connected(
    *arguments: str,
) -> Iterator[tuple[subprocess.Popen[str], grpc.Channel]]:
    """A server process that is ready, and a connection to it."""
    with (
        serving(*arguments) as (process, target),
        grpc.insecure_channel(target) as channel,
    ):
        yield process, channel
