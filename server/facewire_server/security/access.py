"""The access to a server: its certificates and tokens, made of its settings."""

import asyncio

import grpc.aio

from facewire_server.config import Config
from facewire_server.security.credentials import Certificates
from facewire_server.security.token_interceptor import Refuse, TokenInterceptor
from facewire_server.security.tokens import Tokens
from facewire_server.system.file_watch import FileWatch


class Access:
    """The certificates and the tokens of one server; both follow their files."""

    def __init__(self, config: Config) -> None:
        """Read the files. Raises ConfigError, which names the flag."""
        self._watches: list[FileWatch] = []
        self._certificates: Certificates | None = None
        if config.tls_cert is not None and config.tls_key is not None:
            certificates = Certificates(config.tls_cert, config.tls_key, config.tls_client_ca)
            watch = FileWatch("certificates", certificates.files, certificates.load)
            self._watches.append(watch)
            self._certificates = certificates
        self._tokens: Tokens | None = None
        if config.token_file is not None:
            tokens = Tokens(config.token_file)
            self._watches.append(FileWatch("tokens", tokens.files, tokens.load))
            self._tokens = tokens

    def add_port(self, server: grpc.aio.Server, address: str) -> int:
        """Have a server listen, with TLS if there is a certificate; returns the port.

        Raises RuntimeError when the address is taken.
        """
        if self._certificates is None:
            return server.add_insecure_port(address)
        return server.add_secure_port(address, self._certificates.credentials())

    def interceptors(self, refuse: Refuse) -> tuple[TokenInterceptor, ...]:
        """Return the interceptors of a server; `refuse` ends a call without a token."""
        return () if self._tokens is None else (TokenInterceptor(self._tokens, refuse),)

    async def follow(self) -> None:
        """Load the files again whenever they change, until cancelled."""
        async with asyncio.TaskGroup() as group:  # when one fails, it cancels the others
            for watch in self._watches:
                group.create_task(watch.run())
