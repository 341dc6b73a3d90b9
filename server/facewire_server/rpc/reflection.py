"""Server reflection, v1 and v1alpha, by which callers without the .proto find the services."""

from collections.abc import Callable

import grpc.aio
from google.protobuf import text_format
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.rpc import error_details_pb2
from grpc_health.v1 import health, health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2, reflection_pb2_grpc

from facewire.inference.v2 import open_inference_pb2
from facewire.v1 import detect_pb2
from facewire_server.rpc.health import OPEN_INFERENCE, SERVICE

FILES = (detect_pb2, open_inference_pb2, health_pb2, reflection_pb2, error_details_pb2)
"""The modules of the services' messages, and of the reasons in the details of errors; the
messages of open_inference_pb2 have a pool of their own."""

V1 = "grpc.reflection.v1.ServerReflection"
"""Not in grpcio-reflection. It differs from v1alpha in the name of its package alone, so the
same servicer and the same messages serve it."""

Add = Callable[[object, grpc.aio.Server], None]
"""Generated code that adds a service to a server, which has no types."""


def add_reflection(server: grpc.aio.Server) -> None:
    """Add the services that describe all services, themselves too."""
    names = (SERVICE, OPEN_INFERENCE, health.SERVICE_NAME, V1, reflection.SERVICE_NAME)
    pool = DescriptorPool()
    for module in FILES:
        _add(module.DESCRIPTOR, pool, set())
    pool.AddSerializedFile(_v1_file().SerializeToString())
    servicer = reflection.aio.ReflectionServicer(names, pool)
    add: Add = reflection_pb2_grpc.add_ServerReflectionServicer_to_server
    add(servicer, server)
    method = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        reflection_pb2.ServerReflectionRequest.FromString,
        reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    handler = grpc.method_handlers_generic_handler(V1, {"ServerReflectionInfo": method})
    server.add_generic_rpc_handlers((handler,))


def _v1_file() -> FileDescriptorProto:
    """The file of v1: that of v1alpha with the other name."""
    file = FileDescriptorProto.FromString(reflection_pb2.DESCRIPTOR.serialized_pb)
    file.options.ClearField("deprecated")
    text = text_format.MessageToString(file).replace("v1alpha", "v1")
    return text_format.Parse(text, FileDescriptorProto())


def _add(file: FileDescriptor, pool: DescriptorPool, added: set[str]) -> None:
    """Copy a file into a pool, after those that it imports."""
    if file.name not in added:
        added.add(file.name)
        for imported in file.dependencies:
            _add(imported, pool, added)
        pool.AddSerializedFile(file.serialized_pb)
