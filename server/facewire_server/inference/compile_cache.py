"""Networks that are kept between starts, each in a folder of its own.

Rule: a folder is named after all that its network is made of, and each file in it has
its SHA-256 beside it. What is odd there is never used; what cannot be kept is not.
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

GRAPH, WEIGHTS, FACTS = "network.xml", "network.bin", "network.json"
SUM = ".sha256"
"""The ending of a file with the hash of another, as sha256sum writes it."""

MAX_NETWORKS = 16
MAX_DAYS = 90.0
"""How many networks are kept, and for how long one that no start has used."""

SECONDS_A_DAY = 86_400

MAX_BLOBS = 8
"""Compiled forms of one network: for other devices, properties and cores."""

FRESH = "making-"
"""What folders begin with that are not finished."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A network in the cache: `folder` holds it and takes OpenVINO's compiled forms.

    `facts` are what was stored with it.
    """

    folder: Path
    facts: Any

    @property
    def graph(self) -> Path:
        """The file to compile."""
        return self.folder / GRAPH

    def seal(self) -> None:
        """Has the compiled forms that OpenVINO has put there hold at later starts."""
        try:
            blobs = sorted(self.folder.glob("*.blob"), key=_written, reverse=True)
            for blob in blobs[:MAX_BLOBS]:
                # OpenVINO replaces one that it cannot use itself.
                if _written(_sum_of(blob)) < _written(blob):
                    _write_sum(blob)
            for blob in blobs[MAX_BLOBS:]:
                blob.unlink()
                _sum_of(blob).unlink(missing_ok=True)
        except OSError as error:
            logger.info("a compiled network is not kept: %s", error)

    def forget(self) -> None:
        """Has it made again at the next start."""
        shutil.rmtree(self.folder, ignore_errors=True)


class CompileCache:
    """The networks in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, key: str) -> Kept | None:
        """The network that was stored under a key; None: none that can be used."""
        folder = self._folder / key
        try:
            if not folder.is_dir():
                return None
            facts = _opened(folder)
        except (OSError, ValueError) as error:
            logger.warning("%s is damaged: %s", folder, error)
            return None
        _touch(folder)
        return Kept(folder, facts)

    def store(self, key: str, model: ov.Model, facts: object) -> Kept | None:
        """Keeps a network in the place of what is there; None: it cannot be kept.

        Another process may be faster with the same network, which is just as well.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(
                prefix=FRESH, dir=self._folder, ignore_cleanup_errors=True
            ) as name:
                fresh = Path(name, "fresh")
                _write(fresh, model, facts)
                self._put_in_place(fresh, self._folder / key, Path(name, "old"))
        except (OSError, RuntimeError) as error:
            logger.warning("compiled networks are not kept: %s", error)
            return None
        self._evict(key)
        return self.load(key)

    @staticmethod
    def _put_in_place(fresh: Path, place: Path, old: Path) -> None:
        try:
            fresh.rename(place)
        except OSError:
            if not place.exists():
                raise
            if not _is_good(place):
                place.rename(old)
                fresh.rename(place)

    def _evict(self, used: str) -> None:
        """Deletes what was not used for long, and the oldest beyond MAX_NETWORKS."""
        try:
            found = [path for path in self._folder.iterdir() if _is_ours(path)]
            others = [path for path in found if path.name != used]
            others.sort(key=_written, reverse=True)
            oldest = time.time() - MAX_DAYS * SECONDS_A_DAY
            for position, path in enumerate(others, start=1):
                if position >= MAX_NETWORKS or _written(path) < oldest:
                    shutil.rmtree(path, ignore_errors=True)
        except OSError as error:
            logger.info("old networks stay in the cache: %s", error)


def _opened(folder: Path) -> Any:
    """The facts of a network, when all there is whole.

    Compiled forms that are not whole are deleted. Raises OSError and ValueError for
    what cannot be used.
    """
    for name in (GRAPH, WEIGHTS, FACTS):
        if not _is_whole(folder / name):
            raise ValueError(f"{name} is not what was written")
    for blob in folder.glob("*.blob"):
        if not _is_whole(blob):
            blob.unlink()
    return json.loads((folder / FACTS).read_text(encoding="utf-8"))


def _is_good(folder: Path) -> bool:
    try:
        _opened(folder)
    except (OSError, ValueError):
        return False
    return True


def _write(folder: Path, model: ov.Model, facts: object) -> None:
    """Writes a network with its hashes. Raises OSError and RuntimeError."""
    folder.mkdir()
    ov.save_model(model, folder / GRAPH, compress_to_fp16=False)
    (folder / FACTS).write_text(json.dumps(facts), encoding="utf-8")
    for name in (GRAPH, WEIGHTS, FACTS):
        _write_sum(folder / name)


def _write_sum(path: Path) -> None:
    """Writes the hash of a file beside it, whole or not at all. Raises OSError."""
    fresh = path.with_name(f"{path.name}{SUM}.{os.getpid()}")
    fresh.write_text(f"{_sha256(path)}  {path.name}\n", encoding="utf-8")
    fresh.replace(_sum_of(path))


def _is_whole(path: Path) -> bool:
    """Whether a file is what its hash was written of. Raises OSError."""
    try:
        kept = _sum_of(path).read_text(encoding="utf-8", errors="replace")
        return kept.partition(" ")[0] == _sha256(path)
    except FileNotFoundError:
        return False


def _sum_of(path: Path) -> Path:
    return path.with_name(path.name + SUM)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_ours(path: Path) -> bool:
    """Whether a folder is one that a cache has made: nothing else is deleted."""
    return re.fullmatch(rf"[0-9a-f]{{32}}|{FRESH}\w+", path.name) is not None


def _written(path: Path) -> float:
    """When a file was written or a folder used, in seconds since 1970; 0: it is gone."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _touch(folder: Path) -> None:
    try:
        os.utime(folder)
    except OSError:
        pass  # somebody else's, who will see to its age


def key_of(parts: Iterable[object]) -> str:
    """The key of a network that is made of these, in what JSON can say."""
    return hashlib.sha256(json.dumps(list(parts)).encode()).hexdigest()[:32]
