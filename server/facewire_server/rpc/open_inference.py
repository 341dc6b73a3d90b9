"""The servicer of inference.GRPCInferenceService: the Open Inference Protocol, version 2."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from functools import partial
from importlib.metadata import version
from typing import Any

from facewire.inference.v2 import open_inference_pb2 as pb
from facewire.inference.v2 import open_inference_pb2_grpc
from facewire_server.errors import FacewireError, Reason, RequestError
from facewire_server.inference.detector import Detections, Detector
from facewire_server.rpc import infer_request, infer_response
from facewire_server.rpc.call import Call, Context
from facewire_server.rpc.calls import Calls, UnaryCall
from facewire_server.rpc.dispatcher import Dispatcher
from facewire_server.rpc.health import OPEN_INFERENCE, Health
from facewire_server.rpc.message_parser import received_size
from facewire_server.rpc.ordered_stream import LatestSlot, OrderedStream, Pending
from facewire_server.scheduling.job import FixedWork, Outcome

EXTENSIONS = ("model_configuration", "model_repository")

SHOWN = 64
"""How many characters of a version an error repeats."""

Answer = Outcome[Detections] | BaseException
Numbered = tuple[int, FixedWork[Detections]]


def _not_served(method: str, reason: str) -> Any:
    """Make a method that answers UNIMPLEMENTED."""

    async def refuse(self: "OpenInferenceServicer", _: object, context: Context) -> None:
        async with self._call(context, method):
            raise RequestError(Reason.NOT_SERVED, f"{method} is not served: {reason}")

    return refuse


class OpenInferenceServicer(open_inference_pb2_grpc.GRPCInferenceServiceServicer):
    """Answers requests from the loaded models; the .proto specifies each method."""

    def __init__(self, dispatcher: Dispatcher, calls: Calls, health: Health) -> None:
        self._dispatcher = dispatcher
        self._calls = calls
        self._health = health

    async def ServerLive(self, _: pb.ServerLiveRequest, context: Context) -> pb.ServerLiveResponse:
        """See the .proto."""
        return pb.ServerLiveResponse(live=True)

    async def ServerReady(
        self, _: pb.ServerReadyRequest, context: Context
    ) -> pb.ServerReadyResponse:
        """See the .proto."""
        return pb.ServerReadyResponse(ready=self._health.is_serving)

    async def ModelReady(
        self, request: pb.ModelReadyRequest, context: Context
    ) -> pb.ModelReadyResponse:
        """See the .proto."""
        try:
            self._detector(request.name, request.version)
        except FacewireError:
            return pb.ModelReadyResponse(ready=False)
        return pb.ModelReadyResponse(ready=self._health.is_serving)

    async def ServerMetadata(
        self, _: pb.ServerMetadataRequest, context: Context
    ) -> pb.ServerMetadataResponse:
        """See the .proto."""
        async with self._call(context, "ServerMetadata"):
            return pb.ServerMetadataResponse(
                name="facewire", version=version("facewire"), extensions=EXTENSIONS
            )

    async def ModelMetadata(
        self, request: pb.ModelMetadataRequest, context: Context
    ) -> pb.ModelMetadataResponse:
        """See the .proto."""
        async with self._call(context, "ModelMetadata"):
            detector = self._detector(request.name, request.version)
            return infer_response.metadata(detector.description)

    async def ModelConfig(
        self, request: pb.ModelConfigRequest, context: Context
    ) -> pb.ModelConfigResponse:
        """See the .proto."""
        async with self._call(context, "ModelConfig"):
            detector = self._detector(request.name, request.version)
            return infer_response.config(detector.description)

    async def RepositoryIndex(
        self, request: pb.RepositoryIndexRequest, context: Context
    ) -> pb.RepositoryIndexResponse:
        """See the .proto."""
        async with self._call(context, "RepositoryIndex"):
            entry = pb.RepositoryIndexResponse.ModelIndex
            models = [detector.description for detector in self._dispatcher.loaded.registry]
            return pb.RepositoryIndexResponse(
                models=[
                    entry(name=model.name, version=model.version, state="READY") for model in models
                ]
            )

    async def ModelInfer(
        self, request: pb.ModelInferRequest, context: Context
    ) -> pb.ModelInferResponse:
        """See the .proto."""
        async with self._call(context, "ModelInfer") as call:
            call.size = received_size.get()
            self._dispatcher.check_size(call.size)
            detector = self._detector(request.model_name, request.model_version)
            call.model = detector.description.name
            wanted = infer_response.wanted(request, detector.description)
            works = self._works(detector, request, call)
            request_id = request.id
            del request  # the work refers to the parts that it needs, and may wait for long
            call.outcomes = await self._run(works, call)
            found = [outcome.value for outcome in call.outcomes]
            return infer_response.response(request_id, wanted, found)

    async def ModelStreamInfer(
        self, requests: AsyncIterator[pb.ModelInferRequest], context: Context
    ) -> AsyncIterator[pb.ModelStreamInferResponse]:
        """See the .proto."""
        await _not_served("ModelStreamInfer", "send each request by ModelInfer")(
            self, requests, context
        )
        yield pb.ModelStreamInferResponse()

    ModelStatistics = _not_served("ModelStatistics", "/metrics has the numbers")
    RepositoryModelLoad = _not_served("RepositoryModelLoad", "flags name the models")
    RepositoryModelUnload = _not_served("RepositoryModelUnload", "flags name the models")
    SystemSharedMemoryStatus = _not_served("SystemSharedMemoryStatus", "send data in the message")
    SystemSharedMemoryRegister = _not_served(
        "SystemSharedMemoryRegister", "send data in the message"
    )
    SystemSharedMemoryUnregister = _not_served(
        "SystemSharedMemoryUnregister", "send data in the message"
    )
    CudaSharedMemoryStatus = _not_served("CudaSharedMemoryStatus", "CUDA is not used")
    CudaSharedMemoryRegister = _not_served("CudaSharedMemoryRegister", "CUDA is not used")
    CudaSharedMemoryUnregister = _not_served("CudaSharedMemoryUnregister", "CUDA is not used")
    TraceSetting = _not_served("TraceSetting", "--traces and the OTEL_* variables set traces")
    LogSettings = _not_served("LogSettings", "flags set the log")

    def _call(self, context: Context, method: str) -> UnaryCall:
        return UnaryCall(self._calls, context, method, service=OPEN_INFERENCE)

    def _detector(self, name: str, version: str) -> Detector:
        """Look up a model. Raises FacewireError for another version than the loaded one."""
        detector = self._dispatcher.loaded.registry.get(name)
        loaded = detector.description.version
        if version not in ("", loaded):
            raise RequestError(
                Reason.UNKNOWN_MODEL,
                f"{detector.description.name} has the version {loaded}, and"
                f" {version[:SHOWN]!r} is asked for",
            )
        return detector

    def _works(
        self, detector: Detector, request: pb.ModelInferRequest, call: Call
    ) -> list[FixedWork[Detections]]:
        """Make the work for each image. Raises RequestError. Sets the call's deadline."""
        parameters = infer_request.Parameters.parse(request.parameters)
        if parameters.timeout is not None:
            deadline = call.arrived + parameters.timeout
            call.deadline = deadline if call.deadline is None else min(call.deadline, deadline)
        images = infer_request.images(request, reducible=self._dispatcher.reducible)
        return [
            self._dispatcher.work(detector, image, parameters.options, len(image.data))
            for image in images
        ]

    async def _run(
        self, works: Sequence[FixedWork[Detections]], call: Call
    ) -> list[Outcome[Detections]]:
        """Have all images worked on side by side; the first error is that of the request.

        As many are in the queue or in work as there are workers. The first image is
        admitted as a request of Detect is; the others wait for room, as frames do.
        """
        if len(works) == 1:
            return [await self._dispatcher.run(works[0], call)]
        scheduler = self._dispatcher.loaded.scheduler
        stream: OrderedStream[Numbered, Answer] = OrderedStream(
            partial(self._answer, call),
            window=scheduler.workers,
            room=partial(scheduler.room, call.peer),
        )
        outcomes: list[Outcome[Detections]] = []
        async with aclosing(stream.run(_numbered(works), asyncio.Event())) as answers:
            async for answer in answers:
                if isinstance(answer, BaseException):
                    raise _of_image(len(outcomes), answer)
                outcomes.append(answer)
        return outcomes

    async def _answer(self, call: Call, slot: LatestSlot[Pending[Numbered, Answer]]) -> Answer:
        index, work = slot.take().request
        running = self._dispatcher.run(work, call, sheddable=index == 0)
        # An error is returned: a stream would wait forever for an answer that fails.
        (answer,) = await asyncio.gather(running, return_exceptions=True)
        return answer


async def _numbered(works: Sequence[FixedWork[Detections]]) -> AsyncIterator[Numbered]:
    for numbered in enumerate(works):
        yield numbered


def _of_image(index: int, error: BaseException) -> BaseException:
    """Name the image in an error that is its fault."""
    if isinstance(error, RequestError):
        return RequestError(error.reason, f"image {index}: {error}")
    return error
