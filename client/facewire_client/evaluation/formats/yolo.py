"""YOLO's text: a line `class x y width height` a face, in fractions of the photo's size."""

from pathlib import Path

import numpy as np

from facewire_client.evaluation import files
from facewire_client.evaluation.dataset import Collector, Dataset, DatasetError, Photo
from facewire_client.evaluation.labels import face_label


def read(path: Path, label: str | None) -> Dataset:
    """Read a folder of photos and texts: side by side, or below `images` and `labels`.

    An empty text is a photo without faces; a photo without a text is told as not annotated.
    Labels are the classes' numbers. Raises DatasetError.
    """
    collector = Collector()
    lines: dict[str, list[list[str]]] = {}
    photos = list(files.photos(path))
    for name in photos:
        if (text := _text(path / name, path)) is not None:
            try:
                rows = [line.split() for line in files.read_text(text).splitlines()]
            except DatasetError as error:
                collector.problem("annotation cannot be read, left out", name, str(error))
                continue
            lines[name] = [row for row in rows if row]
    face = face_label({row[0] for rows in lines.values() for row in rows}, label)
    for name, rows in lines.items():
        _add(collector, path, name, [row for row in rows if row[0] == face])
    collector.unannotated(photos)
    _note_texts_alone(collector, path, photos)
    return collector.dataset("yolo")


def _text(photo: Path, root: Path) -> Path | None:
    """Return the text of a photo; None: there is none."""
    parts = list(photo.relative_to(root).with_suffix(".txt").parts)
    candidates = [root.joinpath(*parts)]
    for place in (index for index, part in enumerate(parts) if part == "images"):
        candidates.append(root.joinpath(*parts[:place], "labels", *parts[place + 1 :]))
    if root.name == "images":
        candidates.append(root.parent.joinpath("labels", *parts))
    return next((each for each in candidates if each.is_file()), None)


def _add(collector: Collector, folder: Path, name: str, lines: list[list[str]]) -> None:
    rows = []
    try:
        for line in lines:
            if len(line) not in (5, 6):  # the sixth is a confidence
                raise ValueError(f"a line has {len(line)} values")
            x, y, width, height = map(float, line[1:5])
            rows.append((x - width / 2, y - height / 2, x + width / 2, y + height / 2))
    except ValueError as error:
        collector.problem("annotation cannot be read, left out", name, str(error))
        return
    boxes, _ = collector.boxes(name, rows)
    collector.add(Photo(name, folder / name, boxes, np.zeros(len(boxes), bool), relative=True))


def _note_texts_alone(collector: Collector, path: Path, photos: list[str]) -> None:
    """Note the texts in `labels` that belong to no photo."""
    texts = {_text(path / name, path) for name in photos}
    for text in sorted(path.rglob("labels/**/*.txt")):
        if text not in texts:
            collector.problem("no such photo, left out", text.relative_to(path).as_posix())
