"""The metrics of a server, as Prometheus reads them."""

import urllib.request

from facewire_server.lifecycle.background import BackgroundServer


def scrape(server: BackgroundServer) -> dict[str, float]:
    """The value of each series, by its name and labels."""
    url = f"http://127.0.0.1:{server.metrics_port}/metrics"
    with urllib.request.urlopen(url, timeout=60) as answer:
        lines = answer.read().decode().splitlines()
    rows = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in rows}
