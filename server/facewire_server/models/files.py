"""The files of a model, read once into memory.

Rule: the bytes that are hashed are the bytes that are compiled, even if the files change
meanwhile.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Self

from facewire_server.errors import ModelError
from facewire_server.system.file_watch import Fingerprint

CHILDREN: Mapping[str, Mapping[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {
        5: "tensor",
        6: "graph",
        10: "tensor",
        11: "graph",
        22: "sparse",
        23: "sparse",
    },
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "external_data"},
}
"""The fields of onnx.proto that lead to `TensorProto.external_data`, by message."""

KEY, VALUE = 1, 2
"""The fields of an `external_data` entry (StringStringEntryProto)."""


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """The contents of the files of the model at `path` (.xml or .onnx).

    `graph` is that file. `weights` are its other files, by their names relative to its
    folder: the .bin of an IR, or the external data of an ONNX model; most ONNX models
    have none. `sha256`, in hexadecimal, is that of the files with weights in them: the
    .bin of an IR, or `graph` and then `weights` of an ONNX model.
    """

    path: Path
    graph: bytes
    weights: Mapping[str, bytes]
    sha256: str

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the files. Raises ModelError, which names the file."""
        graph = _read(path)
        is_ir = _is_ir(path)
        names = (path.with_suffix(".bin").name,) if is_ir else external_data(graph)
        weights = {name: _read(_beside(path, name)) for name in names}
        hashed = weights.values() if is_ir else (graph, *weights.values())
        return cls(path, graph, weights, _sha256(*hashed))

    @property
    def is_ir(self) -> bool:
        """Whether the format is OpenVINO IR; otherwise it is ONNX."""
        return _is_ir(self.path)

    @property
    def fingerprint(self) -> tuple[object, ...]:
        """Format, hashes and sizes of the files, in types that JSON can express."""
        sizes = [len(part) for part in self.weights.values()]
        return self.is_ir, self.sha256, _sha256(self.graph), sizes


def weight_files(path: Path, version: Fingerprint) -> tuple[Path, ...]:
    """List the files beside the model at `path` that have weights of it.

    Of an ONNX model that cannot be read, or may not be, there are none. `version` is the
    fingerprint of `path`, so that each version of an ONNX file is read only once.
    """
    if _is_ir(path):
        return (path.with_suffix(".bin"),)
    try:
        return _external_files(path, version)
    except ModelError:
        return ()


@lru_cache  # which keeps no error: the next look may find what could not be read now
def _external_files(path: Path, version: Fingerprint) -> tuple[Path, ...]:
    """The files of an ONNX model's external data. Raises ModelError."""
    return tuple(_beside(path, name) for name in external_data(_read(path)))


def external_data(model: bytes) -> tuple[str, ...]:
    """List the files that an ONNX model keeps weights in, relative to its folder, sorted.

    Reads the protobuf wire format, and only the fields in CHILDREN. For bytes that are
    no ONNX model the list is empty: OpenVINO says what is wrong with them.
    """
    names = set()
    pending = [("model", memoryview(model))]
    try:
        while pending:
            kind, message = pending.pop()
            if kind == "external_data":
                entry = dict(_fields(message))
                if bytes(entry.get(KEY, b"")) == b"location":
                    names.add(bytes(entry.get(VALUE, b"")).decode())
                continue
            children = CHILDREN[kind]
            for number, content in _fields(message):
                if number in children:
                    pending.append((children[number], content))
    except ValueError:
        return ()
    return tuple(sorted(names))


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield number and content of each length-delimited field. Raises ValueError."""
    offset = 0
    while offset < len(message):
        tag, offset = _varint(message, offset)
        match tag & 7:
            case 0:  # varint
                _, offset = _varint(message, offset)
            case 1:  # 64 bits
                offset += 8
            case 2:  # length-delimited
                size, offset = _varint(message, offset)
                if size > len(message) - offset:
                    raise ValueError("a field ends after its message")
                yield tag >> 3, message[offset : offset + size]
                offset += size
            case 5:  # 32 bits
                offset += 4
            case _:
                raise ValueError("unknown wire type")


def _varint(message: memoryview, offset: int) -> tuple[int, int]:
    """Read a varint; returns its value and the offset after it. Raises ValueError."""
    value = 0
    for shift in range(0, 70, 7):
        if offset >= len(message):
            break
        byte = message[offset]
        offset += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, offset
    raise ValueError("a varint does not end")


def _beside(path: Path, name: str) -> Path:
    """Resolve a file that a model names. Raises ModelError for one outside its folder.

    Links are followed wherever they lead: a model cannot make them, and the folders of
    Hugging Face's cache and of Kubernetes' volumes are made of them.
    """
    relative = PurePosixPath(name)
    if relative.is_absolute() or ".." in relative.parts or "\0" in name:
        raise ModelError(f"{path} wants weights from outside of its folder: {name!r}")
    return path.parent / relative


def _is_ir(path: Path) -> bool:
    return path.suffix.lower() == ".xml"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from error


def _sha256(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()
