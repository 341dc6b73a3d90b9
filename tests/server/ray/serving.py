"""`serve run` with the config file of this repository, in processes of its own."""

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

import grpc
import psutil
import yaml

from tests.server import health

FILE = Path(__file__).parents[3] / "deploy" / "ray" / "serve.yaml"

START_SECONDS = 300
"""For Ray, Serve and a replica to start: on two busy cores they take two minutes."""

NOT_YET = (
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
)
"""What the proxy, or gRPC, says until then."""

LOG_SECONDS = 30
"""For Ray to pass on what its processes log; it takes about a second."""


def content() -> dict[str, Any]:
    """The config file."""
    found: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return found


@dataclass
class Serving:
    """A running `serve run`; `target` is that of Serve's gRPC proxy."""

    target: str
    log: Path
    process: "subprocess.Popen[bytes]"

    def lines(self, part: str, *, count: int) -> list[str]:
        """The lines of the log that have this part, once there are `count` of them."""
        for _ in range(LOG_SECONDS * 10):
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
def serve_run(folder: Path, args: Mapping[str, Any]) -> Iterator[Serving]:
    """Run it with these args of the application, on free ports; its files go to `folder`."""
    ports, changed = _free_ports(2), content()
    changed["grpc_options"]["port"], changed["http_options"]["port"] = ports
    changed["applications"][0]["args"] = args
    file, log = folder / "serve.yaml", folder / "log"
    file.write_text(yaml.safe_dump(changed))
    # Without an address it would join a cluster that happens to run on this machine.
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "RAY_ADDRESS": "local"}
    command = [sys.executable, "-m", "ray.serve.scripts", "run", str(file)]
    target = f"127.0.0.1:{ports[0]}"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=environment
        )
        try:
            _wait_until_deployed(target)
            yield Serving(target, log, process)
        finally:
            # Not SIGINT, which programs ignore that a shell has started in the background.
            process.terminate()
            process.wait(timeout=START_SECONDS)


def _wait_until_deployed(target: str) -> None:
    """Return when a replica answers: the proxy listens before it knows of an application."""
    end = time.monotonic() + START_SECONDS
    with grpc.insecure_channel(target) as channel:
        while True:
            try:
                health.check(channel)
                return
            except grpc.RpcError as error:
                if error.code() not in NOT_YET or time.monotonic() > end:
                    raise
            time.sleep(0.1)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
