"""What it costs a server to ask callers for tokens.

First the check alone, on this thread, with 1, 10, 100 and 1000 tokens in the file; then
two servers in alternation, one that asks for a token and one that does not: CPU time of
the server's process for a call of GetModel, the smallest there is, and for one that is
refused. Medians of the rounds.
"""

import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from secrets import token_urlsafe
from statistics import median
from typing import Any

import click
import grpc

from benchmarks.harness import usage
from benchmarks.harness.rounds import alternate, medians
from benchmarks.harness.server import Server, serving
from benchmarks.harness.settings import print_settings, rounds_option
from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_server.security.tokens import FLAG, Tokens

COUNTS = (1000, 100, 10, 1)


def check(path: Path, token: str, calls: int, rounds: int) -> float:
    """Microseconds of CPU of the check of one call's header."""
    tokens = Tokens(path)
    tokens.load({FLAG: path.read_bytes()})
    header = [f"Bearer {token}"]
    took = []
    for _ in range(rounds):
        started = time.thread_time()
        for _ in range(calls):
            assert tokens.admit(header)
        took.append((time.thread_time() - started) / calls)
    return 1e6 * median(took)


def server_us(server: Server, token: str, calls: int) -> float:
    """Microseconds of a server's CPU for one call of GetModel."""
    before = usage.cpu_seconds(server.pid)
    metadata = (("authorization", f"Bearer {token}"),)
    with grpc.insecure_channel(server.target) as channel:
        stub = DetectServiceStub(channel)
        for _ in range(calls):
            try:
                stub.GetModel(pb.GetModelRequest(), metadata=metadata)
            except grpc.RpcError as error:
                failed: Any = error
                assert failed.code() is grpc.StatusCode.UNAUTHENTICATED
    return 1e6 * (usage.cpu_seconds(server.pid) - before) / calls


@click.command(help=__doc__)
@click.option("--requests", type=int, default=5_000, help="In each round.", show_default=True)
@rounds_option(7)
def main(requests: int, rounds: int) -> None:
    print_settings(requests=requests, rounds=rounds)
    with tempfile.TemporaryDirectory() as folder:
        path, token = Path(folder, "tokens"), token_urlsafe(32)
        for count in COUNTS:
            path.write_text("\n".join([token, *(token_urlsafe(32) for _ in range(count - 1))]))
            took = check(path, token, requests, rounds)
            print(f"the check, {count} in the file: {took:.1f} us of CPU", flush=True)
        with serving() as free, serving("--token-file", str(path)) as asking:
            calls: dict[str, Callable[[], float]] = {
                "no token is asked for": partial(server_us, free, token, requests),
                "a token is asked for": partial(server_us, asking, token, requests),
                "it is wrong, and refused": partial(server_us, asking, "wrong", requests),
            }
            found = medians(alternate(rounds, calls, warmup=1))
    for title, took in found.items():
        print(f"a call of GetModel, {title}: {took:.0f} us of CPU of the server")


if __name__ == "__main__":
    main()
