"""The servicer of inference.GRPCInferenceService: the Open Inference Protocol, version 2."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from functools import partial
from importlib.metadata import version
from typing import Any, NamedTuple, TypeAlias

from facewire.inference.v2 import open_inference_pb2 as pb
from facewire_server.errors import FacewireError, Reason, RequestError
from facewire_server.inference.detector import Detections, Detector
from facewire_server.rpc import infer_request, infer_response
from facewire_server.rpc.batch import run_batch
from facewire_server.rpc.call import Call, Context
from facewire_server.rpc.calls import CallFailed, Calls, shutting_down
from facewire_server.rpc.dispatcher import Dispatcher
from facewire_server.rpc.health import OPEN_INFERENCE, Health
from facewire_server.rpc.message_parser import Received, receive
from facewire_server.rpc.ordered_stream import LatestSlot, OrderedStream, Pending
from facewire_server.rpc.shared_memory import Places, SharedMemoryMethods
from facewire_server.scheduling.job import FixedWork
from facewire_server.system.shared_memory import Regions

EXTENSIONS = ("model_configuration", "model_repository")
SHARED_MEMORY = ("system_shared_memory",)

SHOWN = 64
"""How many characters of a version an error repeats."""

STREAM = "ModelStreamInfer"

Request: TypeAlias = Received[pb.ModelInferRequest]
StreamResponse: TypeAlias = pb.ModelStreamInferResponse


class InferJob(NamedTuple):
    """What is to be done for one request: its images, and the outputs that are wanted."""

    request_id: str
    works: Sequence[FixedWork[Detections]]
    wanted: Sequence[infer_response.Output]
    places: Places


def _not_served(method: str, reason: str) -> Any:
    """Make a method that answers UNIMPLEMENTED."""

    async def refuse(self: "OpenInferenceServicer", _: object, context: Context) -> None:
        async with self._call(context, method):
            raise RequestError(Reason.NOT_SERVED, f"{method} is not served: {reason}")

    return refuse


class OpenInferenceServicer(SharedMemoryMethods):
    """Answers requests from the loaded models; the .proto specifies each method."""

    def __init__(
        self, dispatcher: Dispatcher, calls: Calls, health: Health, regions: Regions | None
    ) -> None:
        """`regions` None: shared memory is not served."""
        super().__init__(calls, regions)
        self._dispatcher = dispatcher
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
            extensions = EXTENSIONS if self._regions is None else EXTENSIONS + SHARED_MEMORY
            return pb.ServerMetadataResponse(
                name="facewire", version=version("facewire"), extensions=extensions
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
            job = self._job(request, call)
            del request  # the job refers to the parts that it needs, and may wait for long
            return await self._answer(job, call)

    async def ModelStreamInfer(
        self, requests: AsyncIterator[pb.ModelInferRequest], context: Context
    ) -> AsyncIterator[pb.ModelStreamInferResponse]:
        """See the .proto."""
        try:
            with self._calls.stream(context, STREAM, service=OPEN_INFERENCE):
                scheduler = self._dispatcher.loaded.scheduler
                stream = OrderedStream(
                    partial(self._streamed, context),
                    window=scheduler.workers,
                    room=partial(scheduler.room, context.peer()),
                )
                running = stream.run(_Requests(requests), self._calls.draining)
                async with aclosing(running) as answers:
                    async for answer in answers:
                        yield answer
                if stream.stopped:
                    raise shutting_down()
        except CallFailed as failed:
            await self._calls.abort(context, failed.failure)

    ModelStatistics = _not_served("ModelStatistics", "/metrics has the numbers")
    RepositoryModelLoad = _not_served("RepositoryModelLoad", "flags name the models")
    RepositoryModelUnload = _not_served("RepositoryModelUnload", "flags name the models")
    CudaSharedMemoryStatus = _not_served("CudaSharedMemoryStatus", "CUDA is not used")
    CudaSharedMemoryRegister = _not_served("CudaSharedMemoryRegister", "CUDA is not used")
    CudaSharedMemoryUnregister = _not_served("CudaSharedMemoryUnregister", "CUDA is not used")
    TraceSetting = _not_served("TraceSetting", "--traces and the OTEL_* variables set traces")
    LogSettings = _not_served("LogSettings", "flags set the log")

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

    def _job(self, request: pb.ModelInferRequest, call: Call) -> InferJob:
        """Make the work for a request. Raises FacewireError. Sets the deadline of `call`."""
        self._dispatcher.check_size(call.size)
        detector = self._detector(request.model_name, request.model_version)
        call.model = detector.description.name
        parameters = infer_request.Parameters.parse(request.parameters)
        if parameters.timeout is not None:
            deadline = call.arrived + parameters.timeout
            call.deadline = deadline if call.deadline is None else min(call.deadline, deadline)
        wanted = infer_response.wanted(request, detector.description)
        places = Places.of(request, self._served)
        shared = None if places.input is None else places.input.data
        self._dispatcher.check_size(call.size + len(shared or ()))
        images = infer_request.images(request, reducible=self._dispatcher.reducible, shared=shared)
        options, lasting = parameters.options, shared is None
        works = [
            self._dispatcher.work(detector, image, options, len(image.data), lasting=lasting)
            for image in images
        ]
        return InferJob(request.id, works, wanted, places)

    async def _answer(
        self, job: InferJob, call: Call, *, sheddable: bool = True
    ) -> pb.ModelInferResponse:
        """Have the work done. Raises FacewireError."""
        places = job.places
        with places.checked():
            call.outcomes = await run_batch(self._dispatcher, job.works, call, sheddable=sheddable)
            found = [outcome.value for outcome in call.outcomes]
            return infer_response.response(job.request_id, job.wanted, found, places.outputs)

    async def _streamed(
        self, context: Context, slot: LatestSlot[Pending[Request, StreamResponse]]
    ) -> StreamResponse:
        """Return the answer to one request of a stream."""
        received = slot.take().request
        try:
            with self._calls.request(context, STREAM, service=OPEN_INFERENCE) as call:
                call.size = received.arrival.size
                job = self._job(received.message, call)
                answer = await self._answer(job, call, sheddable=False)
        except CallFailed as failed:
            reason, message = failed.failure.reason, failed.failure.message
            return StreamResponse(
                error_message=f"[{reason}] {message}" if reason else message,
                infer_response=pb.ModelInferResponse(id=received.message.id),
            )
        answer.parameters["triton_final_response"].bool_param = True
        return StreamResponse(infer_response=answer)


class _Requests(AsyncIterator[Request]):
    """Iterates over requests. Unlike a generator it refers to none while it awaits the next."""

    def __init__(self, messages: AsyncIterator[pb.ModelInferRequest]) -> None:
        self._messages = messages

    async def __anext__(self) -> Request:
        received = await receive(self._messages)
        if received is None:
            raise StopAsyncIteration
        return received
