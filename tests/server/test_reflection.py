"""Reflection: callers without the .proto find the service."""

import json
import shutil
import subprocess
from base64 import b64encode
from pathlib import Path

import grpc
import pytest
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from facewire_server.lifecycle.background import BackgroundServer

TOOLS = Path(__file__).parents[2] / ".tools"


def test_the_services_are_listed(channel: grpc.Channel) -> None:
    services = ProtoReflectionDescriptorDatabase(channel).get_services()
    assert set(services) == {
        "facewire.v1.DetectService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }


def test_grpcurl_lists_the_service_and_detects(server: BackgroundServer, photo: bytes) -> None:
    grpcurl = shutil.which("grpcurl", path=TOOLS) or shutil.which("grpcurl")
    if grpcurl is None:
        pytest.skip("grpcurl is not here: scripts/tools builds it where there is Go")

    def run(*arguments: str, data: str = "") -> str:
        done = subprocess.run(
            [grpcurl, "-plaintext", *arguments],
            input=data,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        return done.stdout

    assert "facewire.v1.DetectService" in run(server.target, "list").splitlines()
    answer = run(
        *("-d", "@", server.target, "facewire.v1.DetectService/Detect"),
        data=json.dumps({"encoded_image": b64encode(photo).decode()}),
    )
    assert len(json.loads(answer)["detections"]) == 1
