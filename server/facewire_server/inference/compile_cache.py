"""The compile cache: preprocessed networks on disk, each in a separate folder.

Rule: a folder is named by a hash of everything its network is made of, and every file
in it has its SHA-256 beside it. A file that does not match its checksum is never used,
and a cache that cannot be written only costs time.
"""

import hashlib
import json
import logging
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openvino as ov

logger = logging.getLogger("facewire_server.model.compile_cache")

GRAPH, WEIGHTS, INFO = "network.xml", "network.bin", "network.json"

CHECKSUM_SUFFIX = ".sha256"
"""Suffix of the file with another file's checksum, in the format of sha256sum."""

MAX_NETWORKS = 16
"""Networks to keep; the least recently used ones are deleted first."""

MAX_DAYS = 90.0
"""Days after which a network that no start has used is deleted."""

SECONDS_PER_DAY = 86_400

MAX_BLOBS = 8
"""Compiled blobs to keep per network: one per device, set of properties and cores."""

TEMPORARY_PREFIX = "making-"
"""Prefix of folders that are still being written."""


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """One cached network: its files and OpenVINO's compiled blobs are in `folder`.

    `info` is the JSON document that was stored with it.
    """

    folder: Path
    info: Any

    @property
    def graph(self) -> Path:
        """The .xml file to compile."""
        return self.folder / GRAPH

    def record_blobs(self) -> None:
        """Write checksums of the blobs OpenVINO has added, so that later starts use them.

        Delete the oldest blobs beyond MAX_BLOBS.
        """
        try:
            blobs = sorted(self.folder.glob("*.blob"), key=_modified, reverse=True)
            for blob in blobs[:MAX_BLOBS]:
                # OpenVINO replaces a blob that it cannot use: its checksum is then older.
                if _modified(_checksum_file(blob)) < _modified(blob):
                    _write_checksum(blob)
            for blob in blobs[MAX_BLOBS:]:
                blob.unlink()
                _checksum_file(blob).unlink(missing_ok=True)
        except OSError as error:
            logger.info("a compiled network is not kept: %s", error)

    def delete(self) -> None:
        """Delete the entry, so that the next start builds it again."""
        shutil.rmtree(self.folder, ignore_errors=True)


class CompileCache:
    """The cached networks in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, key: str) -> CacheEntry | None:
        """Return the entry of a key; None if there is none, or it is damaged."""
        folder = self._folder / key
        try:
            if not folder.is_dir():
                return None
            info = _verified_info(folder)
        except (OSError, ValueError) as error:
            logger.warning("%s is damaged: %s", folder, error)
            return None
        _mark_used(folder)
        return CacheEntry(folder, info)

    def store(self, key: str, model: ov.Model, info: object) -> CacheEntry | None:
        """Store a network, replacing a damaged one; None if it cannot be written.

        If another process has stored a good one meanwhile, that one is returned.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(
                prefix=TEMPORARY_PREFIX, dir=self._folder, ignore_cleanup_errors=True
            ) as name:
                fresh = Path(name, "fresh")
                _write(fresh, model, info)
                self._install(fresh, self._folder / key, Path(name, "old"))
        except (OSError, RuntimeError) as error:
            logger.warning("compiled networks are not kept: %s", error)
            return None
        self._evict(key)
        return self.load(key)

    @staticmethod
    def _install(fresh: Path, target: Path, old: Path) -> None:
        """Rename `fresh` to `target`; a damaged `target` is first renamed to `old`.

        A rename never replaces a folder that has files: two processes cannot mix theirs.
        """
        try:
            fresh.rename(target)
        except OSError:
            if not target.exists():
                raise
            if not _is_intact(target):
                target.rename(old)
                fresh.rename(target)

    def _evict(self, used: str) -> None:
        """Delete expired networks, and the least recently used beyond MAX_NETWORKS."""
        try:
            found = [path for path in self._folder.iterdir() if _is_cache_folder(path)]
            others = [path for path in found if path.name != used]
            others.sort(key=_modified, reverse=True)
            expiry = time.time() - MAX_DAYS * SECONDS_PER_DAY
            for position, path in enumerate(others, start=1):
                if position >= MAX_NETWORKS or _modified(path) < expiry:
                    shutil.rmtree(path, ignore_errors=True)
        except OSError as error:
            logger.info("old networks stay in the cache: %s", error)


def cache_key(parts: Iterable[object]) -> str:
    """Return the key of a network made of `parts`, which JSON must be able to express."""
    return hashlib.sha256(json.dumps(list(parts)).encode()).hexdigest()[:32]


def _verified_info(folder: Path) -> Any:
    """Verify a network's files and return its info; delete blobs that do not match.

    Raises OSError and ValueError for a network that cannot be used.
    """
    for name in (GRAPH, WEIGHTS, INFO):
        if not _matches_checksum(folder / name):
            raise ValueError(f"{name} is not what was written")
    for blob in folder.glob("*.blob"):
        if not _matches_checksum(blob):
            blob.unlink()
    return json.loads((folder / INFO).read_text(encoding="utf-8"))


def _is_intact(folder: Path) -> bool:
    try:
        _verified_info(folder)
    except (OSError, ValueError):
        return False
    return True


def _write(folder: Path, model: ov.Model, info: object) -> None:
    """Write a network with its checksums. Raises OSError and RuntimeError."""
    folder.mkdir()
    ov.save_model(model, folder / GRAPH, compress_to_fp16=False)
    (folder / INFO).write_text(json.dumps(info), encoding="utf-8")
    for name in (GRAPH, WEIGHTS, INFO):
        _write_checksum(folder / name)


def _write_checksum(path: Path) -> None:
    """Write a file's checksum beside it, atomically. Raises OSError."""
    fresh = path.with_name(f"{path.name}{CHECKSUM_SUFFIX}.{os.getpid()}")
    fresh.write_text(f"{_sha256(path)}  {path.name}\n", encoding="utf-8")
    fresh.replace(_checksum_file(path))


def _matches_checksum(path: Path) -> bool:
    """Whether a file and its checksum exist and match. Raises OSError."""
    try:
        recorded = _checksum_file(path).read_text(encoding="utf-8", errors="replace")
        return recorded.partition(" ")[0] == _sha256(path)
    except FileNotFoundError:
        return False


def _checksum_file(path: Path) -> Path:
    return path.with_name(path.name + CHECKSUM_SUFFIX)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_cache_folder(path: Path) -> bool:
    """Whether a cache has made this folder: nothing else may be deleted."""
    return re.fullmatch(rf"[0-9a-f]{{32}}|{TEMPORARY_PREFIX}\w+", path.name) is not None


def _modified(path: Path) -> float:
    """Modification time in seconds since 1970; 0 if the path is gone."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _mark_used(folder: Path) -> None:
    try:
        os.utime(folder)
    except OSError:
        pass  # The cache belongs to another user, whose own starts keep it fresh.
