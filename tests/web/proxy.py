"""Envoy with the page, in front of a server of a test."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.deploy.envoy import Envoy, running, settings
from tests.deploy.files import DEPLOY


@contextmanager
def proxied(target: str, *, servers: int = 1) -> Iterator[Envoy]:
    """Run Envoy for the server at this HOST:PORT; `servers` is 0 if that is not there."""
    config = settings(target, switched_on=["page"])
    (listener,) = config["static_resources"]["listeners"]
    (chain,) = listener["filter_chains"]
    (manager,) = chain["filters"]
    (host,) = manager["typed_config"]["route_config"]["virtual_hosts"]
    for route in host["routes"]:
        if file := route.get("direct_response", {}).get("body"):
            file["filename"] = str((DEPLOY / "envoy" / file["filename"]).resolve())
    with TemporaryDirectory() as folder, running(config, Path(folder), servers=servers) as envoy:
        yield envoy
