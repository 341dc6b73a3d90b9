"""What the page says when the server, or Envoy, is gone."""

from pathlib import Path

import pytest

from facewire_server.config import Config
from facewire_server.lifecycle.background import BackgroundServer
from tests.web.browser import Browser
from tests.web.proxy import proxied

GONE = "The face server does not answer. Is facewire-server running?"


def test_a_dead_server_gives_a_plain_sentence_until_it_is_back(
    browser: Browser, photo: Path
) -> None:
    with BackgroundServer(Config(port=0, metrics_port=None)) as server:
        port, target = server.port, server.target
    with proxied(target, servers=0) as envoy:
        browser.do("open", f"http://{envoy.target}", {})
        browser.do("wait", "#trouble .failure")
        browser.do("choose", photo)
        browser.do("wait", "#photos .failure")
        assert browser.do("texts", ".failure") == [GONE, GONE]
        with BackgroundServer(Config(port=port, metrics_port=None)):
            browser.do("wait", "#photos .box")
            assert browser.do("texts", ".failure") == []


def test_a_call_that_was_cut_off_can_be_tried_again(page: Browser, photo: Path) -> None:
    page.do("cut_off")
    page.do("choose", photo)
    page.do("click", "#photos button")
    page.do("wait", "#photos .box")
    assert page.do("texts", ".failure") == []


def test_a_dead_proxy_gives_a_plain_sentence(browser: Browser, photo: Path) -> None:
    with (
        BackgroundServer(Config(port=0, metrics_port=None)) as server,
        proxied(server.target) as envoy,
    ):
        browser.do("open", f"http://{envoy.target}", {})
        browser.do("wait", "#model:enabled")
        envoy.process.kill()
        envoy.process.wait()
        browser.do("choose", photo)
        browser.do("wait", "#photos .failure")
        sentence = f"Nothing answers at {envoy.target}. Is Envoy running?"
        assert browser.do("texts", "#photos .failure") == [sentence]


@pytest.mark.parametrize(
    "refusal", [{"grpc-status": "14", "grpc-retry-pushback-ms": "1"}, {"grpc-status": "8"}]
)
def test_a_refused_call_is_made_again(page: Browser, photo: Path, refusal: dict[str, str]) -> None:
    page.do("refuse", refusal)
    page.do("choose", photo)
    page.do("wait", "#photos .box")


def test_a_call_that_would_be_refused_again_is_not_made_again(page: Browser, photo: Path) -> None:
    page.do("refuse", {"grpc-status": "8", "grpc-retry-pushback-ms": "-1"})
    page.do("choose", photo)
    page.do("wait", "#photos .failure")
    assert page.do("count", "#photos button, #photos .box") == 0
