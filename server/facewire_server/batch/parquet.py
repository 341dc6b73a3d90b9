"""Parquet files that have photos in a column, or the paths of photos."""

import posixpath
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from facewire_server.batch.store import ADDRESS, Store, public_name, short_message
from facewire_server.errors import CommandError

IMAGES = ("image", "img", "photo", "picture", "jpg", "jpeg", "png", "webp", "bytes", "content")
PATHS = (
    *("path", "file", "filename", "file_name", "file_path", "filepath", "image_path", "uri"),
    *("url", "image_url", "image_uri", "source", *IMAGES),
)
"""Names of columns, in any case, the first of which counts where several have a fitting type."""

BUFFER = 4 << 20
"""Bytes that are read of a column at a time."""


def schema(store: Store, path: str) -> pa.Schema:
    """Return the columns of a Parquet file. Raises CommandError."""
    return _open(store, path).schema_arrow


def choose(columns: pa.Schema, asked: str | None) -> tuple[str, bool]:
    """Return the name of the column to use, and whether it holds images instead of paths.

    `asked` is the name that the user gave. Raises CommandError, which lists the columns.
    """
    images = [each.name for each in columns if holds_images(each.type)]
    paths = [each.name for each in columns if _is_text(each.type)]
    if asked is not None:
        if asked not in (*images, *paths):
            raise CommandError(
                f"--column {asked}: no column of images or paths; there are {_listed(columns)}"
            )
        return asked, asked in images
    chosen = _named(images, IMAGES) or (images[0] if len(images) == 1 else None)
    if chosen is None and not images:
        chosen = _named(paths, PATHS)
    if chosen is None:
        raise CommandError(
            "which column holds the photos or their paths? Name it by --column; there are "
            + _listed(columns)
        )
    return chosen, chosen in images


def holds_images(kind: pa.DataType) -> bool:
    """Whether values are bytes, or what Hugging Face's datasets write: struct<bytes, path>."""
    if pa.types.is_struct(kind):
        names = [each.name for each in kind]
        return "bytes" in names and holds_images(kind.field("bytes").type)
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def references(store: Store, path: str, column: str) -> Iterator[tuple[str, str, int]]:
    """Yield source, place and size (-1) of the photos whose paths are in a column.

    Relative paths start at the folder of the Parquet file. A null leads nowhere, and is
    named by its row. Raises CommandError.
    """
    row = 0
    for batch in _batches(store, path, column):
        for text in batch.column(0).cast(pa.string()).to_pylist():
            if text is None:
                yield f"{store.name(path)}#{row}", "", -1
            else:
                place = resolve(store, path, text)
                is_address = ADDRESS.match(place)
                yield public_name(place) if is_address else store.name(place), place, -1
            row += 1


def resolve(store: Store, path: str, text: str) -> str:
    """Return the place that a path in the Parquet file at `path` means."""
    if ADDRESS.match(text):
        return text
    if posixpath.isabs(text):
        return text if store.is_local else f"file://{text}"
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), text))


def row_groups(store: Store, path: str, column: str) -> list[tuple[int, int]]:
    """Return how many rows each row group has, and about how many bytes each of them takes.

    Raises CommandError, too, for a file without the column.
    """
    file = _open(store, path)
    if column not in file.schema_arrow.names:
        raise CommandError(f"{store.name(path)} has no column {column!r}")
    groups = [file.metadata.row_group(each) for each in range(file.metadata.num_row_groups)]
    return [(each.num_rows, each.total_byte_size // max(1, each.num_rows)) for each in groups]


def images(
    store: Store, path: str, column: str, group: int, rows: set[int]
) -> Iterator[tuple[int, bytes, str | None]]:
    """Yield row, bytes, and the path that may stand for them, for some rows of a row group.

    In their order, and with few of the others in memory. Raises what pyarrow raises.
    """
    row, last = 0, max(rows)
    # With a buffer: without one, pyarrow reads the column of the row group at once.
    options = {"pre_buffer": False, "buffer_size": BUFFER}
    with pq.ParquetFile(path, filesystem=store.system, **options) as file:
        for batch in file.iter_batches(batch_size=16, row_groups=[group], columns=[column]):
            for value in batch.column(0):
                if row in rows:
                    yield row, *_image(value)
                row += 1
            if row > last:
                return


def _image(value: Any) -> tuple[bytes, str | None]:
    if isinstance(value, pa.StructScalar):
        held = value.as_py() or {}
        return held.get("bytes") or b"", held.get("path")
    return value.as_py() or b"", None


def _open(store: Store, path: str) -> pq.ParquetFile:
    try:
        # Without threads of Arrow's, as in `Output`: they may not hold what is Python's.
        return pq.ParquetFile(path, filesystem=store.system, pre_buffer=False)
    except Exception as error:
        raise CommandError(f"{store.name(path)}: {short_message(error)}") from error


def _batches(store: Store, path: str, column: str) -> Iterator[pa.RecordBatch]:
    file = _open(store, path)
    if column not in file.schema_arrow.names:
        raise CommandError(f"{store.name(path)} has no column {column!r}")
    try:
        yield from file.iter_batches(columns=[column], use_threads=False)
    except (OSError, pa.ArrowException) as error:
        raise CommandError(f"{store.name(path)}: {short_message(error)}") from error


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _named(columns: list[str], names: tuple[str, ...]) -> str | None:
    by_name = {each.lower(): each for each in reversed(columns)}
    return next((by_name[name] for name in names if name in by_name), None)


def _listed(columns: pa.Schema) -> str:
    return ", ".join(f"{each.name} ({each.type})" for each in columns)
