"""All published models, read from the tables in `data/catalogue`."""

import csv
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Self

from facewire_server.catalogue.entry import Entry, File
from facewire_server.errors import ModelError

DATA = Path(__file__).parents[1] / "data" / "catalogue"

LIST = "facewire-server models list"


class Catalogue:
    """Models by name."""

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self._entries = entries

    @classmethod
    def published(cls) -> "Catalogue":
        """The catalogue that comes with facewire."""
        return _published()

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Reads `models.tsv` and `files.tsv`."""
        files: dict[str, dict[str, list[File]]] = {}
        for row in _rows(folder / "files.tsv"):
            file = File(row["file"], int(row["bytes"]), row["sha384"], row["url"])
            of_model = files.setdefault(row["model"], {})
            of_model.setdefault(row["precision"], []).append(file)
        entries = (_entry(row, files.get(row["model"], {})) for row in _rows(folder / "models.tsv"))
        return cls({entry.name: entry for entry in entries})

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def get(self, name: str) -> Entry:
        """The model of this name.

        Raises ModelError, which names those that are spelt like it.
        """
        try:
            return self._entries[name]
        except KeyError:
            close = get_close_matches(name, self._entries)
            hint = f"did you mean {' or '.join(close)}? " if close else ""
            raise ModelError(
                f"there is no model {name!r}; {hint}Give a name that `{LIST}` prints,"
                " or the path of an .xml or .onnx file"
            ) from None


@cache
def _published() -> Catalogue:
    return Catalogue.read(DATA)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def _entry(row: Mapping[str, str], files: Mapping[str, list[File]]) -> Entry:
    return Entry(
        name=row["model"],
        width=int(row["width"]),
        height=int(row["height"]),
        labels=tuple(row["labels"].split()),
        ap=float(row["ap"]) if row["ap"] else None,
        ap_of=row["ap_of"],
        gflops=float(row["gflops"]),
        mparams=float(row["mparams"]),
        files={
            precision: tuple(sorted(group, key=_is_description))
            for precision, group in files.items()
        },
    )


def _is_description(file: File) -> bool:
    """An IR is loaded by its .xml: with the .bin there first, it is never half."""
    return file.name.endswith(".xml")
