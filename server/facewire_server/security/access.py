"""Who may connect to a server, as its settings say."""

import asyncio

import grpc.aio

from facewire_server.config import Config
from facewire_server.rpc.calls import Calls
from facewire_server.security.credentials import Certificates
from facewire_server.security.token_interceptor import TokenInterceptor
from facewire_server.security.tokens import Tokens
from facewire_server.system.file_watch import FileWatch


class Access:
    """The certificates and the tokens of one server; they follow their files."""

    def __init__(self, config: Config) -> None:
        """Reads the files. Raises ConfigError, which names the flag."""
        self._watches: list[FileWatch] = []
        self._certificates: Certificates | None = None
        if config.tls_cert is not None and config.tls_key is not None:
            found = Certificates(config.tls_cert, config.tls_key, config.tls_client_ca)
            self._watches.append(FileWatch("certificates", found.files, found.load))
            self._certificates = found
        self._tokens: Tokens | None = None
        if config.token_file is not None:
            self._tokens = Tokens(config.token_file)
            tokens = self._tokens
            self._watches.append(FileWatch("tokens", tokens.files, tokens.load))

    def add_port(self, server: grpc.aio.Server, address: str) -> int:
        """Has a server listen, encrypted or not. Raises RuntimeError."""
        if self._certificates is None:
            return server.add_insecure_port(address)
        return server.add_secure_port(address, self._certificates.credentials())

    def interceptors(self, gate: Calls) -> tuple[TokenInterceptor, ...]:
        """What a server has its calls pass; `gate` refuses those that may not."""
        return () if self._tokens is None else (TokenInterceptor(self._tokens, gate),)

    async def follow(self) -> None:
        """Has changes of the files take effect, until it is cancelled."""
        async with asyncio.TaskGroup() as group:  # all end when one fails
            for watch in self._watches:
                group.create_task(watch.run())
