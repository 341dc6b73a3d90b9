"""Time post-processing: the extension against NumPy, OpenCV and numba, in alternation.

Before they are timed, they must agree on the detections. Needs facewire[bench].
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np

from benchmarks.harness.rounds import alternate, medians
from benchmarks.harness.settings import print_settings, seconds_option
from benchmarks.postprocessing import heads, rivals
from benchmarks.postprocessing.rivals import Detect, FlatLevel, Task
from facewire_ext import simd_level, simd_levels, use_simd_level

SHORTEST_US = 1_000
"""A measurement is at least so long, after a call that is not timed: it fills the caches."""
FEWEST_ROUNDS = 9
THRESHOLDS = (0.02, 0.5)
RIVALS = ("NumPy", "OpenCV", "numba")
BARS = {
    50: {"NumPy": 10.0, "numba": 1.6},
    500: {"NumPy": 20.0, "numba": 1.6},
    5000: {"NumPy": 30.0, "numba": 8.0},
}
"""How many times as fast as a rival, for so many candidates of 34,100 locations."""
CALLS = 10
COUNTED = "__pyx_pw_12facewire_ext_5_atss_1decode_atss"
CHILD = """
from benchmarks.postprocessing.heads import atss_extension, atss_levels
detect = atss_extension(atss_levels(640, {count}, 0.02), 640)
for _ in range({calls}):
    detect({confidence})
"""
LEVEL = [name for name in simd_levels() if name != "avx512"][-1]
"""For valgrind, which knows no AVX-512."""


class Case(NamedTuple):
    """One head with so many candidates, and all that decode it; `floor` finds nothing."""

    name: str
    bars: Mapping[str, float]
    floor: Detect
    extension: Detect
    rivals: Mapping[str, Detect]

    def check_agreement(self) -> int:
        """All must give the same boxes, to a hundredth of a pixel; returns how many."""
        for detect in self.rivals.values():
            boxes, scores = self.extension()
            other_boxes, other_scores = detect()
            np.testing.assert_allclose(other_boxes, boxes, rtol=1e-4, atol=1e-2)
            np.testing.assert_allclose(other_scores, scores, rtol=1e-5)
        return len(self.extension()[0])


def all_cases() -> Iterator[Case]:
    """34,100 locations (five levels of 640), 8,525 (of 320), and YuNet's 8,400."""
    for head, side in (("ATSS", 640), ("ATSS", 320), ("YuNet", 640)):
        for threshold in THRESHOLDS:
            for count in BARS:
                yield case(head, side, count, threshold)


