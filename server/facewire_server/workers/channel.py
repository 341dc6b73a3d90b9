"""The messages between the supervisor and a worker, over a pair of sockets.

Rule: to send never waits. A process that does not read (it is stopped, or busy) holds up
neither the sender nor the other workers.
"""

import asyncio
import pickle
import socket
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from facewire_server.workers.metric_sums import Families
from facewire_server.workers.model_snapshot import ModelSnapshot

LENGTH_BYTES = 4
"""The size of the length before each message; it is big-endian."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """From a worker: its models are loaded, and it waits for `Serve`."""


@dataclass(frozen=True, slots=True)
class Failed:
    """From a worker that cannot start: the reason."""

    message: str


@dataclass(frozen=True, slots=True)
class Serve:
    """To a worker: report SERVING."""


@dataclass(frozen=True, slots=True)
class Collect:
    """To a worker: send your metrics."""


@dataclass(frozen=True, slots=True)
class Collected:
    """From a worker: its metrics."""

    metrics: Families


@dataclass(frozen=True, slots=True)
class Reload:
    """To a worker: replace the model of this name by this one."""

    model: ModelSnapshot


@dataclass(frozen=True, slots=True)
class Reloaded:
    """From a worker: why the old model still serves; empty: the new one does."""

    reason: str


Message = Loaded | Failed | Serve | Collect | Collected | Reload | Reloaded


class Channel:
    """One end of the pair, on an event loop."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, end: socket.socket) -> Self:
        """Make a channel of one end; the socket belongs to it from then on."""
        return cls(*await asyncio.open_unix_connection(sock=end))

    def send(self, message: Message) -> None:
        """Send a message, if the other end is still open."""
        if not self._writer.is_closing():
            data = pickle.dumps(message)
            # Without `drain`, which would wait for the other end: what does not fit into
            # the socket is kept in memory. The messages are few and small.
            self._writer.write(len(data).to_bytes(LENGTH_BYTES) + data)

    async def close(self) -> None:
        """Close this end, once all that was sent is in the socket."""
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()

    async def messages(self) -> AsyncGenerator[Message, None]:
        """The messages from the other end, until that is closed."""
        try:
            while True:
                length = int.from_bytes(await self._reader.readexactly(LENGTH_BYTES))
                message: Message = pickle.loads(await self._reader.readexactly(length))
                yield message
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            self._writer.close()
