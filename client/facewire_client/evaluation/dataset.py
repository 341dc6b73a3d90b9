"""Annotated photos, and what is wrong with a data set."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Boxes: TypeAlias = NDArray[np.float64]
"""[n, 4]: x_min, y_min, x_max, y_max in pixels, continuous, the origin at the top left."""


class DatasetError(Exception):
    """A data set that cannot be read; its text is one line for people."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with one photo; `kind` groups problems, `detail` may be empty."""

    kind: str
    photo: str
    detail: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """A photo with the boxes of its faces.

    `name` is unique in the data set. `boxes` is [n, 4] in pixels of the upright photo, or in
    fractions of its size if `relative`. `ignored` [n]: neither finding nor missing this face
    counts. `areas` [n]: the areas that COCO's sizes go by; None: those of the boxes. `size` is
    the annotated (width, height); None: not annotated. `levels` names the faces, bool [n], that
    count at each level of WIDER FACE.
    """

    name: str
    path: Path
    boxes: Boxes
    ignored: NDArray[np.bool_]
    areas: NDArray[np.float64] | None = None
    size: tuple[int, int] | None = None
    levels: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    relative: bool = False


@dataclass(frozen=True, slots=True)
class Dataset:
    """Photos in the order in which equal confidences are counted, and what is wrong."""

    format: str
    photos: Sequence[Photo]
    problems: Sequence[Problem] = ()

    @property
    def faces(self) -> int:
        """The number of faces that are not ignored."""
        return sum(int((~photo.ignored).sum()) for photo in self.photos)

    @property
    def without_faces(self) -> int:
        """The number of photos without a face that is not ignored."""
        return sum(bool(photo.ignored.all()) for photo in self.photos)


def counts(problems: Iterable[Problem]) -> dict[str, int]:
    """Return how many problems there are of each kind, in order of first occurrence."""
    return dict(Counter(problem.kind for problem in problems))


class Collector:
    """Collects photos and problems while a data set is read."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._photos: dict[str, Photo] = {}

    def problem(self, kind: str, photo: str, detail: str = "") -> None:
        """Note a problem."""
        self.problems.append(Problem(kind, photo, detail))

    def add(self, photo: Photo) -> None:
        """Add a photo; one without a file, or of a name that is there, becomes a problem."""
        if photo.name in self._photos:
            self.problem("annotated twice, the first counts", photo.name)
        elif not photo.path.is_file():
            self.problem("no such photo, left out", photo.name, str(photo.path))
        else:
            self._photos[photo.name] = photo

    def unannotated(self, photos: Iterable[str]) -> None:
        """Note the photos without an annotation among these names."""
        for name in photos:
            if name not in self._photos:
                self.problem("no annotation, left out", name)

    def dataset(self, format: str, key: Callable[[Photo], Any] | None = None) -> Dataset:
        """Return the data set, in the order of `key`; by default of the names.

        Raises DatasetError when it has no photos.
        """
        if not self._photos:
            why = "; ".join(f"{kind}: {count}" for kind, count in counts(self.problems).items())
            raise DatasetError(f"the data set has no photos to send{why and f' ({why})'}")
        photos = sorted(self._photos.values(), key=key or (lambda photo: photo.name))
        return Dataset(format, photos, self.problems)

    def boxes(self, photo: str, rows: Sequence[Sequence[float]]) -> tuple[Boxes, list[int]]:
        """Return the boxes with an area, and their indices in `rows`; note the other rows.

        A row is x_min, y_min, x_max, y_max; infinite values and NaN become problems.
        """
        table = np.array(rows, np.float64).reshape(-1, 4)
        with np.errstate(invalid="ignore"):
            good = (np.abs(table) < 1e9).all(1) & (table[:, 2:] > table[:, :2]).all(1)
        for row in table[~good]:
            self.problem("no box, left out", photo, " ".join(f"{value:g}" for value in row))
        return table[good], np.flatnonzero(good).tolist()
