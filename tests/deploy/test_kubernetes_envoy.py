"""Envoy's pods: the files that they make, and how they end."""

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import grpc
import yaml

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_server.config import Config
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.models.source import DATA
from tests.deploy.envoy import running, settings, wait_until, with_envoy
from tests.deploy.files import DEPLOY, read_yaml
from tests.deploy.kustomize import build, find

POD = read_yaml("kubernetes/components/envoy/deployment.yaml")["spec"]["template"]["spec"]
(MAKER,) = POD["initContainers"]
(ENVOY,) = POD["containers"]
PRE_STOP = ENVOY["lifecycle"]["preStop"]["exec"]["command"]
OPTIONS = ENVOY["command"]


def written(folder: Path) -> Any:
    """The file for Envoy that a pod makes in this folder, beside that of descriptors."""
    *shell, script = MAKER["command"]
    script = script.replace("/sources/", f"{DEPLOY}/envoy/").replace("/config/", f"{folder}/")
    script = script.replace("python ", f"{sys.executable} ")
    subprocess.run([*shell, script], check=True, timeout=60)
    return yaml.safe_load((folder / "envoy.yaml").read_text())


def test_a_pod_listens_for_the_network_and_finds_the_servers(tmp_path: Path) -> None:
    found, expected = written(tmp_path), read_yaml("envoy/envoy.yaml")
    (listener,), (cluster,) = (
        expected["static_resources"][kind] for kind in ("listeners", "clusters")
    )
    listener["address"]["socket_address"]["address"] = "0.0.0.0"
    ((server,),) = (each["lb_endpoints"] for each in cluster["load_assignment"]["endpoints"])
    service = read_yaml("kubernetes/plain/service.yaml")
    server["endpoint"]["address"]["socket_address"] = {
        "address": service["metadata"]["name"],
        "port_value": service["spec"]["ports"][0]["port"],
    }
    assert service["spec"]["clusterIP"] == "None"
    assert cluster["type"] == "STRICT_DNS"  # of all addresses of the name
    assert found == expected
    assert (tmp_path / "facewire.pb").stat().st_size


def test_its_parts_fit_each_other() -> None:
    documents = build("kubernetes/plain", "envoy")
    name = "facewire-envoy"
    pod = find(documents, "Deployment", name)["spec"]["template"]
    service = find(documents, "Service", name)["spec"]
    budget = find(documents, "PodDisruptionBudget", name)["spec"]
    assert service["selector"] == budget["selector"]["matchLabels"] == pod["metadata"]["labels"]
    (port,) = service["ports"]
    assert {"name": port["targetPort"], "containerPort": 8080} in ENVOY["ports"]
    (sources,) = (each for each in documents if each["kind"] == "ConfigMap")
    assert sources["data"] == {
        each: (DEPLOY / "envoy" / each).read_text() for each in ("envoy.yaml", "descriptors.py")
    }
    (volume,) = (each for each in pod["spec"]["volumes"] if each["name"] == "sources")
    assert volume["configMap"]["name"] == sources["metadata"]["name"]
    (maker,), (server,) = (
        pod["spec"]["initContainers"],
        find(documents, "Deployment")["spec"]["template"]["spec"]["containers"],
    )
    assert maker["image"] == server["image"]


def test_a_pod_has_the_time_to_send_its_clients_away() -> None:
    pauses = sum(map(int, (line[6:] for line in PRE_STOP[-1].splitlines() if line[:6] == "sleep ")))
    assert POD["terminationGracePeriodSeconds"] > pauses
    assert pauses > int(OPTIONS[OPTIONS.index("--drain-time-s") + 1])


@with_envoy
def test_a_pod_that_ends_sends_its_clients_away_and_answers_until_then(tmp_path: Path) -> None:
    photo = (DATA / "astronaut.jpg").read_bytes()
    request = pb.DetectRequest(encoded_image=photo)
    with (
        BackgroundServer(Config(port=0, metrics_port=None)) as server,
        running(settings(server.target), tmp_path, "--drain-time-s", "1") as envoy,
        grpc.insecure_channel(envoy.target) as channel,
    ):
        stub, left = DetectServiceStub(channel), threading.Event()
        stub.Detect(request, timeout=30)
        channel.subscribe(lambda now: _set_if_idle(now, left))
        *shell, script = PRE_STOP
        host, _, port = envoy.admin.partition(":")
        script = script.replace("127.0.0.1/9901", f"{host}/{port}").replace("sleep", ":")
        done = subprocess.run([*shell, script], check=True, capture_output=True, timeout=60)
        assert done.stdout.decode().startswith("HTTP/1.1 200 OK")
        wait_until(lambda: bool(stub.Detect(request, timeout=30)) and left.is_set())


def _set_if_idle(now: grpc.ChannelConnectivity, left: threading.Event) -> None:
    if now is grpc.ChannelConnectivity.IDLE:
        left.set()
