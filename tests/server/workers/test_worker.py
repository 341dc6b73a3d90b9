"""A worker that cannot start sends the reason to its supervisor."""

import asyncio
import socket
import sys
from typing import NoReturn

import pytest

from facewire_client.cli.edge import in_words
from facewire_server.config import Config
from facewire_server.errors import ConfigError
from facewire_server.workers.channel import Channel, Failed, Message
from facewire_server.workers.worker import ProcessSetup, work

UNEXPECTED = FileNotFoundError(2, "No such file or directory", "/nowhere")


async def received(ours: socket.socket) -> list[Message]:
    channel = await Channel.open(ours)
    return [message async for message in channel.messages()]


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (UNEXPECTED, "/nowhere: No such file or directory"),
        (ConfigError("--port is taken"), "--port is taken"),
        (RuntimeError("can't start new thread"), "can't start new thread"),
    ],
)
def test_the_reason_reaches_the_supervisor_as_one_line(
    monkeypatch: pytest.MonkeyPatch, error: Exception, line: str
) -> None:
    def fail(*_: object, **__: object) -> NoReturn:
        raise error

    module = "facewire_server.workers.worker"
    monkeypatch.setattr(f"{module}.Server", fail)
    # It would end this process.
    monkeypatch.setattr(f"{module}.exit_now", sys.exit)
    ours, its = socket.socketpair()
    with pytest.raises(SystemExit, match="1"):
        work(its, Config(), 0, False, ProcessSetup(lambda fields: None, in_words), ())
    (message,) = asyncio.run(received(ours))
    assert isinstance(message, Failed)
    assert line in message.message
