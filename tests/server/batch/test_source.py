"""SOURCE is a folder, a glob, or Parquet files of images or paths; each photo is named once."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facewire_server.batch import source as module
from facewire_server.batch.source import Found
from facewire_server.errors import CommandError
from tests.server.batch.photos import FACE, write


def find(source: str | Path, column: str | None = None, output: str = "/elsewhere") -> Found:
    return module.find(str(source), column, output)


def sources(found: Found) -> list[str]:
    names: list[str] = found.items["source"].to_pylist()
    return names


def table(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    pq.write_table(pa.table(columns), path, **options)
    return path


def test_of_a_folder_the_files_that_are_photos_by_name_are_taken(tmp_path: Path) -> None:
    names = ("a.JPG", "b.jpeg", "c.Png", "d.webp", "e.bmp", "f.tif", "g/h.TIFF")
    write(tmp_path, dict.fromkeys((*names, "readme.txt", "jpg", "i.jpg.txt"), b""))
    found = find(tmp_path)
    assert sources(found) == [f"{tmp_path}/{name}" for name in names]
    assert (found.skipped, found.repeats, found.column) == (3, 0, None)


def test_of_a_glob_all_files_are_taken(tmp_path: Path) -> None:
    write(tmp_path, {"a.photo": b"", "b.txt": b""})
    assert sources(find(tmp_path / "*.photo")) == [f"{tmp_path}/a.photo"]
    assert sources(find(tmp_path / "b.txt")) == [f"{tmp_path}/b.txt"]


def test_a_folder_that_is_named_like_a_glob_is_a_folder(tmp_path: Path) -> None:
    write(tmp_path / "[2024]", {"a.jpg": b"", "b.txt": b""})
    assert sources(find(tmp_path / "[2024]")) == [f"{tmp_path}/[2024]/a.jpg"]


def test_a_relative_source_is_named_by_its_whole_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"photos/a.jpg": b""})
    monkeypatch.chdir(tmp_path)
    assert sources(find("photos")) == [f"{tmp_path}/photos/a.jpg"]


def test_a_name_that_is_no_text_is_escaped_and_found_again(tmp_path: Path) -> None:
    path = tmp_path / "\udce9.jpg"
    path.write_bytes(FACE)
    found = find(tmp_path)
    assert sources(found) == [f"{tmp_path}/\\xe9.jpg"]
    assert found.items["place"][0].as_py() == f"{tmp_path}/".encode() + b"\xe9.jpg"


def test_images_in_parquet_are_named_by_file_and_row(tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", {"image": [b"a", b"b", b"c"]}, row_group_size=2)
    found = find(tmp_path)
    assert sources(found) == [f"{path}#{row}" for row in range(3)]
    assert found.items["group"].to_pylist() == [0, 0, 1]
    assert found.items["row"].to_pylist() == [0, 1, 0]
    assert found.column == "image"


def test_paths_in_parquet_start_at_its_folder(tmp_path: Path) -> None:
    values = ["b.jpg", "../c.jpg", "/d.jpg", "s3://bucket/e.jpg", None, "b.jpg"]
    path = table(tmp_path / "a.parquet", {"path": pa.array(values).dictionary_encode()})
    found = find(path)
    parent = tmp_path.parent
    expected = [f"{tmp_path}/b.jpg", f"{parent}/c.jpg", "/d.jpg", "s3://bucket/e.jpg"]
    assert sources(found) == [*expected, f"{path}#4"]
    assert (found.repeats, found.column) == (1, None)


def test_hidden_files_and_others_beside_parquet_files_are_left_out(tmp_path: Path) -> None:
    table(tmp_path / "a.parquet", {"image": [b"a"]})
    write(tmp_path, {"_b.parquet": b"", ".c.parquet": b"", "README.md": b""})
    found = find(tmp_path)
    assert (found.items.num_rows, found.skipped) == (1, 3)


def test_photos_beside_parquet_files_go_first(tmp_path: Path) -> None:
    table(tmp_path / "labels.parquet", {"image": [b"a"]})
    write(tmp_path, {"a.jpg": b""})
    assert sources(find(tmp_path)) == [f"{tmp_path}/a.jpg"]
    assert sources(find(tmp_path, "image")) == [f"{tmp_path}/labels.parquet#0"]


def test_items_that_are_done_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, dict.fromkeys(("a.jpg", "b.jpg", "c.jpg"), b""))
    left = find(tmp_path).without(pa.array([f"{tmp_path}/b.jpg", "/elsewhere/a.jpg"]))
    assert left["source"].to_pylist() == [f"{tmp_path}/a.jpg", f"{tmp_path}/c.jpg"]


@pytest.mark.parametrize(
    ("files", "source", "column", "output", "message"),
    [
        ((), "", None, "/elsewhere", "there are no photos at"),
        (("a.txt",), "", None, "/elsewhere", "none of its 1 files is one by its name"),
        (("a.jpg",), "*.png", None, "/elsewhere", "there are no photos at"),
        (("a.jpg",), "", "image", "/elsewhere", "--column is for Parquet files"),
        (("a.parquet",), "", None, "/elsewhere", r"a\.parquet: "),
        (("a.jpg",), "", None, "", "is inside of the photos' folder"),
        (("a.jpg",), "", None, "/out", "is inside of the photos' folder"),
        (("out/a.jpg",), "*/*", None, "/out", "has some of the photos in it"),
    ],
)
def test_what_is_no_source_is_an_error(
    files: tuple[str, ...],
    source: str,
    column: str | None,
    output: str,
    message: str,
    tmp_path: Path,
) -> None:
    write(tmp_path, dict.fromkeys(files, b""))
    folder = output if output.startswith("/else") else f"{tmp_path}{output}"
    with pytest.raises(CommandError, match=message):
        find(f"{tmp_path}/{source}", column, folder)


def test_parquet_files_without_rows_are_an_error(tmp_path: Path) -> None:
    table(tmp_path / "a.parquet", {"image": pa.array([], pa.binary())})
    with pytest.raises(CommandError, match="have no rows"):
        find(tmp_path)
