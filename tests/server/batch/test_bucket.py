"""Photos in a bucket, and output in one: by s3fs, and by pyarrow where s3fs is missing."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.server.batch.photos import write
from tests.server.bucket import KEYS, environment, served
from tests.server.clients import ROOT, needs, python

JOB = """
import json, sys
from concurrent.futures import ThreadPoolExecutor
import pyarrow as pa
from facewire_server.batch import source
from facewire_server.batch.output import Output
from facewire_server.batch.parts import divide
from facewire_server.batch.reading import Reader
from facewire_server.batch.row import SCHEMA

photos, out = sys.argv[1:]
found = source.find(photos, None, out)
reader = Reader(found.store, found.column, 100)
read = {}
with ThreadPoolExecutor(4) as threads:
    for part in divide(found.items, 2, 1, far=True):
        for item, data in reader.read(part.to_pylist(), threads):
            try:
                read[item["source"]] = data().decode()
            except Exception as error:
                read[item["source"]] = str(error)
output = Output.open(out, {"model": "one"})
before = output.done()["source"].to_pylist()
rows = [{"source": each} for each in read if each not in before]
output.add(pa.Table.from_pylist(rows, SCHEMA))
output.flush()
output.release()
print(json.dumps([type(found.store.system).__name__, found.skipped, read, before]))
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that has photos in s3://bucket."""
    folder = tmp_path_factory.mktemp("bucket")
    files = {"a.jpg": b"first", "sub/b.jpg": b"second", "sub/c.jpg": b"", "d.txt": b""}
    write(folder / "photos", {**files, "e.jpg": bytes(101)})
    with served(folder) as address:
        yield address


@needs("s3fs")
@pytest.mark.parametrize(
    ("library", "system"), [("s3fs", "S3FileSystem"), ("", "ArrowFSWrapper")], ids=["s3fs", "arrow"]
)
def test_a_bucket_is_read_and_written(library: str, system: str, address: str) -> None:
    (packages,) = (python("s3fs").parents[1] / "lib").glob("python3*/site-packages")
    paths = {"PYTHONPATH": str(packages)} if library else {}
    out = f"s3://bucket/out-{library}"
    outputs = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", JOB, "s3://bucket/photos", out],
            cwd=ROOT,
            env=environment(AWS_ENDPOINT_URL=address, **KEYS, **paths),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        outputs.append(json.loads(done.stdout))
    read = {
        "s3://bucket/photos/a.jpg": "first",
        "s3://bucket/photos/e.jpg": "the file has 101 bytes, and the limit is 100",
        "s3://bucket/photos/sub/b.jpg": "second",
        "s3://bucket/photos/sub/c.jpg": "",
    }
    skipped = {".txt": 1}
    assert outputs == [[system, skipped, read, []], [system, skipped, read, list(read)]]
