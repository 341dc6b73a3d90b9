"""The job in a loop, without any RPC: what a server of it can do at most.

    python -m benchmarks.rivals.in_process --threads N --seconds S --model FILE ... JPEG...

Prints one JSON document: the seconds and the end of each turn, the CPU seconds, the
peak of memory in kB, and the boxes of each photo. `--seconds 0` finds the boxes only.
"""

import argparse
import json
import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path
from typing import Any

from benchmarks.rivals.job import Detector, Job


def loop(
    detector: Detector, photos: list[bytes], threads: int, warmup: float, seconds: float
) -> dict[str, Any]:
    """Turns of all threads within the measured time, and what they cost."""
    opens = time.monotonic() + warmup
    closes = opens + seconds
    turns: list[tuple[float, float]] = []

    def work(first: int) -> None:
        mine = cycle(photos[first % len(photos) :] + photos[: first % len(photos)])
        while (begun := time.monotonic()) < closes:
            detector.detect(next(mine))
            turns.append((begun, time.monotonic()))

    with ThreadPoolExecutor(threads) as pool:
        running = [pool.submit(work, first) for first in range(threads)]
        time.sleep(warmup)
        before = time.process_time()
        time.sleep(max(0.0, closes - time.monotonic()))
        spent = time.process_time() - before
    for each in running:
        each.result()
    return {
        "latencies": [ended - begun for begun, ended in turns if begun >= opens],
        "ended": sorted(ended for _, ended in turns if opens <= ended < closes),
        "cpu_seconds": spent,
        "peak_kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }


def main() -> None:
    """Does what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--warmup", type=float, default=0)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("photos", type=Path, nargs="+", metavar="JPEG")
    Job.add_options(parser)
    options = parser.parse_args()
    photos = [path.read_bytes() for path in options.photos]
    detector = Detector(Job.of(options))
    found: dict[str, Any] = {"boxes": [detector.detect(each).tolist() for each in photos]}
    if options.seconds:
        found |= loop(detector, photos, options.threads, options.warmup, options.seconds)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
