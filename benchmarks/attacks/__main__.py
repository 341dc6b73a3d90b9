"""What attacks cost a server: CPU time and memory, each on a server of its own.

The attacker is this process, on the same machine; its own costs are not counted. After
each attack another client asks for the face in a photo.
"""

import resource
import time
from collections.abc import Callable
from functools import partial
from itertools import repeat
from typing import NamedTuple

import click
from hyperframe.frame import PingFrame, SettingsFrame

from benchmarks.attacks import senders
from benchmarks.attacks.senders import MIB, PREFACE
from benchmarks.harness import usage
from benchmarks.harness.images import PHOTO
from benchmarks.harness.server import Server, serving
from benchmarks.harness.settings import print_settings
from facewire_client import FaceClient
from tests.server.http2_peer import rapid_resets


class Attack(NamedTuple):
    """The limit that bounds it, what attacks HOST:PORT, and arguments of the server.

    `run` says what came of it.
    """

    limit: str
    run: Callable[[str], str]
    arguments: tuple[str, ...] = ()


MESSAGE, METADATA, CONNECTIONS = "--max-message-mb", "--max-metadata-kb", "--max-connections"
MANY = 100_000

ATTACKS = {
    "a message of 70 MiB": Attack(MESSAGE, partial(senders.large_message, size=70 * MIB)),
    "a message of 60 MiB": Attack(MESSAGE, partial(senders.large_message, size=60 * MIB)),
    "10 connections, a message of 60 MiB each, but for its last byte": Attack(
        MESSAGE, partial(senders.unfinished_messages, peers=10, size=60 * MIB)
    ),
    **{
        f"{encoding}, 60 MiB of zeros": Attack(
            "none", partial(senders.compressed_zeros, encoding=encoding, size=60 * MIB)
        )
        for encoding in ("gzip", "deflate")
    },
    **{
        name: Attack(
            METADATA, partial(senders.large_metadata, size=10**6, calls=100, agreed=agreed)
        )
        for name, agreed in (
            ("100 calls with 1 MB of metadata", True),
            ("the same, settings never agreed to", False),
        )
    },
    "2000 silent connections": Attack(
        CONNECTIONS, partial(senders.connections, count=2000, content=b"")
    ),
    "2000 connections that begin HTTP/2": Attack(
        CONNECTIONS, partial(senders.connections, count=2000, content=PREFACE)
    ),
    "20000 calls on one connection": Attack(
        "--max-streams", lambda to: senders.flood(to, senders.open_calls(20_000))
    ),
    "100000 calls taken back at once": Attack(
        "--max-streams", lambda to: senders.flood(to, rapid_resets(MANY))
    ),
    "100000 pings": Attack(
        "none", lambda to: senders.flood(to, repeat(PingFrame(0, b"facewire"), MANY))
    ),
    "100000 frames of settings": Attack(
        "none", lambda to: senders.flood(to, repeat(SettingsFrame(0), MANY))
    ),
    "100 senders at a byte a second": Attack(
        "--message-seconds 3", partial(senders.slow_senders, calls=100), ("--message-seconds", "3")
    ),
    "100 streams whose answers are not taken": Attack(
        "--stream-idle-seconds 2",
        partial(senders.slow_readers, streams=100),
        ("--stream-idle-seconds", "2"),
    ),
    "20 streams of 6 images of 24 MB": Attack(
        "--max-queued-mb", partial(senders.large_frames, streams=20, frames=6)
    ),
    "1000 watches of health whose status is not taken": Attack(
        "--max-watches", partial(senders.deaf_watches, peers=10, watches=100)
    ),
}
"""By name, in the order of docs/limits.md."""


def detect(target: str, times: int = 1) -> float:
    """Seconds that another client waits for its faces. Raises FaceClientError."""
    photo = PHOTO.read_bytes()
    started = time.perf_counter()
    with FaceClient(target) as client:
        for _ in range(times):
            client.detect(photo)
    return time.perf_counter() - started


def cost(attack: Attack, server: Server) -> str:
    """Attack a server that has answered photos; returns the cells of the table.

    Memory is in MB above what was there before. "Kept" is what there is half a second
    later.
    """
    detect(server.target, 20)
    before = usage.resident_mb(server.pid)
    with usage.Usage(server.pid) as used:
        outcome = attack.run(server.target)
        time.sleep(0.5)
    kept = usage.resident_mb(server.pid) - before
    waited = detect(server.target)
    numbers = (1000 * used.cpu_seconds, used.peak_mb - before, kept, 1000 * waited)
    return " | ".join([*(f"{number:.0f}" for number in numbers), outcome])


@click.command(help=__doc__)
@click.option("--only", default="", help="Attacks with these words in their names.")
def main(only: str) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    print_settings(files=most)
    print("| attack | limit | CPU ms | peak MB | kept MB | newcomer ms | outcome |")
    print("|---|---|---|---|---|---|---|")
    for name, attack in ATTACKS.items():
        if only in name:
            with serving(*attack.arguments) as server:
                print(f"| {name} | {attack.limit} | {cost(attack, server)} |", flush=True)


if __name__ == "__main__":
    main()
