"""The compose file matches the image, the server's options and Prometheus' settings."""

import pytest

from tests.deploy.command_lines import options
from tests.deploy.containerfile import COMMAND, STAGE
from tests.deploy.files import DEPLOY, read_yaml

SERVICES = read_yaml("compose.yaml")["services"]
FACEWIRE = SERVICES["facewire"]


def test_the_server_drains_before_it_is_killed() -> None:
    chosen = options([*COMMAND, *FACEWIRE["command"]])
    assert int(FACEWIRE["stop_grace_period"].removesuffix("s")) > chosen["grace"] + 5


def test_the_server_is_where_its_port_and_prometheus_look_for_it() -> None:
    chosen = options([*COMMAND, *FACEWIRE["command"]])
    (port,) = FACEWIRE["ports"]
    assert port == f"127.0.0.1:{chosen['port']}:{chosen['port']}"
    assert chosen["host"] == "0.0.0.0"
    (job,) = read_yaml("prometheus/prometheus.yml")["scrape_configs"]
    assert job["static_configs"] == [{"targets": [f"facewire:{chosen['metrics_port']}"]}]
    (source,) = read_yaml("grafana/provisioning/datasources/prometheus.yml")["datasources"]
    assert source["url"] == "http://prometheus:9090"


def test_the_server_writes_to_its_cache_only_and_has_no_rights() -> None:
    assert FACEWIRE["read_only"] is True
    assert FACEWIRE["user"] == STAGE["USER"]
    user = STAGE["USER"].split(":")[0]
    cache = f"{STAGE['VOLUME']}:uid={user},gid={user},mode=0700"
    assert FACEWIRE["tmpfs"] == ["/tmp", cache]
    for service in SERVICES.values():
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_its_health_is_asked_with_the_client() -> None:
    health = FACEWIRE["healthcheck"]
    kind, *command = health["test"]
    assert kind == "CMD"
    assert options(command)["timeout"] < int(health["timeout"].removesuffix("s"))


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_is_open_beyond_this_machine_and_what_is_mounted_is_there(
    name: str,
) -> None:
    service = SERVICES[name]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    for volume in service.get("volumes", ()):
        source, _, mode = volume.split(":")
        assert (DEPLOY / source).exists()
        assert mode == "ro"


def test_grafana_finds_the_dashboard_in_the_folder_that_it_reads() -> None:
    targets = [volume.split(":")[1] for volume in SERVICES["grafana"]["volumes"]]
    (provider,) = read_yaml("grafana/provisioning/dashboards/facewire.yml")["providers"]
    assert f"{provider['options']['path']}/facewire.json" in targets
