"""A published model, fetched into the cache: all of it, or nothing that loads.

Rule: each file is fetched into a partial file beside its place. Only when all files of
a model are there and checked are they renamed into place.
"""

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
from filelock import FileLock, Timeout

from facewire_server.catalogue.cache import Cache
from facewire_server.catalogue.catalogue import Catalogue
from facewire_server.catalogue.entry import Entry, File
from facewire_server.catalogue.fetch import Fetch, RetryPolicy
from facewire_server.catalogue.mirror import origins
from facewire_server.catalogue.report import Report
from facewire_server.errors import ModelError

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def pull(
    entry: Entry,
    precision: str | None,
    cache: Cache,
    *,
    mirror: str | None = None,
    patience: RetryPolicy | None = None,
    report: Report | None = None,
) -> Path:
    """Fetches what is missing of a model, or not as published; returns its file.

    `precision` None: the model's default. `mirror` is the base address or the folder
    of a mirror. When another process is at it, waits for that one. Raises ModelError
    with one line that says what is in the way.
    """
    report = report or Report()
    chosen = precision or next(iter(entry.precisions), "")
    folder = cache.folder_of(entry, chosen)
    path = folder / entry.files_in(chosen)[-1].name
    if cache.problem(entry, chosen) is None:
        return path  # even where nothing can be written
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder, entry, report):
            if cache.problem(entry, chosen):
                patience = patience or RetryPolicy()
                _fetch(entry, chosen, folder, mirror, patience, report)
    except OSError as error:
        raise ModelError(_plainly(error, folder)) from None
    return path


def pull_missing(
    model: str,
    precision: str | None,
    cache: Cache,
    *,
    mirror: str | None = None,
    report: Report | None = None,
) -> None:
    """Fetches a model that is about to be served, where there is anything to fetch.

    Without a precision, whichever is there will do. Raises ModelError.
    """
    catalogue = Catalogue.published()
    if model not in catalogue:
        return
    entry = catalogue.get(model)
    if entry.files:
        chosen = precision or next(iter(cache.held(entry)), None)
        pull(entry, chosen, cache, mirror=mirror, report=report)


@contextmanager
def _alone(folder: Path, entry: Entry, report: Report) -> Iterator[None]:
    """Keeps other processes from fetching into the folder."""
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        report.note(f"another process is pulling {entry.name}; waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _fetch(
    entry: Entry,
    precision: str,
    folder: Path,
    mirror: str | None,
    patience: RetryPolicy,
    report: Report,
) -> None:
    files = entry.files_in(precision)
    missing = [file for file in files if file.mismatch(folder / file.name)]
    tally = _Tally(report, files, missing)
    with _client(patience) as client:
        for file in missing:
            fetch = Fetch(
                file,
                _part(folder, file),
                patience,
                note=report.note,
                progress=tally.progress,
            )
            fetch.run(origins(entry, precision, file, mirror, client))
            tally.finish(file)
    for file in missing:
        _put_in_place(_part(folder, file), folder / file.name)


class _Tally:
    """Adds up the progress of a model's files, one of which moves at a time."""

    def __init__(self, report: Report, files: Sequence[File], missing: Sequence[File]) -> None:
        self._report = report
        self._size = sum(file.size for file in files)
        self._there = self._size - sum(file.size for file in missing)

    def progress(self, there: int) -> None:
        """So many bytes of the file that moves are here."""
        self._report.progress(self._there + there, self._size)

    def finish(self, file: File) -> None:
        """All of the file that moved is here."""
        self._there += file.size
        self.progress(0)


def _part(folder: Path, file: File) -> Path:
    return folder / f"{file.name}.part"


def _client(patience: RetryPolicy) -> httpx.Client:
    """An HTTP client, with the proxies that the environment names."""
    try:
        return httpx.Client(
            follow_redirects=True,
            timeout=httpx.Timeout(patience.stall, connect=patience.connect),
            limits=httpx.Limits(max_keepalive_connections=0),
        )
    except OSError as error:
        raise ModelError(
            "the certificates of SSL_CERT_FILE or SSL_CERT_DIR cannot be read:"
            f" {error.strerror or error}"
        ) from None
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        raise ModelError(f"a proxy in the environment: {error}") from None


def _put_in_place(part: Path, path: Path) -> None:
    """Renames a file, so that even after a power cut it is whole or not there."""
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _plainly(error: OSError, folder: Path) -> str:
    """What the operating system has against it, in one line."""
    path = error.filename or folder
    if error.errno in FULL:
        return (
            f"no room for {path} ({error.strerror}). What is there is kept: make room,"
            " and type the same again to go on"
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"no permission to write {path}; --cache chooses another folder"
    return f"{path} cannot be written: {error.strerror or error}"
