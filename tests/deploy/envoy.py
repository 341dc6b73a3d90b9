"""Envoy as deploy/envoy sets it up, on free ports, in front of servers of a test."""

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.files import DEPLOY

BINARY = DEPLOY.parent / ".venv-envoy" / "bin" / "envoy"
SECONDS = 60

with_envoy = pytest.mark.skipif(
    not BINARY.exists(), reason="Envoy is not here: scripts/envoy installs it"
)


class Envoy:
    """A running Envoy: `target` is HOST:PORT of its listener, `admin` that of its statistics."""

    def __init__(self, process: "subprocess.Popen[bytes]", folder: Path) -> None:
        self.process = process
        path = folder / "admin"
        # Envoy creates the file a moment before it writes the address into it.
        wait_until(lambda: path.exists() and path.read_text() != "")
        self.admin = path.read_text()
        wait_until(lambda: bool(self._listeners()))
        (listener,) = self._listeners()
        address = listener["local_address"]["socket_address"]
        self.target = f"{address['address']}:{address['port_value']}"

    def get(self, path: str) -> str:
        """Ask the admin port."""
        with urllib.request.urlopen(f"http://{self.admin}{path}", timeout=SECONDS) as answer:
            text: str = answer.read().decode()
        return text

    def stat(self, name: str) -> int:
        """The value of a statistic."""
        found = self.get(f"/stats?filter=^{name.replace('.', '%5C.')}$")
        return int(found.rpartition(":")[2])

    def wait_for_servers(self, count: int) -> None:
        """Return once so many servers get requests."""
        wait_until(lambda: self.stat("cluster.facewire.membership_healthy") == count)

    def _listeners(self) -> list[Any]:
        found: list[Any] = json.loads(self.get("/listeners?format=json")).get(
            "listener_statuses", []
        )
        return found


def settings(*targets: str, switched_on: Sequence[str] = ()) -> Any:
    """The file for servers at these HOST:PORT, on free ports.

    `switched_on` are markers of commented lines ("tls") that are part of it.
    """
    text = (DEPLOY / "envoy" / "envoy.yaml").read_text()
    for marker in switched_on:
        text = text.replace(f"#{marker} ", "")
    found = yaml.safe_load(text)
    found["admin"]["address"]["socket_address"]["port_value"] = 0
    (listener,), (cluster,) = (
        found["static_resources"][kind] for kind in ("listeners", "clusters")
    )
    listener["address"]["socket_address"]["port_value"] = 0
    cluster["load_assignment"]["endpoints"] = [{"lb_endpoints": [*map(_endpoint, targets)]}]
    cluster["health_checks"][0]["no_traffic_interval"] = "0.5s"
    return found


@contextmanager
def running(config: Any, folder: Path, *options: str, servers: int = 1) -> Iterator[Envoy]:
    """Run Envoy in this folder until the context ends; it finds so many healthy servers."""
    make: list[str | Path] = [
        sys.executable,
        DEPLOY / "envoy" / "descriptors.py",
        folder / "facewire.pb",
    ]
    subprocess.run(make, check=True)
    (folder / "envoy.yaml").write_text(yaml.safe_dump(config))
    arguments = ["-c", "envoy.yaml", "--admin-address-path", "admin", "--use-dynamic-base-id"]
    command: list[str | Path] = [
        BINARY,
        *arguments,
        "--concurrency",
        "1",
        "-l",
        "warning",
        *options,
    ]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE) as process:
        try:
            envoy = Envoy(process, folder)
            envoy.wait_for_servers(servers)
            yield envoy
        finally:
            process.kill()
            assert process.stderr is not None
            errors = process.stderr.read().decode()
    assert not errors, errors


def wait_until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


def _endpoint(target: str) -> Any:
    host, _, port = target.rpartition(":")
    address = {"address": host, "port_value": int(port)}
    return {"endpoint": {"address": {"socket_address": address}}}
