"""Compares servers of face detection on this machine, in turns.

    python -m benchmarks.compare [--model ...] [--image ...] [--concurrency ...]
                                 [--rivals ...] [--seconds 10] [--rounds 3] [--json]

Every cell is a model, a size of photos and a number of requests in flight. Ratios are
those to benchmark_app in the same round; medians are over the rounds. What happens is
told on standard error, the tables are on standard output. See docs/comparison.md.
"""

import argparse
import json
from dataclasses import asdict

from benchmarks.comparison.interruption import sigterm_exits
from benchmarks.comparison.lineup import LIMIT, NAMES, lineup
from benchmarks.comparison.machine import settings
from benchmarks.comparison.models import MODELS
from benchmarks.comparison.narrator import Narrator
from benchmarks.comparison.pictures import SIZES, describe, pictures
from benchmarks.comparison.programs import OURS
from benchmarks.comparison.result import Cell
from benchmarks.comparison.rounds import Length, measured
from benchmarks.comparison.tables import document, table
from benchmarks.comparison.turns import Turns
from benchmarks.rivals import venvs

PERMANENT = (LIMIT, OURS)


def main() -> None:
    """Prints the settings, then a table for each cell."""
    options = parsed()
    sigterm_exits()
    names = tuple(dict.fromkeys((*PERMANENT, *options.rivals)))
    length = Length(options.seconds, options.rounds, options.warmup)
    photos = {size: pictures(size) for size in options.image}
    told = {
        **settings(),
        **venvs.told(names),
        **{f"photos, {size}": describe(size, each) for size, each in photos.items()},
        **{key: str(value) for key, value in asdict(length).items()},
    }
    if not options.json:
        print("\n".join(f"{key}: {value}" for key, value in told.items()), flush=True)
    found: list[Turns] = []
    tell = Narrator()
    for name in options.model:
        model = MODELS[name]()
        plan = [
            (Cell(model, size, concurrency), names)
            for size in photos
            for concurrency in options.concurrency
        ]
        tell(f"{name}: at least {length.total(plan) / 60:.0f} minutes")
        with lineup(model, names, photos, tell) as contenders:
            turns = measured(contenders, plan, length, tell)
        found += turns
        if not options.json:
            print(*(f"\n{table(each)}" for each in turns), sep="\n", flush=True)
    if options.json:
        cells = [document(each) for each in found]
        print(json.dumps({"settings": told, "cells": cells}, indent=2))


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--image", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--concurrency", nargs="+", type=int, default=[1, 4, 16])
    rivals = [name for name in NAMES if name not in PERMANENT]
    parser.add_argument("--rivals", nargs="*", choices=rivals, default=rivals)
    parser.add_argument("--seconds", type=float, default=10, help="in a cell, a round")
    parser.add_argument("--warmup", type=float, default=1, help="seconds before that")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="one document")
    return parser.parse_args()


if __name__ == "__main__":
    main()
