"""The client for asyncio; its methods are those of `FaceClient`."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Iterator
from contextlib import aclosing, contextmanager
from functools import cached_property, partial
from types import TracebackType
from typing import Self, TypeVar, Unpack

import grpc
from grpc import aio
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from facewire.v1 import detect_pb2, detect_pb2_grpc
from facewire.v1.detect_pb2 import DetectResponse, DetectStreamResponse
from facewire_client.async_feed import AsyncFeed, prepare
from facewire_client.connection import (
    DETECT,
    DETECT_STREAM,
    HEALTH_CHECK,
    Connection,
    health_request,
    model_request,
)
from facewire_client.errors import FaceClientError, from_rpc_error
from facewire_client.frames import Frames
from facewire_client.request import DetectOptions, Image
from facewire_client.response import detect_result, model_info
from facewire_client.result import DetectResult, ModelInfo, StreamResult
from facewire_client.retry import ATTEMPTS, Retry

Request = TypeVar("Request")
Response = TypeVar("Response")


class AsyncFaceClient(Connection):
    """Finds faces by way of a facewire server, for one event loop.

    async with AsyncFaceClient("127.0.0.1:50051") as client:
        result = await client.detect("photo.jpg")

    The arguments are those of `Connection`. Calls raise FaceClientError, and try
    again as `FaceClient` does. Files are read away from the event loop.
    """

    # Opened on first use, because gRPC ties it to the running event loop.
    @cached_property
    def _channel(self) -> aio.Channel:
        credentials, options = self.credentials(), self.options()
        if credentials is None:
            return aio.insecure_channel(self.target, options)
        return aio.secure_channel(self.target, credentials, options)

    @cached_property
    def _stub(self) -> "detect_pb2_grpc.DetectServiceAsyncStub":
        return detect_pb2_grpc.DetectServiceStub(self._channel)

    # Not those of the stub: see `Connection.serialised`.
    @cached_property
    def _detect(self) -> "aio.UnaryUnaryMultiCallable[bytes, DetectResponse]":
        return self._channel.unary_unary(DETECT, response_deserializer=DetectResponse.FromString)

    @cached_property
    def _stream(self) -> "aio.StreamStreamMultiCallable[bytes, DetectStreamResponse]":
        return self._channel.stream_stream(
            DETECT_STREAM, response_deserializer=DetectStreamResponse.FromString
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connection; calls that are under way are cancelled."""
        self.closed.set()
        await self._channel.close()

    async def detect(
        self,
        image: Image,
        *,
        timeout: float | None = None,
        **options: Unpack[DetectOptions],
    ) -> DetectResult:
        """The faces of one image: see `FaceClient.detect`."""
        self.check_open()
        build = partial(self.detect_request, image, **options)
        request = await prepare(image, build)
        return detect_result(await self._call(self._detect, request, timeout))

    def detect_stream(
        self,
        images: Iterable[Image] | AsyncIterable[Image],
        *,
        window: int = 16,
        drop_oldest: bool = False,
        timeout: float | None = None,
        **options: Unpack[DetectOptions],
    ) -> AsyncGenerator[StreamResult]:
        """The answers to many images: see `FaceClient.detect_stream`.

        `images` is read in a task of its own; one that is not asynchronous must
        not block. To stop early, close the generator (`contextlib.aclosing`).
        """
        if window < 1:
            raise ValueError(f"window must be at least 1, not {window}")
        frames = Frames(self, options, drop_oldest=drop_oldest)
        seconds = None if timeout is None else self.seconds(timeout)
        return self._answers(AsyncFeed(frames, images, window), seconds)

    async def models(self, *, timeout: float | None = None) -> tuple[ModelInfo, ...]:
        """The models that the server has loaded, the default one first."""
        request = detect_pb2.ListModelsRequest()
        response = await self._call(self._stub.ListModels, request, timeout)
        return tuple(model_info(model) for model in response.models)

    async def model(self, name: str = "", *, timeout: float | None = None) -> ModelInfo:
        """One model; without a name, the default one."""
        request = model_request(name)
        response = await self._call(self._stub.GetModel, request, timeout)
        return model_info(response.model)

    async def health(
        self, service: str = "", *, model: str = "", timeout: float | None = None
    ) -> bool:
        """Whether the server, a service or a model serves: see `FaceClient.health`."""
        self.check_open()
        check = self._channel.unary_unary(
            HEALTH_CHECK,
            HealthCheckRequest.SerializeToString,
            HealthCheckResponse.FromString,
        )
        request = health_request(service, model)
        response = await self._call(check, request, timeout, attempts=1)
        return response.status == HealthCheckResponse.SERVING

    async def _call(
        self,
        method: "aio.UnaryUnaryMultiCallable[Request, Response]",
        request: Request,
        timeout: float | None,
        attempts: int = ATTEMPTS,
    ) -> Response:
        retry = Retry(self.seconds(timeout), attempts)
        while True:
            self.check_open()
            try:
                with self._closing():
                    return await method(request, timeout=retry.seconds(), metadata=self.metadata)
            except grpc.RpcError as error:
                delay = retry.delay(error)
                if delay is None:
                    raise from_rpc_error(error, self.route) from error
            await asyncio.sleep(delay)

    async def _answers(
        self, feed: AsyncFeed, seconds: float | None
    ) -> AsyncGenerator[StreamResult]:
        self.check_open()
        call = self._stream(None, timeout=seconds, metadata=self.metadata)
        writer = asyncio.create_task(feed.write(call))

        def ended(_: object) -> None:
            # A write that fails now would put INTERNAL in the place of the status:
            # https://github.com/grpc/grpc/issues/36066.
            writer.cancel()
            feed.end()

        call.add_done_callback(ended)
        try:
            with self._closing():
                async with aclosing(feed.answers(aiter(call))) as answers:
                    async for answer in answers:
                        yield answer
        except grpc.RpcError as error:
            raise from_rpc_error(error, self.route) from error
        finally:
            call.cancel()
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
        feed.finish()

    @contextmanager
    def _closing(self) -> Iterator[None]:
        """Tells a call that ends because the client is closed from a task's end.

        gRPC raises CancelledError for both; here the former is a FaceClientError.
        """
        try:
            yield
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if not self.closed.is_set() or task is None or task.cancelling():
                raise
            code, message = grpc.StatusCode.CANCELLED, "the client was closed"
            raise FaceClientError(code, "", message) from error
