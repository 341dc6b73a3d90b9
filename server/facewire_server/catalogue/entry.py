"""One published model: its figures, and its files in each precision."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from facewire_server.config import PRECISIONS
from facewire_server.errors import ModelError


@dataclass(frozen=True, slots=True)
class File:
    """A file as it was published: `size` in bytes, `sha384` in hexadecimal."""

    name: str
    size: int
    sha384: str
    url: str

    def mismatch(self, path: Path) -> str | None:
        """What tells the file at `path` from the published one; None: nothing.

        Reads all of it. Raises OSError when it cannot be read.
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
class Entry:
    """A model of the catalogue, with the figures that its publisher states.

    `width` and `height` of the input in pixels; `ap` in percent on the validation
    part of WIDER FACE, counting only `ap_of`, None: not stated that way; `gflops` of
    one image and `mparams` in millions. `labels` are the names of the classes.
    `files` by precision, in the order in which they are put in place: the file that
    makes a model of them comes last. Empty for the model that comes with facewire.
    """

    name: str
    width: int
    height: int
    labels: tuple[str, ...]
    ap: float | None
    ap_of: str
    gflops: float
    mparams: float
    files: Mapping[str, tuple[File, ...]]

    @property
    def precisions(self) -> tuple[str, ...]:
        """What it comes in, the default first."""
        return tuple(name for name in PRECISIONS if name in self.files)

    @property
    def defaults(self) -> dict[str, str]:
        """Metadata that its files may leave out."""
        return {"labels": " ".join(self.labels)}

    def files_in(self, precision: str) -> tuple[File, ...]:
        """Its files. Raises ModelError, which names the precisions that there are."""
        try:
            return self.files[precision]
        except KeyError:
            known = ", ".join(self.precisions) or "one precision, with facewire"
            raise ModelError(
                f"{self.name} does not come in {precision}; it comes in {known}"
            ) from None
