"""What the files of deploy/envoy say."""

import subprocess
import sys
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool

from tests.deploy.files import DEPLOY, read_yaml


def test_nothing_listens_beyond_loopback() -> None:
    found = read_yaml("envoy/envoy.yaml")
    (listener,) = found["static_resources"]["listeners"]
    for part in (found["admin"], listener):
        assert part["address"]["socket_address"]["address"] == "127.0.0.1"


def test_the_descriptor_set_is_complete_and_in_order(tmp_path: Path) -> None:
    path = tmp_path / "facewire.pb"
    command: list[str | Path] = [sys.executable, DEPLOY / "envoy" / "descriptors.py", path]
    subprocess.run(command, check=True, timeout=60)
    pool = DescriptorPool()
    for file in FileDescriptorSet.FromString(path.read_bytes()).file:
        pool.AddSerializedFile(file.SerializeToString())  # fails when an import is missing
    service = pool.FindServiceByName("facewire.v1.DetectService")
    assert "DetectImage" in service.methods_by_name
    assert pool.FindMessageTypeByName("google.rpc.ErrorInfo")
    assert pool.FindMessageTypeByName("google.rpc.Status")
