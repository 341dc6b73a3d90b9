"""The output of `facewire evaluate`: problems, tables, and the JSON document."""

from collections.abc import Sequence
from typing import Any

from facewire_client.cli.output import print_error, show, show_document
from facewire_client.cli.table import align
from facewire_client.evaluation.answers import Asked
from facewire_client.evaluation.comparison import Comparison
from facewire_client.evaluation.dataset import Dataset, Problem
from facewire_client.evaluation.evaluation import Evaluation
from facewire_client.evaluation.tables import facts, tables

_MOST_TOLD = 5
"""Problems of each kind that are named on standard error."""


def tell(problems: Sequence[Problem]) -> None:
    """Print the first problems of each kind on standard error, and how many more there are."""
    seen: dict[str, int] = {}
    for problem in problems:
        seen[problem.kind] = seen.get(problem.kind, 0) + 1
        if seen[problem.kind] <= _MOST_TOLD:
            detail = f" ({problem.detail})" if problem.detail else ""
            print_error(f"{problem.photo}: {problem.kind}{detail}")
    for kind, count in seen.items():
        if count > _MOST_TOLD:
            print_error(f"{count - _MOST_TOLD} more: {kind}")


def show_evaluation(
    as_json: bool,
    dataset: Dataset,
    problems: Sequence[Problem],
    asked: Asked,
    missing: int,
    result: Evaluation,
    comparison: Comparison | None,
) -> None:
    """Print the numbers as tables or as one JSON document."""
    if as_json:
        document: dict[str, Any] = {
            "dataset": {
                "format": dataset.format,
                "photos": len(dataset.photos),
                "faces": dataset.faces,
                "without_faces": dataset.without_faces,
            },
            "problems": [
                {"kind": each.kind, "photo": each.photo, "detail": each.detail} for each in problems
            ],
            "asked": dict(asked),
            "missing": missing,
            **result.document(),
            "baseline": None if comparison is None else comparison.document(dataset.photos),
        }
        show_document(document)
        return
    parts = [align(facts(dataset, problems, asked, missing))]
    for title, rows in tables(dataset, asked, result, comparison):
        parts.append(f"{title}\n{align(rows, right=range(1, len(rows[0])))}")
    show("\n\n".join(parts))
