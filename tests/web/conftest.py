"""A browser, and a server behind Envoy, which serves the page too."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from facewire_client import FaceClient
from facewire_server.config import Config
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.models.source import DATA, EMBEDDED
from tests.deploy.envoy import BINARY
from tests.server.onnx_writer import write_outputs
from tests.server.test_face_models import TOYS
from tests.web.browser import CHROMIUM, DRIVER, Browser, browsing
from tests.web.proxy import proxied

EXAMPLE = DRIVER.parents[2] / "examples" / "web"
BUILT = EXAMPLE / "dist" / "index.html"


@pytest.fixture(scope="session", autouse=True)
def _here() -> None:
    """Skip where there is no page, or nothing to see it with."""
    if not BUILT.exists():
        pytest.skip("the page is not built here: scripts/web builds it")
    if CHROMIUM is None or shutil.which("node") is None:
        pytest.skip("Chromium or Node is not here: scripts/web installs Chromium")
    if not BINARY.exists():
        pytest.skip("Envoy is not here: scripts/envoy installs it")


@pytest.fixture(scope="session")
def photo() -> Path:
    """A JPEG of 512 x 512 px with one face in it."""
    return DATA / "astronaut.jpg"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BackgroundServer]:
    """A server with the embedded model, and one that finds many faces with landmarks."""
    toy = TOYS["scrfd_kps"]
    path = write_outputs(tmp_path_factory.mktemp("models") / "landmarks.onnx", toy.outputs)
    config = Config(port=0, metrics_port=None, models=(EMBEDDED, str(path)))
    with BackgroundServer(config) as running:
        yield running


@pytest.fixture(scope="session")
def client(server: BackgroundServer) -> Iterator[FaceClient]:
    """A client of the same server, without a proxy."""
    with FaceClient(server.target) as opened:
        yield opened


@pytest.fixture(scope="session")
def url(server: BackgroundServer) -> Iterator[str]:
    """Where the page is."""
    with proxied(server.target) as envoy:
        yield f"http://{envoy.target}"


@pytest.fixture(scope="session")
def browser(photo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser whose camera sees the photo."""
    camera = tmp_path_factory.mktemp("camera") / "photo.mjpeg"
    camera.write_bytes(photo.read_bytes() * 10)
    with browsing(camera) as running:
        yield running


@pytest.fixture
def page(browser: Browser, url: str) -> Browser:
    """The browser with a fresh page that has its models."""
    browser.do("open", url, {})
    browser.do("wait", "#model:enabled")
    return browser
