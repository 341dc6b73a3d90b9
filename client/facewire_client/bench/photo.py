"""The images to send."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class Photo:
    """The bytes of an image file, and what to call it."""

    name: str
    content: bytes

    @classmethod
    def read(cls, path: Path) -> Self:
        """The image in this file. Raises OSError."""
        return cls(str(path), path.read_bytes())

    @classmethod
    def default(cls) -> Self | None:
        """The small photo of one face that lies with the server; None: it does not."""
        try:
            photo = files("facewire_server") / "data" / "astronaut.jpg"
        except ModuleNotFoundError:
            return None
        return cls(photo.name, photo.read_bytes()) if photo.is_file() else None
