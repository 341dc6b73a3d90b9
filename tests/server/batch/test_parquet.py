"""Which column of a Parquet file has the photos, and how they are read."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facewire_server.batch import parquet
from facewire_server.batch.store import Store
from facewire_server.errors import CommandError

HUGGING_FACE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
"""What the library `datasets` writes for the feature Image."""


def choose(asked: str | None = None, /, **columns: Any) -> tuple[str, bool]:
    return parquet.choose(pa.schema(columns.items()), asked)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"image": HUGGING_FACE, "label": pa.int64()}, ("image", True)),
        ({"anything": pa.large_binary(), "path": pa.string()}, ("anything", True)),
        ({"mask": pa.binary(), "IMAGE": pa.binary()}, ("IMAGE", True)),
        ({"caption": pa.string(), "file_name": pa.large_string()}, ("file_name", False)),
        ({"path": pa.dictionary(pa.int32(), pa.string())}, ("path", False)),
        ({"image": pa.string(), "url": pa.string()}, ("url", False)),
    ],
)
def test_a_column_is_found_by_type_and_name(
    columns: dict[str, Any], expected: tuple[str, bool]
) -> None:
    assert choose(**columns) == expected


def test_a_column_that_is_asked_for_is_taken() -> None:
    columns = {"image": pa.binary(), "mask": pa.binary(), "name": pa.string()}
    assert choose("mask", **columns) == ("mask", True)
    assert choose("name", **columns) == ("name", False)


@pytest.mark.parametrize(
    ("asked", "columns"),
    [
        (None, {"a": pa.binary(), "b": pa.binary()}),
        (None, {"caption": pa.string()}),
        (None, {"label": pa.int64()}),
        ("label", {"image": pa.binary(), "label": pa.int64()}),
        ("missing", {"image": pa.binary()}),
    ],
)
def test_an_unclear_column_is_an_error_that_names_all(
    asked: str | None, columns: dict[str, Any]
) -> None:
    with pytest.raises(CommandError) as raised:
        choose(asked, **columns)
    for name, kind in columns.items():
        assert f"{name} ({kind})" in str(raised.value)


def images(path: Path, group: int, *rows: int) -> list[tuple[int, bytes, str | None]]:
    store, place = Store.find(str(path))
    return list(parquet.images(store, place, "image", group, set(rows)))


def test_rows_of_a_row_group_are_read_in_order(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    data = [str(row).encode() for row in range(100)]
    pq.write_table(pa.table({"image": data}), path, row_group_size=50)
    assert images(path, 1, 49, 0, 17) == [(0, b"50", None), (17, b"67", None), (49, b"99", None)]


def test_images_of_hugging_face_may_be_paths(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    values = [{"bytes": b"x", "path": "a.jpg"}, {"bytes": None, "path": "b.jpg"}, None]
    pq.write_table(pa.table({"image": pa.array(values, HUGGING_FACE)}), path)
    assert images(path, 0, 0, 1, 2) == [(0, b"x", "a.jpg"), (1, b"", "b.jpg"), (2, b"", None)]


def test_a_file_without_the_column_of_the_others_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"image": [b""]}), path)
    store, place = Store.find(str(path))
    with pytest.raises(CommandError, match="no column 'photo'"):
        parquet.row_groups(store, place, "photo")
    with pytest.raises(CommandError, match="no column 'photo'"):
        list(parquet.references(store, place, "photo"))
