"""The numbers of an evaluation as tables of text, for a terminal and for the report."""

import math
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from facewire_client.evaluation.answers import Asked
from facewire_client.evaluation.comparison import Comparison
from facewire_client.evaluation.dataset import Dataset, Photo, Problem, counts
from facewire_client.evaluation.evaluation import METRICS, Evaluation
from facewire_client.evaluation.measures import operation

Table: TypeAlias = tuple[str, Sequence[Sequence[str]]]
"""A title, and rows of cells, of which the first names the columns."""

MOST_CHANGES = 20


def tables(
    dataset: Dataset,
    asked: Asked,
    evaluation: Evaluation,
    comparison: Comparison | None,
) -> Iterator[Table]:
    """Yield the tables of an evaluation, and of its comparison if there is one."""
    yield "average precision", _precision(dataset, evaluation, comparison)
    if comparison is not None:
        title = f"photos that changed at {evaluation.settings.threshold:g}"
        yield title, _changes(comparison, dataset.photos)
    yield "at a confidence of", _points(evaluation)
    yield f"faces by height, at {evaluation.settings.threshold:g}", _sizes(evaluation)
    yield "calibration", _calibration(evaluation)


def facts(
    dataset: Dataset, problems: Sequence[Problem], asked: Asked, missing: int
) -> list[tuple[str, str]]:
    """Return what was measured on, and each kind of problem with its number, by name."""
    photos = f"{len(dataset.photos)} photos, {dataset.faces} faces"
    rows = [
        ("data set", f"{dataset.format}: {photos}, {dataset.without_faces} photos without faces"),
        ("model", in_words(asked)),
    ]
    if missing:
        rows.append(("not answered", f"{missing} photos; their faces are missed"))
    rows += [(kind, f"{count}") for kind, count in counts(problems).items()]
    return rows


def in_words(asked: Asked) -> str:
    """Return what was asked on one line."""
    names = ("model", "version", "precision", "device")
    options = [f"{key} {value}" for key, value in asked.items() if key not in names]
    return ", ".join([" ".join(str(asked.get(name, "?")) for name in names), *options])


def percent(value: float) -> str:
    """Return a part of one in percent."""
    return "none" if math.isnan(value) else f"{value:.2%}"


def size_name(size: operation.Size) -> str:
    """Return the heights of a size in words."""
    return f"{size.low}+" if size.high is None else f"{size.low}-{size.high - 1}"


def _named(evaluation: Evaluation) -> dict[str, float]:
    numbers = {METRICS[name]: value for name, value in evaluation.average_precision.items()}
    numbers["AP of faces of any size, by the checker's other rules"] = evaluation.all_sizes
    for level, value in evaluation.levels.items():
        numbers[f"AP of WIDER FACE's own evaluation: {level}"] = value
    return numbers


def _precision(
    dataset: Dataset, evaluation: Evaluation, comparison: Comparison | None
) -> list[Sequence[str]]:
    numbers = _named(evaluation)
    if comparison is None:
        return [("", "AP"), *((name, percent(value)) for name, value in numbers.items())]
    before = _named(comparison.before)
    rows: list[Sequence[str]] = [("", "AP", "baseline", "difference")]
    for name, value in numbers.items():
        change = _points_of(value - before[name])
        rows.append((name, percent(value), percent(before[name]), change))
    found = comparison.difference
    interval = f"{_points_of(found.low)} to {_points_of(found.high)}"
    why = f"95 % interval of {evaluation.settings.metric}, {found.rounds} draws of photos"
    return [*rows, (why, "", "", interval)]


def _points_of(value: float) -> str:
    return "none" if math.isnan(value) else f"{value * 100:+.2f}"


def _changes(comparison: Comparison, photos: Sequence[Photo]) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = [("photo", "missed", "before", "wrong", "before")]
    for change in comparison.changes[:MOST_CHANGES]:
        values = (change.missed, change.missed_before, change.wrong, change.wrong_before)
        rows.append((photos[change.photo].name, *map(str, values)))
    if rest := len(comparison.changes) - MOST_CHANGES:
        rows += [(f"and {rest} more", "", "", "", "")] if rest > 0 else []
    return rows if comparison.changes else [*rows, ("none", "", "", "", "")]


def _points(evaluation: Evaluation) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = [("", "precision", "recall", "wrong a photo")]
    for point in evaluation.points():
        rows.append((f"{point.threshold:.2f}", *_point(point)))
    rate = evaluation.settings.rate
    best = operation.best_for(evaluation.operating, rate)
    name = f"for {rate:g} wrong a photo: "
    row = ("none", "", "", "") if best is None else (f"{best.threshold:.4f}", *_point(best))
    return [*rows, (name + row[0], *row[1:])]


def _point(point: operation.Point) -> tuple[str, str, str]:
    return percent(point.precision), percent(point.recall), f"{point.false_positives:.3f}"


def _sizes(evaluation: Evaluation) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = [("px", "faces", "found", "found at any confidence")]
    for size in evaluation.sizes:
        recalls = percent(size.recall), percent(size.reachable)
        rows.append((size_name(size), str(size.faces), *recalls))
    return rows


def _calibration(evaluation: Evaluation) -> list[Sequence[str]]:
    bins, error = operation.calibration(evaluation.operating)
    rows: list[Sequence[str]] = [("confidence", "detections", "mean", "faces")]
    for each in bins:
        name = f"{each.low:.1f} to {each.high:.1f}"
        mean = "none" if math.isnan(each.confidence) else f"{each.confidence:.3f}"
        rows.append((name, str(each.detections), mean, percent(each.correct)))
    return [*rows, ("expected error", "", "none" if math.isnan(error) else f"{error:.3f}", "")]
