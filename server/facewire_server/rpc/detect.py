"""facewire.v1.DetectService: convert in, ask the core, convert out."""

import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial
from operator import attrgetter

from facewire.v1 import detect_pb2 as pb
from facewire.v1 import detect_pb2_grpc
from facewire_server.config import Config
from facewire_server.errors import Reason, RefusalError, RequestError
from facewire_server.inference.detector import Detections
from facewire_server.lifecycle.loading import Backend
from facewire_server.rpc import converters
from facewire_server.rpc.calls import Call, CallFailed, Calls, Context, shutting_down
from facewire_server.rpc.message_parser import Received, last_size, receive
from facewire_server.rpc.ordered_stream import OrderedStream
from facewire_server.rpc.stream_frames import METHOD, Frame, Frames, Labelled, Place, Work
from facewire_server.scheduling.scheduler import Outcome
from facewire_server.telemetry.metrics import Metrics


class DetectServicer(detect_pb2_grpc.DetectServiceServicer):
    """Answers from loaded models; see the .proto for what each method promises."""

    def __init__(self, config: Config, gate: Calls, metrics: Metrics) -> None:
        self._limits = config.image_limits
        self._scaled_decode = config.scaled_decode
        self._max_message_bytes = config.max_message_bytes
        self._gate = gate
        self._metrics = metrics
        self._loaded: Backend | None = None

    def attach(self, backend: Backend) -> None:
        """Gives it the models; before that every request is refused."""
        self._loaded = backend

    @property
    def _backend(self) -> Backend:
        if self._loaded is None:
            raise RefusalError(Reason.NOT_READY, "the models are being loaded")
        return self._loaded

    async def Detect(self, request: pb.DetectRequest, context: Context) -> pb.DetectResponse:
        """See the .proto."""
        async with self._gate.call(context, "Detect") as call:
            call.size = last_size()
            work = self._work(request, call)
            del request  # the work has what it needs of it, and may wait
            return await self._detect(work, call)

    async def DetectStream(
        self, requests: AsyncIterator[pb.DetectStreamRequest], context: Context
    ) -> AsyncIterator[pb.DetectStreamResponse]:
        """See the .proto."""
        try:
            with self._gate.stream(context, METHOD):
                first = await self._gate.unless_draining(self._first(requests, context.peer()))
                if first is None:
                    return
                frames = Frames(self._gate, context, look_up=self._work, detect=self._detect_newest)
                policy = first.message.overflow_policy
                pipeline = self._pipeline(policy, frames, context.peer())
                running = pipeline.run(frames.read(first, requests), self._gate.draining)
                del first
                async with aclosing(running) as answers:
                    async for answer in answers:
                        yield answer
                if pipeline.stopped:
                    raise shutting_down()
        except CallFailed as failed:
            await self._gate.abort(context, failed.failure)

    def _pipeline(
        self, policy: pb.OverflowPolicy.ValueType, frames: Frames, peer: str
    ) -> OrderedStream[Frame, pb.DetectStreamResponse]:
        """What works on the frames of one stream.

        Raises RefusalError while the models are being loaded.
        """
        return OrderedStream(
            frames.answer,
            # Half of them decode while the others infer: more would only wait.
            window=self._backend.scheduler.workers,
            room=partial(self._backend.scheduler.room, peer),
            refused=attrgetter("refusal"),
            dropped=frames.dropped if policy == pb.OVERFLOW_POLICY_DROP_OLDEST else None,
        )

    async def ListModels(
        self, request: pb.ListModelsRequest, context: Context
    ) -> pb.ListModelsResponse:
        """See the .proto."""
        async with self._gate.call(context, "ListModels"):
            registry = self._backend.registry
            return pb.ListModelsResponse(
                models=[
                    converters.model(detector.description, is_default=detector is registry.default)
                    for detector in registry
                ]
            )

    async def GetModel(self, request: pb.GetModelRequest, context: Context) -> pb.GetModelResponse:
        """See the .proto."""
        async with self._gate.call(context, "GetModel"):
            registry = self._backend.registry
            detector = registry.get(request.name)
            return pb.GetModelResponse(
                model=converters.model(
                    detector.description, is_default=detector is registry.default
                )
            )

    async def _detect(self, work: Work, call: Call) -> pb.DetectResponse:
        """One image. Raises FacewireError."""
        outcome = await self._backend.scheduler.run(
            work,
            kind=call.model,
            client=call.peer,
            deadline=call.deadline,
            size=call.size,
        )
        return self._response(outcome, call)

    async def _detect_newest(self, place: Place, call: Call) -> pb.DetectResponse:
        """The frame that has a place in a stream when its turn comes."""
        queued = call.arrived
        try:
            outcome = await self._backend.scheduler.run(
                lambda commit: place.take().request.work(commit),
                kind=lambda: place.request.request.model,
                size=lambda: place.request.request.size,
                client=call.peer,
                deadline=call.deadline,
                patient=True,
            )
        finally:
            frame = place.take().request
            call.model, call.arrived = frame.model, frame.arrived
        # The place has waited for longer than a frame that came to it later.
        waited = max(0.0, outcome.waited - (frame.arrived - queued))
        return self._response(Outcome(outcome.value, waited), call)

    async def _first(
        self, requests: AsyncIterator[pb.DetectStreamRequest], peer: str
    ) -> Received[pb.DetectStreamRequest] | None:
        """The first message of a stream, when there is room for it."""
        if self._loaded is not None:
            await self._loaded.scheduler.room(peer)
        return await receive(requests)

    def _work(self, request: pb.DetectRequest, labelled: Labelled) -> Work:
        """What is to be done for a request. Raises RequestError.

        What is wrong is looked for in the order of the .proto; the rest of it comes
        when the work begins.
        """
        registry = self._backend.registry
        self._check_size(labelled.size)
        detector = registry.get(request.model)
        labelled.model = detector.description.name
        options = converters.options(request.options)
        open_picture = converters.picture_opener(request, self._limits, scaled=self._scaled_decode)
        return partial(detector.detect, open_picture, options)

    def _response(self, outcome: Outcome[Detections], call: Call) -> pb.DetectResponse:
        call.answer = outcome
        self._metrics.answered(outcome.value, outcome.waited)
        return converters.response(
            outcome.value,
            waited=outcome.waited,
            total=time.monotonic() - call.arrived,
        )

    def _check_size(self, size: int) -> None:
        if size > self._max_message_bytes:
            raise RequestError(
                Reason.MESSAGE_TOO_LARGE,
                f"the message has {size} bytes, and the server takes"
                f" {self._max_message_bytes}: see facewire-server serve"
                " --max-message-mb",
            )
