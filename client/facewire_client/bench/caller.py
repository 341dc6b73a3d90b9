"""One call after the other, images and connections in turn.

Each request is serialised once, and nothing is tried again: every refusal is seen.
"""

from collections.abc import Coroutine, Sequence
from itertools import cycle
from time import monotonic
from typing import Any

from grpc import aio

from facewire_client.bench.method import Answer, Method
from facewire_client.bench.photo import Photo
from facewire_client.bench.recorder import Recorder
from facewire_client.connection import Connection
from facewire_client.errors import from_rpc_error


class Caller:
    """Sends the requests by way of the channels, and tells the recorder."""

    def __init__(
        self,
        connection: Connection,
        channels: Sequence[aio.Channel],
        method: Method,
        requests: Sequence[bytes],
        deadline: float | None,
        recorder: Recorder,
    ) -> None:
        """`requests` are serialised; `deadline` is in seconds: see `Settings`."""
        self._connection = connection
        self._metadata = connection.metadata
        self._deadline = deadline
        self._recorder = recorder
        self._methods = cycle([_callable(each, method) for each in channels])
        self._requests = cycle(enumerate(requests))

    def send(self, planned: float) -> Coroutine[Any, Any, None]:
        """Sends the request planned for this time, and notes what becomes of it.

        Its deadline counts from that time; once that has passed, it is not sent.
        """
        self._recorder.came_due(planned)
        return self._send(planned)

    def give_up(self, planned: float) -> None:
        """Notes that the request planned for this time is never sent."""
        self._recorder.came_due(planned)
        self._recorder.never_sent(planned)

    async def _send(self, planned: float) -> None:
        image, request = next(self._requests)
        sent = monotonic()
        timeout = self._connection.seconds(None)
        if self._deadline is not None:
            timeout = planned + self._deadline - sent
            if timeout <= 0:
                self._recorder.never_sent(planned)
                return
        try:
            answer = await next(self._methods)(request, timeout=timeout, metadata=self._metadata)
        except aio.AioRpcError as error:
            ended = monotonic()
            failure = from_rpc_error(error, self._connection.route)
            self._recorder.failed(planned, sent, ended, failure)
        else:
            self._recorder.answered(planned, sent, monotonic(), image, answer)


def _callable(channel: aio.Channel, method: Method) -> "aio.UnaryUnaryMultiCallable[bytes, Answer]":
    return channel.unary_unary(method.path, response_deserializer=method.answer)


def serialised(connection: Connection, method: Method, photo: Photo, model: str) -> bytes:
    """A request for this photo. Raises FaceClientError when it is over the limit."""
    return connection.serialise(method.request(photo.content, model))
