"""The catalogue of published models, read from the tables in `data/catalogue`."""

import csv
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Self

from facewire_server.config import PRECISIONS
from facewire_server.errors import ModelError

DATA = Path(__file__).parents[1] / "data" / "catalogue"

LIST_COMMAND = "facewire-server models list"


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """A file as it was published: `size` in bytes, `sha384` in hexadecimal."""

    name: str
    size: int
    sha384: str
    url: str

    def mismatch(self, path: Path) -> str | None:
        """Say how the file at `path` differs from the published one; None: it does not.

        Reads all of it. Raises OSError if it cannot be read.
        """
        if not path.is_file():
            return "is missing"
        size = path.stat().st_size
        if size != self.size:
            return f"has {size} bytes instead of {self.size}"
        with path.open("rb") as file:
            sha384 = hashlib.file_digest(file, "sha384").hexdigest()
        if sha384 != self.sha384:
            return f"has the SHA-384 {sha384[:12]}... instead of {self.sha384[:12]}..."
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedModel:
    """A model of the catalogue, with the figures that its publisher states.

    `width` and `height` of the input are in pixels. `ap` is the average precision in
    percent on the validation part of WIDER FACE, counting only `ap_of`; None: not stated.
    `gflops` are those of one image, and `mparams` millions of parameters. `labels` are
    the names of the classes. `files`, by precision, are in the order in which they are
    installed: the one that is loaded comes last. The embedded model has none.
    """

    name: str
    width: int
    height: int
    labels: tuple[str, ...]
    ap: float | None
    ap_of: str
    gflops: float
    mparams: float
    files: Mapping[str, tuple[PublishedFile, ...]]

    @property
    def precisions(self) -> tuple[str, ...]:
        """The precisions that it is published in, the default first."""
        return tuple(name for name in PRECISIONS if name in self.files)

    @property
    def defaults(self) -> dict[str, str]:
        """Settings that hold where the metadata in its files has none."""
        return {"labels": " ".join(self.labels)}

    def files_in(self, precision: str) -> tuple[PublishedFile, ...]:
        """Return its files. Raises ModelError for a precision it is not published in."""
        try:
            return self.files[precision]
        except KeyError:
            known = ", ".join(self.precisions) or "one precision, with facewire"
            raise ModelError(
                f"{self.name} does not come in {precision}; it comes in {known}"
            ) from None


class Catalogue:
    """Published models by name."""

    def __init__(self, models: Mapping[str, PublishedModel]) -> None:
        self._models = models

    @classmethod
    def published(cls) -> "Catalogue":
        """Return the catalogue that comes with facewire."""
        return _published()

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read `models.tsv` and `files.tsv`."""
        files: dict[str, dict[str, list[PublishedFile]]] = {}
        for row in _rows(folder / "files.tsv"):
            file = PublishedFile(row["file"], int(row["bytes"]), row["sha384"], row["url"])
            by_precision = files.setdefault(row["model"], {})
            by_precision.setdefault(row["precision"], []).append(file)
        models = (_model(row, files.get(row["model"], {})) for row in _rows(folder / "models.tsv"))
        return cls({model.name: model for model in models})

    def __iter__(self) -> Iterator[PublishedModel]:
        return iter(self._models.values())

    def __contains__(self, name: object) -> bool:
        return name in self._models

    def get(self, name: str) -> PublishedModel:
        """Return the model called `name`. Raises ModelError, which names similar ones."""
        try:
            return self._models[name]
        except KeyError:
            similar = get_close_matches(name, self._models)
            hint = f"did you mean {' or '.join(similar)}? " if similar else ""
            raise ModelError(
                f"there is no model {name!r}; {hint}Give a name that `{LIST_COMMAND}` prints,"
                " or the path of an .xml or .onnx file"
            ) from None


@cache
def _published() -> Catalogue:
    return Catalogue.read(DATA)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def _model(row: Mapping[str, str], files: Mapping[str, list[PublishedFile]]) -> PublishedModel:
    return PublishedModel(
        name=row["model"],
        width=int(row["width"]),
        height=int(row["height"]),
        labels=tuple(row["labels"].split()),
        ap=float(row["ap"]) if row["ap"] else None,
        ap_of=row["ap_of"],
        gflops=float(row["gflops"]),
        mparams=float(row["mparams"]),
        files={precision: tuple(sorted(group, key=_is_xml)) for precision, group in files.items()},
    )


def _is_xml(file: PublishedFile) -> bool:
    """Sort key: an IR is loaded by its .xml, so its .bin must be in place before."""
    return file.name.endswith(".xml")
