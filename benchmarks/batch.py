"""`facewire-server batch` on the cores of this machine beside plain loops, or its memory.

Rates are those between two points of a run: Ray and the model are started before, and at the end
some cores have nothing to do. The exit status is 1 when the bar is missed.
"""

import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

import click
import numpy as np
import psutil

from benchmarks.harness import usage
from benchmarks.harness.images import PUBLISHED_0205
from benchmarks.harness.rounds import alternate, column_medians, table
from benchmarks.harness.settings import EMBEDDED_FILE, print_settings, progress, rounds_option
from facewire_server.config import Config, Mode
from facewire_server.inference.detector import Detector
from facewire_server.inference.runtime import Runtime
from facewire_server.models.source import Source
from tests.server.batch.command import BatchCommand
from tests.server.batch.made_photos import write_photos
from tests.server.batch.plain_loop import plain_row

MODELS = {"nano": EMBEDDED_FILE, "0205": PUBLISHED_0205}
BAR = 0.95  # of the rate of the best plain loop
FROM, TO = 0.2, 0.9  # the part of the photos that a rate is of
MOST_GROWTH = 40.0  # MB of all processes together, over the photos after the first fifth
LOOKS = 100  # at memory
NICENESS = 15  # of Ray's workers; what else the machine does takes the same of a loop
ALONE, EACH = "loop, one process", "loop, one process a core"
_of_process: list[Detector] = []  # one, in a process of a loop
KINDS = {" batch ": "command", "ray::Map": "workers", "raylet": "raylet", "gcs_server": "GCS"}
"""What is in the command line of a process, and what it is called here."""
ByKind = dict[str, float]


def by_kind(pid: int, value: Callable[[psutil.Process], float]) -> ByKind:
    """The sum of a value over a process and all that it has started, by KINDS."""
    found = dict.fromkeys((*KINDS.values(), "others"), 0.0)
    for each in usage.tree(pid):
        with suppress(psutil.Error):
            line = " ".join(each.cmdline())
            kind = next((name for word, name in KINDS.items() if word in line), "others")
            found[kind] += value(each)
    return found


def cpu(pid: int) -> ByKind:
    """The seconds of CPU that they have used."""
    return by_kind(pid, lambda each: sum(each.cpu_times()[:2]))


def held(pid: int) -> ByKind:
    """The MB that they hold; memory that they share is divided among them."""
    return by_kind(pid, lambda each: each.memory_full_info().pss / 1e6)


class Mark(NamedTuple):
    """A point of a run: photos that are done, seconds, and seconds of CPU."""

    photos: int
    seconds: float
    cpu: ByKind


class Result(NamedTuple):
    """Photos a second, ms of CPU a photo, and the seconds of both before the first photo."""

    rate: float
    cpu_ms: ByKind
    start: float
    start_cpu: float

    @property
    def cpu_all(self) -> float:
        """The ms of all processes."""
        return sum(self.cpu_ms.values())

    @classmethod
    def between(cls, one: Mark, other: Mark) -> "Result":
        """The result of a run from two of its points."""
        photos = other.photos - one.photos
        rate = photos / (other.seconds - one.seconds)
        each = {kind: (other.cpu[kind] - one.cpu[kind]) / photos for kind in one.cpu}
        before = sum(one.cpu.values()) - one.photos * sum(each.values())
        cpu_ms = {kind: 1e3 * seconds for kind, seconds in each.items()}
        return cls(rate, cpu_ms, one.seconds - one.photos / rate, before)


