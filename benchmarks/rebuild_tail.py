"""The in-graph tail of the 0206 rebuild against its raw head read by facewire_ext.

    python -m benchmarks.rebuild_0206 --output DIR --int8
    python -m benchmarks.rebuild_tail DIR

First whether both find the same boxes; then which is faster, taking turns in one
process: whole inferences, and the tail alone against the extension alone. Bar: in
f32, IoU over 0.99 and confidences within 1e-3. The command fails when it is missed.
"""

import argparse
import os
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import openvino as ov

from benchmarks.rebuild.plan import NAME
from benchmarks.rebuild.runner import Runner
from benchmarks.rebuild.turns import Spent, print_turns, take_turns
from benchmarks.rebuild.views import Image, views
from facewire_server.inference.agreement import Agreement
from facewire_server.inference.cut import cut
from facewire_server.inference.proof import proven

SIDE = 640
NAMES = ("tail in the graph", "raw head and facewire_ext")
CASES = (("f32", ""), ("bf16", ""), ("bf16", "-int8"))
"""Precision of floating-point layers, and of which file."""
CACHES = 64 << 20
"""Bytes; more than an inference leaves of anything else in the processor's caches."""


def load(folder: Path, form: str, suffix: str) -> ov.Model:
    """One of the files that rebuild_0206 writes."""
    return ov.Core().read_model(folder / f"{NAME}-{form}{suffix}.xml")


def agree(tail: Runner, raw: Runner, images: Sequence[Image]) -> bool:
    """Prints how far both are apart in each image; whether they agree in all."""
    holds = True
    for number, image in enumerate(images):
        for runner in (tail, raw):
            runner.show(image)
            runner.infer()
        found = tail.read()
        agreement = Agreement.between(found, raw.read())
        sure = int(np.count_nonzero(found.confidences >= 0.5))
        print(
            f"  image {number}: {agreement.first} and {agreement.second} boxes"
            f" ({sure} of at least 0.5), IoU at least {agreement.iou:.5f},"
            f" confidence within {agreement.confidence_error:.1e}"
        )
        holds = holds and agreement.holds
    return holds


def compare_networks(
    forms: Sequence[ov.Model], precision: str, images: Sequence[Image], rounds: int
) -> bool:
    """The form with the tail, then the raw one; whether they agree."""
    tail, raw = (Runner(model, SIDE, precision) for model in forms)
    same = agree(tail, raw, images)
    turns = [partial(Spent.on, runner.infer, runner.read) for runner in (tail, raw)]
    print_turns(NAMES, take_turns(rounds, turns))
    return same


def compare_tails(folder: Path, image: Image, rounds: int) -> None:
    """The tail alone, cut off, against the extension on the same raw head."""
    parts = cut(load(folder, "tail", ""))
    if parts is None or not proven(parts, (SIDE, SIDE)):
        raise SystemExit("the tail was not recognised, or not proven to be ATSS's")
    network, tail = Runner(parts.raw, SIDE, "f32"), Runner(parts.tail, SIDE, "f32")
    network.show(image)
    network.infer()
    tail.show(*network.outputs)
    caches = np.zeros(CACHES, np.uint8)

    def emptied(*steps: Callable[[], object]) -> Spent:
        np.add(caches, 1, out=caches)
        return Spent.on(*steps)

    turns = [lambda: emptied(tail.infer, tail.read), lambda: emptied(network.read)]
    print("after the last convolution, caches emptied as by an inference:")
    print_turns(NAMES, take_turns(rounds, turns))


def main() -> None:
    """Prints the settings, then every comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="what rebuild_0206 wrote")
    parser.add_argument("--images", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    images = list(islice(views(SIDE, arguments.seed), arguments.images))
    processor = ov.Core().get_property("CPU", "FULL_DEVICE_NAME")
    print(
        f"{processor}, {os.cpu_count()} processors, OpenVINO {ov.__version__};"
        f" one request at a time; medians of {arguments.rounds} rounds, the two forms"
        " taking turns"
    )
    agreed = []
    for precision, suffix in CASES:
        print(f"{precision}{suffix.replace('-', ' with ')}:")
        forms = [load(arguments.folder, form, suffix) for form in ("tail", "raw")]
        agreed.append(compare_networks(forms, precision, images, arguments.rounds))
    compare_tails(arguments.folder, images[0], 20 * arguments.rounds)
    if not agreed[0]:
        raise SystemExit("in f32 the two forms do not agree")


if __name__ == "__main__":
    main()
