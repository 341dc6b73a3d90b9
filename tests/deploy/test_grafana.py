"""The dashboard queries exported metrics, and its panels do not overlap."""

import re
from typing import Any

import pytest

from tests.deploy.files import read_json, read_yaml
from tests.deploy.queries import mistakes

COLUMNS = 24
BOARD = read_json("grafana/facewire.json")
PANELS: list[dict[str, Any]] = BOARD["panels"]


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: str(panel["title"]))
def test_a_panel_asks_for_what_there_is(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        assert mistakes(target["expr"]) == []
        assert set(re.findall(r"\$(\w+)", target["expr"])) <= {
            "model",
            "__rate_interval",
        }
    letters = [target["refId"] for target in panel["targets"]]
    assert letters == sorted(set(letters))


def test_panels_have_numbers_of_their_own_and_lie_side_by_side() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    taken: set[tuple[int, int]] = set()
    for panel in PANELS:
        grid = panel["gridPos"]
        assert grid["x"] + grid["w"] <= COLUMNS
        cells = {
            (x, y)
            for x in range(grid["x"], grid["x"] + grid["w"])
            for y in range(grid["y"], grid["y"] + grid["h"])
        }
        assert not taken & cells
        taken |= cells


def test_the_source_of_the_data_is_chosen_in_the_dashboard() -> None:
    source, model = BOARD["templating"]["list"]
    assert (source["name"], source["query"]) == ("datasource", "prometheus")
    assert mistakes(model["query"]["query"]) == []
    used = {panel["datasource"]["uid"] for panel in (*PANELS, model)}
    assert used == {"${datasource}"}


def test_grafana_finds_prometheus_and_the_dashboard() -> None:
    (source,) = read_yaml("grafana/provisioning/datasources/prometheus.yml")["datasources"]
    assert source["type"] == "prometheus"
    (provider,) = read_yaml("grafana/provisioning/dashboards/facewire.yml")["providers"]
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards"
