"""The images that a command line names."""

import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeAlias

import click

from facewire_client.text import printable

FileId: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Picture:
    """A named image: the path of its file, or the bytes of standard input.

    `file` is the file behind it, if there is one.
    """

    name: str
    content: Path | bytes
    file: FileId | None = None

    @classmethod
    def named(cls, name: str) -> Self:
        """The image of this name; "-" reads standard input.

        Raises click.UsageError for a folder. A file that is missing becomes an error
        of its own when it is sent.
        """
        if name == "-":
            return cls(name, sys.stdin.buffer.read(), _standard_input())
        if os.path.isdir(name):
            raise click.UsageError(f"{printable(name)} is a folder; name the images in it")
        return cls(name, Path(name), file_id(Path(name)))

    @property
    def stem(self) -> str:
        """The name of its file without the ending."""
        return self.content.stem if isinstance(self.content, Path) else "stdin"


def file_id(file: Path | int) -> FileId | None:
    """What a regular file has of its own under all its names; None: it is none."""
    try:
        status = os.stat(file)
    except (OSError, ValueError):
        return None
    regular = stat.S_ISREG(status.st_mode)
    return (status.st_dev, status.st_ino) if regular else None


def _standard_input() -> FileId | None:
    try:
        return file_id(sys.stdin.fileno())
    except OSError:  # it is none of the system's
        return None
