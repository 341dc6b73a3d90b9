"""The output: a folder of Parquet files, which grows while a job runs.

Rule: a file is there as a whole or not at all, and is never changed while photos are worked on.
What is in it is done, so that the next run goes on from there.
"""

import io
import json
import logging
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from facewire_server.batch.row import SCHEMA
from facewire_server.batch.store import Entry, Store, short_message
from facewire_server.errors import CommandError

logger = logging.getLogger("facewire_server.batch")

ABOUT = "_facewire-batch.json"
"""Says what made the folder. Readers of Parquet pass over names that begin with _ or a dot."""

DONE = pa.schema([SCHEMA.field("source"), SCHEMA.field("error")])
"""The columns that say what is done."""

LOCK = ".facewire-batch.lock"
PART = re.compile(r"part-(\d+)\.parquet")
DRAFT = re.compile(r"\.(part-\d+\.parquet|_facewire-batch\.json)\.tmp")

ROWS = 50_000
SECONDS = 10.0
"""A part file is written after so many rows, or when its first row has waited for so long."""


@dataclass(slots=True)
class Output:
    """The folder of one job, which no other job of this machine has open at the same time."""

    store: Store
    folder: str
    clock: Callable[[], float] = time.monotonic
    _lock: FileLock | None = None
    _parts: list[str] = field(default_factory=list)
    _next: int = 0
    _waiting: list[pa.Table] = field(default_factory=list)
    _since: float = 0.0

    @classmethod
    def open(cls, address: str, about: Mapping[str, Any]) -> "Output":
        """Open the folder at a path or an address, and make it if need be.

        `about` is what rows depend on: a folder whose rows depend on something else is
        refused. Raises CommandError.
        """
        store, folder = Store.find(address)
        output = cls(store, folder)
        try:
            output._begin(about)
        except CommandError:
            output.release()
            raise
        except Exception as error:
            output.release()
            raise CommandError(f"--output {output}: {short_message(error)}") from error
        return output

    def __str__(self) -> str:
        return self.store.name(self.folder)

    def done(self) -> pa.Table:
        """Return `source` and `error` of all rows that are there. Raises CommandError."""
        tables = [DONE.empty_table(), *(self._read(path, DONE) for path in self._parts)]
        return pa.concat_tables(tables).combine_chunks()

    def forget_errors(self) -> int:
        """Remove the rows with an error, and return how many there were. Raises CommandError."""
        forgotten = 0
        for path in list(self._parts):
            table = self._read(path)
            good = table.filter(pc.is_null(table["error"]))
            if good.num_rows == table.num_rows:
                continue
            if good.num_rows:
                self._write(path, good)
            else:
                self.store.system.rm_file(path)
                self._parts.remove(path)
            forgotten += table.num_rows - good.num_rows
        return forgotten

    def add(self, rows: pa.Table) -> None:
        """Add rows of SCHEMA; they are written now and then. Raises CommandError."""
        if not self._waiting:
            self._since = self.clock()
        self._waiting.append(rows)
        count = sum(each.num_rows for each in self._waiting)
        if count >= ROWS or self.clock() - self._since >= SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write the rows that were added. Raises CommandError."""
        if self._waiting:
            path = f"{self.folder}/part-{self._next:06}.parquet"
            self._write(path, pa.concat_tables(self._waiting))
            self._parts.append(path)
            self._waiting, self._next = [], self._next + 1

    def release(self) -> None:
        """Let another job have the folder. Rows that were added and not written are lost."""
        if self._lock is not None:
            self._lock.release()

    def _begin(self, about: Mapping[str, Any]) -> None:
        if self.store.is_local:
            self.store.system.makedirs(self.folder, exist_ok=True)
            self._lock = FileLock(f"{self.folder}/{LOCK}")
            try:
                self._lock.acquire(timeout=0)
            except Timeout:
                raise CommandError(f"another job writes to {self}") from None
        entries = self._entries()
        names = {each.path.rpartition("/")[2]: each.path for each in entries}
        self._check(names, about)
        for name in filter(DRAFT.fullmatch, names):
            with suppress(OSError):
                self.store.system.rm_file(names[name])
        found = {int(match[1]): names[name] for name in names if (match := PART.fullmatch(name))}
        self._parts = [found[number] for number in sorted(found)]
        self._next = max(found, default=-1) + 1

    def _entries(self) -> list[Entry]:
        with suppress(FileNotFoundError):
            listed = self.store.system.ls(self.folder, detail=True)
            return [Entry(each["name"]) for each in listed if each["type"] == "file"]
        return []

    def _check(self, names: Mapping[str, str], about: Mapping[str, Any]) -> None:
        """Raise CommandError unless the folder is empty or made with the same options."""
        if ABOUT not in names:
            if others := sorted(name for name in names if not name.startswith(".")):
                raise CommandError(f"--output {self} has other files in it, such as {others[0]}")
            text = json.dumps(about, indent=2, sort_keys=True) + "\n"
            self.store.write(f"{self.folder}/{ABOUT}", text.encode())
            return
        try:
            known = dict(json.loads(self.store.system.cat_file(names[ABOUT])))
        except ValueError:
            raise CommandError(f"{self.store.name(names[ABOUT])} is damaged") from None
        changed = [each for each in about if known.get(each) != about[each]]
        if changed:
            first = changed[0]
            raise CommandError(
                f"--output {self} was made with {first} {known.get(first)} instead of"
                f" {about[first]}: choose another folder, or the same options"
            )

    def _read(self, path: str, columns: pa.Schema = SCHEMA) -> pa.Table:
        try:
            data = io.BytesIO(self.store.system.cat_file(path))
            # By this thread alone: one of Arrow's that lets go of `data` while Python ends
            # aborts the process. `pq.read_table` has no way without them.
            with pq.ParquetFile(data, pre_buffer=False) as file:
                return file.read(columns.names, use_threads=False).cast(columns)
        except Exception as error:
            raise CommandError(f"{self.store.name(path)}: {short_message(error)}") from error

    def _write(self, path: str, rows: pa.Table) -> None:
        sink = io.BytesIO()
        pq.write_table(rows, sink, compression="zstd")
        try:
            self.store.write(path, sink.getvalue())
        except Exception as error:
            raise CommandError(f"{self.store.name(path)}: {short_message(error)}") from error
