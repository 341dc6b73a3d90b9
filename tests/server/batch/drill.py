"""`facewire-server batch` on a cluster whose nodes, and whose command, are killed half-way.

Compares the rows with those of a plain loop in this process; the exit status is 1 when one
differs, is missing or is there twice.
"""

import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
import pyarrow.parquet as pq

from facewire_server.config import Config
from facewire_server.inference.detector import Detector
from facewire_server.inference.runtime import Runtime
from facewire_server.models.source import EMBEDDED, Source
from tests.server.batch.cluster import Nodes, three_nodes
from tests.server.batch.command import BatchCommand
from tests.server.batch.made_photos import write_photos
from tests.server.batch.plain_loop import PlainRow, differences, plain_row

LATER = (0.6, 0.7, 0.8, 0.9)  # of a job: until then rows are written, if it takes 20 s
SHOWN = 5  # differences that are printed of each comparison
BEGAN = time.monotonic()
Expected = Mapping[str, PlainRow]


def say(line: str) -> None:
    """Print a line with the seconds since the start of the program."""
    print(f"{time.monotonic() - BEGAN:6.1f} s  {line}", flush=True)


def plain_rows(photos: list[Path]) -> dict[str, PlainRow]:
    """The rows of a plain loop with the embedded model, by the sources of the photos."""
    detector, limits = Detector(Source.find(EMBEDDED), Runtime()), Config().image_limits
    return {str(photo): plain_row(detector, limits, photo) for photo in photos}


def kill_node(nodes: Nodes, photos: Path, output: Path, expected: Expected) -> Iterator[str]:
    """A node is killed half-way; yields what is off."""
    running = BatchCommand(photos, output, "--ray", nodes.address)
    done, total = running.wait_for(0.5)
    killed = nodes.kill_one()
    say(f"a node killed at {done} of {total} photos, {killed} processes")
    say(f"the command: {running.finish()}")
    yield from compare(output, expected)


def run_again(nodes: Nodes, photos: Path, output: Path) -> Iterator[str]:
    """The same command on the finished output; yields what it has changed."""
    before = _files(output)
    said = BatchCommand(photos, output, "--ray", nodes.address).finish()
    say(f"the same command again: {said}")
    if _files(output) != before:
        yield "the output has changed"


def kill_command(nodes: Nodes, photos: Path, output: Path, expected: Expected) -> Iterator[str]:
    """The command is killed half-way, and given again; yields what is off."""
    running = BatchCommand(photos, output, "--ray", nodes.address)
    done, total = running.wait_for(0.5)
    for part in LATER:
        if not any(output.glob("*.parquet")):
            done, _ = running.wait_for(part)
    running.kill()
    kept = sum(pq.read_metadata(part).num_rows for part in output.glob("*.parquet"))
    say(f"the command killed at {done} of {total} photos, {kept} rows of them written")
    said = BatchCommand(photos, output, "--ray", nodes.address).finish()
    say(f"the same command again: {said}")
    yield from compare(output, expected)


def compare(output: Path, expected: Expected) -> list[str]:
    """Compare the rows of a job with the expected ones, print how, and return what is off."""
    rows = pq.read_table(output).to_pylist()
    off = list(differences(expected, rows))
    known = [(expected[row["source"]], row) for row in rows if row["source"] in expected]
    most = max((one.distance(PlainRow.of(row)) for one, row in known), default=0)
    bad = sum(row["error"] is not None for row in rows)
    faces = sum(len(row["boxes"]) for row in rows)
    say(f"{len(rows)} rows, {faces} faces, {bad} errors; {len(off)} differences, by {most:g}")
    return off


def _files(output: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in output.glob("*.parquet")}


@click.command(help=__doc__)
@click.option("--photos", "count", type=int, default=2000, show_default=True)
@click.option("--command/--no-command", default=True, help="Kill the command too.")
def main(count: int, command: bool) -> None:
    off: list[str] = []
    with tempfile.TemporaryDirectory() as name, three_nodes() as nodes:
        folder = Path(name)
        photos, one, other = folder / "photos", folder / "one", folder / "other"
        say("three nodes are there")
        expected = plain_rows(write_photos(photos, count))
        say(f"{count} photos were looked at in a plain loop")
        off += kill_node(nodes, photos, one, expected)
        off += run_again(nodes, photos, one)
        if command:
            nodes.add_one()
            off += kill_command(nodes, photos, other, expected)
    print(*off[:SHOWN], f"{len(off)} differences" if off else "nothing differs", sep="\n")
    raise SystemExit(1 if off else 0)


if __name__ == "__main__":
    main()
