"""What SOURCE names, as a table of work items: which photos there are, not what is in them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from facewire_server.batch import parquet
from facewire_server.batch.store import Entry, Store
from facewire_server.errors import CommandError

SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".dib"),
    *(".tif", ".tiff"),
)
"""Of the files that are taken from a folder, in any case."""

PARQUET = (".parquet", ".parq", ".pq")

ITEMS = pa.schema(
    [
        ("source", pa.string()),
        ("place", pa.binary()),
        ("size", pa.int64()),
        ("group", pa.int32()),
        ("row", pa.int64()),
    ]
)
"""A work item. `source` names the photo in the output, without secrets. `place` is where it is:
a path in the store of SOURCE, or an address. `size` is in bytes; -1: unknown. `group` and `row`
are the row group and the row in it of a photo in a Parquet file; else null."""


@dataclass(frozen=True, slots=True)
class Found:
    """The photos of a SOURCE.

    `column` is the one that holds images, of Parquet files; None: photos are files.
    `skipped` files are none that are read, and `repeats` photos were named before.
    """

    store: Store
    items: pa.Table
    column: str | None = None
    skipped: int = 0
    repeats: int = 0

    def without(self, done: pa.Array) -> pa.Table:
        """Return the items whose sources are not among `done`."""
        known = pc.is_in(self.items["source"], value_set=done)
        return self.items.filter(pc.invert(known))


def find(source: str, column: str | None, output: str) -> Found:
    """Find the photos of a SOURCE, which no file in the folder `output` may be.

    `column` is that of Parquet files; None: found by type and name. Raises CommandError.
    """
    store, path = Store.find(source)
    entries = store.list(path)
    _check_output(store, path, entries, output)
    tables = [each for each in entries if _is_table(each.path)]
    photos = [each for each in entries if each.path.lower().endswith(SUFFIXES)]
    is_chosen = store.is_glob(path) or [each.path for each in entries] == [path]
    if tables and (not photos or column):
        skipped = len(entries) - len(tables)
        return _in_tables(store, [each.path for each in tables], column, skipped)
    if column is not None:
        raise CommandError(f"--column is for Parquet files, and {store.name(path)} has none")
    chosen = entries if is_chosen else photos
    if not chosen:
        others = f": none of its {len(entries)} files is one by its name" if entries else ""
        raise CommandError(f"there are no photos at {store.name(path)}{others}")
    return _of_files(store, chosen, len(entries) - len(chosen))


def _check_output(store: Store, path: str, entries: Sequence[Entry], output: str) -> None:
    other, folder = Store.find(output)
    if other != store:
        return
    inside = f"{folder}/"
    if f"{path}/" == inside or inside.startswith(f"{path}/"):
        raise CommandError(f"--output {store.name(folder)} is inside of the photos' folder")
    if any(each.path.startswith(inside) for each in entries):
        raise CommandError(f"--output {store.name(folder)} has some of the photos in it")


def _is_table(path: str) -> bool:
    """Whether it is a Parquet file by its name. By convention, others begin with _ or a dot."""
    name = path.rpartition("/")[2]
    return name.lower().endswith(PARQUET) and not name.startswith(("_", "."))


def _of_files(store: Store, entries: Sequence[Entry], skipped: int) -> Found:
    places = [each.path for each in entries]
    table = _items(map(store.name, places), places, [each.size for each in entries])
    return _unique(Found(store, table, skipped=skipped))


def _in_tables(store: Store, paths: Sequence[str], column: str | None, skipped: int) -> Found:
    schema = parquet.schema(store, paths[0])
    name, holds_images = parquet.choose(schema, column)
    if not holds_images:
        parts = [
            _items(*zip(*references, strict=True))
            for path in paths
            if (references := list(parquet.references(store, path, name)))
        ]
        return _unique(Found(store, _joined(parts), skipped=skipped))
    tables = [_rows(store, path, name) for path in paths]
    return _unique(Found(store, _joined(tables), name, skipped))


def _rows(store: Store, path: str, column: str) -> pa.Table:
    """The items of a Parquet file that holds images.

    They are named by their place in it, which another file that is added later does not
    change: the paths beside the images in files of Hugging Face's datasets may repeat.
    """
    groups = parquet.row_groups(store, path, column)
    counts = [count for count, _ in groups]
    total, name = sum(counts), store.name(path)
    sizes = np.repeat(np.array([size for _, size in groups], dtype=np.int64), counts)
    table = _items((f"{name}#{row}" for row in range(total)), [path] * total, sizes)
    numbers = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    rows = np.concatenate([np.arange(0), *map(np.arange, counts)])
    table = table.set_column(3, ITEMS.field("group"), pa.array(numbers))
    return table.set_column(4, ITEMS.field("row"), pa.array(rows))


def _items(sources: Iterable[str], places: Iterable[str], sizes: Any) -> pa.Table:
    columns = [
        pa.array(sources, pa.string()),
        pa.array(map(_encoded, places), pa.binary()),
        pa.array(sizes, pa.int64()),
        pa.nulls(len(sizes), pa.int32()),
        pa.nulls(len(sizes), pa.int64()),
    ]
    return pa.table(columns, ITEMS)


def _encoded(place: str) -> bytes:
    return place.encode(errors="surrogateescape")


def _joined(tables: Sequence[pa.Table]) -> pa.Table:
    found = pa.concat_tables(tables) if tables else ITEMS.empty_table()
    if not found.num_rows:
        raise CommandError("the Parquet files have no rows")
    return found.combine_chunks()


def _unique(found: Found) -> Found:
    """Keep the first of the items that have the same source."""
    codes = found.items["source"].combine_chunks().dictionary_encode()
    indices = (codes.chunk(0) if isinstance(codes, pa.ChunkedArray) else codes).indices
    first = np.sort(np.unique(indices.to_numpy(), return_index=True)[1])
    repeats = found.items.num_rows - len(first)
    if not repeats:
        return found
    items = found.items.take(pa.array(first))
    return Found(found.store, items, found.column, found.skipped, repeats)
