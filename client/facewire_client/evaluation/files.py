"""The files of a data set: paths that stay in its folder, bounded sizes, and text."""

import json
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from facewire_client.evaluation.dataset import DatasetError

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
"""The endings of photos, in lower case."""

_MOST_BYTES = 1 << 30
"""The annotations of COCO's training part have 450 MB."""


def inner(name: str) -> str:
    """Return a relative path with "/" between its parts.

    Raises ValueError for a path that is absolute or leads out of its folder.
    """
    parts = PurePosixPath(name.replace("\\", "/"))
    clean = "/".join(parts.parts)
    if parts.is_absolute() or ".." in parts.parts or ":" in clean or "\0" in name or not clean:
        raise ValueError(f"{name!r} leads out of the folder")
    return clean


def photos(folder: Path) -> Iterator[str]:
    """Yield the photos below a folder in order, as paths relative to it with "/"."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES:
            yield path.relative_to(folder).as_posix()


def read_bytes(path: Path) -> bytes:
    """Return the contents of a file of annotations. Raises DatasetError."""
    try:
        size = path.stat().st_size
        if size > _MOST_BYTES:
            raise DatasetError(f"{path} has {size} bytes; at most {_MOST_BYTES} are read")
        return path.read_bytes()
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror}") from error


def read_text(path: Path) -> str:
    """Return a text in UTF-8, with or without a byte order mark. Raises DatasetError."""
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path} is not UTF-8: {error.reason}") from error


def read_json(path: Path) -> Any:
    """Return the value of a JSON file. Raises DatasetError."""
    try:
        return json.loads(read_text(path))
    except RecursionError as error:
        raise DatasetError(f"{path} is nested too deeply") from error
    except ValueError as error:
        raise DatasetError(f"{path} is no JSON: {error}") from error


def read_xml(path: Path) -> Any:
    """Return the root element of an XML file; entities are refused. Raises DatasetError."""
    try:
        return fromstring(read_bytes(path))
    except DefusedXmlException as error:
        raise DatasetError(f"{path} declares entities, which are refused") from error
    except (ParseError, ValueError, LookupError) as error:
        # LookupError: an unknown encoding.
        raise DatasetError(f"{path} is no XML: {error}") from error
    except RecursionError as error:
        raise DatasetError(f"{path} is nested too deeply") from error
