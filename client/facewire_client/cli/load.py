"""The options of `facewire bench` that choose the load."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from facewire_client.bench.load import ClosedLoop, OpenLoop

_CONCURRENCY = 8
_SEED = 1
_OUTSTANDING = 1000
_AT_LEAST_ONE = click.IntRange(min=1)

_OPTIONS = (
    click.option(
        "--concurrency",
        type=_AT_LEAST_ONE,
        metavar="N",
        help=f"Closed loop: keep N requests in flight. Default: {_CONCURRENCY}.",
    ),
    click.option(
        "--rate",
        type=click.FloatRange(min=0, min_open=True),
        metavar="R",
        help="Open loop: send R requests a second, answered or not.",
    ),
    click.option(
        "--seed",
        type=int,
        metavar="N",
        help=f"Of the random arrivals of an open loop. Default: {_SEED}.",
    ),
    click.option(
        "--outstanding",
        type=_AT_LEAST_ONE,
        metavar="N",
        help=f"The most requests of an open loop at a time. Default: {_OUTSTANDING}.",
    ),
)


def with_load(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options above; their values reach it as one argument, `load`."""

    @wraps(function)
    def command(*arguments: Any, **settings: Any) -> None:
        names = ("concurrency", "rate", "seed", "outstanding")
        load = _load(*(settings.pop(name) for name in names))
        function(*arguments, load=load, **settings)

    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def _load(
    concurrency: int | None,
    rate: float | None,
    seed: int | None,
    outstanding: int | None,
) -> ClosedLoop | OpenLoop:
    if rate is None:
        if seed is not None or outstanding is not None:
            raise click.UsageError("--seed and --outstanding go with --rate")
        return ClosedLoop(concurrency or _CONCURRENCY)
    if concurrency is not None:
        raise click.UsageError("--concurrency and --rate exclude each other")
    return OpenLoop(rate, _SEED if seed is None else seed, outstanding or _OUTSTANDING)
