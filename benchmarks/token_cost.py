"""What it costs a server to ask callers for tokens.

First the check alone, by the number of tokens in the file; then, with and without tokens, CPU
time of the server for a call of GetModel, and for one that is refused. Medians of the rounds.
"""

import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from secrets import token_urlsafe
from statistics import median

import click

from benchmarks.harness import usage
from benchmarks.harness.rounds import alternate, medians
from benchmarks.harness.server import Server, serving
from benchmarks.harness.settings import print_settings, rounds_option
from facewire_client import FaceClient, FaceClientError
from facewire_server.security.tokens import FLAG, Tokens

COUNTS = (1000, 100, 10, 1)
CALLS = 5_000  # in each round


def check_us(path: Path, token: str) -> float:
    """Microseconds of CPU of the check of one call's header."""
    tokens = Tokens(path)
    tokens.load({FLAG: path.read_bytes()})
    header = [f"Bearer {token}"]
    started = time.thread_time()
    for _ in range(CALLS):
        assert tokens.admit(header)
    return 1e6 * (time.thread_time() - started) / CALLS


def server_us(server: Server, token: str) -> float:
    """Microseconds of a server's CPU for one call of GetModel."""
    before = usage.cpu_seconds(server.pid)
    with FaceClient(server.target, token=token) as client:
        for _ in range(CALLS):
            with suppress(FaceClientError):
                client.model()
    return 1e6 * (usage.cpu_seconds(server.pid) - before) / CALLS


@click.command(help=__doc__)
@rounds_option(7)
def main(rounds: int) -> None:
    print_settings(calls=CALLS, rounds=rounds)
    with tempfile.TemporaryDirectory() as folder:
        path, token = Path(folder, "tokens"), token_urlsafe(32)
        for count in COUNTS:
            path.write_text("\n".join([token, *(token_urlsafe(32) for _ in range(count - 1))]))
            took = median(check_us(path, token) for _ in range(rounds))
            print(f"the check, {count} in the file: {took:.1f} us of CPU", flush=True)
        with serving() as free, serving("--token-file", str(path)) as asking:
            calls: dict[str, Callable[[], float]] = {
                "no token is asked for": partial(server_us, free, token),
                "a token is asked for": partial(server_us, asking, token),
                "it is wrong, and refused": partial(server_us, asking, "wrong"),
            }
            found = medians(alternate(rounds, calls, warmup=1))
    for title, took in found.items():
        print(f"a call of GetModel, {title}: {took:.0f} us of CPU of the server")


if __name__ == "__main__":
    main()
