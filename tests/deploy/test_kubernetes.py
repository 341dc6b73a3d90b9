"""The manifests match each other, the image, the server's options and its health."""

import re
import tomllib
from pathlib import Path
from typing import Any

import grpc
import pytest

from facewire_server.config import Config
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.workers.supervisor import LAST_SECONDS
from tests.deploy.command_lines import options
from tests.deploy.containerfile import COMMAND, STAGE
from tests.deploy.files import DEPLOY, read_yaml
from tests.deploy.kustomize import build
from tests.server.health import SERVING, check

FOLDER = DEPLOY / "kubernetes"
DEPLOYMENT = read_yaml("kubernetes/plain/deployment.yaml")["spec"]
POD = DEPLOYMENT["template"]["spec"]
(CONTAINER,) = POD["containers"]
SERVICE = read_yaml("kubernetes/plain/service.yaml")
PROBES = [CONTAINER[f"{kind}Probe"] for kind in ("startup", "readiness", "liveness")]
LABELS = DEPLOYMENT["template"]["metadata"]["labels"]
FLAGS = options([*COMMAND, *CONTAINER["args"]])


def test_ports_agree() -> None:
    ports = {port["name"]: port["containerPort"] for port in CONTAINER["ports"]}
    assert ports == {"grpc": FLAGS["port"], "metrics": FLAGS["metrics_port"]}
    assert {p["targetPort"]: p["port"] for p in SERVICE["spec"]["ports"]} == ports
    assert {probe["grpc"]["port"] for probe in PROBES} == {FLAGS["port"]}
    policy = read_yaml("kubernetes/plain/network-policy.yaml")["spec"]
    assert {p["port"] for rule in policy["ingress"] for p in rule["ports"]} == {*ports}
    monitor = read_yaml("kubernetes/service-monitor.yaml")["spec"]
    assert [each["port"] for each in monitor["endpoints"]] == ["metrics"]


def test_probes_ask_for_what_health_knows() -> None:
    with (
        BackgroundServer(Config(port=0, metrics_port=None)) as server,
        grpc.insecure_channel(server.target) as channel,
    ):
        for probe in PROBES:
            assert check(channel, probe["grpc"].get("service", "")) == SERVING


def test_a_pod_that_stalls_gets_no_requests_long_before_it_is_restarted() -> None:
    _, ready, live = (each["periodSeconds"] * each["failureThreshold"] for each in PROBES)
    assert ready <= 10
    assert live >= 60
    assert all(probe["timeoutSeconds"] >= 2 for probe in PROBES)


def test_a_pod_has_the_time_to_drain() -> None:
    pause = CONTAINER["lifecycle"]["preStop"]["sleep"]["seconds"]
    needed = pause + FLAGS["grace"] + LAST_SECONDS
    assert POD["terminationGracePeriodSeconds"] >= needed


def test_clients_find_other_pods_in_time() -> None:
    """gRPC looks a name up again when a connection ends, at most every 30 s."""
    assert DEPLOYMENT["minReadySeconds"] > 30
    assert DEPLOYMENT["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert FLAGS["connection_age_seconds"] >= 30


def test_no_variable_of_the_service_is_taken_for_an_option() -> None:
    """Kubernetes would set FACEWIRE_PORT=tcp://... for a Service of that name."""
    assert SERVICE["metadata"]["name"] == "facewire"
    assert POD["enableServiceLinks"] is False


def test_all_of_it_selects_the_same_pods() -> None:
    budget = read_yaml("kubernetes/plain/disruption-budget.yaml")["spec"]
    policy = read_yaml("kubernetes/plain/network-policy.yaml")["spec"]
    monitor = read_yaml("kubernetes/service-monitor.yaml")["spec"]
    assert SERVICE["spec"]["selector"] == LABELS
    assert DEPLOYMENT["selector"]["matchLabels"] == LABELS
    assert budget["selector"]["matchLabels"] == LABELS
    assert policy["podSelector"]["matchLabels"] == LABELS
    assert SERVICE["metadata"]["labels"] == monitor["selector"]["matchLabels"] == LABELS
    assert SERVICE["metadata"]["labels"][monitor["jobLabel"]] == "facewire"


def test_a_pod_has_no_rights_and_writes_to_its_volumes_only() -> None:
    user, group = map(int, STAGE["USER"].split(":"))
    assert (
        POD["securityContext"].items()
        >= {
            "runAsNonRoot": True,
            "runAsUser": user,
            "runAsGroup": group,
            "fsGroup": group,
        }.items()
    )
    assert POD["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert POD["automountServiceAccountToken"] is False
    assert CONTAINER["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    mounts = {each["mountPath"]: each["name"] for each in CONTAINER["volumeMounts"]}
    assert mounts == {STAGE["VOLUME"]: "cache", "/tmp": "tmp"}
    assert {v["name"] for v in POD["volumes"] if "emptyDir" in v} == {*mounts.values()}


def test_a_pod_uses_the_cores_that_it_asks_for() -> None:
    cores = int(CONTAINER["resources"]["requests"]["cpu"])
    assert FLAGS["max_parallel"] == cores
    assert FLAGS["device_property"] == (f"INFERENCE_NUM_THREADS={cores}",)
    assert "cpu" not in CONTAINER["resources"]["limits"]


def test_pods_are_spread_over_zones_and_nodes() -> None:
    zones, nodes = POD["topologySpreadConstraints"]
    assert zones["topologyKey"] == "topology.kubernetes.io/zone"
    assert nodes["topologyKey"] == "kubernetes.io/hostname"
    for each in (zones, nodes):
        assert each["labelSelector"]["matchLabels"] == LABELS
        assert each["whenUnsatisfiable"] == "ScheduleAnyway"


@pytest.mark.parametrize("name", ["plain", "tls"])
def test_kustomize_puts_them_together(name: str) -> None:
    kinds = {each["kind"]: each for each in build(f"kubernetes/{name}")}
    assert kinds.keys() == {*("Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy")}
    pod: dict[str, Any] = kinds["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert re.fullmatch(r"facewire:\d+\.\d+\.\d+", container["image"])
    probe = container["readinessProbe"]
    assert ("grpc" in probe, "exec" in probe) == (name == "plain", name == "tls")


def test_images_have_the_version_of_the_package() -> None:
    project = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text())["project"]
    composed = read_yaml("compose.yaml")["services"]["facewire"]["image"]
    for folder in ("kubernetes/plain", "kubernetes/components/envoy", "kserve"):
        images = read_yaml(f"{folder}/kustomization.yaml")["images"]
        (image,) = (each for each in images if each["name"] == "facewire")
        assert image["newTag"] == project["version"]
    assert composed == f"facewire:{project['version']}"


def test_kustomizations_name_files_that_are_there() -> None:
    for name in ("plain", "tls"):
        settings = read_yaml(f"kubernetes/{name}/kustomization.yaml")
        patches = [patch["path"] for patch in settings.get("patches", ())]
        for path in (*settings["resources"], *patches):
            assert (FOLDER / name / Path(path)).exists()
