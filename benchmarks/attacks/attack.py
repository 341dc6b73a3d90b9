"""One attack, and what it has cost the server."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import proc
from facewire_client import FaceClient
from facewire_server.models.source import DATA

PHOTO = (DATA / "astronaut.jpg").read_bytes()


@dataclass(frozen=True, slots=True)
class Attack:
    """`run` attacks a server at HOST:PORT, and says what the server did about it.

    `flag` is the limit that bounds it, `arguments` are those of the server.
    """

    name: str
    flag: str
    run: Callable[[str], str]
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU in milliseconds; memory in MB above what was there before the attack.

    `newcomer_ms` is how long another client then waited for its face.
    """

    outcome: str
    cpu_ms: float
    peak_mb: float
    kept_mb: float
    newcomer_ms: float


def measure(attack: Attack, pid: int, target: str) -> Cost:
    """Attacks a server once, after it has answered a photo. Raises FaceClientError."""
    with FaceClient(target) as client:
        for _ in range(20):
            client.detect(PHOTO)
    proc.forget_peak(pid)
    cpu, memory = proc.cpu_seconds(pid), proc.status(pid, "VmRSS")
    outcome = attack.run(target)
    time.sleep(0.5)
    peak, kept = proc.status(pid, "VmHWM"), proc.status(pid, "VmRSS")
    used = proc.cpu_seconds(pid) - cpu
    started = time.perf_counter()
    with FaceClient(target) as client:
        client.detect(PHOTO)
    waited = time.perf_counter() - started
    return Cost(
        outcome,
        1000 * used,
        (peak - memory) / 1000,
        (kept - memory) / 1000,
        1000 * waited,
    )
