"""A DetectService without a model: it records its calls and answers as configured."""

import re
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

import grpc
from grpc_health.v1.health import HealthServicer
from grpc_health.v1.health_pb2 import HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import (
    DetectServiceServicer,
    add_DetectServiceServicer_to_server,
)
from tests.client.failure import Failure

MODELS = (
    pb.Model(
        name="nano",
        version="0123456789ab",
        labels=["face"],
        input_width=320,
        input_height=240,
        device="CPU",
        precision="FP32",
        sha256="0123456789ab" + 52 * "0",
        is_default=True,
        min_confidence=0.5,
        iou_threshold=0.25,
    ),
    pb.Model(name="large", labels=["face", "mask"], input_width=640, input_height=640),
)


def echo(request: pb.DetectRequest) -> pb.DetectResponse:
    """Answer without faces; the width is the number of bytes, the model that of the request."""
    if not request.WhichOneof("image"):
        raise Failure(grpc.StatusCode.INVALID_ARGUMENT, "EMPTY_IMAGE")
    if request.encoded_image == b"corrupt":
        raise Failure(grpc.StatusCode.INVALID_ARGUMENT, "CORRUPT_IMAGE")
    return pb.DetectResponse(image_width=len(request.encoded_image), model_name=request.model)


class FakeServer(DetectServiceServicer):
    """`with FakeServer() as server:` and then `server.target`.

    `failures` are the errors of the next calls, of Detect or DetectStream; `answer` makes the
    response to each image of later calls. In a stream, an error that it raises is that of the
    image, except UNAVAILABLE, which ends the stream.
    """

    def __init__(
        self,
        credentials: grpc.ServerCredentials | None = None,
        *,
        address: str = "127.0.0.1:0",
    ) -> None:
        self.answer: Callable[[pb.DetectRequest], pb.DetectResponse] = echo
        self.failures: deque[Failure] = deque()
        self.requests: list[pb.DetectRequest] = []
        self.policies: list[int] = []
        self.metadata: list[dict[str, str | bytes]] = []
        self.peers: list[str] = []
        self.calls = 0
        self.stream_ended = threading.Event()
        self.health = HealthServicer()
        self._stopping = threading.Event()
        self._pool = ThreadPoolExecutor(8, thread_name_prefix="fake-server")
        self._server = grpc.server(self._pool)
        add_DetectServiceServicer_to_server(self, self._server)
        add_HealthServicer_to_server(self.health, self._server)
        self.health.set("", HealthCheckResponse.SERVING)
        if credentials is None:
            port = self._server.add_insecure_port(address)
        else:
            port = self._server.add_secure_port(address, credentials)
        self.target = re.sub(":0$", f":{port}", address)

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._server.stop(None).wait()
        self._pool.shutdown()

    def hang(self, request: pb.DetectRequest) -> pb.DetectResponse:
        """An `answer` that blocks until the server stops."""
        self._stopping.wait()
        return pb.DetectResponse()

    def Detect(self, request: pb.DetectRequest, context: grpc.ServicerContext) -> pb.DetectResponse:
        self._begin(context)
        try:
            return self._answer(request)
        except Failure as failure:
            failure.abort(context)

    def DetectImage(
        self, request: pb.DetectImageRequest, context: grpc.ServicerContext
    ) -> pb.DetectResponse:
        raise NotImplementedError  # the client calls Detect

    def DetectStream(
        self,
        request_iterator: Iterator[pb.DetectStreamRequest],
        context: grpc.ServicerContext,
    ) -> Iterator[pb.DetectStreamResponse]:
        self._begin(context)
        context.add_callback(self.stream_ended.set)
        for frame in request_iterator:
            self.policies.append(frame.overflow_policy)
            answer = pb.DetectStreamResponse(frame_id=frame.frame_id)
            try:
                answer.response.CopyFrom(self._answer(frame.request))
            except Failure as failure:
                if failure.code is grpc.StatusCode.UNAVAILABLE:
                    failure.abort(context)
                answer.error.code = failure.code.value[0]
                answer.error.reason = failure.reason
                answer.error.message = failure.message
            yield answer

    def ListModels(
        self, request: pb.ListModelsRequest, context: grpc.ServicerContext
    ) -> pb.ListModelsResponse:
        self._begin(context)
        return pb.ListModelsResponse(models=MODELS)

    def GetModel(
        self, request: pb.GetModelRequest, context: grpc.ServicerContext
    ) -> pb.GetModelResponse:
        self._begin(context)
        for model in MODELS:
            if request.name in ("", model.name):
                return pb.GetModelResponse(model=model)
        Failure(grpc.StatusCode.NOT_FOUND, "UNKNOWN_MODEL").abort(context)

    def _begin(self, context: grpc.ServicerContext) -> None:
        self.calls += 1
        self.metadata.append(dict(context.invocation_metadata()))
        self.peers.append(context.peer())
        if self.failures:
            self.failures.popleft().abort(context)

    def _answer(self, request: pb.DetectRequest) -> pb.DetectResponse:
        self.requests.append(request)
        return self.answer(request)


def break_after(count: int, server: FakeServer, request: pb.DetectRequest) -> pb.DetectResponse:
    """An `answer` that ends the stream with UNAVAILABLE after `count` images."""
    if len(server.requests) > count:
        raise Failure(grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN")
    return echo(request)
