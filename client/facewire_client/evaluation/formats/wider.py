"""WIDER FACE as it is distributed: `WIDER_val/images` and `wider_face_split`."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from facewire_client.evaluation import files
from facewire_client.evaluation.dataset import Boxes, Collector, Dataset, DatasetError, Photo

LEVELS = ("easy", "medium", "hard")

_PLACES = ("", "wider_face_split", "ground_truth", "eval_tools/ground_truth")
"""The folders of the lists, and of the ground truth of the levels."""

Levels: TypeAlias = dict[str, dict[str, NDArray[np.int64]]]
"""By level and photo, the indices of the faces that count, from 0."""


def read(path: Path, label: str | None) -> Dataset:
    """Read the validation part: its photos, its list as .mat or .txt, and the levels.

    The levels are read where `wider_easy_val.mat` and its like are, which the evaluation's
    `eval_tools` bring; without them there are none. Boxes without an area are ignored. Nothing
    else is: Open Model Zoo does not read the flag `invalid`. Raises DatasetError.
    """
    if label is not None:
        raise DatasetError("WIDER FACE has no labels")
    images = next(
        (each for each in (path / "WIDER_val" / "images", path / "images") if each.is_dir()), None
    )
    if images is None:
        raise DatasetError(f"{path} has no folder WIDER_val/images")
    if (table := _find(path, "wider_face_val.mat")) is not None:
        entries = _entries_of_mat(table)
    elif (text := _find(path, "wider_face_val_bbx_gt.txt")) is not None:
        entries = _entries_of_text(text)
    else:
        raise DatasetError(f"{path} has no wider_face_val.mat and no wider_face_val_bbx_gt.txt")
    collector = Collector()
    levels = _levels(path)
    for name, rows in entries:
        _add(collector, images, name, rows, levels)
    collector.unannotated(files.photos(images))
    return collector.dataset("wider")


def _find(path: Path, name: str) -> Path | None:
    places = (path / place / name for place in _PLACES)
    return next((place for place in places if place.is_file()), None)


def _levels(path: Path) -> Levels:
    found = {level: _find(path, f"wider_{level}_val.mat") for level in LEVELS}
    return {
        level: {
            name: np.asarray(indices, np.int64).ravel() - 1
            for name, indices in _cells(table, "gt_list")
        }
        for level, table in found.items()
        if table is not None
    }


def _add(collector: Collector, images: Path, name: str, rows: Boxes, levels: Levels) -> None:
    """Add a photo; its boxes stay in place, because the levels number them."""
    try:
        name = files.inner(name)
    except ValueError as error:
        collector.problem("annotation cannot be read, left out", name, str(error))
        return
    sane = np.asarray((np.abs(rows) < 1e9).all(1), bool)
    boxes = np.where(sane[:, None], rows, 0)
    boxes[:, 2:] += boxes[:, :2]
    empty = np.asarray((boxes[:, 2:] <= boxes[:, :2]).any(1), bool)
    for row in rows[empty]:
        collector.problem("no box, ignored", name, " ".join(f"{value:g}" for value in row))
    flags = {level: _flags(of[name], len(boxes)) for level, of in levels.items() if name in of}
    collector.add(Photo(name, images / name, boxes, empty, levels=flags))


def _flags(indices: NDArray[np.int64], count: int) -> NDArray[np.bool_]:
    flags = np.zeros(count, bool)
    flags[indices[(indices >= 0) & (indices < count)]] = True
    return flags


def _entries_of_text(path: Path) -> Iterator[tuple[str, Boxes]]:
    """Yield names and boxes [n, 4] as x, y, width, height. Raises DatasetError.

    The entry of a photo without faces has the count 0 and yet one line, of zeros.
    """
    lines = files.read_text(path).splitlines()
    names = [index for index, line in enumerate(lines) if ".jpg" in line]
    for index, after in pairwise([*names, len(lines)]):
        try:
            count = int(lines[index + 1])
            rows = [line.split() for line in lines[index + 2 : after] if line.strip()][:count]
            values = np.array([row[:4] for row in rows], np.float64).reshape(-1, 4)
        except (ValueError, IndexError) as error:
            raise DatasetError(f"{path}, line {index + 1}: {error}") from error
        if len(values) != max(count, 0):
            raise DatasetError(f"{path}, line {index + 1}: {count} faces, {len(values)} lines")
        yield lines[index].strip(), values


def _entries_of_mat(path: Path) -> Iterator[tuple[str, Boxes]]:
    for name, rows in _cells(path, "face_bbx_list"):
        yield name, np.asarray(rows, np.float64).reshape(-1, 4)


def _cells(path: Path, field: str) -> Iterator[tuple[str, Any]]:
    """Yield the names of the photos, and a field's cell for each. Raises DatasetError."""
    table = _load(path)
    try:
        events = zip(table["event_list"], table["file_list"], table[field], strict=True)
        for event, names, cells in events:
            for name, cell in zip(names[0], cells[0], strict=True):
                yield f"{event[0].item()}/{name[0].item()}.jpg", cell[0]
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise DatasetError(f"{path} is not as WIDER FACE has it: {error!r}") from error


def _load(path: Path) -> Any:
    from scipy.io import loadmat

    load: Callable[..., Any] = loadmat
    try:
        return load(path)
    except Exception as error:  # SciPy raises many kinds for files that are none of MATLAB's
        raise DatasetError(f"cannot read {path}: {error}") from error
