"""POSIX shared memory objects, as other programs make them, and requests that refer to them."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from facewire.inference.v2 import open_inference_pb2 as pb
from facewire.inference.v2.open_inference_pb2_grpc import GRPCInferenceServiceStub
from facewire_server.system.shared_memory import FOLDER
from tests.server.infer import place, raw


@contextmanager
def shared_object(data: bytes) -> Iterator[Path]:
    """The file of an object with this content; its name is the key of a region."""
    path = FOLDER / f"facewire-test-{secrets.token_hex(8)}"
    path.write_bytes(data)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def register(
    stub: GRPCInferenceServiceStub, name: str, path: Path, offset: int = 0, size: int = 0
) -> None:
    """Register an object as the region `name`; `size` 0: all of it."""
    request = pb.SystemSharedMemoryRegisterRequest(
        name=name, key=f"/{path.name}", offset=offset, byte_size=size or path.stat().st_size
    )
    stub.SystemSharedMemoryRegister(request, timeout=30)


def shared(
    datatype: str, shape: list[int], size: int | None, offset: int = 4096
) -> pb.ModelInferRequest:
    """A request with its input in the region "r"."""
    request = raw(datatype, shape, b"")
    del request.raw_input_contents[:]
    place(request.inputs[0], "r", size, offset)
    return request
