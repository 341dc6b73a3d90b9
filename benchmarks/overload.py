"""Offers servers twice what they can do, without a deadline and with one.

    python -m benchmarks.overload [--model yunet-640] [--image small] [--seconds 60]
                                  [--rivals ...] [--deadline 200] [--json]

One server after the other; each is compared with what the same server can do in a
closed loop right before and after. See docs/comparison.md.
"""

import argparse
import json
import re
import sys
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict

from benchmarks.comparison.interruption import sigterm_exits
from benchmarks.comparison.lineup import job_options, model_info, serving
from benchmarks.comparison.machine import settings
from benchmarks.comparison.models import MODELS, Model
from benchmarks.comparison.narrator import Narrator
from benchmarks.comparison.overload import TIMES, Overload, Plan, overload
from benchmarks.comparison.pictures import SIZES, describe, pictures
from benchmarks.comparison.process_group import free_port
from benchmarks.comparison.programs import OURS, PROGRAMS, facewire
from benchmarks.comparison.result import MeasureError
from benchmarks.rivals import venvs
from facewire_client.bench.settings import Photo
from facewire_client.cli.table import align

_COLUMNS = (
    *("", "deadline", "can do/s", "offered/s", "in time/s", "x can do", "p50 ms"),
    *("p99 ms", "p99 x", "MB after", "kept MB", "inferences in time", "client cores"),
)
Found = dict[tuple[str, float | None], Overload]


def measured(model: Model, photos: Sequence[Photo], names: Sequence[str], plan: Plan) -> Found:
    """By server and deadline. What cannot be measured is told and left out."""
    tell = Narrator()
    found: Found = {}
    job: Sequence[str] = ()
    for name in names:
        tell(f"starting {name}")
        with ExitStack() as stack:
            metrics = free_port()
            program = facewire("--metrics-port", str(metrics)) if name == OURS else PROGRAMS[name]()
            each = {"": list(photos)}
            server = stack.enter_context(serving(name, program, model, each, job))
            if name == OURS:
                job = job_options(model, model_info(server))
            for deadline in (None, plan.deadline):
                count = _inferences(metrics) if name == OURS else None
                try:
                    result = overload(server, photos, plan, deadline, count)
                except MeasureError as error:
                    tell(f"  {name} FAILED: {error}")
                    continue
                tell(f"  {name}, deadline {deadline}: {result}")
                found[name, deadline] = result
    return found


def _inferences(port: int) -> Callable[[], float]:
    """What tells how many inferences our server has begun."""

    def inferences() -> float:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as page:
            text = page.read().decode()
        found = re.findall(r"^facewire_inferences_total\S* (\S+)$", text, re.MULTILINE)
        return sum(map(float, found))

    return inferences


def table(found: Found) -> str:
    """All of it for people."""
    rows: list[Sequence[str]] = [_COLUMNS]
    for (name, deadline), each in found.items():
        rows.append(
            (
                name,
                "none" if deadline is None else f"{deadline * 1000:.0f} ms",
                f"{each.capacity:.1f}",
                f"{each.offered:.1f}",
                f"{each.goodput:.1f}",
                f"{each.goodput_ratio:.3f}",
                _number(each.p50_ms, 1),
                _number(each.p99_ms, 1),
                _number(each.p99_ratio, 2),
                f"{each.memory_after:.0f}",
                f"{each.memory_growth:+.0f}",
                _number(each.in_time_share, 3),
                f"{each.client_cpu_ms / 1000:.2f}",
            )
        )
    return align(rows, right=range(1, len(_COLUMNS)))


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def main() -> None:
    """Prints the settings and a table."""
    options = parsed()
    sigterm_exits()
    names = tuple(dict.fromkeys((OURS, *options.rivals)))
    photos = pictures(options.image)
    plan = Plan(
        seconds=options.seconds,
        capacity_seconds=options.capacity_seconds,
        concurrency=options.concurrency,
        deadline=options.deadline / 1000,
    )
    told = {
        **settings(),
        **venvs.told(names),
        "model": options.model,
        "photos": describe(options.image, photos),
        "offered": f"{TIMES:g} x what the server can do, Poisson arrivals",
        **{key: str(value) for key, value in asdict(plan).items()},
    }
    if not options.json:
        print("\n".join(f"{key}: {value}" for key, value in told.items()), flush=True)
    found = measured(MODELS[options.model](), photos, names, plan)
    if options.json:
        cells = [
            {"server": name, "deadline": deadline, **asdict(each)}
            for (name, deadline), each in found.items()
        ]
        json.dump({"settings": told, "cells": cells}, sys.stdout, indent=2)
    else:
        print(f"\n{table(found)}")


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    rivals = [name for name in PROGRAMS if name != OURS]
    parser.add_argument("--model", choices=MODELS, default="yunet-640")
    parser.add_argument("--image", choices=SIZES, default="small")
    parser.add_argument("--rivals", nargs="*", choices=rivals, default=rivals)
    parser.add_argument("--seconds", type=float, default=60, help="of too much")
    parser.add_argument("--capacity-seconds", type=float, default=10)
    parser.add_argument("--concurrency", type=int, default=16, help="at capacity")
    parser.add_argument("--deadline", type=float, default=200, help="milliseconds")
    parser.add_argument("--json", action="store_true", help="one document")
    return parser.parse_args()


if __name__ == "__main__":
    main()
