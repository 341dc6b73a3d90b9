"""Running a network with OpenVINO."""

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from facewire_ext import Placement
from facewire_server.errors import ModelError
from facewire_server.inference.heads import Head
from facewire_server.inference.heads.base import FilterOptions, Found, Reader
from facewire_server.inference.network import core, short_message
from facewire_server.inference.preprocess import PreprocessedNetwork
from facewire_server.inference.runtime import Mode, Runtime
from facewire_server.scheduling.job import Checkpoint

PRECISIONS = {
    "f32": "FP32",
    "f16": "FP16",
    "bf16": "BF16",
    "i8": "INT8",
    "u8": "INT8",
}


class Engine:
    """A network compiled for a device; `lane` gives one request of it.

    In adaptive mode it is compiled twice: `streams` run requests side by side, and
    `solo` runs one with all that the device has.
    """

    def __init__(self, network: PreprocessedNetwork, runtime: Runtime) -> None:
        """Compiles the network.

        Raises ModelError when there is no such device, or it refuses the network or a
        property.
        """
        self._head = network.head
        latency = runtime.mode is Mode.LATENCY
        self._compiled = _compile(network, runtime, "LATENCY" if latency else "THROUGHPUT")
        self._slots = threading.BoundedSemaphore(self.parallel_requests)
        self._solo: ExclusiveSlot | None = None
        if runtime.mode is Mode.ADAPTIVE and self.parallel_requests > 1:
            compiled = _compile(network, runtime, "LATENCY")
            self._solo = ExclusiveSlot(compiled.create_infer_request(), network.head)

    @property
    def device(self) -> str:
        """The devices that run it, as OpenVINO names them."""
        return ",".join(self._compiled.get_property("EXECUTION_DEVICES"))

    @property
    def precision(self) -> str:
        """What most of its convolutions run in: FP32, FP16, BF16 or INT8.

        Read from the compiled graph: what the device does, not what it was asked.
        """
        used = Counter(
            _precision(info)
            for operation in self._compiled.get_runtime_model().get_ops()
            if (info := operation.get_rt_info())["layerType"].value == "Convolution"
        )
        return used.most_common(1)[0][0] if used else "FP32"

    @property
    def parallel_requests(self) -> int:
        """How many requests at a time keep the device busy."""
        return int(self._compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))

    def lane(self) -> "InferSlot":
        """A new request, with memory of its own."""
        request = self._compiled.create_infer_request()
        return InferSlot(request, self._head, self._slots, self._solo)


class Outputs:
    """The outputs of an inference request, read by the head of its network."""

    def __init__(self, request: ov.InferRequest, head: Head) -> None:
        self._request = request
        self._head = head
        outputs = [request.model_outputs[position] for position in head.positions]
        fixed = not any(output.partial_shape.is_dynamic for output in outputs)
        self._reader = self._bind() if fixed else None

    def read(self, placement: Placement, threshold: FilterOptions) -> Found:
        """Reads the outputs of the last inference."""
        reader = self._reader or self._bind()
        return reader.read(placement, threshold)

    def _bind(self) -> Reader:
        """Ties the head to the request's own memory.

        Outputs of fixed shape stay where they are; others move at each inference.
        """
        return self._head.bind(
            [self._request.get_output_tensor(position).data for position in self._head.positions]
        )


class ExclusiveSlot:
    """The one request that runs with all that the device has."""

    def __init__(self, request: ov.InferRequest, head: Head) -> None:
        self._request = request
        self._free = threading.Lock()
        self.outputs = Outputs(request, head)

    @contextmanager
    def taken(self) -> Iterator[bool]:
        """Yields whether it is the caller's; if so, for as long as the context is open."""
        mine = self._free.acquire(blocking=False)
        try:
            yield mine
        finally:
            if mine:
                self._free.release()

    def infer(self, image: ov.Tensor) -> None:
        """Runs the network on an image that belongs to a lane, without the GIL."""
        self._request.set_input_tensor(image)
        self._request.infer()


class InferSlot:
    """One request of a compiled network. Not to be used by two threads at a time."""

    def __init__(
        self,
        request: ov.InferRequest,
        head: Head,
        slots: threading.Semaphore,
        solo: ExclusiveSlot | None,
    ) -> None:
        """`slots`: as many as the device runs side by side, for all lanes together."""
        self._request = request
        self._slots = slots
        self._solo = solo
        self._outputs = Outputs(request, head)
        self._input = request.get_input_tensor()
        self.image: NDArray[np.uint8] = self._input.data
        """The input: uint8 [1,H,W,3], BGR, to be written before `infer`."""

    @contextmanager
    def infer(self, commit: Checkpoint) -> Iterator[Outputs]:
        """Runs the network on `image`, without the GIL; the outputs are for the context.

        `commit` is asked when the device is free for it, and may raise: what would
        wait inside the device could not be called back.
        """
        with ExitStack() as taken:
            with self._slots:
                solo = self._solo if commit() else None
                if solo is not None and taken.enter_context(solo.taken()):
                    solo.infer(self._input)
                    outputs = solo.outputs
                else:
                    self._request.infer()
                    outputs = self._outputs
            yield outputs


def _precision(info: Mapping[str, ov.OVAny]) -> str:
    """The precision of one operation of a compiled graph.

    On a CPU the name of the primitive ends in it, and `runtimePrecision` may be that
    of weights that were unpacked beforehand; other devices have no such names.
    """
    ending = str(info["primitiveType"].value).rpartition("_")[2]
    told = str(info["runtimePrecision"].value)
    return PRECISIONS.get(ending) or PRECISIONS.get(told) or told.upper()


def _compile(network: PreprocessedNetwork, runtime: Runtime, hint: str) -> ov.CompiledModel:
    """Compiles for a hint of OpenVINO's, LATENCY or THROUGHPUT. Raises ModelError."""
    cache = None if network.cache_entry is None else network.cache_entry.folder
    properties = _properties(runtime, hint, cache)
    if runtime.threads is not None:
        # Not a property of the compilation: AUTO and the like refuse those of a CPU.
        core().set_property("CPU", {"INFERENCE_NUM_THREADS": runtime.threads})
    try:
        return core().compile_model(network.model, runtime.device, properties)
    except RuntimeError as error:
        known = ", ".join(core().available_devices)
        raise ModelError(
            f"the network does not run on device {runtime.device!r} (this machine"
            f" has {known}): {short_message(error)}"
        ) from None


def _properties(runtime: Runtime, hint: str, cache: Path | None) -> dict[str, str]:
    properties = {"PERFORMANCE_HINT": hint}
    if runtime.requests is not None:
        properties["PERFORMANCE_HINT_NUM_REQUESTS"] = str(runtime.requests)
    if runtime.inference_precision is not None:
        properties["INFERENCE_PRECISION_HINT"] = runtime.inference_precision
    if cache is not None:
        properties["CACHE_DIR"] = str(cache)
    return properties | dict(runtime.properties)
