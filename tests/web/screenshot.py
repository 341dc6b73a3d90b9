"""Writes the picture of the page for the README: python -m tests.web.screenshot FILE.jpg."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from facewire_server.config import Config
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.models.source import DATA
from tests.web.browser import browsing
from tests.web.proxy import proxied

WINDOW = {"viewport": {"width": 1000, "height": 400}}


def main(output: str) -> None:
    """Show the embedded photo, and a file that is none, and take the picture."""
    photo = DATA / "astronaut.jpg"
    with TemporaryDirectory() as folder:
        notes = Path(folder) / "notes.txt"
        notes.write_text("These are notes.\n")
        with (
            BackgroundServer(Config(port=0, metrics_port=None)) as server,
            proxied(server.target) as envoy,
            browsing(photo) as browser,
        ):
            browser.do("open", f"http://{envoy.target}", WINDOW)
            browser.do("wait", "#model:enabled")
            browser.do("choose", photo)  # the first call is slower: it connects
            browser.do("wait", "#photos .box")
            browser.do("click", "#clear")
            browser.do("choose", notes, photo)
            browser.do("wait", "#photos .failure")
            browser.do("wait", "#photos .box")
            browser.do("screenshot", output)


if __name__ == "__main__":
    main(sys.argv[1])
