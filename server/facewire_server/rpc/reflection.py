"""Server reflection, by which callers without the .proto find the services."""

from collections.abc import Callable

import grpc.aio
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health, health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2, reflection_pb2_grpc

from facewire.inference.v2 import open_inference_pb2
from facewire.v1 import detect_pb2
from facewire_server.rpc.health import OPEN_INFERENCE, SERVICE

FILES = (detect_pb2, open_inference_pb2, health_pb2, reflection_pb2)
"""The modules of the services' messages; those of the second have a pool of their own."""

Add = Callable[[object, grpc.aio.Server], None]
"""Generated code that adds a service to a server, which has no types."""


def add_reflection(server: grpc.aio.Server) -> None:
    """Add the service that describes all services, itself too."""
    names = (SERVICE, OPEN_INFERENCE, health.SERVICE_NAME, reflection.SERVICE_NAME)
    pool = DescriptorPool()
    for module in FILES:
        _add(module.DESCRIPTOR, pool, set())
    add: Add = reflection_pb2_grpc.add_ServerReflectionServicer_to_server
    add(reflection.aio.ReflectionServicer(names, pool), server)


def _add(file: FileDescriptor, pool: DescriptorPool, added: set[str]) -> None:
    """Copy a file into a pool, after those that it imports."""
    if file.name not in added:
        added.add(file.name)
        for imported in file.dependencies:
            _add(imported, pool, added)
        pool.AddSerializedFile(file.serialized_pb)
