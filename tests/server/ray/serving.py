"""A Ray cluster with Ray Serve in processes of its own, with what they log."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

WAIT_SECONDS = 30
"""Ray passes on within a second what its processes log."""

DRIVER = Path(__file__).with_name("driver.py")


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@dataclass
class Cluster:
    """A running cluster; `target` is that of Serve's gRPC proxy."""

    target: str
    log: Path
    process: "subprocess.Popen[str]"

    def deploy(self, args: Mapping[str, Any]) -> None:
        """Deploy the application with these args, and return when it is ready."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(args) + "\n")
        self.process.stdin.flush()
        assert self.process.stdout is not None
        said = self.process.stdout.readline().strip()
        assert said == "deployed", self.log.read_text()

    def lines(self, part: str, *, count: int = 0) -> list[str]:
        """The lines of the log that have this part, once there are `count` of them."""
        for _ in range(WAIT_SECONDS * 10):
            found = [line for line in self.log.read_text().splitlines() if part in line]
            if len(found) >= count:
                break
            time.sleep(0.1)
        return found

    def replicas(self) -> list[psutil.Process]:
        """The processes of the replicas."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return [each for each in children if "ServeReplica" in each.name()]


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """Start a cluster, and stop it at the end; what it logs goes to a file in `folder`."""
    ports = free_ports(2)
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0"}
    log = folder / "log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, DRIVER, *map(str, ports)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environment,
        )
        try:
            yield Cluster(f"127.0.0.1:{ports[0]}", log, process)
        finally:
            process.communicate(timeout=120)
