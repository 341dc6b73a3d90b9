"""The servicer of facewire.v1.DetectService: converts requests, runs them, converts results."""

import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial
from operator import attrgetter
from typing import NamedTuple

from facewire.v1 import detect_pb2 as pb
from facewire.v1 import detect_pb2_grpc
from facewire_server.config import Config
from facewire_server.errors import Reason, RefusalError, RequestError
from facewire_server.image.data import Data
from facewire_server.inference.detector import Detections, Detector
from facewire_server.inference.response_cache import CachedDetection, ResponseCache
from facewire_server.models.registry import Registry
from facewire_server.rpc import converters
from facewire_server.rpc.call import Call, Context
from facewire_server.rpc.calls import CallFailed, Calls, shutting_down
from facewire_server.rpc.message_parser import Received, arrival, receive
from facewire_server.rpc.ordered_stream import OrderedStream
from facewire_server.rpc.stream_frames import (
    METHOD,
    Frame,
    Frames,
    FrameSlot,
    Labels,
    LatestWork,
)
from facewire_server.scheduling.job import FixedWork, Outcome, too_late
from facewire_server.scheduling.scheduler import Scheduler


class Loaded(NamedTuple):
    """The models, and the scheduler of the work for them."""

    registry: Registry[Detector]
    scheduler: Scheduler


class DetectServicer(detect_pb2_grpc.DetectServiceServicer):
    """Answers requests from the loaded models; the .proto specifies each method."""

    def __init__(self, config: Config, calls: Calls, cache: ResponseCache | None = None) -> None:
        """`cache` None: each request is worked on."""
        self._limits = config.image_limits
        self._reducible = config.scaled_decode
        self._max_message_bytes = config.max_message_bytes
        self._calls = calls
        self._cache = cache
        self._attached: Loaded | None = None

    def attach(self, registry: Registry[Detector], scheduler: Scheduler) -> None:
        """Answer requests from now on; before that each one is refused (NOT_READY)."""
        self._attached = Loaded(registry, scheduler)

    @property
    def _loaded(self) -> Loaded:
        if self._attached is None:
            raise RefusalError(Reason.NOT_READY, "the models are being loaded")
        return self._attached

    async def Detect(self, request: pb.DetectRequest, context: Context) -> pb.DetectResponse:
        """See the .proto."""
        async with self._calls.call(context, "Detect") as call:
            call.size, image = arrival()
            work = self._work(request, image, call)
            del request, image  # the work refers to what it needs, and may wait for long
            call.outcome = await self._run(work, call)
            return converters.response(call.outcome, total=time.monotonic() - call.arrived)

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
        async with self._calls.call(context, "ListModels"):
            registry = self._loaded.registry
            return pb.ListModelsResponse(
                models=[
                    converters.model(detector.description, is_default=detector is registry.default)
                    for detector in registry
                ]
            )

    async def GetModel(self, request: pb.GetModelRequest, context: Context) -> pb.GetModelResponse:
        """See the .proto."""
        async with self._calls.call(context, "GetModel"):
            registry = self._loaded.registry
            detector = registry.get(request.name)
            return pb.GetModelResponse(
                model=converters.model(
                    detector.description, is_default=detector is registry.default
                )
            )

    def _work(
        self, request: pb.DetectRequest, cut: Data | None, labels: Labels
    ) -> FixedWork[Detections]:
        """Make the work for a request of `labels.size` bytes. Raises FacewireError.

        `cut` is the image that was cut out of the request.

        Errors are looked for in the order of the .proto; those of the image itself come
        when the work is done. The model's name is set in `labels` as soon as it is
        known: errors after that are counted for the model.
        """
        registry = self._loaded.registry
        if labels.size > self._max_message_bytes:
            raise RequestError(
                Reason.MESSAGE_TOO_LARGE,
                f"the message has {labels.size} bytes, and the server takes"
                f" {self._max_message_bytes}: see facewire-server serve"
                " --max-message-mb",
            )
        detector = registry.get(request.model)
        labels.model = detector.description.name
        options = converters.options(request.options)
        image = converters.image(request, cut, reducible=self._reducible)
        in_parts = detector.tiled if options.tiling is None else options.tiling
        if self._cache is None:
            detect = partial(detector.detect, image, options, self._limits)
            return FixedWork(detect, labels.model, labels.size, in_parts)
        cached = CachedDetection(self._cache, detector, image, options, self._limits)
        return FixedWork(cached.run, labels.model, labels.size, in_parts, cached.early)

    async def _run(
        self, work: FixedWork[Detections] | LatestWork, call: Call, *, sheddable: bool = True
    ) -> Outcome[Detections]:
        """Have the work done, unless its result is known. Raises FacewireError."""
        if work.early is not None:
            late = too_late(call.deadline, time.monotonic())
            if late is not None:
                raise late
            known = work.early()
            if known is not None:
                return Outcome(known, 0.0)
        return await self._loaded.scheduler.run(
            work, client=call.peer, deadline=call.deadline, sheddable=sheddable
        )

    async def _first(
        self, requests: AsyncIterator[pb.DetectStreamRequest], peer: str
    ) -> Received[pb.DetectStreamRequest] | None:
        """Read the first message of a stream once there is room for it; None: it has none."""
        if self._attached is not None:
            await self._attached.scheduler.room(peer)
        return await receive(requests)

    def _ordered_stream(
        self, policy: pb.OverflowPolicy.ValueType, frames: Frames, peer: str
    ) -> OrderedStream[Frame, pb.DetectStreamResponse]:
        """Make the stream of `frames`. Raises RefusalError while the models are being loaded."""
        scheduler = self._loaded.scheduler
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
            outcome = await self._run(LatestWork(slot), call, sheddable=False)
        finally:
            # The request is that of the frame which was taken, whether it was answered or
            # not: it is counted and logged as that one.
            frame = slot.take().request
            call.model, call.arrived = frame.model, frame.arrived
        # The slot has waited for longer than a frame that came into it later.
        waited = max(0.0, outcome.waited - (frame.arrived - queued))
        call.outcome = Outcome(outcome.value, waited)
        return converters.response(call.outcome, total=time.monotonic() - call.arrived)
