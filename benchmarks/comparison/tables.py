"""Results as tables for people, and as plain values for JSON."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from benchmarks.comparison.lineup import LIMIT
from benchmarks.comparison.result import Result
from benchmarks.comparison.turns import Turns
from facewire_client.cli.table import align

_COLUMNS = (
    *("", "requests/s", "x limit", "p50 ms", "x limit", "p95 ms", "p99 ms"),
    *("CPU ms", "x limit", "peak MB"),
)
_VALUES = tuple(each.name for each in fields(Result))


def table(turns: Turns) -> str:
    """Medians of one cell, and their ratios to the limit."""
    rows: list[Sequence[str]] = [_COLUMNS]
    for name in turns.results:
        rows.append(
            (
                name,
                _number(turns.median(name, "rate"), 1),
                _number(turns.ratio(name, "rate", LIMIT), 3),
                _number(turns.median(name, "p50_ms"), 1),
                _number(turns.ratio(name, "p50_ms", LIMIT), 3),
                _number(turns.median(name, "p95_ms"), 1),
                _number(turns.median(name, "p99_ms"), 1),
                _number(turns.median(name, "cpu_ms"), 2),
                _number(turns.ratio(name, "cpu_ms", LIMIT), 3),
                _number(turns.median(name, "memory_mb"), 0),
            )
        )
    return f"{turns.cell}\n{align(rows, right=range(1, len(_COLUMNS)))}"


def document(turns: Turns) -> dict[str, Any]:
    """All results of one cell, their medians, and the ratios to the limit."""
    return {
        "model": turns.cell.model.name,
        "picture": turns.cell.picture,
        "concurrency": turns.cell.concurrency,
        "contenders": {
            name: {
                "median": {value: turns.median(name, value) for value in _VALUES},
                "ratio": {value: turns.ratio(name, value, LIMIT) for value in _VALUES},
                "rounds": [result and asdict(result) for result in results],
            }
            for name, results in turns.results.items()
        },
    }


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
