"""What it costs a server to ask callers for tokens.

    python -m benchmarks.token_cost [--requests 5000] [--rounds 7]

First the check alone, on this thread, with 1, 10, 100 and 1000 tokens in the file; then
two servers in turns, one that asks for a token and one that does not: CPU time of the
server's process for a call of GetModel, the smallest there is, and for one that is
refused. Medians of the rounds.
"""

import argparse
import asyncio
import secrets
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import grpc

from benchmarks.server_process import cpu_seconds, serving
from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_server.security.token_interceptor import Handler, Refuse, TokenInterceptor
from facewire_server.security.tokens import FLAG, Tokens

COUNTS = (1, 10, 100, 1000)
HANDLER: Handler = grpc.unary_unary_rpc_method_handler(lambda request, context: request)


@dataclass
class Details:
    """What gRPC tells of a call before it has a handler."""

    method: str
    invocation_metadata: tuple[tuple[str, str | bytes], ...]


async def passed(details: object) -> Handler:
    """Stands for gRPC's search of a handler."""
    return HANDLER


async def check(path: Path, token: str, calls: int, rounds: int) -> float:
    """Microseconds of CPU of the check of one call."""
    tokens = Tokens(path)
    tokens.load({FLAG: path.read_bytes()})
    # Nothing is refused here.
    interceptor = TokenInterceptor(tokens, cast(Refuse, None))
    metadata = (("user-agent", "grpc-python"), ("authorization", f"Bearer {token}"))
    details = Details("/facewire.v1.DetectService/Detect", metadata)
    took = []
    for _ in range(rounds):
        started = time.thread_time()
        for _ in range(calls):
            assert await interceptor.intercept_service(passed, details) is HANDLER
        took.append((time.thread_time() - started) / calls)
    return 1e6 * statistics.median(took)


def call(target: str, metadata: tuple[tuple[str, str], ...], calls: int) -> None:
    """Asks a server for its model, again and again."""
    with grpc.insecure_channel(target) as channel:
        stub = DetectServiceStub(channel)
        for _ in range(calls):
            try:
                stub.GetModel(pb.GetModelRequest(), metadata=metadata)
            except grpc.RpcError as error:
                failed: Any = error
                assert failed.code() is grpc.StatusCode.UNAUTHENTICATED


def servers(path: Path, token: str, calls: int, rounds: int) -> dict[str, float]:
    """Microseconds of a server's CPU for one call, by what is done with it."""
    shown, wrong = ((("authorization", f"Bearer {text}"),) for text in (token, "wrong"))
    took: dict[str, list[float]] = {}
    with (
        serving() as (free, free_at),
        serving("--token-file", str(path)) as (asking, asking_at),
    ):
        turns = (
            ("no token is asked for", free, free_at, shown),
            ("a token is asked for", asking, asking_at, shown),
            ("it is wrong, and refused", asking, asking_at, wrong),
        )
        for round_ in range(rounds + 1):
            for title, process, target, metadata in turns:
                before = cpu_seconds(process)
                call(target, metadata, calls)
                spent = (cpu_seconds(process) - before) / calls
                if round_:  # the first one warms up
                    took.setdefault(title, []).append(spent)
    return {title: 1e6 * statistics.median(each) for title, each in took.items()}


def main() -> None:
    """Prints the settings, and then a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=5_000, help="in each round")
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    calls, rounds = arguments.requests, arguments.rounds
    print(f"requests={calls} rounds={rounds} grpcio={grpc.__version__}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        path, token = Path(folder) / "tokens", secrets.token_urlsafe(32)
        for count in reversed(COUNTS):
            others = (secrets.token_urlsafe(32) for _ in range(count - 1))
            path.write_text("\n".join([token, *others]))
            took = asyncio.run(check(path, token, calls, rounds))
            print(f"the check, {count} in the file: {took:.1f} us of CPU", flush=True)
        for title, took in servers(path, token, calls, rounds).items():
            print(f"a call of GetModel, {title}: {took:.0f} us of CPU of the server")


if __name__ == "__main__":
    main()
