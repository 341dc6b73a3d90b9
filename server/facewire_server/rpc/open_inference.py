"""The servicer of inference.GRPCInferenceService: the Open Inference Protocol, version 2."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from facewire.inference.v2 import open_inference_pb2 as pb
from facewire_server.errors import Reason, RequestError
from facewire_server.inference.detector import Detections
from facewire_server.models.signature import Tensor
from facewire_server.rpc import infer_request, infer_response, tensor_request
from facewire_server.rpc.batch import run_batch
from facewire_server.rpc.call import Call, Context
from facewire_server.rpc.calls import CallFailed, shutting_down
from facewire_server.rpc.health import OPEN_INFERENCE
from facewire_server.rpc.infer_parameters import Parameters
from facewire_server.rpc.message_parser import Received, receive
from facewire_server.rpc.open_inference_models import ModelMethods
from facewire_server.rpc.ordered_stream import LatestSlot, OrderedStream, Pending
from facewire_server.rpc.shared_memory import Places
from facewire_server.rpc.tensor_job import TensorJob
from facewire_server.scheduling.job import FixedWork

STREAM = "ModelStreamInfer"

Request: TypeAlias = Received[pb.ModelInferRequest]
StreamResponse: TypeAlias = pb.ModelStreamInferResponse


class InferJob(NamedTuple):
    """What is to be done for one request: its images, and the outputs that are wanted."""

    request_id: str
    works: Sequence[FixedWork[Detections]]
    wanted: Sequence[Tensor]
    places: Places


def _not_served(method: str, reason: str) -> Any:
    """Make a method that answers UNIMPLEMENTED."""

    async def refuse(self: "OpenInferenceServicer", _: object, context: Context) -> None:
        async with self._call(context, method):
            raise RequestError(Reason.NOT_SERVED, f"{method} is not served: {reason}")

    return refuse


class OpenInferenceServicer(ModelMethods):
    """Answers requests from the loaded models; the .proto specifies each method."""

    async def ModelInfer(
        self, request: pb.ModelInferRequest, context: Context
    ) -> pb.ModelInferResponse:
        """See the .proto."""
        async with self._call(context, "ModelInfer") as call:
            job = await self._job(request, call)
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

    CudaSharedMemoryStatus = _not_served("CudaSharedMemoryStatus", "CUDA is not used")
    CudaSharedMemoryRegister = _not_served("CudaSharedMemoryRegister", "CUDA is not used")
    CudaSharedMemoryUnregister = _not_served("CudaSharedMemoryUnregister", "CUDA is not used")
    TraceSetting = _not_served("TraceSetting", "--traces and the OTEL_* variables set traces")
    LogSettings = _not_served("LogSettings", "flags set the log")

    async def _job(self, request: pb.ModelInferRequest, call: Call) -> InferJob | TensorJob:
        """Make the work for a request. Raises FacewireError. Sets the deadline of `call`."""
        self._dispatcher.check(call.size)
        self._description(request.model_name, request.model_version)
        detector = await self._dispatcher.detector(request.model_name)
        call.model = detector.description.name
        parameters = Parameters.parse(request.parameters)
        if parameters.timeout is not None:
            deadline = call.arrived + parameters.timeout
            call.deadline = deadline if call.deadline is None else min(call.deadline, deadline)
        places = Places.of(request, self._served)
        shared = None if places.input is None else places.input.data
        self._dispatcher.check(call.size + len(shared or ()))
        if tensor_request.is_tensor(request):
            return TensorJob.parse(request, parameters.options, detector, places)
        wanted = infer_response.wanted(request, infer_response.outputs(detector.description))
        images = infer_request.images(request, reducible=self._dispatcher.reducible, shared=shared)
        options, lasting = parameters.options, shared is None
        works = [
            self._dispatcher.work(detector, image, options, len(image.data), lasting=lasting)
            for image in images
        ]
        return InferJob(request.id, works, wanted, places)

    async def _answer(
        self, job: InferJob | TensorJob, call: Call, *, sheddable: bool = True
    ) -> pb.ModelInferResponse:
        """Have the work done. Raises FacewireError."""
        with job.places.checked():
            if isinstance(job, TensorJob):
                return await job.answer(self._dispatcher, call, sheddable=sheddable)
            call.outcomes = await run_batch(self._dispatcher, job.works, call, sheddable=sheddable)
            found = [outcome.value for outcome in call.outcomes]
            outputs = job.places.outputs
            return infer_response.response(job.request_id, job.wanted, found, outputs)

    async def _streamed(
        self, context: Context, slot: LatestSlot[Pending[Request, StreamResponse]]
    ) -> StreamResponse:
        """Return the answer to one request of a stream."""
        received = slot.take().request
        try:
            with self._calls.request(context, STREAM, service=OPEN_INFERENCE) as call:
                call.size = received.arrival.size
                job = await self._job(received.message, call)
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
