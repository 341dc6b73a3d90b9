"""The pull of a published model into the cache: complete, or nothing that loads.

Rule: each file is fetched into a partial file beside its target. Only when all files of a
model are there and verified are they renamed.
"""

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import httpx
from filelock import FileLock, Timeout

from facewire_server.catalogue.cache import ModelCache
from facewire_server.catalogue.catalogue import Catalogue, PublishedFile, PublishedModel
from facewire_server.catalogue.fetch import Fetch, RetryPolicy
from facewire_server.catalogue.mirror import origins
from facewire_server.errors import ModelError

NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Report(Protocol):
    """Receives the events of a pull."""

    def note(self, line: str) -> None:
        """Show an event as one line."""

    def progress(self, received: int, size: int) -> None:
        """Show that `received` of the model's `size` bytes are in the cache."""


class Silent:
    """A report that shows nothing."""

    def note(self, line: str) -> None:
        """See Report.note."""

    def progress(self, received: int, size: int) -> None:
        """See Report.progress."""


def pull(
    model: PublishedModel,
    precision: str | None,
    cache: ModelCache,
    *,
    mirror: str | None = None,
    policy: RetryPolicy | None = None,
    report: Report | None = None,
) -> Path:
    """Fetch the files of a model that are missing or not as published.

    `precision` None: the model's default. `mirror` is the base address or the folder of a
    mirror, see `origins`. If another process is pulling the same files, it is waited for.
    Returns the path of the file to load. Raises ModelError with a message of one line.
    """
    report = report or Silent()
    chosen = precision or next(iter(model.precisions), "")
    folder = cache.folder_of(model, chosen)
    path = folder / model.files_in(chosen)[-1].name
    if cache.problem(model, chosen) is None:
        return path  # Before anything is written: the cache may be read-only.
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder, model, report):
            if cache.problem(model, chosen):
                _fetch(model, chosen, folder, mirror, policy or RetryPolicy(), report)
    except OSError as error:
        raise ModelError(_short_message(error, folder)) from error
    return path


def pull_missing(
    name: str,
    precision: str | None,
    cache: ModelCache,
    *,
    mirror: str | None = None,
    report: Report | None = None,
) -> None:
    """Pull a model that is about to be served, if the catalogue has files of it.

    `precision` None: a complete one in the cache, else the default. Raises ModelError.
    """
    catalogue = Catalogue.published()
    if name not in catalogue:
        return
    model = catalogue.get(name)
    if model.files:
        chosen = precision or next(iter(cache.complete(model)), None)
        pull(model, chosen, cache, mirror=mirror, report=report)


@contextmanager
def _locked(folder: Path, model: PublishedModel, report: Report) -> Iterator[None]:
    """Keep other processes from pulling into the folder."""
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        report.note(f"another process is pulling {model.name}; waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _fetch(
    model: PublishedModel,
    precision: str,
    folder: Path,
    mirror: str | None,
    policy: RetryPolicy,
    report: Report,
) -> None:
    """Fetch all files that are not as published, then rename them to their paths."""
    files = model.files_in(precision)
    missing = [file for file in files if file.mismatch(folder / file.name)]
    total = _TotalProgress(report, files, missing)
    with _client(policy) as client:
        for file in missing:
            path = f"{model.name}/{precision}/{file.name}"
            fetch = Fetch(
                file,
                _partial(folder, file),
                policy,
                note=report.note,
                progress=total.progress,
            )
            fetch.run(origins(file, path, mirror, client))
            total.finish(file)
    for file in missing:
        _install(_partial(folder, file), folder / file.name)


class _TotalProgress:
    """Adds up the progress of a model's files, which are fetched one after the other."""

    def __init__(
        self, report: Report, files: Sequence[PublishedFile], missing: Sequence[PublishedFile]
    ) -> None:
        self._report = report
        self._size = sum(file.size for file in files)
        self._finished = self._size - sum(file.size for file in missing)

    def progress(self, received: int) -> None:
        """Report that `received` bytes of the current file are in the cache."""
        self._report.progress(self._finished + received, self._size)

    def finish(self, file: PublishedFile) -> None:
        """Count the current file as complete."""
        self._finished += file.size
        self.progress(0)


def _partial(folder: Path, file: PublishedFile) -> Path:
    return folder / f"{file.name}.part"


def _client(policy: RetryPolicy) -> httpx.Client:
    """Make an HTTP client that uses the environment's proxies and certificates."""
    try:
        return httpx.Client(
            follow_redirects=True,
            timeout=httpx.Timeout(policy.read_timeout, connect=policy.connect_timeout),
            # _ResponseTimer needs a new connection for each request.
            limits=httpx.Limits(max_keepalive_connections=0),
        )
    except OSError as error:
        raise ModelError(
            "the certificates of SSL_CERT_FILE or SSL_CERT_DIR cannot be read:"
            f" {error.strerror or error}"
        ) from error
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        raise ModelError(f"a proxy in the environment: {error}") from None


def _install(partial: Path, path: Path) -> None:
    """Rename a file so that even after a power cut it is either whole or missing."""
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _short_message(error: OSError, folder: Path) -> str:
    """Describe an error of the operating system, and what to do, in one line."""
    path = error.filename or folder
    if error.errno in NO_SPACE:
        return (
            f"no room for {path} ({error.strerror}). What is there is kept: make room,"
            " and type the same again to go on"
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"no permission to write {path}; --cache chooses another folder"
    return f"{path} cannot be written: {error.strerror or error}"
