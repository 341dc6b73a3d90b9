"""The manifests for KServe match the image, the server and KServe's client."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_server.models.source import EMBEDDED_FILE
from facewire_server.workers.supervisor import LAST_SECONDS
from tests.deploy.command_lines import options
from tests.deploy.containerfile import COMMAND, STAGE
from tests.deploy.files import read_yaml
from tests.server.clients import PHOTO, detected, needs, printed, python, run, snippet
from tests.server.health import SERVING, check

RUNTIME = read_yaml("kserve/runtime.yaml")
SERVICE = read_yaml("kserve/inference-service.yaml")
(CONTAINER,) = RUNTIME["spec"]["containers"]
NAME = SERVICE["metadata"]["name"]
PREDICTOR = SERVICE["spec"]["predictor"]
MODELS = "/mnt/models"
"""Where KServe's storage initializer leaves the files."""

PROBES = [CONTAINER[f"{kind}Probe"] for kind in ("startup", "readiness", "liveness")]


READY = """
import asyncio, sys
from kserve import InferenceGRPCClient

async def main(address, name):
    client = InferenceGRPCClient(url=address)
    live, ready = await client.is_server_live(), await client.is_server_ready()
    print(live, ready, await client.is_model_ready(name))

asyncio.run(main(*sys.argv[1:]))
"""


def filled(text: str) -> str:
    """A text of the runtime as KServe fills it in for the service."""
    return text.replace("{{.Name}}", NAME)


ARGUMENTS = [filled(each) for each in CONTAINER["args"]]
FLAGS = options([*COMMAND, *ARGUMENTS])


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that the runtime's command line starts, with other ports and another folder."""
    folder = tmp_path_factory.mktemp("models")
    for suffix in (".xml", ".bin"):
        shutil.copy(EMBEDDED_FILE.with_suffix(suffix), folder / f"{NAME}{suffix}")
    changes = {
        MODELS: str(folder),
        "--host=0.0.0.0": "--host=127.0.0.1",
        f"={FLAGS['port']}": "=0",
        f"={FLAGS['metrics_port']}": "=0",
    }
    line = "\n".join(ARGUMENTS)
    for old, new in changes.items():
        assert old in line
        line = line.replace(old, new)
    command = [sys.executable, "-m", "facewire_server", *line.split("\n")]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"listening on (\S+)$", process.stdout.readline())
            assert found
            yield found[1]
        finally:
            process.kill()


@pytest.fixture(scope="module")
def channel(target: str) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(target) as opened:
        yield opened


@needs("kserve")
def test_kserves_client_gets_the_boxes_of_the_model_in_the_mount(
    target: str, channel: grpc.Channel
) -> None:
    program = snippet("InferenceGRPCClient").replace("face-detection-nano", NAME)
    boxes = printed(detected(DetectServiceStub(channel), PHOTO.read_bytes()))
    assert boxes
    assert run(python("kserve"), program, target, PHOTO) == boxes


@needs("kserve")
def test_kserves_client_sees_that_it_is_ready(target: str) -> None:
    assert run(python("kserve"), READY, target, NAME) == ["True True True"]


def test_probes_ask_for_what_health_knows(channel: grpc.Channel) -> None:
    for probe in PROBES:
        assert check(channel, filled(probe["grpc"].get("service", ""))) == SERVING
        assert probe["grpc"]["port"] == FLAGS["port"]


def test_the_service_asks_for_what_the_runtime_has() -> None:
    model = PREDICTOR["model"]
    assert model["runtime"] == RUNTIME["metadata"]["name"]
    (known,) = RUNTIME["spec"]["supportedModelFormats"]
    assert model["modelFormat"].items() <= known.items()
    assert [model["protocolVersion"]] == RUNTIME["spec"]["protocolVersions"] == ["grpc-v2"]


def test_kserve_finds_the_ports() -> None:
    (port,) = CONTAINER["ports"]
    assert port == {"name": "h2c", "containerPort": FLAGS["port"], "protocol": "TCP"}
    annotations = RUNTIME["spec"]["annotations"]
    assert annotations["prometheus.kserve.io/port"] == str(FLAGS["metrics_port"])


def test_a_pod_has_the_time_to_drain() -> None:
    pause = CONTAINER["lifecycle"]["preStop"]["sleep"]["seconds"]
    needed = pause + FLAGS["grace"] + LAST_SECONDS
    assert PREDICTOR["terminationGracePeriodSeconds"] >= needed


def test_a_pod_has_the_rights_and_volumes_of_the_other_manifests() -> None:
    pod: Any = read_yaml("kubernetes/plain/deployment.yaml")["spec"]["template"]["spec"]
    (other,) = pod["containers"]
    user, group = map(int, STAGE["USER"].split(":"))
    assert CONTAINER["securityContext"] == {
        **other["securityContext"],
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": group,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert CONTAINER["volumeMounts"] == other["volumeMounts"]
    assert RUNTIME["spec"]["volumes"] == pod["volumes"]
    assert PREDICTOR["enableServiceLinks"] is pod["enableServiceLinks"] is False


def test_the_server_counts_its_cores_by_the_limit() -> None:
    resources = CONTAINER["resources"]
    assert resources["requests"] == resources["limits"]
    assert (FLAGS["max_parallel"], FLAGS["device_property"]) == (None, ())
    assert Path(FLAGS["model"][0]).parent == Path(MODELS)
