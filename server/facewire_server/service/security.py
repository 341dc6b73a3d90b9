"""Who may connect to a server, as its settings say."""

import asyncio

import grpc.aio

from facewire_server.config import Config
from facewire_server.service.certificates import Certificates
from facewire_server.service.file_watch import FileWatch


class Security:
    """The certificates of one server; they follow their files."""

    def __init__(self, config: Config) -> None:
        """Reads the files. Raises ConfigError, which names the flag."""
        self._watches: list[FileWatch] = []
        self._certificates: Certificates | None = None
        if config.tls_cert is not None and config.tls_key is not None:
            found = Certificates(config.tls_cert, config.tls_key, config.tls_client_ca)
            self._watches.append(FileWatch("certificates", found.files, found.load))
            self._certificates = found

    def add_port(self, server: grpc.aio.Server, address: str) -> int:
        """Has a server listen, encrypted or not. Raises RuntimeError."""
        if self._certificates is None:
            return server.add_insecure_port(address)
        return server.add_secure_port(address, self._certificates.credentials())

    async def follow(self) -> None:
        """Has changes of the files take effect, until it is cancelled."""
        await asyncio.gather(*(watch.run() for watch in self._watches))
