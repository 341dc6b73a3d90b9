"""A bucket: moto's server of S3's protocol, in a process of its own, from .venv-clients/s3fs."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.server.clients import python

BUCKET = """
import sys
from pathlib import Path
import boto3
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
address = "http://{}:{}".format(*server.get_host_and_port())
client = boto3.client("s3", endpoint_url=address)
client.create_bucket(Bucket="bucket")
folder = Path(sys.argv[1])
for path in folder.rglob("*.*"):
    client.upload_file(str(path), "bucket", str(path.relative_to(folder)))
print(address, flush=True)
sys.stdin.read()
server.stop()
"""

KEYS = {"AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": "secret"}


def environment(**values: str) -> dict[str, str]:
    """The variables of a process, without AWS' own and without proxies."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith("AWS_") and not name.upper().endswith("_PROXY")
    }
    fixed = {"AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}
    return {**kept, **fixed, "PYTHONDONTWRITEBYTECODE": "", **values}


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a server that has the files of a folder in s3://bucket."""
    with subprocess.Popen(
        [python("s3fs"), "-c", BUCKET, folder],
        env=environment(**KEYS),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.communicate(timeout=60)
