"""The context that Serve gives to a replica, made of gRPC's context of its proxy."""

from collections.abc import Sequence
from typing import Any, cast

from ray.serve.grpc_util import RayServegRPCContext

PEER = "ipv4:192.0.2.7:1"


class ProxyContext:
    """gRPC's context of a call in the proxy, with what Serve reads of it."""

    def __init__(self, metadata: Sequence[tuple[str, str]]) -> None:
        self._metadata = metadata

    def invocation_metadata(self) -> Sequence[tuple[str, str]]:
        return self._metadata

    def peer(self) -> str:
        return PEER

    def trailing_metadata(self) -> Sequence[tuple[str, str]]:
        return ()

    def auth_context(self) -> dict[str, Any]:
        return {}

    def _nothing(self) -> None:
        return None

    code = details = peer_identities = peer_identity_key = _nothing


def served(*metadata: tuple[str, str]) -> RayServegRPCContext:
    """The context of a call with this metadata."""
    return RayServegRPCContext(cast(Any, ProxyContext(metadata)))
