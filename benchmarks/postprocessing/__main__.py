"""Time post-processing: the extension against NumPy, OpenCV and numba.

All are called in alternation in one process, round by round, and the medians are
compared. Before they are timed, they must agree on the detections. Needs numba and
OpenCV: pip install 'facewire[bench]'.
"""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version

import click
import numpy as np

from benchmarks.harness.callgrind import LEVEL, instructions, require_valgrind
from benchmarks.harness.settings import print_settings, seconds_option
from benchmarks.postprocessing.extension import (
    IMAGE_HEIGHT,
    IMAGE_WIDTH,
    IOU_THRESHOLD,
    MAX_DETECTIONS,
    Extension,
    atss_extension,
    yunet_extension,
)
from benchmarks.postprocessing.heads import ATSS_STRIDES, YUNET_STRIDES, atss_levels, yunet_levels
from benchmarks.postprocessing.rivals import (
    Detect,
    FlatLevel,
    Task,
    decoded,
    with_numba,
    with_numpy,
    with_opencv,
)
from facewire_ext import simd_level, simd_levels, use_simd_level

SHORTEST_NS = 1_000_000
"""A measurement is at least so long: several calls, after one that is not timed, so that
what another left in the caches does not count."""
FEWEST_ROUNDS = 9
RIVALS = {"NumPy": with_numpy, "OpenCV": with_opencv, "numba": with_numba}
THRESHOLDS = (0.02, 0.5)
BARS = {
    50: {"NumPy": 10.0, "numba": 1.6},
    500: {"NumPy": 20.0, "numba": 1.6},
    5000: {"NumPy": 30.0, "numba": 8.0},
}
"""How many times as fast as a rival, for so many candidates of 34,100 locations."""

CALLS = 10
COUNTED = "__pyx_pw_12facewire_ext_5_atss_1decode_atss"
CHILD = """
from benchmarks.postprocessing.extension import atss_extension
from benchmarks.postprocessing.heads import atss_levels
detect = atss_extension(atss_levels(640, {count}, 0.02), 640)
for _ in range({calls}):
    detect({confidence})
"""


@dataclass
class Case:
    """One head with so many candidates, and all that decode it.

    `floor` is a call that finds nothing: all it does is read the class map once.
    """

    name: str
    bars: Mapping[str, float]
    extension: Detect
    floor: Callable[[], object]
    rivals: dict[str, Detect]

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
    for make, side in ((atss_case, 640), (atss_case, 320), (yunet_case, 640)):
        for threshold in THRESHOLDS:
            for count in BARS:
                yield make(side, count, threshold)


