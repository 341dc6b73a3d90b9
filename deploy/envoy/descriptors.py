"""Writes the descriptor set from which Envoy translates JSON: python descriptors.py FILE.

It holds detect.proto, what it imports, and the errors; facewire must be installed.
"""

import sys
from pathlib import Path

from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.rpc import error_details_pb2, status_pb2

from facewire.v1 import detect_pb2

MODULES = (detect_pb2, status_pb2, error_details_pb2)
"""The second and third are the body of an error: without them it would be empty."""


def descriptor_set() -> FileDescriptorSet:
    """Return the files of these modules, each after those that it imports."""
    found: dict[str, bytes] = {}
    for module in MODULES:
        _add(module.DESCRIPTOR, found)
    files = FileDescriptorSet()
    for encoded in found.values():
        files.file.add().MergeFromString(encoded)
    return files


def _add(file: FileDescriptor, found: dict[str, bytes]) -> None:
    for imported in file.dependencies:
        _add(imported, found)
    found.setdefault(file.name, file.serialized_pb)


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(descriptor_set().SerializeToString())
