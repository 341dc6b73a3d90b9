"""What a worker says that cannot start."""

import asyncio
import socket
import sys
from typing import NoReturn

import pytest

from facewire_server.config import Config
from facewire_server.errors import ConfigError
from facewire_server.workers.channel import Channel, Failed, Message
from facewire_server.workers.worker import work

UNFORESEEN = FileNotFoundError(2, "No such file or directory", "/nowhere")


async def said(ours: socket.socket) -> list[Message]:
    channel = await Channel.open(ours)
    return [message async for message in channel.messages()]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (UNFORESEEN, "/nowhere: No such file or directory"),
        (ConfigError("--port is taken"), "--port is taken"),
        (RuntimeError("can't start new thread"), "can't start new thread"),
    ],
)
def test_whatever_keeps_it_from_starting_reaches_the_supervisor_in_words(
    monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    def fail(*_: object, **__: object) -> NoReturn:
        raise error

    module = "facewire_server.workers.worker"
    monkeypatch.setattr(f"{module}.Server", fail)
    # It would end this process.
    monkeypatch.setattr(f"{module}.leave", sys.exit)
    ours, its = socket.socketpair()
    with pytest.raises(SystemExit, match="1"):
        work(Config(), 0, False, lambda fields: None, its, ())
    (message,) = asyncio.run(said(ours))
    assert isinstance(message, Failed)
    assert words in message.message
