"""The channel between the supervisor and a worker."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import aclosing

from facewire_server.workers.channel import Channel, Failed, Loaded, Message, Serve

LARGE = Failed("x" * (1 << 20))
"""More than a socket takes that is not read."""


def with_channels(use: Callable[[Channel, Channel], Awaitable[None]]) -> None:
    """Call `use` with the two ends of a channel."""

    async def main() -> None:
        one, other = socket.socketpair()
        async with asyncio.timeout(60):
            await use(await Channel.open(one), await Channel.open(other))

    asyncio.run(main())


async def received(channel: Channel) -> list[Message]:
    return [message async for message in channel.messages()]


def test_messages_arrive_in_order_until_the_other_end_is_closed() -> None:
    async def use(one: Channel, other: Channel) -> None:
        sent: list[Message] = [Loaded(), LARGE, Serve()]
        for message in sent:
            one.send(message)
        arriving = asyncio.create_task(received(other))
        await one.close()
        assert await arriving == sent

    with_channels(use)


def test_sending_does_not_wait_for_an_end_that_does_not_read() -> None:
    async def use(one: Channel, other: Channel) -> None:
        for _ in range(8):
            one.send(LARGE)
        other.send(Serve())
        async with aclosing(one.messages()) as messages:
            assert await anext(messages) == Serve()
            arriving = asyncio.create_task(received(other))
        await one.close()
        assert await arriving == [LARGE] * 8

    with_channels(use)


def test_a_message_to_an_end_that_is_closed_is_dropped() -> None:
    async def use(one: Channel, other: Channel) -> None:
        await other.close()
        assert await received(one) == []
        one.send(Loaded())

    with_channels(use)
