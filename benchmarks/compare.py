"""Compare servers of face detection on this machine, in alternation.

Every cell is a model, a size of photos and a number of requests in flight. Ratios are
those to benchmark_app in the same round; medians are over the rounds. Progress goes to
standard error, the tables to standard output. See docs/comparison.md.
"""

from dataclasses import asdict

import click

from benchmarks.comparison.contenders import LIMIT
from benchmarks.comparison.lineup import NAMES, Length, lineup, measured
from benchmarks.comparison.programs import MODELS, OURS
from benchmarks.comparison.results import Cell
from benchmarks.harness.images import SIZES, describe, photos
from benchmarks.harness.program import exit_on_sigterm
from benchmarks.harness.settings import (
    Choices,
    Numbers,
    Progress,
    machine,
    print_lines,
    rounds_option,
    seconds_option,
)
from benchmarks.rivals import venvs

RIVALS = tuple(name for name in NAMES if name not in (LIMIT, OURS))


@click.command(help=__doc__)
@click.option("--model", "models", type=Choices(MODELS), default=tuple(MODELS))
@click.option("--image", "sizes", type=Choices(SIZES), default=tuple(SIZES))
@click.option("--concurrency", type=Numbers(), default="1,4,16", show_default=True)
@click.option("--rivals", type=Choices(RIVALS), default=RIVALS, is_flag=False, flag_value="")
@seconds_option(10, "In a cell, a round.")
@click.option("--warmup", type=float, default=1, help="Seconds before that.", show_default=True)
@rounds_option(3)
def main(
    models: tuple[str, ...],
    sizes: tuple[str, ...],
    concurrency: tuple[int, ...],
    rivals: tuple[str, ...],
    seconds: float,
    warmup: float,
    rounds: int,
) -> None:
    exit_on_sigterm()
    names = (LIMIT, OURS, *rivals)
    length = Length(seconds, rounds, warmup)
    files = {size: photos(size) for size in sizes}
    settings = {
        **machine(),
        **venvs.versions(names),
        **{f"photos, {size}": describe(size, each) for size, each in files.items()},
        **{key: str(value) for key, value in asdict(length).items()},
    }
    print_lines(settings)
    progress = Progress()
    for name in models:
        model = MODELS[name]()
        plan = [(Cell(model, size, number), names) for size in files for number in concurrency]
        progress(f"{name}: at least {length.total(plan) / 60:.0f} minutes")
        with lineup(model, names, files, progress) as contenders:
            results = measured(contenders, plan, length, progress)
        print(*(f"\n{each.table(LIMIT)}" for each in results), sep="\n", flush=True)


if __name__ == "__main__":
    main()
