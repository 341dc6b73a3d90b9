"""CPU time per call to running servers: python -m benchmarks.cpu_per_call IMAGE TARGET=PID,..."""

import sys
from pathlib import Path
from statistics import median

import psutil

from facewire_client import FaceClient


def main(path: str, *servers: str) -> None:
    """Print ms for each server: the median of blocks of calls that take turns."""
    image, costs = Path(path).read_bytes(), dict[str, list[float]]()
    for server in servers * 12:
        target, _, pids = server.partition("=")
        processes = [psutil.Process(int(pid)) for pid in pids.split(",")]
        with FaceClient(target) as client:
            client.detect(image)
            before = sum(sum(each.cpu_times()[:2]) for each in processes)
            for _ in range(25):
                client.detect(image)
            spent = sum(sum(each.cpu_times()[:2]) for each in processes) - before
        costs.setdefault(server, []).append(1000 * spent / 25)
    for server, cost in costs.items():
        print(f"{server}: {median(cost):.2f} ms ({min(cost):.2f} to {max(cost):.2f})")


main(*sys.argv[1:])
