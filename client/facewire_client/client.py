"""The client for ordinary, blocking code."""

from collections.abc import Generator, Iterable
from types import TracebackType
from typing import Self, TypeVar, Unpack

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from facewire.v1 import detect_pb2, detect_pb2_grpc
from facewire.v1.detect_pb2 import DetectResponse, DetectStreamResponse
from facewire_client.connection import (
    DETECT,
    DETECT_STREAM,
    HEALTH_CHECK,
    Connection,
    health_request,
    model_request,
)
from facewire_client.errors import from_rpc_error
from facewire_client.feed import Feed
from facewire_client.frames import Frames
from facewire_client.request import DetectOptions, Image
from facewire_client.response import detect_result, model_info
from facewire_client.result import DetectResult, ModelInfo, StreamResult
from facewire_client.retry import ATTEMPTS, Retry

Request = TypeVar("Request")
Response = TypeVar("Response")


class FaceClient(Connection):
    """Finds faces by way of a facewire server; safe to share between threads.

    with FaceClient("127.0.0.1:50051") as client:
        for face in client.detect("photo.jpg").faces:
            print(face.box, face.confidence)

    The arguments are those of `Connection`. Calls raise FaceClientError. A call
    that finds the server full or absent is tried again up to four times before
    that, as long as its timeout allows; a stream is not.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        credentials, options = self.credentials(), self.options()
        if credentials is None:
            self._channel = grpc.insecure_channel(self.target, options)
        else:
            self._channel = grpc.secure_channel(self.target, credentials, options)
        self._stub = detect_pb2_grpc.DetectServiceStub(self._channel)
        # Not those of the stub: see `Connection.serialised`.
        self._detect: grpc.UnaryUnaryMultiCallable[bytes, DetectResponse] = (
            self._channel.unary_unary(DETECT, response_deserializer=DetectResponse.FromString)
        )
        self._stream: grpc.StreamStreamMultiCallable[bytes, DetectStreamResponse] = (
            self._channel.stream_stream(
                DETECT_STREAM, response_deserializer=DetectStreamResponse.FromString
            )
        )
        self._check = self._channel.unary_unary(
            HEALTH_CHECK,
            HealthCheckRequest.SerializeToString,
            HealthCheckResponse.FromString,
        )

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
        """Closes the connection; calls that are under way are cancelled."""
        self.closed.set()
        self._channel.close()

    def detect(
        self,
        image: Image,
        *,
        timeout: float | None = None,
        **options: Unpack[DetectOptions],
    ) -> DetectResult:
        """The faces of one image.

        `image` is a path, the bytes of an image file, or an array: see
        `facewire_client.request.fill_request`. The options are `model`,
        `min_confidence`, `iou_threshold` and `max_detections`: see
        `facewire_client.request.DetectOptions`. `timeout` is in seconds; None is
        the client's.
        """
        request = self.detect_request(image, **options)
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
        """The answers to many images, in their order, as they come.

        An image that fails is answered with its error, and the stream goes on; one
        that cannot be sent is answered so without being sent. FaceClientError is raised when the
        stream itself breaks, and images that were not answered until then are to be given again.
        `images` is read in a thread of its own, never more than `window` ahead of the answers
        taken; what it raises is raised here, after the answers to the images before. With
        `drop_oldest`, for live video, an image that was not yet started gives way to a newer one
        and is answered with FRAME_DROPPED. `timeout` is for the whole stream; None is no limit.
        Closing the generator cancels what is under way.
        """
        if window < 1:
            raise ValueError(f"window must be at least 1, not {window}")
        frames = Frames(self, options, drop_oldest=drop_oldest)
        seconds = None if timeout is None else self.seconds(timeout)
        return self._answers(Feed(frames, images, window), seconds)

    def models(self, *, timeout: float | None = None) -> tuple[ModelInfo, ...]:
        """The models that the server has loaded, the default one first."""
        request = detect_pb2.ListModelsRequest()
        response = self._call(self._stub.ListModels, request, timeout)
        return tuple(model_info(model) for model in response.models)

    def model(self, name: str = "", *, timeout: float | None = None) -> ModelInfo:
        """One model; without a name, the default one."""
        request = model_request(name)
        return model_info(self._call(self._stub.GetModel, request, timeout).model)

    def health(self, service: str = "", *, model: str = "", timeout: float | None = None) -> bool:
        """Whether the server, one of its services, or a model can take calls now.

        Raises FaceClientError with NOT_FOUND when there is no such service or model,
        and ValueError when both are given.
        """
        request = health_request(service, model)
        response = self._call(self._check, request, timeout, attempts=1)
        return response.status == HealthCheckResponse.SERVING

    def _call(
        self,
        method: "grpc.UnaryUnaryMultiCallable[Request, Response]",
        request: Request,
        timeout: float | None,
        attempts: int = ATTEMPTS,
    ) -> Response:
        retry = Retry(self.seconds(timeout), attempts)
        while True:
            self.check_open()
            try:
                return method(request, timeout=retry.seconds(), metadata=self.metadata)
            except grpc.RpcError as error:
                delay = retry.delay(error)
                if delay is None:
                    raise from_rpc_error(error, self.route) from error
            self.closed.wait(delay)

    def _answers(self, feed: Feed, seconds: float | None) -> Generator[StreamResult]:
        self.check_open()
        call = self._stream(iter(feed), timeout=seconds, metadata=self.metadata)
        if not call.add_callback(feed.end):
            feed.end()  # the call has ended already
        try:
            yield from feed.answers(call)
        except grpc.RpcError as error:
            raise from_rpc_error(error, self.route) from error
        finally:
            feed.close()
            call.cancel()
        feed.finish()
