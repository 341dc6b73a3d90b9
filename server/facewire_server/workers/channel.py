"""What a supervisor and its worker say to each other, over a pair of sockets.

Rule: to speak waits for nobody. One that does not listen holds up neither the other
nor those beside it.
"""

import asyncio
import pickle
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from facewire_server.workers.kept_model import KeptModel
from facewire_server.workers.metric_sums import Report

LENGTH_BYTES = 4


@dataclass(frozen=True, slots=True)
class Loaded:
    """Said by a worker: it has its models, and waits to be let in."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Said by a worker that cannot start: why."""

    message: str


@dataclass(frozen=True, slots=True)
class LetIn:
    """Said to a worker: all is well, and its health may say so."""


@dataclass(frozen=True, slots=True)
class Collect:
    """Said to a worker: its metrics are wanted."""


@dataclass(frozen=True, slots=True)
class Collected:
    """Said by a worker: its metrics."""

    report: Report


@dataclass(frozen=True, slots=True)
class Reload:
    """Said to a worker: this model takes the place of the one of its name."""

    model: KeptModel


@dataclass(frozen=True, slots=True)
class Reloaded:
    """Said by a worker: the model serves, or the old one does; `reason` says why."""

    reason: str


Message = Loaded | Failed | LetIn | Collect | Collected | Reload | Reloaded


class Channel:
    """One end of it, on an event loop."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, end: socket.socket) -> Self:
        """Speaks and listens over a socket, which then belongs to it."""
        return cls(*await asyncio.open_unix_connection(sock=end))

    def send(self, message: Message) -> None:
        """Says something, if the other end is still there."""
        if not self._writer.is_closing():
            words = pickle.dumps(message)
            self._writer.write(len(words).to_bytes(LENGTH_BYTES) + words)

    async def close(self) -> None:
        """Ends it, and returns when what was said is on its way."""
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()

    async def messages(self) -> AsyncIterator[Message]:
        """What the other end says, until it is gone."""
        try:
            while True:
                length = int.from_bytes(await self._reader.readexactly(LENGTH_BYTES))
                message: Message = pickle.loads(await self._reader.readexactly(length))
                yield message
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            self._writer.close()
