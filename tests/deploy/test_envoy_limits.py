"""What Envoy limits, and what it does with several servers, by TLS, and under load."""

import http.client
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_client import FaceClient
from facewire_ext import Placement
from facewire_server.config import Config
from facewire_server.image.fit import fit
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.models.source import DATA
from tests.client.authority import Authority
from tests.deploy.envoy import Envoy, running, settings, wait_until, with_envoy
from tests.server.http2_peer import Peer
from tests.server.process import serving

pytestmark = with_envoy

PHOTO = (DATA / "astronaut.jpg").read_bytes()
DETECT_IMAGE = "/v1/detect-image"


@pytest.fixture(scope="module")
def server() -> Iterator[BackgroundServer]:
    with BackgroundServer(Config(port=0, metrics_port=None)) as opened:
        yield opened


def manager(config: Any) -> Any:
    """The settings of the HTTP connection manager."""
    (chain,) = config["static_resources"]["listeners"][0]["filter_chains"]
    return chain["filters"][0]["typed_config"]


def ask(target: str, source: str, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    """Ask for the models from this address; the status and the JSON of the answer."""
    connection = http.client.HTTPConnection(target, timeout=60, source_address=(source, 0))
    connection.request("GET", "/v1/models", headers=headers or {})
    answer = connection.getresponse()
    found = answer.status, json.loads(answer.read())
    connection.close()
    return found


def test_requests_are_limited_by_address(server: BackgroundServer, tmp_path: Path) -> None:
    config = settings(server.target)
    (limit,) = (
        each["typed_config"]
        for each in manager(config)["http_filters"]
        if each["name"] == "envoy.filters.http.local_ratelimit"
    )
    limit["descriptors"][0]["token_bucket"] = {"max_tokens": 3, "fill_interval": "600s"}
    with running(config, tmp_path) as envoy:
        assert [ask(envoy.target, "127.0.0.1")[0] for _ in range(3)] == [200] * 3
        status, body = ask(envoy.target, "127.0.0.1")
        assert (status, body["status"], body["reason"]) == (429, 429, "local_rate_limited")
        assert ask(envoy.target, "127.0.0.2")[0] == 200
        # The address is that of the connection, whatever the caller says.
        claimed = {"x-forwarded-for": "127.0.0.9"}
        assert ask(envoy.target, "127.0.0.1", claimed)[0] == 429
        with (
            grpc.insecure_channel(envoy.target) as channel,
            pytest.raises(grpc.RpcError) as error,
        ):
            DetectServiceStub(channel).ListModels(pb.ListModelsRequest(), timeout=60)
        code: Any = error.value
        assert code.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_connections_are_limited_in_all(server: BackgroundServer, tmp_path: Path) -> None:
    config = settings(server.target)
    (connections, _) = config["overload_manager"]["resource_monitors"]
    connections["typed_config"]["max_active_downstream_connections"] = 3
    with running(config, tmp_path) as envoy, ExitStack() as stack:
        held = [stack.enter_context(Peer(envoy.target)) for _ in range(3)]
        assert all(peer.listen(60) for peer in held)
        assert stack.enter_context(Peer(envoy.target)).wait_gone(60)
        held[0].socket.close()
        wait_until(lambda: envoy.stat("http.http.downstream_cx_active") < 3)
        assert ask(envoy.target, "127.0.0.1")[0] == 200


def test_calls_go_on_when_one_of_two_servers_drains_and_it_is_left_out(
    server: BackgroundServer, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        other = stack.enter_context(BackgroundServer(server.config))
        config = settings(server.target, other.target)
        envoy = stack.enter_context(running(config, tmp_path, servers=2))
        client = stack.enter_context(FaceClient(envoy.target))
        other.begin_drain()
        for _ in range(10):
            assert len(client.detect(PHOTO).faces) == 1
        envoy.wait_for_servers(1)
        assert len(client.detect(PHOTO).faces) == 1


def test_connections_that_fail_have_a_server_ejected_before_a_health_check_does(
    tmp_path: Path,
) -> None:
    with serving() as (first, one), serving() as (_, other):
        config = settings(one, other)
        (cluster,) = config["static_resources"]["clusters"]
        cluster["health_checks"][0].update(interval="600s", no_traffic_interval="600s")
        with (
            running(config, tmp_path, servers=2) as envoy,
            httpx.Client(base_url=f"http://{envoy.target}", timeout=60, trust_env=False) as http,
        ):
            first.kill()
            first.wait()
            while not ejected(envoy):
                assert http.post(DETECT_IMAGE, content=PHOTO).status_code == 200
            envoy.wait_for_servers(1)


def ejected(envoy: Envoy) -> int:
    return envoy.stat("cluster.facewire.outlier_detection.ejections_enforced_total")


def test_callers_cannot_have_a_server_ejected(server: BackgroundServer, tmp_path: Path) -> None:
    with ExitStack() as stack:
        other = stack.enter_context(BackgroundServer(server.config))
        config = settings(server.target, other.target)
        envoy = stack.enter_context(running(config, tmp_path, servers=2))
        url = f"http://{envoy.target}{DETECT_IMAGE}"
        for _ in range(20):
            late = httpx.post(url, content=PHOTO, headers={"grpc-timeout": "1m"}, timeout=60)
            assert late.status_code == 504
        assert ejected(envoy) == 0
        assert httpx.post(url, content=PHOTO, timeout=60).status_code == 200


def test_no_server_is_service_unavailable_in_json(tmp_path: Path) -> None:
    with (
        running(settings("127.0.0.1:1"), tmp_path, servers=0) as envoy,
        httpx.Client(base_url=f"http://{envoy.target}", timeout=60, trust_env=False) as http,
    ):
        answer = http.get("/v1/models")
        assert (answer.status_code, answer.json()["status"]) == (503, 503)
        assert "no healthy upstream" in answer.json()["message"]


def test_a_full_queue_is_too_many_requests_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    began, let_go = threading.Event(), threading.Event()

    def hang(*arguments: Any, **options: Any) -> Placement:
        began.set()
        assert let_go.wait(120)
        return fit(*arguments, **options)

    config = Config(port=0, metrics_port=None, max_parallel=1, max_queue=0)
    with (
        BackgroundServer(config) as server,
        running(settings(server.target), tmp_path) as envoy,
        httpx.Client(base_url=f"http://{envoy.target}", timeout=60, trust_env=False) as http,
        grpc.insecure_channel(server.target) as channel,
    ):
        monkeypatch.setattr("facewire_server.inference.detector.fit", hang)
        request = pb.DetectRequest(encoded_image=PHOTO)
        held = DetectServiceStub(channel).Detect.future(request, timeout=120)
        assert began.wait(60)
        answer = http.post(DETECT_IMAGE, content=PHOTO)
        let_go.set()
        assert held.result().detections
    assert answer.status_code == 429
    assert answer.json()["details"][0]["reason"] == "QUEUE_FULL"
    assert int(answer.headers["grpc-retry-pushback-ms"]) > 0


def test_tls_is_one_edit_away(server: BackgroundServer, tmp_path: Path) -> None:
    authority = Authority()
    identity = authority.issue("server")
    (tmp_path / "certificate.pem").write_bytes(identity.certificate_chain)
    (tmp_path / "key.pem").write_bytes(identity.private_key)
    with running(settings(server.target, switched_on=["tls"]), tmp_path) as envoy:
        verify = ssl.create_default_context(cadata=authority.root_certificates.decode())
        with httpx.Client(verify=verify, timeout=60, trust_env=False) as http:
            answer = http.post(f"https://{envoy.target}{DETECT_IMAGE}", content=PHOTO)
        assert len(answer.json()["detections"]) == 1
        root = authority.root_certificates
        with FaceClient(envoy.target, root_certificates=root) as client:
            assert len(client.detect(PHOTO).faces) == 1


def test_a_token_passes_through(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("secret")
    with (
        BackgroundServer(Config(port=0, metrics_port=None, token_file=tokens)) as server,
        running(settings(server.target), tmp_path) as envoy,
    ):
        status, body = ask(envoy.target, "127.0.0.1")
        assert (status, body["details"][0]["reason"]) == (401, "BAD_TOKEN")
        assert ask(envoy.target, "127.0.0.1", {"authorization": "Bearer secret"})[0] == 200


def test_a_file_of_a_page_is_one_route(server: BackgroundServer, tmp_path: Path) -> None:
    page = "<!doctype html>" + 200_000 * " "
    folder, built = tmp_path / "deploy" / "envoy", tmp_path / "examples" / "web" / "dist"
    for each in (folder, built):
        each.mkdir(parents=True)
    for name in ("index.html", "page.js", "page.css"):
        (built / name).write_text(page)
    with (
        running(settings(server.target, switched_on=["page"]), folder) as envoy,
        httpx.Client(base_url=f"http://{envoy.target}", timeout=60, trust_env=False) as http,
    ):
        answer = http.get("/")
        assert answer.text == page
        assert answer.headers["content-type"] == "text/html"
        assert "default-src 'self';" in answer.headers["content-security-policy"]
        assert http.get("/other.html").status_code == 404
