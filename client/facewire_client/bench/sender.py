"""The sender of a load: one unary call after the other, over its own channels.

Each request is serialised once, and none is tried again, so that every error is recorded.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import cycle
from time import monotonic
from typing import Any

import grpc
from google.protobuf.message import Message
from grpc import aio

from facewire.v1.detect_pb2 import DetectRequest, DetectResponse
from facewire_client.bench.recorder import STAGES, Answer, Recorder
from facewire_client.connection import DETECT_PATH, Connection
from facewire_client.errors import FaceClientError, from_rpc_error


@dataclass(frozen=True, slots=True)
class Method:
    """A unary method that detects objects in an image, of facewire or of another server.

    `path` is /PACKAGE.SERVICE/METHOD, `request` makes the message for the contents of an image
    file and the name of a model (empty: the default one), and `answer` parses a serialised
    response.
    """

    path: str
    request: Callable[[bytes, str], Message]
    answer: Callable[[bytes], Answer]


def _request(image: bytes, model: str) -> DetectRequest:
    return DetectRequest(encoded_image=image, model=model)


def _answer(data: bytes) -> Answer:
    response = DetectResponse.FromString(data)
    timing = response.timing
    stages = {stage: getattr(timing, f"{stage}_us") / 1e6 for stage in STAGES}
    return Answer(len(response.detections), stages)


DETECT = Method(DETECT_PATH, _request, _answer)
"""The method Detect of facewire."""


class GrpcSender:
    """Sends requests over channels, both in turn, and records the outcomes."""

    def __init__(
        self,
        connection: Connection,
        channels: Sequence[aio.Channel],
        method: Method,
        requests: Sequence[bytes],
        deadline: float | None,
        recorder: Recorder,
    ) -> None:
        """`requests` are serialised, one for each image; `deadline` is that of `Settings`."""
        self._connection = connection
        self._metadata = connection.metadata
        self._deadline = deadline
        self._recorder = recorder
        self._calls = cycle([_callable(each, method) for each in channels])
        self._requests = cycle(enumerate(requests))

    def send(self, planned: float) -> Coroutine[Any, Any, None]:
        """Send the request planned for this time, and record its outcome.

        Its deadline counts from that time; a request whose deadline has passed is not sent.
        """
        # Recorded here and not in the coroutine, which an interruption may keep from starting.
        self._recorder.due(planned)
        return self._send(planned)

    def give_up(self, planned: float) -> None:
        """Record that the request planned for this time is never sent."""
        self._recorder.due(planned)
        self._recorder.not_sent(planned)

    async def _send(self, planned: float) -> None:
        image, request = next(self._requests)
        sent = monotonic()
        timeout = self._connection.seconds(None)
        if self._deadline is not None:
            timeout = planned + self._deadline - sent
            if timeout <= 0:
                self._recorder.not_sent(planned)
                return
        try:
            answer = await next(self._calls)(request, timeout=timeout, metadata=self._metadata)
        except aio.AioRpcError as error:
            ended = monotonic()
            failure = from_rpc_error(error, self._connection.route)
            self._recorder.failed(planned, sent, ended, failure)
        else:
            self._recorder.answered(planned, sent, monotonic(), image, answer)


@asynccontextmanager
async def open_channels(connection: Connection, count: int) -> AsyncIterator[list[aio.Channel]]:
    """Open `count` channels, each with a TCP connection of its own.

    Raises FaceClientError when they are not connected within the connection's timeout.
    """
    async with AsyncExitStack() as stack:
        channels = [await stack.enter_async_context(_channel(connection)) for _ in range(count)]
        try:
            async with asyncio.timeout(connection.seconds(None)):
                for channel in channels:
                    await channel.channel_ready()
        except TimeoutError:
            raise FaceClientError(
                grpc.StatusCode.UNAVAILABLE, "", f"cannot reach {connection.route}"
            ) from None
        yield channels


def _channel(connection: Connection) -> aio.Channel:
    credentials = connection.credentials()
    options = [
        *connection.options(),
        ("grpc.enable_retries", 0),  # gRPC's transparent retries would hide errors
    ]
    if credentials is None:
        return aio.insecure_channel(connection.target, options)
    return aio.secure_channel(connection.target, credentials, options)


def _callable(channel: aio.Channel, method: Method) -> "aio.UnaryUnaryMultiCallable[bytes, Answer]":
    return channel.unary_unary(method.path, response_deserializer=method.answer)
