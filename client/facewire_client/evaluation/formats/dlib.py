"""dlib's XML: `<image file=...>` with `<box top left width height ignore>`."""

from pathlib import Path
from typing import Any

import numpy as np

from facewire_client.evaluation import files
from facewire_client.evaluation.dataset import Collector, Dataset, DatasetError, Photo
from facewire_client.evaluation.labels import face_label


def read(path: Path, label: str | None) -> Dataset:
    """Read the lists in a folder, or one list; photos are relative to the list's folder.

    A box with `ignore="1"` is ignored; so are those of other labels than that of faces. Raises
    DatasetError.
    """
    lists = sorted(path.glob("*.xml")) if path.is_dir() else [path]
    folder = path if path.is_dir() else path.parent
    roots = [files.read_xml(each) for each in lists]
    images = [image for root in roots if root.tag == "dataset" for image in root.iter("image")]
    if not images:
        raise DatasetError(f"{path} has no list of images in dlib's XML")
    face = face_label({_label(box) for image in images for box in image.iter("box")}, label)
    collector = Collector()
    for image in images:
        _add(collector, folder, image, face)
    collector.unannotated(files.photos(folder))
    return collector.dataset("dlib")


def _label(box: Any) -> str:
    return (box.findtext("label") or "face").strip()


def _add(collector: Collector, folder: Path, image: Any, face: str | None) -> None:
    name = image.get("file", "")
    try:
        name = files.inner(name)
        size = int(image.get("width", 0)), int(image.get("height", 0))
        rows, ignored = [], []
        for box in image.iter("box"):
            left, top, width, height = (
                float(box.get(side, "nan")) for side in ("left", "top", "width", "height")
            )
            rows.append((left, top, left + width, top + height))
            ignored.append(box.get("ignore") == "1" or _label(box) != face)
    except ValueError as error:
        collector.problem("annotation cannot be read, left out", name, str(error))
        return
    boxes, kept = collector.boxes(name, rows)
    flags = np.array(ignored, bool)[kept]
    annotated = size if min(size) > 0 else None
    collector.add(Photo(name, folder / name, boxes, flags, size=annotated))
