"""The asyncio client; it has the methods of `FaceClient`."""

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
from facewire_client.connection import (
    DETECT_PATH,
    HEALTH_PATH,
    STREAM_PATH,
    Connection,
    Pem,
)
from facewire_client.errors import FaceClientError, from_rpc_error
from facewire_client.request import (
    DetectOptions,
    Image,
    call_with_file,
    health_request,
    model_request,
)
from facewire_client.response import detect_result, model_info
from facewire_client.result import DetectResult, ModelInfo, StreamResult
from facewire_client.retry import MAX_ATTEMPTS, Attempts
from facewire_client.stream import AsyncImageStream, FrameConverter

Request = TypeVar("Request")
Response = TypeVar("Response")


class AsyncFaceClient:
    """A client of a facewire server for one asyncio event loop.

    async with AsyncFaceClient("127.0.0.1:50051") as client:
        result = await client.detect("photo.jpg")

    The arguments are those of `FaceClient`. Calls raise FaceClientError, and are tried again as
    those of `FaceClient` are. Files are read in threads, away from the event loop.
    """

    def __init__(
        self,
        target: str,
        *,
        token: str | None = None,
        root_certificates: Pem | None = None,
        certificate_chain: Pem | None = None,
        private_key: Pem | None = None,
        tls: bool = False,
        timeout: float = 30.0,
        max_message_mb: int = 32,
    ) -> None:
        self._connection = Connection(
            target,
            token=token,
            root_certificates=root_certificates,
            certificate_chain=certificate_chain,
            private_key=private_key,
            tls=tls,
            timeout=timeout,
            max_message_mb=max_message_mb,
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._connection.target!r})"

    # Opened on first use, because gRPC ties a channel to the running event loop.
    @cached_property
    def _channel(self) -> aio.Channel:
        target, options = self._connection.target, self._connection.options()
        credentials = self._connection.credentials()
        if credentials is None:
            return aio.insecure_channel(target, options)
        return aio.secure_channel(target, credentials, options)

    @cached_property
    def _stub(self) -> "detect_pb2_grpc.DetectServiceAsyncStub":
        return detect_pb2_grpc.DetectServiceStub(self._channel)

    # The stub would serialise these requests: see `Connection.serialise`.
    @cached_property
    def _detect(self) -> "aio.UnaryUnaryMultiCallable[bytes, DetectResponse]":
        return self._channel.unary_unary(
            DETECT_PATH, response_deserializer=DetectResponse.FromString
        )

    @cached_property
    def _stream(self) -> "aio.StreamStreamMultiCallable[bytes, DetectStreamResponse]":
        return self._channel.stream_stream(
            STREAM_PATH, response_deserializer=DetectStreamResponse.FromString
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
        """Close the connection and cancel the calls under way."""
        self._connection.closed.set()
        await self._channel.close()

    async def detect(
        self,
        image: Image,
        *,
        timeout: float | None = None,
        **options: Unpack[DetectOptions],
    ) -> DetectResult:
        """Find the faces in one image: see `FaceClient.detect`."""
        self._connection.check_open()
        build = partial(self._connection.detect_request, image, **options)
        request = await call_with_file(image, build)
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
        """Find the faces in many images: see `FaceClient.detect_stream`.

        `images` is read in a separate task; an iterable that is not asynchronous must not
        block. To stop early, close the generator (`contextlib.aclosing`).
        """
        if window < 1:
            raise ValueError(f"window must be at least 1, not {window}")
        converter = FrameConverter(self._connection, options, drop_oldest=drop_oldest)
        seconds = None if timeout is None else self._connection.seconds(timeout)
        return self._results(AsyncImageStream(converter, images, window), seconds)

    async def models(self, *, timeout: float | None = None) -> tuple[ModelInfo, ...]:
        """Return the models that the server has loaded, the default one first."""
        request = detect_pb2.ListModelsRequest()
        response = await self._call(self._stub.ListModels, request, timeout)
        return tuple(model_info(model) for model in response.models)

    async def model(self, name: str = "", *, timeout: float | None = None) -> ModelInfo:
        """Return one model; without a name, the default one."""
        request = model_request(name)
        response = await self._call(self._stub.GetModel, request, timeout)
        return model_info(response.model)

    async def health(
        self, service: str = "", *, model: str = "", timeout: float | None = None
    ) -> bool:
        """Return whether the server, a service or a model serves: see `FaceClient.health`."""
        self._connection.check_open()
        check = self._channel.unary_unary(
            HEALTH_PATH,
            HealthCheckRequest.SerializeToString,
            HealthCheckResponse.FromString,
        )
        request = health_request(service, model)
        response = await self._call(check, request, timeout, max_attempts=1)
        return response.status == HealthCheckResponse.SERVING

    async def _call(
        self,
        method: "aio.UnaryUnaryMultiCallable[Request, Response]",
        request: Request,
        timeout: float | None,
        max_attempts: int = MAX_ATTEMPTS,
    ) -> Response:
        connection = self._connection
        attempts = Attempts(connection.seconds(timeout), max_attempts)
        while True:
            connection.check_open()
            try:
                with self._closing():
                    return await method(
                        request, timeout=attempts.seconds(), metadata=connection.metadata
                    )
            except grpc.RpcError as error:
                delay = attempts.delay(error)
                if delay is None:
                    raise from_rpc_error(error, connection.route) from error
            await asyncio.sleep(delay)

    async def _results(
        self, stream: AsyncImageStream, seconds: float | None
    ) -> AsyncGenerator[StreamResult]:
        connection = self._connection
        connection.check_open()
        call = self._stream(None, timeout=seconds, metadata=connection.metadata)
        writer = asyncio.create_task(stream.write(call))

        def ended(_: object) -> None:
            # A write that fails now would replace the call's status by INTERNAL:
            # https://github.com/grpc/grpc/issues/36066.
            writer.cancel()
            stream.end()

        call.add_done_callback(ended)
        try:
            with self._closing():
                async with aclosing(stream.results(aiter(call))) as results:
                    async for result in results:
                        yield result
        except grpc.RpcError as error:
            raise from_rpc_error(error, connection.route) from error
        finally:
            call.cancel()
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
        stream.completion.check()

    @contextmanager
    def _closing(self) -> Iterator[None]:
        """Turn the CancelledError of a call that ends because the client is closed into an error.

        gRPC raises CancelledError for that and for a cancelled task; only the latter leaves.
        """
        try:
            yield
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if not self._connection.closed.is_set() or task is None or task.cancelling():
                raise
            code, message = grpc.StatusCode.CANCELLED, "the client was closed"
            raise FaceClientError(code, "", message) from error
