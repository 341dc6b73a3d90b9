"""What servers answered for photos, kept as JSON lines so that nothing is asked twice."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from facewire_client.evaluation.dataset import DatasetError, Photo

Asked: TypeAlias = Mapping[str, Any]
"""What was asked: the model's name, version, precision and device, and the options."""


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What was found in a photo: [n, 5] x_min, y_min, x_max, y_max in pixels, confidence.

    `size` is (width, height) of the upright photo; None, with `error` in words: the photo was
    refused.
    """

    found: NDArray[np.float32]
    size: tuple[int, int] | None
    error: str = ""


NOTHING = np.zeros((0, 5), np.float32)


def refused(error: str) -> Answer:
    """Return the answer of a photo that the server cannot read."""
    return Answer(NOTHING, None, error)


class AnswerFile:
    """A file of answers that is added to: `with AnswerFile(path) as file:`.

    A line has the photo's name, its bytes and time of change, what was asked, and the answer.
    """

    def __init__(self, path: Path) -> None:
        """Open or make the file. Raises DatasetError."""
        self.path = path
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise DatasetError(f"cannot write {path}: {error.strerror}") from error
        self._file = os.fdopen(descriptor, "a+b")
        # A line that was being written when the process was killed has no end.
        if os.fstat(descriptor).st_size and not _ends_a_line(path):
            self._file.write(b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def add(self, photo: Photo, asked: Asked, answer: Answer) -> None:
        """Keep an answer."""
        faces = [[float(f"{value:.9g}") for value in row] for row in answer.found.tolist()]
        entry = {
            **_stamp(photo),
            "asked": asked,
            "size": answer.size,
            "faces": faces,
            "error": answer.error,
        }
        self._file.write(json.dumps(entry).encode() + b"\n")
        self._file.flush()


def kept(path: Path, photos: Sequence[Photo], asked: Asked) -> dict[str, Answer]:
    """Return the answers in a file to exactly this, for photos that have not changed since."""
    stamps = {photo.name: _stamp(photo) for photo in photos}
    return {
        entry["photo"]: _answer(entry)
        for entry in _entries(path)
        if entry["asked"] == asked and _same(entry, stamps)
    }


def kept_alone(
    path: Path, photos: Sequence[Photo], model: str | None
) -> tuple[Asked, dict[str, Answer]]:
    """Return the only thing that was asked in a file, and its answers.

    `model` is the model's name, for a file with the answers of several. Raises DatasetError.
    """
    stamps = {photo.name: _stamp(photo) for photo in photos}
    found: list[tuple[Asked, dict[str, Answer]]] = []
    for entry in _entries(path):
        if model in (None, entry["asked"].get("model")) and _same(entry, stamps):
            for asked, answers in found:
                if asked == entry["asked"]:
                    answers[entry["photo"]] = _answer(entry)
                    break
            else:
                found.append((entry["asked"], {entry["photo"]: _answer(entry)}))
    if len(found) != 1:
        what = "; ".join(json.dumps(asked) for asked, _ in found) or "none for these photos"
        raise DatasetError(f"{path} must have the answers to one question; it has {what}")
    return found[0]


def _stamp(photo: Photo) -> dict[str, Any]:
    try:
        status = os.stat(photo.path)
    except OSError:  # deleted since; no answer fits
        return {"photo": photo.name, "bytes": -1, "mtime_ns": -1}
    return {"photo": photo.name, "bytes": status.st_size, "mtime_ns": status.st_mtime_ns}


def _same(entry: dict[str, Any], stamps: dict[str, dict[str, Any]]) -> bool:
    stamp = stamps.get(entry["photo"])
    return stamp is not None and all(entry[key] == value for key, value in stamp.items())


def _entries(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the whole lines of a file, if there is one. Raises DatasetError."""
    try:
        with open(path, "rb") as file:
            for line in file:
                try:
                    entry = json.loads(line)
                    _answer(entry)
                    entry["photo"], entry["bytes"], entry["mtime_ns"], entry["asked"].get("model")
                except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                    continue  # a line that was not written to its end, or another program's
                yield entry
    except FileNotFoundError:
        return
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror}") from error


def _answer(entry: dict[str, Any]) -> Answer:
    size = entry["size"]
    faces = np.array(entry["faces"], np.float32).reshape(-1, 5)
    return Answer(faces, None if size is None else (int(size[0]), int(size[1])), entry["error"])


def _ends_a_line(path: Path) -> bool:
    with open(path, "rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() == b"\n"
