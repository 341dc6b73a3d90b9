"""A handshake on trial: whether gRPC can serve with a certificate, and its clients take it.

gRPC has a TLS library of its own, which takes less than Python's, and says nothing of
what it dislikes: it goes on with the certificate before, or refuses every client.
"""

import re
import uuid
from concurrent.futures import ThreadPoolExecutor

import grpc

from facewire_server.errors import FacewireError

SECONDS = 10.0
"""For the handshake, which takes some milliseconds on a machine at rest."""

NO_NAME = "facewire.invalid"
"""The name that the client asks for: what a certificate is for is not on trial."""

OVERRIDE = "grpc.ssl_target_name_override"


class HandshakeError(FacewireError):
    """gRPC can do nothing with a certificate and its key, or with an authority."""


def try_handshake(key: bytes, chain: bytes) -> None:
    """Has a client of gRPC's connect to a server that shows this certificate.

    It does so within this machine. Raises HandshakeError with the reason when they
    come to no agreement; a certificate that has expired, or that is of any host, is
    good. Takes at most SECONDS.
    """
    server, target = _server(key, chain, None)
    server.start()
    # The certificate is its own authority: a chain is for clients to judge.
    trust = grpc.ssl_channel_credentials(chain)
    try:
        with grpc.secure_channel(target, trust, ((OVERRIDE, NO_NAME),)) as channel:
            call = channel.unary_unary(
                "/facewire/Trial",
                request_serializer=bytes,
                response_deserializer=bytes,
            )
            call(b"", timeout=SECONDS)
    except grpc.RpcError as error:
        assert isinstance(error, grpc.Call)
        if not _is_agreed(error):
            raise HandshakeError(_reason(error)) from None
    finally:
        server.stop(None)


def try_authorities(key: bytes, chain: bytes, authorities: bytes) -> None:
    """Has a server be made that could ask clients for a certificate of these.

    The certificate is one that is good. Raises HandshakeError.
    """
    _server(key, chain, authorities)[0].stop(None)


def _server(key: bytes, chain: bytes, authorities: bytes | None) -> tuple[grpc.Server, str]:
    """A server, and where it would listen: a name that is in no folder."""
    server = grpc.server(ThreadPoolExecutor(1))
    target = f"unix-abstract:facewire-{uuid.uuid4()}"
    credentials = grpc.ssl_server_credentials([(key, chain)], authorities)
    try:
        server.add_secure_port(target, credentials)
    except RuntimeError:
        raise HandshakeError("gRPC cannot read it") from None
    return server, target


def _is_agreed(error: grpc.Call) -> bool:
    """Whether both sides were done, but for what the client thinks of the name.

    And of the dates, which it looks at when the server has done its part.
    """
    code, details = error.code(), error.details() or ""
    is_judged = re.search("verif|not in peer certificate", details, re.IGNORECASE)
    return code is grpc.StatusCode.UNIMPLEMENTED or is_judged is not None


def _reason(error: grpc.Call) -> str:
    if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        return f"no handshake within {SECONDS:g} s"
    last = re.sub(r"^.*last error: \w+: \S+: ", "", error.details() or "")
    return f"clients of gRPC come to no agreement with it: {last}"
