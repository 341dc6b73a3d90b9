"""Prometheus scrapes facewire's port, and its alerts query exported metrics."""

import re

import pytest

from facewire_server.config import Config
from tests.deploy.files import DEPLOY, read_yaml
from tests.deploy.queries import mistakes

(GROUP,) = read_yaml("prometheus/alerts.yml")["groups"]
DURATION = re.compile(r"\d+[smh]")


@pytest.mark.parametrize("rule", GROUP["rules"], ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_what_there_is_and_says_what_is_wrong(
    rule: dict[str, object],
) -> None:
    assert mistakes(str(rule["expr"])) == []
    assert rule["labels"] in ({"severity": "critical"}, {"severity": "warning"})
    assert isinstance(rule["annotations"], dict)
    assert rule["annotations"]["summary"].endswith(".")
    assert DURATION.fullmatch(str(rule.get("for", "0s")))


def test_alerts_have_names_of_their_own() -> None:
    names = [rule["alert"] for rule in GROUP["rules"]]
    assert len(set(names)) == len(names)


def test_the_job_is_the_one_that_alerts_ask_for_at_the_port_of_the_metrics() -> None:
    config = read_yaml("prometheus/prometheus.yml")
    (job,) = config["scrape_configs"]
    assert {
        name for rule in GROUP["rules"] for name in re.findall(r'job="(\w+)"', rule["expr"])
    } == {job["job_name"]}
    (target,) = job["static_configs"][0]["targets"]
    assert target == f"facewire:{Config().metrics_port}"
    for rules in config["rule_files"]:
        assert (DEPLOY / "prometheus" / rules).is_file()
