"""Attacks on health, which answers peers that have no token."""

from contextlib import ExitStack

from grpc_health.v1.health_pb2 import HealthCheckResponse

from benchmarks.attacks.attack import Attack
from benchmarks.attacks.peer import WATCH, Peer, framed


def _deaf_watches(target: str, peers: int, watches: int) -> str:
    with ExitStack() as stack:
        for _ in range(peers):
            peer = stack.enter_context(Peer(target, window=0))
            streams = [_watch(peer) for _ in range(watches)]
            peer.wait_begun(streams[-1], 20)
        other = stack.enter_context(Peer(target))
        stream = _watch(other)
        other.wait_begun(stream, 5)
        other.listen(1)
        status = HealthCheckResponse(status=HealthCheckResponse.SERVING)
        told = framed(status.SerializeToString()) == other.received.get(stream)
        return f"another watch was {'told SERVING' if told else 'told nothing'}"


def _watch(peer: Peer) -> int:
    stream = peer.call(WATCH)
    peer.message(stream, b"")
    return stream


ATTACKS = (
    Attack(
        "1000 watches of health whose status is not taken",
        "--max-watches",
        lambda to: _deaf_watches(to, 10, 100),
    ),
)
"""In the order of docs/limits.md."""
