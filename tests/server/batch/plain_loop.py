"""The rows of a job as a plain loop in one process makes them, and how they differ from a job's."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facewire_server.errors import RequestError
from facewire_server.image.decode import EncodedImage
from facewire_server.image.limits import ImageLimits
from facewire_server.inference.detector import Detector, Options

Numbers = NDArray[np.float32]
TOLERANCE = 0.01
"""How far numbers may be apart, pixels and confidences: OpenVINO may choose other kernels, and
another order of sums, for another number of threads."""


@dataclass(frozen=True, slots=True)
class PlainRow:
    """What a loop finds in a photo; `error` is None, or a reason and a message."""

    size: tuple[int, int] | None = None
    boxes: Numbers = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    confidences: Numbers = field(default_factory=lambda: np.zeros(0, np.float32))
    labels: tuple[str, ...] = ()
    error: str | None = None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "PlainRow":
        """The same of a row of a job's output."""
        size = row["size"]
        return cls(
            None if size is None else (size["width"], size["height"]),
            np.array(row["boxes"], np.float32).reshape(-1, 4),
            np.array(row["confidences"], np.float32),
            tuple(row["labels"]),
            row["error"],
        )

    def distance(self, other: "PlainRow") -> float:
        """The largest difference of their numbers; infinite when anything else differs."""
        ours, theirs = ((each.size, each.labels, each.error) for each in (self, other))
        if ours != theirs or self.boxes.shape != other.boxes.shape:
            return float("inf")
        boxes = np.abs(self.boxes - other.boxes)
        confidences = np.abs(self.confidences - other.confidences)
        return float(max(boxes.max(initial=0), confidences.max(initial=0)))


def plain_row(detector: Detector, limits: ImageLimits, photo: Path) -> PlainRow:
    """Look for faces in one photo."""
    try:
        found = detector.detect(EncodedImage(photo.read_bytes()), Options(), limits)
    except RequestError as error:
        return PlainRow(error=f"{error.reason}: {error}")
    names, faces = found.model.labels, found.found
    labels = tuple(names[each] for each in faces.class_ids)
    return PlainRow((found.width, found.height), faces.boxes, faces.confidences, labels)


def differences(
    expected: Mapping[str, PlainRow], rows: Iterable[Mapping[str, Any]]
) -> Iterator[str]:
    """Lines about photos that have not one row, or another one than expected, by their sources."""
    found: Counter[str] = Counter()
    for row in rows:
        source = row["source"]
        found[source] += 1
        if (known := expected.get(source)) is None:
            yield f"{source}: no photo"
        elif not known.distance(PlainRow.of(row)) <= TOLERANCE:
            yield f"{source}: {PlainRow.of(row)} instead of {known}"
    for source in expected:
        if found[source] != 1:
            yield f"{source}: {found[source]} rows"
