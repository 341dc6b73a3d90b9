"""Times post-processing: the extension against NumPy, OpenCV and numba.

    python -m benchmarks.postprocessing [--seconds S] [--levels]
    python -m benchmarks.postprocessing --callgrind     (needs valgrind)

All take turns in one process, round by round, and the medians are compared. Before
they are timed, they must agree on the detections. `--levels` times the extension alone
at each level of vectors. Needs numba and OpenCV: pip install numba 'facewire[server]'.
"""

import argparse
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version

from benchmarks.comparison.machine import processor
from benchmarks.postprocessing_callgrind import count_instructions
from benchmarks.postprocessing_cases import Case, all_cases
from facewire_ext import simd_level, simd_levels, use_simd_level

# A turn is at least so long: several calls, after one that is not timed, so that what
# another left in the caches does not count.
SHORTEST_TURN_NS = 1_000_000
FEWEST_ROUNDS = 9
RIVALS = ("NumPy", "OpenCV", "numba")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3.0, help="for each case (default: 3)")
    parser.add_argument(
        "--levels", action="store_true", help="the extension at each level of vectors"
    )
    parser.add_argument(
        "--callgrind", action="store_true", help="count instructions instead of time"
    )
    arguments = parser.parse_args()
    print_settings()
    if arguments.callgrind:
        return count_instructions()
    print(f"medians of alternating rounds, {arguments.seconds:g} s a case; microseconds")
    if arguments.levels:
        return compare_levels(arguments.seconds)
    return compare_rivals(arguments.seconds)


def print_settings() -> None:
    packages = ("facewire", "numpy", "opencv-python-headless", "numba")
    names = ", ".join(f"{name} {version(name)}" for name in packages)
    print(f"Python {platform.python_version()}, {names}")
    print(f"{processor()}; vectors: {simd_level()} of {', '.join(simd_levels())}")


def compare_rivals(seconds: float) -> int:
    """The table with the bars; the exit status is 1 when one is missed."""
    print("floor (f): a call that finds nothing, which reads the class map once")
    print(f"\n{'case':32}{'kept':>5}{'floor':>7}{'extension':>18}", end="")
    print("".join(f"{rival:>18}" for rival in RIVALS))
    missed = 0
    for case in all_cases():
        case.check_agreement()
        times = medians(case.runs(), seconds)
        print(row(case, times), flush=True)
        verdicts = bars(case, times)
        missed += sum("FAIL" in verdict for verdict in verdicts)
        if verdicts:
            print(f"{'':37}{', '.join(verdicts)}")
    print(f"\n{missed or 'no'} bar{'s' * (missed != 1)} missed")
    return 1 if missed else 0


def row(case: Case, times: dict[str, float]) -> str:
    ours, floor = times["extension"], times["floor"]
    near = f"{ours:8.1f} ({ours / floor:5.1f} f)"
    rivals = [f"{times[name]:9.1f} ({times[name] / ours:5.1f}x)" for name in RIVALS]
    return f"{case.name:32}{case.kept:5}{floor:7.1f}{near:>18}" + "".join(
        f"{rival:>18}" for rival in rivals
    )


def bars(case: Case, times: dict[str, float]) -> list[str]:
    return [
        f"{rival} bar {bar:g}x: " + ("pass" if times[rival] >= bar * times["extension"] else "FAIL")
        for rival, bar in case.bars.items()
    ]


def compare_levels(seconds: float) -> int:
    """The extension at each level of vectors, in turns as well."""
    print(f"\n{'case':32}" + "".join(f"{name:>10}" for name in simd_levels()))
    for case in all_cases():
        runs = dict.fromkeys(simd_levels(), case.extension)
        times = medians(runs, seconds, before=use_simd_level)
        columns = "".join(f"{time:10.1f}" for time in times.values())
        print(f"{case.name:32}{columns}", flush=True)
    return 0


def medians(
    runs: Mapping[str, Callable[[], object]],
    seconds: float,
    before: Callable[[str], None] = lambda name: None,
) -> dict[str, float]:
    """Microseconds for a call of each, as they take turns; `before` is told whose."""
    repeats = {name: repeats_for(run) for name, run in runs.items()}
    turns: dict[str, list[float]] = {name: [] for name in runs}
    end = time.perf_counter() + seconds
    rounds = 0
    while rounds < FEWEST_ROUNDS or time.perf_counter() < end:
        for name, run in runs.items():
            before(name)
            turns[name].append(turn(run, repeats[name]))
        rounds += 1
    return {name: statistics.median(taken) for name, taken in turns.items()}


def repeats_for(run: Callable[[], object]) -> int:
    return max(1, round(SHORTEST_TURN_NS / (1000 * turn(run, 3))))


def turn(run: Callable[[], object], repeats: int) -> float:
    run()
    start = time.perf_counter_ns()
    for _ in range(repeats):
        run()
    return (time.perf_counter_ns() - start) / repeats / 1000


if __name__ == "__main__":
    sys.exit(main())