def case(head: str, side: int, count: int, threshold: float) -> Case:
    """A head with an input of side x side; the bars are those of ATSS for 640."""
    yunet = head == "YuNet"
    if yunet:
        levels = heads.yunet_levels(side, count, threshold)
        extension = heads.yunet_extension(levels, side)
        parts = [(scores, objects, boxes.reshape(-1, 4)) for scores, objects, boxes, _ in levels]
    else:
        levels = heads.atss_levels(side, count, threshold)
        extension = heads.atss_extension(levels, side)
        parts = [(logits, quality, deltas.reshape(4, -1)) for logits, deltas, quality in levels]
    flat = [
        FlatLevel(scores.ravel(), quality.ravel(), boxes, side // stride, stride)
        for (scores, quality, boxes), stride in zip(parts, heads.STRIDES[head], strict=True)
    ]
    task = Task(yunet, flat, side, threshold)
    locations = sum(level.scores.size for level in flat)
    numpy, opencv = partial(rivals.with_numpy, task), partial(rivals.with_opencv, task)
    return Case(
        f"{head} {locations}, {len(rivals.decoded(task)[0])} over {threshold}",
        BARS[count] if (head, side) == ("ATSS", 640) else {},
        partial(extension, 1.0),
        partial(extension, threshold),
        {"NumPy": numpy, "OpenCV": opencv, "numba": rivals.numba_of(task)},
    )


def compare_rivals(seconds: float) -> int:
    """Print the table with the bars; returns how many are missed."""
    print(f"\n{'case':32}{'kept':>5}{'floor':>7}{'extension':>18}", end="")
    print("".join(f"{rival:>18}" for rival in RIVALS))
    missed = 0
    for each in all_cases():
        kept = each.check_agreement()
        times = timed({"floor": each.floor, "extension": each.extension, **each.rivals}, seconds)
        ours, floor = times["extension"], times["floor"]
        cells = [f"{ours:8.1f} ({ours / floor:5.1f} f)"]
        cells += [f"{times[name]:9.1f} ({times[name] / ours:5.1f}x)" for name in RIVALS]
        print(f"{each.name:32}{kept:5}{floor:7.1f}" + "".join(f"{cell:>18}" for cell in cells))
        verdicts = [
            f"{rival} bar {bar:g}x: {'pass' if times[rival] >= bar * ours else 'FAIL'}"
            for rival, bar in each.bars.items()
        ]
        missed += sum("FAIL" in verdict for verdict in verdicts)
        if verdicts:
            print(f"{'':37}{', '.join(verdicts)}", flush=True)
    print(f"\n{missed or 'no'} bar{'s' * (missed != 1)} missed")
    return missed


def compare_levels(seconds: float) -> None:
    """Print the times of the extension at each level of vectors."""
    print(f"\n{'case':32}" + "".join(f"{name:>10}" for name in simd_levels()))
    for each in all_cases():
        runs = dict.fromkeys(simd_levels(), each.extension)
        times = timed(runs, seconds, before=use_simd_level)
        columns = "".join(f"{time:10.1f}" for time in times.values())
        print(f"{each.name:32}{columns}", flush=True)


def timed(
    runs: Mapping[str, Detect], seconds: float, before: Callable[[str], None] = lambda name: None
) -> dict[str, float]:
    """Microseconds of a call of each; `before` is told the name of the next."""

    def measure(name: str, repeats: int) -> float:
        before(name)
        runs[name]()
        start = time.perf_counter()
        for _ in range(repeats):
            runs[name]()
        return (time.perf_counter() - start) / repeats * 1e6

    once = {name: measure(name, 3) for name in runs}
    repeats = {name: max(1, round(SHORTEST_US / took)) for name, took in once.items()}
    one_round = sum(once[name] * (repeats[name] + 1) for name in runs)
    rounds = max(FEWEST_ROUNDS, round(seconds * 1e6 / one_round))
    return medians(
        alternate(rounds, {name: partial(measure, name, repeats[name]) for name in runs})
    )


def count_instructions() -> None:
    """Print the instructions of one call, interpreter included."""
    if shutil.which("valgrind") is None:
        raise SystemExit("valgrind is not installed")
    print(f"\ninstructions of one call of decode_atss, 34,100 locations, level {LEVEL}")
    for count, confidence in ((50, 1.0), *((count, 0.02) for count in BARS)):
        number = instructions(CHILD.format(count=count, calls=CALLS, confidence=confidence))
        title = "none found" if confidence == 1.0 else f"{count} over {confidence}"
        print(f"{title:>16} {number // CALLS:12,}", flush=True)


def instructions(program: str) -> int:
    """Those in `COUNTED` and all that it calls. Raises subprocess.CalledProcessError."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "callgrind.out")
        options = (f"--callgrind-out-file={output}", f"--toggle-collect={COUNTED}")
        subprocess.run(
            ["valgrind", "--tool=callgrind", *options, sys.executable, "-c", program],
            env={**os.environ, "FACEWIRE_EXT_SIMD": LEVEL},
            check=True,
            capture_output=True,
        )
        found = re.search(r"^totals: (\d+)", output.read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])


@click.command(help=__doc__)
@seconds_option(3, "For each case.")
@click.option("--levels", is_flag=True, help="The extension at each level of vectors.")
@click.option("--callgrind", is_flag=True, help="Count instructions instead of time.")
def main(seconds: float, levels: bool, callgrind: bool) -> None:
    vectors = f"{simd_level()} of {','.join(simd_levels())}"
    print_settings(seconds=seconds, numba=version("numba"), vectors=vectors)
    print("medians in microseconds")
    if callgrind:
        return count_instructions()
    if levels:
        return compare_levels(seconds)
    raise SystemExit(1 if compare_rivals(seconds) else 0)


if __name__ == "__main__":
    main()
