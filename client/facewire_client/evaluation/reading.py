"""Reads a data set that the command line names as FORMAT:PATH."""

from collections.abc import Callable
from pathlib import Path

from facewire_client.evaluation.dataset import Dataset, DatasetError
from facewire_client.evaluation.formats import coco, dlib, voc, wider, yolo

READERS: dict[str, Callable[[Path, str | None], Dataset]] = {
    "wider": wider.read,
    "coco": coco.read,
    "voc": voc.read,
    "yolo": yolo.read,
    "dlib": dlib.read,
}


def read(name: str, label: str | None = None) -> Dataset:
    """Return the data set FORMAT:PATH.

    Of a data set with several labels, only the boxes of `label` are faces; None: the one that
    is named face. Raises DatasetError, whose text says what is wrong with the name or the files.
    """
    format, colon, path = name.partition(":")
    if not colon or format not in READERS:
        raise DatasetError(f"a data set is one of {', '.join(READERS)}, a colon and a path")
    if not Path(path).exists():
        raise DatasetError(f"there is no {path}")
    return READERS[format](Path(path), label)
