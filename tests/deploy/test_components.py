"""The components cpu-limit and gateway change what they should."""

from typing import Any

import pytest

from facewire.inference.v2 import open_inference_pb2
from facewire.v1 import detect_pb2
from tests.deploy.command_lines import options
from tests.deploy.containerfile import COMMAND
from tests.deploy.files import read_yaml
from tests.deploy.kustomize import build, find


def container_of(documents: list[Any]) -> Any:
    (found,) = find(documents, "Deployment")["spec"]["template"]["spec"]["containers"]
    return found


@pytest.mark.parametrize("base", ["plain", "tls"])
def test_under_a_limit_the_server_counts_the_cores_by_itself(base: str) -> None:
    container = container_of(build(f"kubernetes/{base}", "cpu-limit"))
    resources = container["resources"]
    assert resources["requests"] == resources["limits"]
    assert resources["limits"]["cpu"].isdecimal()
    flags = options([*COMMAND, *container["args"]])
    assert (flags["max_parallel"], flags["device_property"]) == (None, ())
    before = options([*COMMAND, *container_of(build(f"kubernetes/{base}"))["args"]])
    kept = before | {"max_parallel": None, "device_property": ()}
    assert flags == kept


def test_the_gateway_leads_to_services_that_there_are() -> None:
    route = read_yaml("kubernetes/components/gateway/route.yaml")["spec"]
    (rule,) = route["rules"]
    served = {
        *detect_pb2.DESCRIPTOR.services_by_name.values(),
        *open_inference_pb2.DESCRIPTOR.services_by_name.values(),
    }
    assert {match["method"]["service"] for match in rule["matches"]} == {
        "grpc.health.v1.Health",
        *(service.full_name for service in served),
    }
    (backend,) = rule["backendRefs"]
    service = read_yaml("kubernetes/plain/service.yaml")
    assert backend["name"] == service["metadata"]["name"]
    assert backend["port"] in [port["port"] for port in service["spec"]["ports"]]


def test_the_gateway_may_call_the_server() -> None:
    documents = build("kubernetes/plain", "gateway")
    (parent,) = find(documents, "GRPCRoute")["spec"]["parentRefs"]
    before = read_yaml("kubernetes/plain/network-policy.yaml")["spec"]["ingress"]
    *kept, added = find(documents, "NetworkPolicy")["spec"]["ingress"]
    assert kept == before
    (source,) = added["from"]
    labels = source["namespaceSelector"]["matchLabels"]
    assert labels == {"kubernetes.io/metadata.name": parent["namespace"]}
    assert added["ports"] == [{"port": "grpc"}]
