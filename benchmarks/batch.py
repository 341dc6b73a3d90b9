"""`facewire-server batch` on the cores of this machine against plain loops, or its memory.

One loop is a single process with a thread of OpenVINO for each core, the other a process for each
core. Each runs at the same time as the command, but one of the two is always stopped: they take
turns of some seconds, so that both have the same share of what else disturbs the machine. Rates
are those of the middle of a run: Ray and the model are started before. The exit status is 1 when
the bar is missed, which is for the single process.
"""

import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import click
import numpy as np
import psutil

from benchmarks.harness import usage
from benchmarks.harness.images import PUBLISHED_0205
from benchmarks.harness.rounds import table
from benchmarks.harness.settings import EMBEDDED_FILE, print_settings, progress
from benchmarks.harness.turns import ByKind, take_turns
from facewire_server.config import Config, Mode
from facewire_server.inference.detector import Detector
from facewire_server.inference.runtime import Runtime
from facewire_server.models.source import Source
from tests.server.batch.command import BatchCommand
from tests.server.batch.made_photos import write_photos
from tests.server.batch.plain_loop import plain_row

MODELS = {"nano": EMBEDDED_FILE, "0205": PUBLISHED_0205}
BAR = 0.95  # of the rate of the plain loop in one process
BEGUN, ENDING = 0.05, 0.9  # all turns are between: some cores have nothing to do at the end
TURN_SECONDS = 5.0  # a cluster that stands still for longer may take a node for dead
MOST_GROWTH = 40.0  # MB of all processes together, over the photos after the first fifth
LOOKS = 100  # at memory
NICENESS = 15  # of Ray's workers; what else the machine does takes the same of a loop
BATCH = "batch"
LOOP, LOOPS = "plain loop in one process", "plain loops, one process a core"
KINDS = {" batch ": "command", "ray::Map": "workers", "raylet": "raylet", "gcs_server": "GCS"}
"""What is in the command line of a process, and what it is called here."""


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


class Loop:
    """Plain loops over photos again and again, one in each process, which all have started."""

    def __init__(self, model: Path, photos: Sequence[Path], processes: int) -> None:
        threads = len(os.sched_getaffinity(0)) // processes
        spawn = multiprocessing.get_context("spawn")
        self._done = spawn.Value("q", 0)
        shares = [photos[number::processes] for number in range(processes)]
        runs = [partial(_look, model, threads, share, self._done) for share in shares]
        self._processes = [spawn.Process(target=run, daemon=True) for run in runs]
        for each in self._processes:
            each.start()
        while self.done < 10 * processes:
            time.sleep(0.1)

    @property
    def done(self) -> int:
        """How many photos are done."""
        return int(self._done.value)

    @property
    def pids(self) -> Sequence[int]:
        """The processes."""
        return [each.pid for each in self._processes if each.pid is not None]

    def close(self) -> None:
        """End the processes."""
        for each in self._processes:
            each.kill()
            each.join()


def _look(model: Path, threads: int, photos: Sequence[Path], done: Any) -> None:
    os.nice(NICENESS)
    runtime = Runtime(mode=Mode.LATENCY, threads=threads, pinned=False)
    detector = Detector(Source.find(str(model)), runtime)
    for photo in cycle(photos):
        plain_row(detector, Config().image_limits, photo)
        with done.get_lock():
            done.value += 1


def compare(model: Path, count: int, number: int) -> float:
    """Print all rates; return that of the command by that of the loop in one process."""
    with tempfile.TemporaryDirectory() as name:
        write_photos(folder := Path(name, "photos"), count)
        began = time.perf_counter()
        command = BatchCommand(folder, Path(name, "output"), "--model", str(model))
        done, _ = command.wait_for(BEGUN)
        progress(f"batch: {done} photos in {time.perf_counter() - began:.1f} s, with the start")
        loop = partial(Loop, model, sorted(folder.iterdir()))
        shares = []
        for kind, processes in {LOOP: 1, LOOPS: len(os.sched_getaffinity(0))}.items():
            with closing(loop(processes)) as other:
                shares.append(_share(command, kind, other, number))
        done = command.done
        progress(f"batch: {command.finish()}")
    if done > ENDING * count:
        raise click.UsageError(f"--turns {number} take more than --photos {count}")
    return shares[0]


def _share(command: BatchCommand, name: str, loop: Loop, number: int) -> float:
    """Print the rates of the command and of a loop; return the one by the other."""
    found = take_turns({BATCH: command, name: loop}, number, TURN_SECONDS, cpu)
    rows = [(who, f"{each.rate:.1f}", f"{each.cpu_all:.2f}") for who, each in found.items()]
    print(table(("", "photos/s", "CPU ms a photo"), rows))
    ours, other = found[BATCH], found[name]
    for kind, ms in ours.cpu_ms.items():
        print(f"{kind}: {ms:.2f} ms of CPU a photo, {ms * ours.rate / 10:.1f} % of a core")
    share, cost = ours.rate / other.rate, other.cpu_all / ours.cpu_all
    print(f"batch x {name}: {share:.3f}; CPU of the loop / that of batch: {cost:.3f}")
    return share


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
@click.option("--photos", type=int, default=14_000, show_default=True)
@click.option("--turns", "number", type=int, default=8, show_default=True, help="Of each.")
@click.option("--memory", "held_over", type=int, help="Only memory, over so many small photos.")
def main(model: str, photos: int, number: int, held_over: int | None) -> None:
    print_settings(model=model, photos=held_over or photos, turns=number)
    if held_over:
        grown = memory(MODELS[model], held_over)
        print(f"grown by {grown:.1f} MB, at most {MOST_GROWTH:g}")
        raise SystemExit(0 if grown <= MOST_GROWTH else 1)
    share = compare(MODELS[model], photos, number)
    print(f"batch x the loop in one process: {share:.3f}, at least {BAR:g}")
    raise SystemExit(0 if share >= BAR else 1)


if __name__ == "__main__":
    main()
