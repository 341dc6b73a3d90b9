"""The images that a command line names, and the files that annotated copies are written to."""

import os
import stat
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Self, TypeAlias

import click

from facewire_client.cli.output import printable

FileId: TypeAlias = tuple[int, int]
"""Device and inode of a regular file, the same under all its names."""


@dataclass(frozen=True, slots=True)
class NamedImage:
    """An image argument: the path of its file, or the bytes of standard input.

    `file` identifies the file behind it; None: there is no regular file.
    """

    name: str
    content: Path | bytes
    file: FileId | None = None

    @classmethod
    def from_argument(cls, name: str) -> Self:
        """Take an argument of the command line; "-" reads standard input.

        Raises click.UsageError for a folder. A missing file is an error only when it is sent.
        """
        if name == "-":
            return cls(name, sys.stdin.buffer.read(), _standard_input())
        if os.path.isdir(name):
            raise click.UsageError(f"{printable(name)} is a folder; name the images in it")
        return cls(name, Path(name), _file_id(Path(name)))

    @property
    def stem(self) -> str:
        """The name of its file without folder and suffix."""
        return self.content.stem if isinstance(self.content, Path) else "stdin"


def drawing_paths(images: Sequence[NamedImage], argument: str) -> list[Path]:
    """Return the file to draw each image into: `argument`, or a file in that folder.

    It is a folder for several images, if it is one already, and if it ends in a slash. No two
    paths are the same file, and none is that of an image. Makes the folder. Raises
    click.UsageError when it cannot, and when it is the image itself.
    """
    out = Path(argument)  # without the slash at its end
    shown = printable(str(out))
    is_folder = len(images) > 1 or out.is_dir() or argument.endswith(os.sep)
    try:
        (out if is_folder else out.parent).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.UsageError(f"{shown} cannot be made: {error.strerror}") from None
    reserved = _ReservedFiles(image.file for image in images)
    if not is_folder:
        if not reserved.add(out):
            raise click.UsageError(f"{shown} is the image itself; draw into another file")
        return [out]
    numbers: dict[str, Iterator[int]] = defaultdict(lambda: count(1))
    return [
        next(
            path
            for number in numbers[image.stem]
            if reserved.add(path := out / _drawing_name(image.stem, number))
        )
        for image in images
    ]


class _ReservedFiles:
    """Files that must not be overwritten."""

    def __init__(self, files: Iterable[FileId | None]) -> None:
        self._files = set(files)
        self._paths: set[str] = set()

    def add(self, path: Path) -> bool:
        """Reserve a file; False: it was reserved already."""
        # On some file systems, names that differ in case only are one file.
        name = os.path.realpath(path).casefold()
        file = _file_id(path)
        if name in self._paths or (file is not None and file in self._files):
            return False
        self._paths.add(name)
        self._files.add(file)
        return True


def _drawing_name(stem: str, number: int) -> str:
    return f"{stem}-{number}-faces.jpg" if number > 1 else f"{stem}-faces.jpg"


def _file_id(file: Path | int) -> FileId | None:
    """Return the id of a path or descriptor; None: it is no regular file, or missing."""
    try:
        status = os.stat(file)
    except (OSError, ValueError):
        return None
    regular = stat.S_ISREG(status.st_mode)
    return (status.st_dev, status.st_ino) if regular else None


def _standard_input() -> FileId | None:
    try:
        return _file_id(sys.stdin.fileno())
    except OSError:  # sys.stdin was replaced by an object without a descriptor
        return None
