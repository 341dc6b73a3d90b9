"""The engine: a network compiled by OpenVINO, and the slots in which it runs."""

import queue
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from facewire_server.config import Mode
from facewire_server.errors import ModelError
from facewire_server.inference.heads import Head
from facewire_server.inference.heads.base import Reader
from facewire_server.inference.network import core, short_message
from facewire_server.inference.preprocess import PreprocessedNetwork
from facewire_server.inference.runtime import Runtime

PRECISIONS = {
    "f32": "FP32",
    "f16": "FP16",
    "bf16": "BF16",
    "i8": "INT8",
    "u8": "INT8",
}


class Engine:
    """A network compiled for a device; `slot` lends one inference request of it.

    In adaptive mode it is compiled twice: for requests that run side by side, and for one
    request that runs with all that the device has.
    """

    def __init__(self, network: PreprocessedNetwork, runtime: Runtime) -> None:
        """Compile the network.

        Raises ModelError when there is no such device, or it refuses the network or a
        property.
        """
        self._head = network.head
        latency = runtime.mode is Mode.LATENCY
        cache = None if network.cache_entry is None else network.cache_entry.folder
        hint = "LATENCY" if latency else "THROUGHPUT"
        self._compiled = compile_network(network.model, runtime, hint, cache)
        self._device = threading.BoundedSemaphore(self.parallel_requests)
        self._taking_all = threading.Lock()
        self._exclusive: ExclusiveSlot | None = None
        if runtime.mode is Mode.ADAPTIVE and self.parallel_requests > 1:
            compiled = compile_network(network.model, runtime, "LATENCY", cache)
            self._exclusive = ExclusiveSlot(compiled.create_infer_request(), network.head)
        self._idle: queue.SimpleQueue[InferSlot] = queue.SimpleQueue()

    @property
    def device(self) -> str:
        """The devices that run it, as OpenVINO names them."""
        return ",".join(self._compiled.get_property("EXECUTION_DEVICES"))

    @property
    def precision(self) -> str:
        """The precision of most of its convolutions: FP32, FP16, BF16 or INT8.

        Read from the compiled graph: the device may differ from what was requested.
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

    @contextmanager
    def whole_device(self) -> Iterator[None]:
        """Wait until no slot infers, and have them wait for as long as the context is open."""
        # The lock: two that had a part each would wait for the rest forever.
        with self._taking_all, ExitStack() as taken:
            for _ in range(self.parallel_requests):
                taken.enter_context(self._device)
            yield

    @contextmanager
    def slot(self) -> Iterator["InferSlot"]:
        """Lend a slot to the caller for as long as the context is open.

        A slot is made when none is idle, so that a thread decodes into its own input while
        others infer. There are as many as threads were ever in here at a time.
        """
        try:
            slot = self._idle.get_nowait()
        except queue.Empty:
            request = self._compiled.create_infer_request()
            slot = InferSlot(request, self._head, self._device, self._exclusive)
        try:
            yield slot
        finally:
            # Only now: until here the caller read the outputs of the exclusive request.
            if slot.taken is not None:
                slot.taken.release()
                slot.taken = None
            self._idle.put(slot)


class Outputs:
    """The outputs of an inference request."""

    def __init__(self, request: ov.InferRequest, head: Head) -> None:
        self._request = request
        self._head = head
        outputs = [request.model_outputs[position] for position in head.positions]
        fixed = not any(output.partial_shape.is_dynamic for output in outputs)
        self.reader = self.bind() if fixed else None
        """The head tied to outputs of fixed shape, which stay where they are in memory.
        None: they move at each inference, and `bind` must be called after each."""

    def bind(self) -> Reader:
        """Tie the head of the network to the request's own memory, where it is now."""
        return self._head.bind(
            [self._request.get_output_tensor(position).data for position in self._head.positions]
        )


class ExclusiveSlot:
    """The one inference request that runs with all that the device has."""

    def __init__(self, request: ov.InferRequest, head: Head) -> None:
        self.request = request
        self.outputs = Outputs(request, head)
        self.taken = threading.Lock()
        """Held from the inference until its outputs are read."""


class InferSlot:
    """One inference request with its own memory. Not thread-safe.

    The order is: write `image`, enter `device`, `infer`, leave `device`, read the outputs.
    """

    def __init__(
        self,
        request: ov.InferRequest,
        head: Head,
        device: threading.Semaphore,
        exclusive: ExclusiveSlot | None,
    ) -> None:
        """`device` and `exclusive` are shared by all slots of an engine."""
        self._request = request
        self._exclusive = exclusive
        self.taken: threading.Lock | None = None
        """The lock of the exclusive slot, when this one holds it."""
        self._outputs = Outputs(request, head)
        self._input = request.get_input_tensor()
        self.image: NDArray[np.uint8] = self._input.data
        """The input: uint8 [1,3,H,W], planes B, G, R."""
        self.device = device
        """Lets as many threads in as the device runs requests side by side. OpenVINO
        would take more and queue them inside, where they could not be cancelled: the
        checkpoint of a job is therefore called after this was entered."""

    def infer(self, *, exclusive: bool) -> Reader:
        """Run the network on `image`, without the GIL; returns what reads its outputs.

        The outputs are valid until the slot is given back.

        `exclusive`: no other job runs, so this one may use all of the device. Two callers
        may pass True, since a job can arrive right after the checkpoint of another: the
        second finds the exclusive slot taken, and uses its own request.
        """
        slot = self._exclusive if exclusive else None
        if slot is not None and slot.taken.acquire(blocking=False):
            self.taken = slot.taken
            request, outputs = slot.request, slot.outputs
            # The image is in this slot's tensor already: the exclusive request reads it
            # there, without a copy.
            request.set_input_tensor(self._input)
        else:
            request, outputs = self._request, self._outputs
        # Not `infer`: it copies all outputs into arrays of its own, with the GIL held.
        request.start_async()
        request.wait()
        return outputs.reader or outputs.bind()


def _precision(info: Mapping[str, ov.OVAny]) -> str:
    """The precision of one operation of a compiled graph.

    On a CPU the name of the primitive ends in it, and `runtimePrecision` may be that
    of weights that were unpacked beforehand; other devices have no such names.
    """
    ending = str(info["primitiveType"].value).rpartition("_")[2]
    runtime = str(info["runtimePrecision"].value)
    return PRECISIONS.get(ending) or PRECISIONS.get(runtime) or runtime.upper()


def compile_network(
    model: ov.Model | Path, runtime: Runtime, hint: str, cache: Path | None
) -> ov.CompiledModel:
    """Compile a graph, or the file of one, for a performance hint: LATENCY or THROUGHPUT.

    `cache` is the folder for compiled blobs; None: they are not kept. Raises ModelError.
    """
    properties = _properties(runtime, hint, cache)
    # Not properties of the compilation: AUTO and the like refuse those of a CPU.
    if runtime.threads is not None:
        core().set_property("CPU", {"INFERENCE_NUM_THREADS": runtime.threads})
    if not runtime.pinned:
        core().set_property("CPU", {"ENABLE_CPU_PINNING": False})
    try:
        return core().compile_model(model, runtime.device, properties)
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
