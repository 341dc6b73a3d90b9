"""Time post-processing: the extension against NumPy, OpenCV and numba, in alternation.

Before they are timed, they must agree on the detections. Needs facewire[bench].
"""

from collections.abc import Iterator, Mapping
from functools import partial
from importlib.metadata import version
from itertools import product
from typing import NamedTuple

import click
import numpy as np

from benchmarks.harness.callgrind import instruction_table
from benchmarks.harness.rounds import table, timed
from benchmarks.harness.settings import print_settings, seconds_option
from benchmarks.postprocessing import heads, rivals
from benchmarks.postprocessing.rivals import Detect, FlatLevel, Task
from facewire_ext import simd_levels

THRESHOLDS = (0.02, 0.5)
RIVALS = ("NumPy", "OpenCV", "numba")
BARS = {
    50: {"NumPy": 10.0, "numba": 1.6},
    500: {"NumPy": 20.0, "numba": 1.6},
    5000: {"NumPy": 30.0, "numba": 8.0},
}
"""How many times as fast as a rival, for so many candidates of 34,100 locations."""
COUNTED = "__pyx_pw_12facewire_ext_5_atss_1decode_atss"
COUNTED_CASES = ((50, 1.0), *((count, 0.02) for count in BARS))
"""Candidates, and the least confidence; none reaches 1."""
CHILD = f"""
from benchmarks.postprocessing.heads import atss_extension, atss_levels
for count, confidence in {COUNTED_CASES}:
    detect = atss_extension(atss_levels(640, count, 0.02), 640)
    detect(confidence), detect(confidence)
"""


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
    inputs = (("ATSS", 640), ("ATSS", 320), ("YuNet", 640))
    for (head, side), threshold, count in product(inputs, THRESHOLDS, BARS):
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
    """Print the table, and the bars that are missed; returns how many are."""
    rows, missed = [], []
    for each in all_cases():
        kept = each.check_agreement()
        levels = dict.fromkeys(simd_levels(), each.extension)
        times = timed({"floor": each.floor, **levels, **each.rivals}, seconds)
        ours = times[simd_levels()[-1]]
        cells = [f"{times[name]:.1f}" for name in ("floor", *levels)]
        cells += [f"{times[name]:,.1f} ({times[name] / ours:.1f}x)" for name in RIVALS]
        rows.append([each.name, str(kept), *cells])
        for rival, bar in each.bars.items():
            if times[rival] < bar * ours:
                missed.append(f"{each.name}: less than {bar:g} x as fast as {rival}")
    print(table(("microseconds of CPU", "kept", "floor", *simd_levels(), *RIVALS), rows))
    print("", *missed, f"{len(missed)} bars missed", sep="\n")
    return len(missed)


@click.command(help=__doc__)
@seconds_option(3, "For each case.")
@click.option("--callgrind", is_flag=True, help="Count instructions instead of time.")
def main(seconds: float, callgrind: bool) -> None:
    print_settings(seconds=seconds, numba=version("numba"))
    if callgrind:
        cases = [f"{count:,} over {least}" for count, least in COUNTED_CASES]
        return print(instruction_table(CHILD, COUNTED, cases))
    raise SystemExit(1 if compare_rivals(seconds) else 0)


if __name__ == "__main__":
    main()
