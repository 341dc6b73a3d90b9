"""The connections that a load is sent over."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import grpc
from grpc import aio

from facewire_client.connection import Connection
from facewire_client.errors import FaceClientError


@asynccontextmanager
async def channels(connection: Connection, count: int) -> AsyncIterator[list[aio.Channel]]:
    """So many channels, each with a TCP connection to itself, which is open.

    Raises FaceClientError when they do not open within the connection's timeout.
    """
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(_channel(connection)) for _ in range(count)]
        try:
            async with asyncio.timeout(connection.seconds(None)):
                for channel in opened:
                    await channel.channel_ready()
        except TimeoutError:
            raise FaceClientError(
                grpc.StatusCode.UNAVAILABLE, "", f"cannot reach {connection.route}"
            ) from None
        yield opened


def _channel(connection: Connection) -> aio.Channel:
    credentials = connection.credentials()
    options = [
        *connection.options(),
        ("grpc.enable_retries", 0),  # gRPC sends some calls again by itself
    ]
    if credentials is None:
        return aio.insecure_channel(connection.target, options)
    return aio.secure_channel(connection.target, credentials, options)
