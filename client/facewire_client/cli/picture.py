"""The images that a command line names, and where their annotated copies go."""

import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import click


@dataclass(frozen=True, slots=True)
class Picture:
    """A named image: the path of its file, or the bytes of standard input."""

    name: str
    content: Path | bytes

    @classmethod
    def named(cls, name: str) -> Self:
        """The image of this name; "-" reads standard input.

        Raises click.UsageError for a folder. A file that is missing becomes an error
        of its own when it is sent.
        """
        if name == "-":
            return cls(name, sys.stdin.buffer.read())
        if Path(name).is_dir():
            raise click.UsageError(f"{name} is a folder; name the images in it")
        return cls(name, Path(name))

    @property
    def stem(self) -> str:
        """The name of its file without the ending."""
        return self.content.stem if isinstance(self.content, Path) else "stdin"


def outputs(pictures: Sequence[Picture], out: Path) -> list[Path]:
    """Where to write: `out` for one picture, or a name of its own in the folder `out`.

    Makes the folder. Raises click.UsageError when it cannot.
    """
    folder = len(pictures) > 1 or out.is_dir() or str(out).endswith(os.sep)
    try:
        (out if folder else out.parent).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.UsageError(f"{out} cannot be made: {error.strerror}") from None
    if not folder:
        return [out]
    seen: Counter[str] = Counter()
    paths = []
    for picture in pictures:
        seen[picture.stem] += 1
        again = f"-{seen[picture.stem]}" if seen[picture.stem] > 1 else ""
        paths.append(out / f"{picture.stem}{again}-faces.jpg")
    return paths
