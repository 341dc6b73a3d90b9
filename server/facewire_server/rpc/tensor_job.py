"""The work for a request that brings the network's own input, and its answer."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from facewire.inference.v2 import open_inference_pb2 as pb
from facewire_server.errors import FacewireError, Reason, RefusalError, RequestError
from facewire_server.inference.detector import Detections, Detector, Options, Stages
from facewire_server.inference.heads.base import Found
from facewire_server.inference.published_network import RETRY_SECONDS
from facewire_server.models.signature import Tensor
from facewire_server.rpc import infer_response, tensor_request
from facewire_server.rpc.call import Call
from facewire_server.rpc.dispatcher import Dispatcher
from facewire_server.rpc.shared_memory import Places
from facewire_server.rpc.status import out_of_memory
from facewire_server.rpc.tensor_request import ReadyTensor
from facewire_server.scheduling.job import Checkpoint, FixedWork

COMPILING_SECONDS = 1.0
"""Seconds until a retry of a request that found too many waiting for the network."""


@dataclass(frozen=True, slots=True)
class TensorJob:
    """What is to be done for one request. `arrays` are its outputs, when it is done."""

    request_id: str
    detector: Detector
    tensor: ReadyTensor
    wanted: Sequence[tuple[int, Tensor]]
    """The outputs that are asked for, each with its index among those of the network."""
    places: Places
    arrays: list[NDArray[Any]] = field(default_factory=list)

    @classmethod
    def parse(
        cls, request: pb.ModelInferRequest, options: Options, detector: Detector, places: Places
    ) -> "TensorJob":
        """Raises RequestError as `tensor_request.parse` and `infer_response.wanted` do."""
        model, shared = detector.description, None if places.input is None else places.input.data
        tensor, signature = tensor_request.parse(request, options, model, shared)
        own = signature.outputs
        wanted = [(own.index(each), each) for each in infer_response.wanted(request, own)]
        return cls(request.id, detector, tensor, wanted, places)

    async def answer(
        self, dispatcher: Dispatcher, call: Call, *, sheddable: bool
    ) -> pb.ModelInferResponse:
        """Have the work done, by the scheduler as that for photos. Raises FacewireError."""
        model = self.detector.description
        if not await self._compiled(dispatcher, call):
            raise self._not_compiled()
        size = call.size + (0 if self.places.input is None else self.places.input.size)
        work = FixedWork(self._run, model.name, size)
        call.outcomes = [await dispatcher.run(work, call, sheddable=sheddable)]
        outputs = [output for _, output in self.wanted]
        arrays = [self.arrays[index] for index, _ in self.wanted]
        return infer_response.message(self.request_id, model, outputs, arrays, self.places.outputs)

    def _not_compiled(self) -> FacewireError:
        if self.detector.published.lacked_memory:
            return out_of_memory(RETRY_SECONDS)
        return RequestError(
            Reason.NOT_SERVED,
            f"the network of {self.detector.description.name} cannot be compiled for tensors:"
            " the server's log says why",
        )

    async def _compiled(self, dispatcher: Dispatcher, call: Call) -> bool:
        """Wait until the network is compiled; returns whether it can be used.

        Raises RefusalError: QUEUE_FULL when too many wait already, DEADLINE_UNREACHABLE.
        """
        network = self.detector.published
        compiling = network.compiled()
        if compiling.done():
            return compiling.result()
        # The scheduler does not know these messages yet, so they are bounded here.
        if network.waiting >= max(1, dispatcher.loaded.scheduler.max_queue):
            raise RefusalError(
                Reason.QUEUE_FULL,
                "the network is being compiled for tensors, and many wait for it",
                COMPILING_SECONDS,
            )
        network.waiting += 1
        seconds = None if call.deadline is None else call.deadline - time.monotonic()
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.wrap_future(compiling)
        except TimeoutError:
            raise RefusalError(
                Reason.DEADLINE_UNREACHABLE,
                "the deadline has come while the network was being compiled for tensors",
            ) from None
        finally:
            network.waiting -= 1

    def _run(self, checkpoint: Checkpoint) -> Detections:
        """Run the network on a worker's thread; return how long it took, and no detections."""
        began = time.perf_counter()
        values = self.tensor.values()
        decode = time.perf_counter() - began
        outputs = self.detector.published.infer(values, checkpoint)
        self.arrays.extend(outputs.arrays)
        model = self.detector.description
        return Detections(
            model,
            Found.allocate(0, landmarks=model.landmarks),
            model.input_width,
            model.input_height,
            Stages(decode, outputs.inference),
        )
