"""Both autoscalers ask for exported metrics, and for the same."""

import re
from typing import Any

import pytest

from facewire_server.lifecycle.loading import QUEUED_PER_WORKER
from tests.deploy.files import read_yaml
from tests.deploy.kustomize import build, find
from tests.deploy.queries import mistakes

HPA = read_yaml("kubernetes/components/hpa/autoscaler.yaml")["spec"]
KEDA = read_yaml("kubernetes/components/keda/scaled-object.yaml")["spec"]
RULES = read_yaml("kubernetes/prometheus-adapter.yaml")["rules"]
DEPLOYMENT = read_yaml("kubernetes/plain/deployment.yaml")
CPU, *PODS = HPA["metrics"]
QUANTITY = re.compile(r"(\d+)(m?)")
TARGETS = {each["pods"]["metric"]["name"]: each["pods"]["target"]["averageValue"] for each in PODS}


def number(quantity: str) -> float:
    found = QUANTITY.fullmatch(quantity)
    assert found, quantity
    return int(found[1]) / (1000 if found[2] else 1)


def test_the_adapter_has_the_metrics_that_the_autoscaler_asks_for() -> None:
    assert [rule["name"]["as"] for rule in RULES] == [*TARGETS]
    for rule in RULES:
        resources = rule["resources"]["overrides"]
        assert {label: each["resource"] for label, each in resources.items()} == {
            "namespace": "namespace",
            "pod": "pod",
        }


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["name"]["as"])
def test_the_adapter_asks_for_what_there_is(rule: Any) -> None:
    series = rule["seriesQuery"].partition("{")[0]
    assert re.fullmatch(rule["name"]["matches"], series)
    query = (
        rule["metricsQuery"]
        .replace("<<.Series>>", series)
        .replace("<<.LabelMatchers>>", 'namespace="a",pod=~"b|c"')
        .replace("<<.GroupBy>>", "pod")
    )
    assert "<<" not in query
    assert series in query
    assert mistakes(query) == mistakes(rule["seriesQuery"]) == []


def test_keda_asks_for_the_same_metrics_and_targets() -> None:
    cpu, *triggers = KEDA["triggers"]
    utilization = CPU["resource"]["target"]["averageUtilization"]
    assert (cpu["type"], cpu["metadata"]) == ("cpu", {"value": str(utilization)})
    for trigger, rule in zip(triggers, RULES, strict=True):
        query = trigger["metadata"]["query"]
        assert mistakes(query) == []
        adapters = (
            rule["metricsQuery"]
            .replace("<<.Series>>", rule["seriesQuery"].partition("{")[0])
            .replace("<<.LabelMatchers>>", 'job="facewire"')
            .replace("sum by (<<.GroupBy>>) ", "sum")
        )
        assert query == adapters
        target = number(TARGETS[rule["name"]["as"]])
        assert float(trigger["metadata"]["threshold"]) == target


def test_both_scale_the_deployment_as_far_and_as_fast() -> None:
    name = DEPLOYMENT["metadata"]["name"]
    assert KEDA["scaleTargetRef"] == {"name": name}
    assert HPA["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    assert KEDA["advanced"]["horizontalPodAutoscalerConfig"]["behavior"] == HPA["behavior"]
    assert KEDA["minReplicaCount"] == HPA["minReplicas"] == DEPLOYMENT["spec"]["replicas"]
    assert KEDA["maxReplicaCount"] == HPA["maxReplicas"]
    assert KEDA["fallback"]["replicas"] == HPA["minReplicas"]


def test_pods_are_added_before_queues_are_full() -> None:
    (container,) = DEPLOYMENT["spec"]["template"]["spec"]["containers"]
    workers = int(container["resources"]["requests"]["cpu"])
    assert f"--max-parallel={workers}" in container["args"]
    assert number(TARGETS["facewire_queue_depth"]) <= QUEUED_PER_WORKER * workers / 2


@pytest.mark.parametrize(
    ("component", "kind"), [("hpa", "HorizontalPodAutoscaler"), ("keda", "ScaledObject")]
)
@pytest.mark.parametrize("base", ["plain", "tls"])
def test_no_manifest_sets_the_number_of_pods_back(base: str, component: str, kind: str) -> None:
    documents = build(f"kubernetes/{base}", component)
    assert "replicas" not in find(documents, "Deployment")["spec"]
    assert find(documents, kind)
