"""The files of a model, read once.

Rule: what is hashed is what is compiled, whatever becomes of the files meanwhile.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Self

from facewire_server.errors import ModelError
from facewire_server.models.external_data import external_files


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """What was in the files of the model at `path` (.xml or .onnx).

    `graph` is that file. `weights` are the others, by their names relative to its
    folder: the .bin of an IR, or what an ONNX file keeps beside itself; mostly nothing.
    `sha256` is that of the weights file, in hexadecimal: of an ONNX file with all that
    is in it, unless its weights are beside it.
    """

    path: Path
    graph: bytes
    weights: Mapping[str, bytes]
    sha256: str

    @classmethod
    def read(cls, path: Path) -> Self:
        """Reads them into memory. Raises ModelError, which names the file."""
        graph = _read(path)
        if path.suffix.lower() == ".xml":
            names: Iterable[str] = (path.with_suffix(".bin").name,)
        else:
            names = external_files(graph)
        weights = {name: _read(_beside(path, name)) for name in names}
        return cls(path, graph, weights, _sha256(*(weights.values() or (graph,))))

    @property
    def is_ir(self) -> bool:
        """Whether it is OpenVINO's own format, and else ONNX."""
        return self.path.suffix.lower() == ".xml"

    @property
    def fingerprint(self) -> tuple[object, ...]:
        """What tells these files from all others, in what JSON can say."""
        sizes = [len(part) for part in self.weights.values()]
        return self.is_ir, self.sha256, _sha256(self.graph), sizes


def _beside(path: Path, name: str) -> Path:
    """A file that a model names. Raises ModelError for one outside of its folder."""
    relative = PurePosixPath(name)
    if relative.is_absolute() or ".." in relative.parts:
        raise ModelError(f"{path} wants weights from outside of its folder: {name}")
    return path.parent / relative


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from None


def _sha256(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()
