"""A name server on loopback that gives every name the same addresses, which may change."""

import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ipaddress import IPv4Address

HEADER = struct.Struct("!6H")
ANSWER, INTERNET, SECONDS = 0x8180, 1, 0
NAME = 0xC00C
"""A pointer to the name in the question."""


class NameServer:
    """Answers over UDP. `target` is a gRPC target of a name that it is asked for."""

    def __init__(self, asked: socket.socket) -> None:
        self.addresses: Sequence[str] = ()
        self._socket = asked

    def target(self, port: int) -> str:
        host, own_port = self._socket.getsockname()
        return f"dns://{host}:{own_port}/facewire.test:{port}"

    def run(self) -> None:
        """Answer until the socket is shut down."""
        while True:
            try:
                data, peer = self._socket.recvfrom(4096)
            except OSError:
                return
            if not data:
                return
            self._socket.sendto(self._answer(data), peer)

    def _answer(self, query: bytes) -> bytes:
        number, *_ = HEADER.unpack_from(query)
        end = query.index(0, HEADER.size) + 5
        question = query[HEADER.size : end]
        (kind,) = struct.unpack("!H", question[-4:-2])
        found = self.addresses if kind == 1 else ()  # A
        records = b"".join(
            struct.pack("!3HLH", NAME, kind, INTERNET, SECONDS, 4) + IPv4Address(each).packed
            for each in found
        )
        return HEADER.pack(number, ANSWER, 1, len(found), 0, 0) + question + records


@contextmanager
def name_server() -> Iterator[NameServer]:
    """A name server that runs until the context ends."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.bind(("127.0.0.1", 0))
        server = NameServer(asked)
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            yield server
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", asked.getsockname())
            thread.join()
