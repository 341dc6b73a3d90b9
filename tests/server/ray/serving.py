"""`serve run` with the config file of this repository, in processes of its own."""

import os
import signal
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

FILE = Path(__file__).parents[3] / "deploy" / "ray" / "serve.yaml"

START_SECONDS = 300
"""For Ray, Serve and a replica to start: on two busy cores they take two minutes."""

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
            with grpc.insecure_channel(target) as channel:
                grpc.channel_ready_future(channel).result(timeout=START_SECONDS)
            yield Serving(target, log, process)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=START_SECONDS)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
