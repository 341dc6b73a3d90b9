"""The blocking client of a facewire server."""

from collections.abc import Generator, Iterable
from types import TracebackType
from typing import Self, TypeVar, Unpack

import grpc
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
from facewire_client.errors import from_rpc_error
from facewire_client.request import DetectOptions, Image, health_request, model_request
from facewire_client.response import detect_result, model_info
from facewire_client.result import DetectResult, ModelInfo, StreamResult
from facewire_client.retry import MAX_ATTEMPTS, Attempts
from facewire_client.stream import FrameConverter, ImageStream

Request = TypeVar("Request")
Response = TypeVar("Response")


class FaceClient:
    """A blocking client of a facewire server; threads may share it.

    with FaceClient("127.0.0.1:50051") as client:
        for face in client.detect("photo.jpg").faces:
            print(face.box, face.confidence)

    `target` is HOST:PORT, [IPV6]:PORT, unix:PATH, or any other gRPC target. `token` is sent with
    every call as `authorization: Bearer`. The channel is encrypted when `tls` is true or one of
    the PEM files is given: `root_certificates` of the authorities to trust (None: gRPC's own
    list), `certificate_chain` and `private_key` of the client for mutual TLS. `timeout` is the
    time of a call in seconds, all its attempts and the connecting included (`math.inf`: no
    limit). `max_message_mb` is the largest message in MiB, either way, in [1, 2047]; 32 is also
    the server's default. Raises ValueError for an argument out of its range and TypeError for a
    target or token that is no str.

    Calls raise FaceClientError. A call that finds the server full or absent is tried again up to
    four times before that, as long as its timeout allows; a stream is not.
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
        credentials, channel_options = self._connection.credentials(), self._connection.options()
        if credentials is None:
            self._channel = grpc.insecure_channel(target, channel_options)
        else:
            self._channel = grpc.secure_channel(target, credentials, channel_options)
        self._stub = detect_pb2_grpc.DetectServiceStub(self._channel)
        # The stub would serialise these requests: see `Connection.serialise`.
        self._detect: grpc.UnaryUnaryMultiCallable[bytes, DetectResponse] = (
            self._channel.unary_unary(DETECT_PATH, response_deserializer=DetectResponse.FromString)
        )
        self._stream: grpc.StreamStreamMultiCallable[bytes, DetectStreamResponse] = (
            self._channel.stream_stream(
                STREAM_PATH, response_deserializer=DetectStreamResponse.FromString
            )
        )
        self._check = self._channel.unary_unary(
            HEALTH_PATH,
            HealthCheckRequest.SerializeToString,
            HealthCheckResponse.FromString,
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._connection.target!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection and cancel the calls under way."""
        self._connection.closed.set()
        self._channel.close()

    def detect(
        self,
        image: Image,
        *,
        timeout: float | None = None,
        **options: Unpack[DetectOptions],
    ) -> DetectResult:
        """Find the faces in one image.

        `image` is a path, the bytes of an image file, or an array: see
        `facewire_client.request.fill_request`. The options are `model`, `min_confidence`,
        `iou_threshold`, `max_detections` and `tiling`: see
        `facewire_client.request.DetectOptions`.
        `timeout` is in seconds; None is the client's.
        """
        request = self._connection.detect_request(image, **options)
        return detect_result(self._call(self._detect, request, timeout))

    def detect_stream(
        self,
        images: Iterable[Image],
        *,
        window: int = 16,
        drop_oldest: bool = False,
        timeout: float | None = None,
        **options: Unpack[DetectOptions],
    ) -> Generator[StreamResult]:
        """Find the faces in many images; yield the results in the order of the images.

        An image that fails has its error as result, and the stream goes on; an image that
        cannot be sent does so without being sent. Raises FaceClientError when the stream itself
        breaks; give images that have no result by then to a new stream. `images` is
        read in a separate thread, at most `window` ahead of the results taken; its exception
        is raised here, after the results of the images before. With `drop_oldest`, for live
        video, an image that was not started gives way to a newer one and has FRAME_DROPPED as
        its error. `timeout` is for the whole stream; None is no limit. Closing the generator
        cancels the stream.
        """
        if window < 1:
            raise ValueError(f"window must be at least 1, not {window}")
        converter = FrameConverter(self._connection, options, drop_oldest=drop_oldest)
        seconds = None if timeout is None else self._connection.seconds(timeout)
        return self._results(ImageStream(converter, images, window), seconds)

    def models(self, *, timeout: float | None = None) -> tuple[ModelInfo, ...]:
        """Return the models that the server has loaded, the default one first."""
        request = detect_pb2.ListModelsRequest()
        response = self._call(self._stub.ListModels, request, timeout)
        return tuple(model_info(model) for model in response.models)

    def model(self, name: str = "", *, timeout: float | None = None) -> ModelInfo:
        """Return one model; without a name, the default one."""
        request = model_request(name)
        return model_info(self._call(self._stub.GetModel, request, timeout).model)

    def health(self, service: str = "", *, model: str = "", timeout: float | None = None) -> bool:
        """Return whether the server, one of its services, or a model can take calls now.

        Raises FaceClientError with NOT_FOUND when there is no such service or model, and
        ValueError when both are given.
        """
        request = health_request(service, model)
        response = self._call(self._check, request, timeout, max_attempts=1)
        return response.status == HealthCheckResponse.SERVING

    def _call(
        self,
        method: "grpc.UnaryUnaryMultiCallable[Request, Response]",
        request: Request,
        timeout: float | None,
        max_attempts: int = MAX_ATTEMPTS,
    ) -> Response:
        connection = self._connection
        attempts = Attempts(connection.seconds(timeout), max_attempts)
        while True:
            connection.check_open()
            try:
                return method(request, timeout=attempts.seconds(), metadata=connection.metadata)
            except grpc.RpcError as error:
                delay = attempts.delay(error)
                if delay is None or connection.closed.is_set():  # which cancels the call
                    raise from_rpc_error(error, connection.route) from error
            connection.closed.wait(delay)

    def _results(self, stream: ImageStream, seconds: float | None) -> Generator[StreamResult]:
        connection = self._connection
        connection.check_open()
        call = self._stream(iter(stream), timeout=seconds, metadata=connection.metadata)
        if not call.add_callback(stream.end):
            stream.end()  # the call has ended already
        try:
            yield from stream.results(call)
        except grpc.RpcError as error:
            raise from_rpc_error(error, connection.route) from error
        finally:
            stream.close()
            call.cancel()
        stream.completion.check()
