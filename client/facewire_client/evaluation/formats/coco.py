"""COCO's JSON: `images`, `annotations` with `bbox` as x, y, width, height, `categories`."""

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from facewire_client.evaluation import files
from facewire_client.evaluation.dataset import Collector, Dataset, DatasetError, Photo
from facewire_client.evaluation.labels import face_label


def read(path: Path, label: str | None) -> Dataset:
    """Read a JSON file, or the only one in a folder or its `annotations`.

    Photos are looked for beside the file, in `images` and in the folder of the part's name
    (val2017), there and one folder up. Boxes that are `iscrowd` are ignored. Photos are in the
    order of their ids, as COCO's own evaluation counts them. Raises DatasetError.
    """
    file = _file(path)
    document = files.read_json(file)
    try:
        return _dataset(document, _finder(file), label)
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise DatasetError(f"{file} is not in COCO's form: {error!r}") from error


def _file(path: Path) -> Path:
    if path.is_file():
        return path
    found = sorted([*path.glob("*.json"), *path.glob("annotations/*.json")])
    if len(found) != 1:
        raise DatasetError(f"{path} has {len(found)} JSON files; name the one to read")
    return found[0]


def _finder(file: Path) -> Callable[[str], Path]:
    part = file.stem.rpartition("_")[2]
    folders = [
        base / name for base in (file.parent, file.parent.parent) for name in ("", "images", part)
    ]

    def find(name: str) -> Path:
        places = [folder / name for folder in folders]
        return next((place for place in places if place.is_file()), places[0])

    return find


def _dataset(document: Any, find: Callable[[str], Path], label: str | None) -> Dataset:
    names = {each["id"]: str(each["name"]) for each in document["categories"]}
    used = {names[each["category_id"]] for each in document["annotations"]}
    face = face_label(used, label)
    boxes: dict[Any, list[Any]] = defaultdict(list)
    for each in document["annotations"]:
        if names[each["category_id"]] == face:
            boxes[each["image_id"]].append(each)
    collector = Collector()
    order: dict[str, Any] = {}
    for image in document["images"]:
        _add(collector, find, image, boxes.pop(image["id"], []), order)
    for number, rows in boxes.items():
        detail = f"{len(rows)} boxes"
        collector.problem("annotation without an image, left out", f"id {number}", detail)
    return collector.dataset("coco", lambda photo: order[photo.name])


def _add(
    collector: Collector,
    find: Callable[[str], Path],
    image: Any,
    annotations: list[Any],
    order: dict[str, Any],
) -> None:
    name = str(image["file_name"])
    try:
        name = files.inner(name)
        rows = []
        for each in annotations:
            x, y, width, height = map(float, each["bbox"])
            rows.append((x, y, x + width, y + height))
        given = [float(each.get("area", "nan")) for each in annotations]
    except (ValueError, TypeError, OverflowError) as error:
        collector.problem("annotation cannot be read, left out", name, str(error))
        return
    boxes, kept = collector.boxes(name, rows)
    areas = np.array(given, np.float64)[kept]
    sizes = boxes[:, 2:] - boxes[:, :2]
    crowd = np.array([bool(each.get("iscrowd", 0)) for each in annotations], bool)[kept]
    size = image.get("width"), image.get("height")
    stated = size if all(isinstance(each, int) and each > 0 for each in size) else None
    areas = np.where(np.isfinite(areas), areas, sizes[:, 0] * sizes[:, 1])
    order.setdefault(name, image["id"])
    collector.add(Photo(name, find(name), boxes, crowd, areas, stated))
