"""Compare servers of face detection on this machine, in alternation.

Every cell is a model, a size of photos and a number of requests in flight. Ratios are
those to benchmark_app in the same round; medians are over the rounds. Progress goes to
standard error, the tables to standard output. See docs/comparison.md.
"""

import click

from benchmarks.comparison.contenders import compare
from benchmarks.comparison.results import Cell
from benchmarks.comparison.servers import LIMIT, MODELS, OURS, RIVALS
from benchmarks.harness.images import SIZES, describe, photos
from benchmarks.harness.settings import Listed, print_settings, rounds_option, seconds_option
from benchmarks.rivals import venvs


@click.command(help=__doc__)
@click.option("--model", "models", type=Listed(click.Choice(MODELS)), default=tuple(MODELS))
@click.option("--image", "sizes", type=Listed(click.Choice(SIZES)), default=tuple(SIZES))
@click.option("--concurrency", type=Listed(click.INT), default=(1, 4, 16), show_default=True)
@venvs.rivals_option(RIVALS)
@seconds_option(10, "In a cell, a round.")
@rounds_option(3)
def main(
    models: tuple[str, ...],
    sizes: tuple[str, ...],
    concurrency: tuple[int, ...],
    rivals: tuple[str, ...],
    seconds: float,
    rounds: int,
) -> None:
    names = (LIMIT, OURS, *rivals)
    files = {size: photos(size) for size in sizes}
    print_settings(seconds=seconds, rounds=rounds, rivals=venvs.versions(names))
    print(*(describe(size, each) for size, each in files.items()), sep="\n")
    for name in models:
        model = MODELS[name]()
        plan = [(Cell(model, size, number), names) for size in files for number in concurrency]
        for found in compare(plan, files, seconds, rounds):
            print(f"\n{found.table()}", flush=True)


if __name__ == "__main__":
    main()