def batch(model: Path, folder: Path) -> Result:
    """Run the command over all photos of a folder."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as output:
        command = BatchCommand(folder, Path(output), "--model", str(model))
        marks = []
        for part in (FROM, TO):
            done, _ = command.wait_for(part)
            marks.append(Mark(done, time.perf_counter() - began, cpu(command.pid)))
        progress(f"batch: {command.finish()}")
    return Result.between(*marks)


def loop(model: Path, folder: Path, processes: int) -> Result:
    """Look at all photos of a folder, one after the other in each of so many processes."""
    began, spawn = time.perf_counter(), multiprocessing.get_context("spawn")
    photos, marks, before = sorted(folder.iterdir()), [], cpu(os.getpid())
    points = [int(part * len(photos)) for part in (FROM, TO)]
    with ProcessPoolExecutor(processes, spawn, _load, (model, processes)) as pool:
        for done, _ in enumerate(pool.map(_look, photos, chunksize=8), 1):
            if done in points:
                used = {kind: each - before[kind] for kind, each in cpu(os.getpid()).items()}
                marks.append(Mark(done, time.perf_counter() - began, used))
    return Result.between(*marks)


def _load(model: Path, processes: int) -> None:
    os.nice(NICENESS)
    one_thread = Runtime(mode=Mode.LATENCY, threads=1, pinned=False)
    runtime = one_thread if processes > 1 else Runtime()
    _of_process.append(Detector(Source.find(str(model)), runtime))


def _look(photo: Path) -> None:
    plain_row(_of_process[0], Config().image_limits, photo)


def compare(model: Path, count: int, rounds: int) -> float:
    """Print rates of all; return that of the command by that of the best loop of its round."""
    cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as name:
        write_photos(folder := Path(name), count)
        runs = {"batch": partial(batch, model, folder)}
        runs |= {ALONE: partial(loop, model, folder, 1), EACH: partial(loop, model, folder, cores)}
        found = alternate(rounds, runs)
    rows = []
    for who, results in found.items():
        numbers = column_medians((r.rate, r.cpu_all, r.start, r.start_cpu) for r in results)
        rows.append((who, *(f"{number:.1f}" for number in numbers)))
    print(table(("", "photos/s", "CPU ms a photo", "s to start", "CPU s to start"), rows))
    for kind in found["batch"][0].cpu_ms:
        print(f"{kind}: {median(each.cpu_ms[kind] for each in found['batch']):.2f} ms of CPU")
    trios = list(zip(found["batch"], found[ALONE], found[EACH], strict=True))
    cpu_share = median(min(one.cpu_all, each.cpu_all) / ours.cpu_all for ours, one, each in trios)
    print(f"CPU of the best loop / that of batch: {cpu_share:.3f}, which other load disturbs less")
    return median(ours.rate / max(one.rate, each.rate) for ours, one, each in trios)


def memory(model: Path, count: int) -> float:
    """Print what the processes hold while the command runs; return how much that grows, in MB."""
    samples: list[tuple[int, ByKind]] = []
    with tempfile.TemporaryDirectory() as name:
        write_photos(photos := Path(name, "photos"), count, most=160)
        command = BatchCommand(photos, Path(name, "output"), "--model", str(model))
        for look in range(1, LOOKS):
            done, _ = command.wait_for(look / LOOKS)
            samples.append((done, held(command.pid)))
        print(command.finish())
    return growth(samples)


def growth(samples: Sequence[tuple[int, ByKind]]) -> float:
    """Print each kind of samples at numbers of photos; return the growth of all, in MB.

    It is that of the line through the samples after the first fifth.
    """
    warm = samples[len(samples) // 5 :]
    at, rows = np.array([done for done, _ in warm]), []
    for kind in ("all", *samples[0][1]):
        held = np.array([sum(mb.values()) if kind == "all" else mb[kind] for _, mb in warm])
        rises = float(np.polyfit(at, held, 1)[0])
        cells = (held[0], held[-1], held.max())
        rows.append((kind, *(f"{cell:.0f}" for cell in cells), f"{1000 * rises:+.2f}"))
        if kind == "all":
            grown = rises * float(at[-1] - at[0])
    header = ("", f"MB at {at[0]}", f"MB at {at[-1]}", "most", "MB more each 1000 photos")
    print(table(header, rows))
    return grown


@click.command(help=__doc__)
@click.option("--model", type=click.Choice(list(MODELS)), default="nano", show_default=True)
@click.option("--photos", type=int, default=2000, show_default=True)
@rounds_option(3)
@click.option("--memory", "held_over", type=int, help="Only memory, over so many small photos.")
def main(model: str, photos: int, rounds: int, held_over: int | None) -> None:
    print_settings(model=model, photos=held_over or photos, rounds=rounds)
    if held_over:
        grown = memory(MODELS[model], held_over)
        print(f"grown by {grown:.1f} MB, at most {MOST_GROWTH:g}")
        raise SystemExit(0 if grown <= MOST_GROWTH else 1)
    share = compare(MODELS[model], photos, rounds)
    print(f"batch x the best loop: {share:.3f}, at least {BAR:g}")
    raise SystemExit(0 if share >= BAR else 1)


if __name__ == "__main__":
    main()
