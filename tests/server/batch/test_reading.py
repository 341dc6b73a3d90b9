"""Photos are read ahead of the work, in bounded memory, and a failure is that of one photo."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facewire_server.batch import reading as module
from facewire_server.batch import source
from facewire_server.batch.parts import divide
from facewire_server.batch.reading import Reader
from facewire_server.batch.store import Store
from facewire_server.errors import RequestError
from tests.server.batch.photos import write


@pytest.fixture
def threads() -> Iterator[Executor]:
    """What reads."""
    with ThreadPoolExecutor(4) as opened:
        yield opened


def read_all(
    address: Path | str, threads: Executor, limit: int = 100, column: str | None = None
) -> dict[str, bytes | Exception]:
    """All photos of a SOURCE, by the last part of their names."""
    found = source.find(str(address), column, "/elsewhere")
    reader = Reader(found.store, found.column, limit)
    results: dict[str, bytes | Exception] = {}
    for part in divide(found.items, 2, 1, far=False):
        for item, read in reader.read(part.to_pylist(), threads):
            name = item["source"].rpartition("/")[2]
            try:
                results[name] = read()
            except (RequestError, OSError) as error:
                results[name] = error
    return results


def said(results: dict[str, bytes | Exception]) -> dict[str, bytes | str]:
    return {name: each if isinstance(each, bytes) else str(each) for name, each in results.items()}


def test_files_are_read_in_order(tmp_path: Path, threads: Executor) -> None:
    files = {f"{number:02}.jpg": str(number).encode() for number in range(20)}
    results = read_all(write(tmp_path, files), threads)
    assert results == files
    assert list(results) == list(files)


def test_one_that_fails_is_alone(tmp_path: Path, threads: Executor) -> None:
    write(tmp_path, {"a.jpg": b"a", "b.jpg": bytes(101), "d.jpg": b"d"})
    (tmp_path / "c.jpg").symlink_to("nowhere")
    assert said(read_all(tmp_path, threads)) == {
        "a.jpg": b"a",
        "b.jpg": "the file has 101 bytes, and the limit is 100",
        "c.jpg": f"[Errno 2] No such file or directory: '{tmp_path}/c.jpg'",
        "d.jpg": b"d",
    }


def test_a_name_that_is_no_text_is_read(tmp_path: Path, threads: Executor) -> None:
    (tmp_path / "\udce9.jpg").write_bytes(b"a")
    assert read_all(tmp_path, threads) == {"\\xe9.jpg": b"a"}


class Counting(Reader):
    """Counts what was read and not yet taken."""

    most = 0
    held = 0

    def _file(self, place: str, size: int) -> bytes:
        Counting.held += size
        Counting.most = max(Counting.most, Counting.held)
        return b""


@pytest.mark.parametrize(("size", "most"), [(10, 40), (30, 30), (200, 200), (50, 50)])
def test_no_more_is_read_ahead_than_fits(
    size: int, most: int, threads: Executor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Four threads could read so many photos; the memory is for 55 bytes."""
    monkeypatch.setattr(module, "AHEAD_BYTES", 55)
    monkeypatch.setattr(module, "FAR_THREADS", 4)
    monkeypatch.setattr(Store, "is_local", False)
    found = source.find(str(write(tmp_path, {"a.jpg": b""})), None, "/elsewhere")
    items: Sequence[dict[str, Any]] = [
        {"place": b"x", "size": size, "group": None, "row": None} for _ in range(12)
    ]
    Counting.most = Counting.held = 0
    for item, read in Counting(found.store, None, 0).read(items, threads):
        read()
        Counting.held -= item["size"]
    assert Counting.most <= most
    assert Counting.held == 0


def test_images_in_parquet_are_streamed(tmp_path: Path, threads: Executor) -> None:
    data = [str(row).encode() for row in range(50)] + [None, bytes(101)]
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"jpg": pa.array(data, pa.large_binary())}), path, row_group_size=20)
    results = said(read_all(path, threads))
    assert [results[f"a.parquet#{row}"] for row in range(50)] == data[:50]
    assert results["a.parquet#50"] == b""
    assert results["a.parquet#51"] == "the image has 101 bytes, and the limit is 100"


def test_a_path_stands_for_an_image_of_hugging_face(tmp_path: Path, threads: Executor) -> None:
    write(tmp_path, {"b.jpg": b"beside"})
    values = [{"bytes": b"within", "path": "b.jpg"}, {"bytes": None, "path": "b.jpg"}]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    pq.write_table(pa.table({"image": pa.array(values, kind)}), tmp_path / "a.parquet")
    results = read_all(tmp_path / "a.parquet", threads)
    assert results == {"a.parquet#0": b"within", "a.parquet#1": b"beside"}


def test_a_damaged_row_group_fails_for_its_photos(tmp_path: Path, threads: Executor) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"image": [bytes([row]) * 50 for row in range(4)]})
    pq.write_table(table, path, row_group_size=2, compression="none", use_dictionary=False)
    data = bytearray(path.read_bytes())
    data[4:40] = b"\xff" * 36  # the head of the first page
    path.write_bytes(data)
    results = read_all(path, threads)
    assert [isinstance(each, Exception) for each in results.values()] == [True, True, False, False]


def test_a_null_path_and_an_address_nobody_opens_fail(tmp_path: Path, threads: Executor) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"path": ["nonsense://a", None]}), path)
    found = source.find(str(path), None, "/elsewhere")
    reader = Reader(found.store, None, 1)
    for _, read in reader.read(
        [{**each, "number": 0} for each in found.items.to_pylist()], threads
    ):
        with pytest.raises(Exception, match=r"nonsense|names no file"):
            read()
