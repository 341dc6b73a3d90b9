"""Reflection: callers without the .proto find the service."""

import json
import shutil
import subprocess
from base64 import b64encode
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from grpc_reflection.v1alpha.reflection_pb2 import (
    ServerReflectionRequest,
    ServerReflectionResponse,
)

from facewire.inference.v2 import open_inference_pb2
from facewire.v1 import detect_pb2
from facewire_server.lifecycle.background import BackgroundServer

TOOLS = Path(__file__).parents[2] / ".tools"


def test_the_services_are_listed(channel: grpc.Channel) -> None:
    services = ProtoReflectionDescriptorDatabase(channel).get_services()
    assert set(services) == {
        "facewire.v1.DetectService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
        "inference.GRPCInferenceService",
    }


@pytest.mark.parametrize("module", [detect_pb2, open_inference_pb2, health_pb2])
def test_the_files_of_the_services_are_given(channel: grpc.Channel, module: Any) -> None:
    database = ProtoReflectionDescriptorDatabase(channel)
    (service,) = module.DESCRIPTOR.services_by_name.values()
    found = database.FindFileContainingSymbol(service.full_name)
    assert found.SerializeToString() == module.DESCRIPTOR.serialized_pb


def test_v1_answers_as_v1alpha_does(channel: grpc.Channel) -> None:
    requests = [
        ServerReflectionRequest(list_services=""),
        ServerReflectionRequest(file_containing_symbol="facewire.v1.DetectService"),
        ServerReflectionRequest(file_by_filename="google/api/http.proto"),
        ServerReflectionRequest(file_by_filename="none"),
    ]

    def answers(version: str) -> list[ServerReflectionResponse]:
        call = channel.stream_stream(
            f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
            request_serializer=ServerReflectionRequest.SerializeToString,
            response_deserializer=ServerReflectionResponse.FromString,
        )
        return list(call(iter(requests), timeout=30))

    found = answers("v1")
    assert [each.WhichOneof("message_response") for each in found] == [
        "list_services_response",
        "file_descriptor_response",
        "file_descriptor_response",
        "error_response",
    ]
    assert found == answers("v1alpha")


def test_the_file_of_v1_is_that_of_the_published_service(channel: grpc.Channel) -> None:
    database = ProtoReflectionDescriptorDatabase(channel)
    found = database.FindFileContainingSymbol("grpc.reflection.v1.ServerReflection")
    assert found.name == "grpc_reflection/v1/reflection.proto"
    assert (found.package, found.options.deprecated) == ("grpc.reflection.v1", False)
    (method,) = found.service[0].method
    assert method.input_type == ".grpc.reflection.v1.ServerReflectionRequest"


def grpcurl(*arguments: str, data: str = "") -> subprocess.CompletedProcess[str]:
    """Run grpcurl, which reads `data`; skip the test without it."""
    program = shutil.which("grpcurl", path=TOOLS) or shutil.which("grpcurl")
    if program is None:
        pytest.skip("grpcurl is not here: scripts/tools builds it where there is Go")
    command = [program, "-plaintext", *arguments]
    return subprocess.run(
        command, input=data, capture_output=True, text=True, timeout=30, check=False
    )


def detect(target: str, image: bytes) -> subprocess.CompletedProcess[str]:
    data = json.dumps({"encoded_image": b64encode(image).decode()})
    return grpcurl("-d", "@", target, "facewire.v1.DetectService/Detect", data=data)


def test_grpcurl_lists_the_service_and_detects(server: BackgroundServer, photo: bytes) -> None:
    services = grpcurl(server.target, "list").stdout.splitlines()
    assert {"facewire.v1.DetectService", "inference.GRPCInferenceService"} <= {*services}
    described = grpcurl(server.target, "describe", "inference.GRPCInferenceService").stdout
    assert "rpc ModelInfer ( .inference.ModelInferRequest )" in described
    assert "live" in grpcurl(server.target, "inference.GRPCInferenceService/ServerLive").stdout
    assert len(json.loads(detect(server.target, photo).stdout)["detections"]) == 1


def test_grpcurl_shows_the_reason_of_an_error(server: BackgroundServer) -> None:
    assert '"reason": "UNSUPPORTED_FORMAT"' in detect(server.target, b"no image").stderr