def atss_case(side: int, count: int, threshold: float) -> Case:
    """ATSS; the bars are those for an input of 640."""
    levels = atss_levels(side, count, threshold)
    flat = [
        FlatLevel(logits.ravel(), quality.ravel(), deltas.reshape(4, -1), side // stride, stride)
        for (logits, deltas, quality), stride in zip(levels, ATSS_STRIDES, strict=True)
    ]
    bars = BARS[count] if side == 640 else {}
    return _case("ATSS", atss_extension(levels, side), flat, side, threshold, bars)


def yunet_case(side: int, count: int, threshold: float) -> Case:
    """YuNet."""
    levels = yunet_levels(side, count, threshold)
    flat = [
        FlatLevel(scores.ravel(), objects.ravel(), boxes.reshape(-1, 4), side // stride, stride)
        for (scores, objects, boxes, _), stride in zip(levels, YUNET_STRIDES, strict=True)
    ]
    return _case("YuNet", yunet_extension(levels, side), flat, side, threshold, {})


def _case(
    head: str,
    extension: Extension,
    flat: Sequence[FlatLevel],
    side: int,
    threshold: float,
    bars: Mapping[str, float],
) -> Case:
    size = np.array([IMAGE_WIDTH, IMAGE_HEIGHT] * 2, np.float32)
    yunet = head == "YuNet"
    task = Task(yunet, threshold, IOU_THRESHOLD, side, size, MAX_DETECTIONS)
    locations = sum(level.scores.size for level in flat)
    found = len(decoded(flat, threshold, yunet=yunet)[0])
    return Case(
        name=f"{head} {locations}, {found} over {threshold}",
        bars=bars,
        extension=lambda: extension(threshold),
        floor=lambda: extension(1.0),
        rivals={name: make(flat, task) for name, make in RIVALS.items()},
    )


def compare_rivals(seconds: float) -> int:
    """Print the table with the bars; returns how many are missed."""
    print("floor (f): a call that finds nothing, which reads the class map once")
    print(f"\n{'case':32}{'kept':>5}{'floor':>7}{'extension':>18}", end="")
    print("".join(f"{rival:>18}" for rival in RIVALS))
    missed = 0
    for case in all_cases():
        kept = case.check_agreement()
        runs = {"floor": case.floor, "extension": case.extension, **case.rivals}
        times = medians(runs, seconds)
        ours, floor = times["extension"], times["floor"]
        cells = [f"{ours:8.1f} ({ours / floor:5.1f} f)"]
        cells += [f"{times[name]:9.1f} ({times[name] / ours:5.1f}x)" for name in RIVALS]
        print(f"{case.name:32}{kept:5}{floor:7.1f}" + "".join(f"{cell:>18}" for cell in cells))
        verdicts = [
            f"{rival} bar {bar:g}x: {'pass' if times[rival] >= bar * ours else 'FAIL'}"
            for rival, bar in case.bars.items()
        ]
        missed += sum("FAIL" in verdict for verdict in verdicts)
        if verdicts:
            print(f"{'':37}{', '.join(verdicts)}", flush=True)
    print(f"\n{missed or 'no'} bar{'s' * (missed != 1)} missed")
    return missed


def compare_levels(seconds: float) -> None:
    """Print the times of the extension at each level of vectors."""
    print(f"\n{'case':32}" + "".join(f"{name:>10}" for name in simd_levels()))
    for case in all_cases():
        runs = dict.fromkeys(simd_levels(), case.extension)
        times = medians(runs, seconds, before=use_simd_level)
        columns = "".join(f"{time:10.1f}" for time in times.values())
        print(f"{case.name:32}{columns}", flush=True)


def count_instructions() -> None:
    """Print the instructions of one call, interpreter included."""
    require_valgrind()
    print(f"\ninstructions of one call of decode_atss, 34,100 locations, level {LEVEL}")
    for count, confidence in ((50, 1.0), *((count, 0.02) for count in BARS)):
        program = CHILD.format(count=count, calls=CALLS, confidence=confidence)
        number = instructions(program, within=COUNTED).total() // CALLS
        title = "none found" if confidence == 1.0 else f"{count} over {confidence}"
        print(f"{title:>16} {number:12,}", flush=True)


def medians(
    runs: Mapping[str, Callable[[], object]],
    seconds: float,
    before: Callable[[str], None] = lambda name: None,
) -> dict[str, float]:
    """Microseconds of a call of each; `before` is told the name of the next."""
    repeats = {
        name: max(1, round(SHORTEST_NS / (1000 * timed(run, 3)))) for name, run in runs.items()
    }
    times: dict[str, list[float]] = {name: [] for name in runs}
    end = time.perf_counter() + seconds
    rounds = 0
    while rounds < FEWEST_ROUNDS or time.perf_counter() < end:
        for name, run in runs.items():
            before(name)
            times[name].append(timed(run, repeats[name]))
        rounds += 1
    return {name: statistics.median(taken) for name, taken in times.items()}


def timed(run: Callable[[], object], repeats: int) -> float:
    """Microseconds of a call, the mean of so many after one that is not timed."""
    run()
    start = time.perf_counter_ns()
    for _ in range(repeats):
        run()
    return (time.perf_counter_ns() - start) / repeats / 1000


@click.command(help=__doc__)
@seconds_option(3, "For each case.")
@click.option("--levels", is_flag=True, help="The extension at each level of vectors.")
@click.option("--callgrind", is_flag=True, help="Count instructions instead of time.")
def main(seconds: float, levels: bool, callgrind: bool) -> None:
    packages = ("numpy", "opencv-python-headless", "numba")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    print_settings(seconds=seconds, vectors=f"{simd_level()} of {', '.join(simd_levels())}")
    print(f"{versions}; medians in microseconds")
    if callgrind:
        return count_instructions()
    if levels:
        return compare_levels(seconds)
    raise SystemExit(1 if compare_rivals(seconds) else 0)


if __name__ == "__main__":
    main()
