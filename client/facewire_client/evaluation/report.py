"""One HTML document that shows an evaluation, without any other file."""

from collections.abc import Iterator, Sequence
from html import escape

from facewire_client.evaluation.answers import Asked
from facewire_client.evaluation.comparison import Comparison
from facewire_client.evaluation.dataset import Dataset, DatasetError, Problem
from facewire_client.evaluation.drawing import COLOURS, drawing
from facewire_client.evaluation.evaluation import Evaluation
from facewire_client.evaluation.photo_counts import marks, worst
from facewire_client.evaluation.picture import picture
from facewire_client.evaluation.tables import facts, tables

MOST_DRAWINGS = 20
MOST_PROBLEMS = 200

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: 1.5rem 0 }
caption { text-align: left; font-weight: 600 }
td, th { padding: .15rem 1.2rem .15rem 0; text-align: left; border-bottom: 1px solid #ddd }
td { font-variant-numeric: tabular-nums; overflow-wrap: anywhere }
figure { margin: 1.5rem 0 } img, svg { max-width: 100%; height: auto }
"""


def report(
    dataset: Dataset,
    problems: Sequence[Problem],
    asked: Asked,
    missing: int,
    evaluation: Evaluation,
    comparison: Comparison | None,
) -> str:
    """Return the document: numbers, picture, problems, and the worst photos drawn."""
    named = {str(asked["model"]): evaluation}
    if comparison is not None:
        named = {f"baseline {comparison.asked['model']}": comparison.before} | named
    title = escape(f"{asked['model']} on {dataset.format}")
    rows: list[Sequence[str]] = list(facts(dataset, problems, asked, missing))
    if comparison is not None:
        rows.append(("baseline", facts(dataset, (), comparison.asked, 0)[1][1]))
    body = [
        _table("", rows, header=False),
        *(_table(*each) for each in tables(dataset, asked, evaluation, comparison)),
        f"<figure>{picture(named)}</figure>",
        *_problems(problems),
        *_worst(dataset, evaluation),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body><h1>{title}</h1>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def _table(caption: str, rows: Sequence[Sequence[str]], *, header: bool = True) -> str:
    lines = []
    for place, row in enumerate(rows):
        tag = "th" if header and not place else "td"
        lines.append("".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in row))
    inner = "".join(f"<tr>{line}</tr>\n" for line in lines)
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{title}\n{inner}</table>"


def _problems(problems: Sequence[Problem]) -> Iterator[str]:
    if problems:
        rows = [(each.kind, each.photo, each.detail) for each in problems[:MOST_PROBLEMS]]
        if rest := len(problems[MOST_PROBLEMS:]):
            rows.append((f"and {rest} more", "", ""))
        yield _table("problems", [("problem", "photo", ""), *rows])


def _worst(dataset: Dataset, evaluation: Evaluation) -> Iterator[str]:
    """Yield the photos with the most faces missed and detections wrong."""
    threshold = evaluation.settings.threshold
    yield f"<h2>Worst photos at {threshold:g}</h2>"
    legend = {
        "hits": "found",
        "wrong": "wrong",
        "missed": "missed",
        "ignored": "ignored face",
    }
    words = (f'<b style="color:{COLOURS[name]}">{word}</b>' for name, word in legend.items())
    yield f"<p>{', '.join(words)}</p>"
    for index in worst(evaluation, MOST_DRAWINGS):
        photo = dataset.photos[index]
        found = marks(evaluation.truths[index], evaluation.found[index], threshold)
        missed, wrong = found.counts
        try:
            shown = f'<br><img alt="" src="{drawing(photo.path, found)}">'
        except DatasetError as error:
            shown = escape(f" ({error})")
        yield (
            f"<figure><figcaption>{escape(photo.name)}: {missed} missed, {wrong} wrong"
            f"</figcaption>{shown}</figure>"
        )
