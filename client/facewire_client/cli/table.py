"""Plain tables of results and models for people."""

from collections.abc import Iterable, Sequence

from facewire_client.cli.output import printable
from facewire_client.result import DetectResult, ModelInfo

_FACES = ("image", "face", "x_min", "y_min", "x_max", "y_max", "confidence", "label")
_MODELS = ("model", "version", "input", "precision", "device", "labels", "")


def faces_table(results: Iterable[tuple[str, DetectResult]]) -> str:
    """Return a table with one line for each face, or for an image without faces.

    `results` are the names of images and their results.
    """
    rows: list[Sequence[str]] = [_FACES]
    for name, result in results:
        for number, face in enumerate(result.faces, start=1):
            box = (f"{value:.1f}" for value in face.box)
            x_min, y_min, x_max, y_max = box
            confidence = f"{face.confidence:.3f}"
            row = (name, str(number), x_min, y_min, x_max, y_max, confidence)
            rows.append((*row, face.label))
        if not result.faces:
            rows.append((name, "none", *[""] * 6))
    return align(rows, right=range(1, 7))


def models_table(models: Iterable[ModelInfo]) -> str:
    """Return a table with one line for each model."""
    rows: list[Sequence[str]] = [_MODELS]
    for model in models:
        width, height = model.input_size
        cells = (model.name, model.version, f"{width}x{height}", model.precision)
        labels = " ".join(model.labels)
        default = "default" if model.is_default else ""
        rows.append((*cells, model.device, labels, default))
    return align(rows)


def align(rows: Sequence[Sequence[str]], right: Iterable[int] = ()) -> str:
    """Align rows of cells in columns; the columns in `right` are aligned to the right.

    Characters that would control a terminal, or break a line, are escaped.
    """
    rows = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    right = set(right)
    lines = (
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)
