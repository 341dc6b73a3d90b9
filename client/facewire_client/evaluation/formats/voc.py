"""Pascal VOC's XML: one file a photo, in `Annotations`, beside `JPEGImages`."""

from pathlib import Path
from typing import Any

import numpy as np

from facewire_client.evaluation import files
from facewire_client.evaluation.dataset import Collector, Dataset, DatasetError, Photo
from facewire_client.evaluation.labels import face_label

_SIDES = ("xmin", "ymin", "xmax", "ymax")


def read(path: Path, label: str | None) -> Dataset:
    """Read a folder with `Annotations` and `JPEGImages`, or one with both kinds of files.

    Pixels are numbered from 1 and the last one belongs to the box, as in the development kit:
    xmin 1 is the left edge of the photo. Objects that are `difficult` are ignored. Raises
    DatasetError.
    """
    annotations, images = (
        path / name if (path / name).is_dir() else path for name in ("Annotations", "JPEGImages")
    )
    collector = Collector()
    found: list[tuple[str, Any]] = []
    for file in sorted(annotations.rglob("*.xml")):
        name = file.relative_to(annotations).with_suffix("").as_posix()
        try:
            found.append((name, files.read_xml(file)))
        except DatasetError as error:
            collector.problem("annotation cannot be read, left out", name, str(error))
    roots = [(name, root) for name, root in found if root.tag == "annotation"]
    if not roots and not collector.problems:
        raise DatasetError(f"{path} has no annotations in Pascal VOC's XML")
    face = face_label({_label(each) for _, root in roots for each in root.iter("object")}, label)
    for name, root in roots:
        _add(collector, images, name, root, face)
    collector.unannotated(files.photos(images))
    return collector.dataset("voc")


def _label(item: Any) -> str:
    return (item.findtext("name") or "face").strip()


def _add(collector: Collector, images: Path, name: str, root: Any, face: str | None) -> None:
    try:
        photo = _photo_name(images, name, root)
        size = tuple(int(float(root.findtext(f"size/{side}") or 0)) for side in ("width", "height"))
        objects = [each for each in root.iter("object") if _label(each) == face]
        rows = []
        for item in objects:
            sides = [float(item.findtext(f"bndbox/{side}") or "nan") for side in _SIDES]
            rows.append((sides[0] - 1, sides[1] - 1, sides[2], sides[3]))
    except (ValueError, OverflowError) as error:
        collector.problem("annotation cannot be read, left out", name, str(error))
        return
    boxes, kept = collector.boxes(photo, rows)
    difficult = [(each.findtext("difficult") or "0").strip() == "1" for each in objects]
    flags = np.array(difficult, bool)[kept]
    annotated = (size[0], size[1]) if min(size) > 0 else None
    collector.add(Photo(photo, images / photo, boxes, flags, size=annotated))


def _photo_name(images: Path, name: str, root: Any) -> str:
    """Return the file that the annotation names, or one named as the annotation is.

    Programs write paths of their own machine into `filename`. Raises ValueError.
    """
    stated = files.inner((root.findtext("filename") or name).strip())
    if (images / stated).is_file():
        return stated
    for suffix in sorted(files.SUFFIXES):
        if (images / f"{name}{suffix}").is_file():
            return f"{name}{suffix}"
    return stated
