"""What models cost that lie idle in one server."""

import shutil
import tempfile
import time
from pathlib import Path

import click

from benchmarks.harness import usage
from benchmarks.harness.images import PHOTO
from benchmarks.harness.server import serving
from benchmarks.harness.settings import EMBEDDED_FILE, print_settings, seconds_option
from facewire_client import FaceClient

COUNTS = (1, 2, 4, 8)


def idle(paths: list[Path], seconds: float) -> str:
    """CPU, threads and memory of a server with these models, after an answer of each."""
    names = [path.stem for path in paths]
    with serving(*(part for path in paths for part in ("--model", str(path)))) as server:
        with FaceClient(server.target) as client:
            for name in names:
                client.detect(PHOTO, model=name)
        with usage.Usage(server.pid) as used:
            time.sleep(seconds)
        threads, memory = usage.threads(server.pid), usage.resident_mb(server.pid)
    share = used.cpu_seconds / seconds
    return f"{len(names)} models: CPU {share:.2%} of a core, {threads} threads, {memory:.0f} MB"


@click.command(help=__doc__)
@seconds_option(5, "Of each number of models.")
def main(seconds: float) -> None:
    print_settings(model=EMBEDDED_FILE.stem, seconds=seconds)
    with tempfile.TemporaryDirectory() as folder:
        copies = [Path(folder, f"copy-{number}.xml") for number in range(max(COUNTS))]
        for copy in copies:
            for suffix in (".xml", ".bin"):
                shutil.copy(EMBEDDED_FILE.with_suffix(suffix), copy.with_suffix(suffix))
        for count in COUNTS:
            print(idle(copies[:count], seconds), flush=True)


if __name__ == "__main__":
    main()
