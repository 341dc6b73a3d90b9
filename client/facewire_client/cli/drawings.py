"""Where the annotated copies of images go: never over one another, or an image."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path

import click

from facewire_client.cli.picture import FileId, Picture, file_id
from facewire_client.text import printable


def outputs(pictures: Sequence[Picture], out: Path) -> list[Path]:
    """Where to write: `out` for one picture, or a name of its own in the folder `out`.

    No two are the same file, and none is that of a picture. Makes the folder. Raises
    click.UsageError when it cannot, and when `out` is the picture itself.
    """
    shown = printable(str(out))
    folder = len(pictures) > 1 or out.is_dir() or str(out).endswith(os.sep)
    try:
        (out if folder else out.parent).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.UsageError(f"{shown} cannot be made: {error.strerror}") from None
    taken = Taken(picture.file for picture in pictures)
    if not folder:
        if not taken.take(out):
            raise click.UsageError(f"{shown} is the image itself; draw into another file")
        return [out]
    numbers: dict[str, Iterator[int]] = defaultdict(lambda: count(1))
    return [
        next(
            path
            for number in numbers[picture.stem]
            if taken.take(path := out / _name(picture.stem, number))
        )
        for picture in pictures
    ]


class Taken:
    """Files that are not to be written to."""

    def __init__(self, files: Iterable[FileId | None]) -> None:
        self._files = set(files)
        self._paths: set[str] = set()

    def take(self, path: Path) -> bool:
        """Whether a file was free; from now on it is not."""
        # Names that differ in case only are one file on some file systems.
        name = os.path.realpath(path).casefold()
        file = file_id(path)
        if name in self._paths or (file is not None and file in self._files):
            return False
        self._paths.add(name)
        self._files.add(file)
        return True


def _name(stem: str, number: int) -> str:
    return f"{stem}-{number}-faces.jpg" if number > 1 else f"{stem}-faces.jpg"
