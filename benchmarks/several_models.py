"""What models cost that lie idle in one server: CPU, threads, memory.

    python -m benchmarks.several_models [--models 1 2 4 8] [--seconds 5]

Serves copies of one model under names of their own, asks each of them once, and then
leaves the server alone. Last, all are asked at once, to show that they share the cores:
the number of requests worked on at a time is the server's, however many models it has.
"""

import argparse
import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.server_process import cpu_seconds, serving, status
from facewire_client import FaceClient
from facewire_server.models.source import DATA, EMBEDDED

PHOTO = DATA / "astronaut.jpg"


def copies(model: Path, count: int, folder: Path) -> list[Path]:
    """The model under `count` names."""
    paths = [folder / f"copy-{number}.xml" for number in range(count)]
    for path in paths:
        shutil.copy(model, path)
        shutil.copy(model.with_suffix(".bin"), path.with_suffix(".bin"))
    return paths


def measure(paths: list[Path], seconds: float) -> str:
    """One line about a server with these models."""
    options = [option for path in paths for option in ("--model", str(path))]
    with serving(*options) as (process, target), FaceClient(target) as client:
        photo = PHOTO.read_bytes()

        def ask(path: Path, times: int) -> None:
            for _ in range(times):
                client.detect(photo, model=path.stem)

        for path in paths:
            ask(path, 1)
        before = cpu_seconds(process)
        time.sleep(seconds)
        idle = cpu_seconds(process) - before
        threads, memory = status(process, "Threads"), status(process, "VmRSS") >> 10
        each = 400 // len(paths)
        started = time.perf_counter()
        with ThreadPoolExecutor(8) as callers:
            for path in paths * 2:
                callers.submit(ask, path, each // 2)
        rate = 2 * (each // 2) * len(paths) / (time.perf_counter() - started)
    return (
        f"{len(paths)} models: idle CPU {idle / seconds:.2%} of a core,"
        f" {threads} threads, {memory} MB; asked all at once {rate:.0f} requests/s"
    )


def main() -> None:
    """Prints the settings, then a line for each number of models."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    embedded = DATA / EMBEDDED / f"{EMBEDDED}.xml"
    parser.add_argument("--model", type=Path, default=embedded, help="an IR (.xml)")
    parser.add_argument("--models", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--seconds", type=float, default=5)
    arguments = parser.parse_args()
    print(f"{arguments.model.name}, idle for {arguments.seconds:g} s")
    for count in arguments.models:
        with tempfile.TemporaryDirectory() as folder:
            paths = copies(arguments.model, count, Path(folder))
            print(measure(paths, arguments.seconds), flush=True)


if __name__ == "__main__":
    main()
