"""The servicer of facewire.v1.DetectService: converts requests, runs them, converts results."""

import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial
from operator import attrgetter

from facewire.v1 import detect_pb2 as pb
from facewire.v1 import detect_pb2_grpc
from facewire_server.image.data import Data
from facewire_server.inference.detector import Detections
from facewire_server.rpc import converters
from facewire_server.rpc.call import Call, Context
from facewire_server.rpc.calls import CallFailed, Calls, UnaryCall, shutting_down
from facewire_server.rpc.dispatcher import Dispatcher
from facewire_server.rpc.message_parser import Received, receive
from facewire_server.rpc.ordered_stream import OrderedStream
from facewire_server.rpc.stream_frames import (
    METHOD,
    Frame,
    Frames,
    FrameSlot,
    Labels,
    LatestWork,
)
from facewire_server.scheduling.job import FixedWork, Outcome


class DetectServicer(detect_pb2_grpc.DetectServiceServicer):
    """Answers requests from the loaded models; the .proto specifies each method."""

    def __init__(self, dispatcher: Dispatcher, calls: Calls) -> None:
        self._dispatcher = dispatcher
        self._calls = calls

    async def Detect(self, request: pb.DetectRequest, context: Context) -> pb.DetectResponse:
        """See the .proto."""
        async with UnaryCall(self._calls, context, "Detect") as call:
            work = await self._work(request, call.image, call)
            del request  # the work refers to what it needs, and may wait for long
            outcome = await self._dispatcher.run(work, call)
            call.outcomes = (outcome,)
            return converters.response(outcome, total=time.monotonic() - call.arrived)

    async def DetectImage(
        self, request: pb.DetectImageRequest, context: Context
    ) -> pb.DetectResponse:
        """See the .proto."""
        async with UnaryCall(self._calls, context, "DetectImage") as call:
            image = call.image or request.image.data
            work = await self._work(converters.detect_request(request), image, call)
            del request, image
            outcome = await self._dispatcher.run(work, call)
            call.outcomes = (outcome,)
            return converters.response(outcome, total=time.monotonic() - call.arrived)

    async def DetectStream(
        self, requests: AsyncIterator[pb.DetectStreamRequest], context: Context
    ) -> AsyncIterator[pb.DetectStreamResponse]:
        """See the .proto."""
        try:
            with self._calls.stream(context, METHOD):
                first = await self._calls.unless_draining(self._first(requests, context.peer()))
                if first is None:
                    return
                frames = Frames(
                    self._calls, context, look_up=self._work, detect=self._detect_latest
                )
                policy = first.message.overflow_policy
                stream = self._ordered_stream(policy, frames, context.peer())
                running = stream.run(frames.read(first, requests), self._calls.draining)
                del first  # it would stay in memory for as long as the stream lasts
                async with aclosing(running) as answers:
                    async for answer in answers:
                        yield answer
                if stream.stopped:
                    raise shutting_down()
        except CallFailed as failed:
            await self._calls.abort(context, failed.failure)

    async def ListModels(
        self, request: pb.ListModelsRequest, context: Context
    ) -> pb.ListModelsResponse:
        """See the .proto."""
        async with UnaryCall(self._calls, context, "ListModels"):
            registry = self._dispatcher.loaded.registry
            return pb.ListModelsResponse(
                models=[
                    converters.model(description, is_default=registry.is_default(description))
                    for description in registry.descriptions
                ]
            )

    async def GetModel(self, request: pb.GetModelRequest, context: Context) -> pb.GetModelResponse:
        """See the .proto."""
        async with UnaryCall(self._calls, context, "GetModel"):
            registry = self._dispatcher.loaded.registry
            description = registry.describe(request.name)
            return pb.GetModelResponse(
                model=converters.model(description, is_default=registry.is_default(description))
            )

    async def _work(
        self, request: pb.DetectRequest, cut: Data | None, labels: Labels
    ) -> FixedWork[Detections]:
        """Make the work for a request of `labels.size` bytes. Raises FacewireError.

        `cut` is the image that was cut out of the request.

        Errors are looked for in the order of the .proto; those of the image itself come
        when the work is done. The model's name is set in `labels` as soon as it is
        known: errors after that are counted for the model.
        """
        self._dispatcher.check(labels.size)
        detector = await self._dispatcher.detector(request.model)
        labels.model = detector.description.name
        options = converters.options(request.options)
        image = converters.image(request, cut, reducible=self._dispatcher.reducible)
        return self._dispatcher.work(detector, image, options, labels.size)

    async def _first(
        self, requests: AsyncIterator[pb.DetectStreamRequest], peer: str
    ) -> Received[pb.DetectStreamRequest] | None:
        """Read the first message of a stream once there is room for it; None: it has none."""
        await self._dispatcher.room(peer)
        return await receive(requests)

    def _ordered_stream(
        self, policy: pb.OverflowPolicy.ValueType, frames: Frames, peer: str
    ) -> OrderedStream[Frame, pb.DetectStreamResponse]:
        """Make the stream of `frames`. Raises RefusalError while the models are being loaded."""
        scheduler = self._dispatcher.loaded.scheduler
        return OrderedStream(
            frames.answer,
            # Half of them decode while the others infer: more would only wait.
            window=scheduler.workers,
            room=partial(scheduler.room, peer),
            refused=attrgetter("error"),
            dropped=frames.dropped if policy == pb.OVERFLOW_POLICY_DROP_OLDEST else None,
        )

    async def _detect_latest(self, slot: FrameSlot, call: Call) -> pb.DetectResponse:
        """Detect in the frame that is in the slot when its work begins."""
        queued = call.arrived
        try:
            outcome = await self._dispatcher.run(LatestWork(slot), call, sheddable=False)
        finally:
            # The request is that of the frame which was taken, whether it was answered or
            # not: it is counted and logged as that one.
            frame = slot.take().request
            call.model, call.arrived = frame.model, frame.arrived
        # The slot has waited for longer than a frame that came into it later.
        waited = max(0.0, outcome.waited - (frame.arrived - queued))
        outcome = Outcome(outcome.value, waited)
        call.outcomes = (outcome,)
        return converters.response(outcome, total=time.monotonic() - call.arrived)
