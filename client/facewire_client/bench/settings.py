"""The settings of a run: the load, the images, and how to send them."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Self

from facewire_client.bench.load import ClosedLoop, OpenLoop


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The load, and how to send it; times are in seconds.

    `deadline` None: a request may take the timeout of the connection, and every answer is in
    time. An empty `model` is the server's default. The requests use `connections` channels in
    turn.
    """

    load: ClosedLoop | OpenLoop
    duration: float
    warmup: float
    deadline: float | None = None
    connections: int = 1
    model: str = ""


@dataclass(frozen=True, slots=True)
class Photo:
    """The contents of an image file, and its name in the report."""

    name: str
    content: bytes

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read an image file. Raises OSError."""
        return cls(str(path), path.read_bytes())

    @classmethod
    def default(cls) -> Self | None:
        """Return the small photo of one face in the server's package; None: it is not there."""
        package = find_spec("facewire_server")  # finds the folder and imports nothing
        for folder in (package and package.submodule_search_locations) or ():
            photo = Path(folder) / "data" / "astronaut.jpg"
            if photo.is_file():
                return cls(photo.name, photo.read_bytes())
        return None
