"""Pulling from a bucket: by s3fs, in a process with its environment, from moto's S3 server."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.bucket import KEYS, environment, served
from tests.server.catalogue import tiny
from tests.server.clients import ROOT, needs, python

PULL = """
import sys
from pathlib import Path
from facewire_server.catalogue.cache import ModelCache
from facewire_server.catalogue.fetch import RetryPolicy
from facewire_server.catalogue.pull import pull
from facewire_server.errors import ModelError
from tests.server.catalogue import tiny

folder = Path(sys.argv[1])
model = tiny.catalogue(folder / "tables", "http://models.invalid").get("tiny")
for mirror in sys.argv[2:]:
    cache = ModelCache(folder / mirror.rpartition("/")[2])
    try:
        path = pull(model, None, cache, mirror=mirror, policy=RetryPolicy(retries=0))
    except ModelError as error:
        print(error)
    else:
        print(path, cache.problem(model, "FP16"))
"""

CONTENTS = {
    "good": tiny.BIN,
    "wrong": tiny.BIN[::-1],
    "short": tiny.BIN[1:],
    "long": b"x" * 300_001,
}


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server with s3://bucket, in which each of CONTENTS is a mirror."""
    folder = tmp_path_factory.mktemp("bucket")
    for name, weights in CONTENTS.items():
        precision = folder / name / "tiny" / "FP16"
        precision.mkdir(parents=True)
        (precision / "tiny.bin").write_bytes(weights)
        (precision / "tiny.xml").write_bytes(tiny.XML)
    with served(folder) as address:
        yield address


def pulled(folder: Path, address: str, *mirrors: str, **values: str) -> list[str]:
    """Pull from the mirrors one after the other into their own caches; return what is said."""
    (packages,) = (python("s3fs").parents[1] / "lib").glob("python3*/site-packages")
    done = subprocess.run(
        [sys.executable, "-c", PULL, folder, *mirrors],
        cwd=ROOT,
        env=environment(AWS_ENDPOINT_URL=address, PYTHONPATH=str(packages), **values),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def left(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.rglob("*") if path.is_file())


@needs("s3fs")
def test_a_bucket_is_a_mirror_whose_files_are_checked(tmp_path: Path, bucket: str) -> None:
    names = *CONTENTS, "missing"
    lines = dict(
        zip(
            names,
            pulled(tmp_path, bucket, *(f"s3://bucket/{name}" for name in names), **KEYS),
            strict=True,
        )
    )
    folder = tmp_path / "good/models/tiny/FP16"
    assert lines.pop("good") == f"{folder / 'tiny.xml'} None"
    assert left(tmp_path / "good") == [".lock", "tiny.bin", "tiny.xml"]
    assert lines.pop("wrong").endswith("it is not the published file")
    place = "s3://bucket/{}/tiny/FP16/tiny.bin"
    assert lines.pop("short") == f"{place.format('short')} has 299999 bytes instead of 300000"
    assert lines.pop("long") == f"{place.format('long')} has 300001 bytes instead of 300000"
    assert lines.pop("missing").endswith(f" nor at {place.format('missing')}")
    assert not lines
    for name in names[1:]:
        assert left(tmp_path / name) == [".lock"]


@needs("s3fs")
def test_missing_credentials_are_reported(tmp_path: Path, bucket: str) -> None:
    (line,) = pulled(tmp_path, bucket, "s3://bucket/good", HOME=str(tmp_path))
    assert "Unable to locate credentials" in line
    assert left(tmp_path / "good") == [".lock"]
