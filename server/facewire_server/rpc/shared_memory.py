"""Tensors of the Open Inference Protocol in shared memory, and the methods that register it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self

from facewire.inference.v2 import open_inference_pb2 as pb
from facewire.inference.v2.open_inference_pb2_grpc import GRPCInferenceServiceServicer
from facewire_server.errors import Reason, RequestError
from facewire_server.rpc.call import Context
from facewire_server.rpc.calls import Calls, UnaryCall
from facewire_server.rpc.health import OPEN_INFERENCE
from facewire_server.rpc.infer_parameters import BYTE_SIZE, OFFSET, REGION, SHOWN, whole_number
from facewire_server.system.shared_memory import Region, Regions, bad_region

StatusRequest = pb.SystemSharedMemoryStatusRequest
StatusResponse = pb.SystemSharedMemoryStatusResponse
RegisterRequest = pb.SystemSharedMemoryRegisterRequest
RegisterResponse = pb.SystemSharedMemoryRegisterResponse
UnregisterRequest = pb.SystemSharedMemoryUnregisterRequest
UnregisterResponse = pb.SystemSharedMemoryUnregisterResponse


class SharedMemoryMethods(GRPCInferenceServiceServicer):
    """The methods of GRPCInferenceService for system shared memory."""

    def __init__(self, calls: Calls, regions: Regions | None) -> None:
        """`regions` None: shared memory is not served."""
        self._calls = calls
        self._regions = regions

    async def SystemSharedMemoryStatus(
        self, request: StatusRequest, context: Context
    ) -> StatusResponse:
        """See the .proto."""
        async with self._call(context, "SystemSharedMemoryStatus"):
            regions = self._served("SystemSharedMemoryStatus")
            found = regions.all()
            if request.name:
                found = [regions.get(request.name)]
            response = StatusResponse()
            for region in found:
                status = response.regions[region.name]
                status.name, status.key = region.name, region.key
                status.offset, status.byte_size = region.offset, region.size
            return response

    async def SystemSharedMemoryRegister(
        self, request: RegisterRequest, context: Context
    ) -> RegisterResponse:
        """See the .proto."""
        async with self._call(context, "SystemSharedMemoryRegister"):
            regions = self._served("SystemSharedMemoryRegister")
            regions.register(request.name, request.key, request.offset, request.byte_size)
            return RegisterResponse()

    async def SystemSharedMemoryUnregister(
        self, request: UnregisterRequest, context: Context
    ) -> UnregisterResponse:
        """See the .proto."""
        async with self._call(context, "SystemSharedMemoryUnregister"):
            self._served("SystemSharedMemoryUnregister").unregister(request.name)
            return UnregisterResponse()

    def _call(self, context: Context, method: str) -> UnaryCall:
        return UnaryCall(self._calls, context, method, service=OPEN_INFERENCE)

    def _served(self, what: str) -> Regions:
        """The regions. Raises RequestError (NOT_SERVED)."""
        if self._regions is None:
            raise RequestError(
                Reason.NOT_SERVED,
                f"{what} is not served: see facewire-server serve --shared-memory",
            )
        return self._regions


@dataclass(frozen=True, slots=True)
class Place:
    """`size` bytes of a region from `start` on, for the tensor that errors call `title`."""

    title: str
    region: Region
    start: int
    size: int

    @property
    def data(self) -> memoryview:
        """A view of the bytes, which may change."""
        return self.region.part(self.start, self.size)

    def write(self, data: bytes, parameters: Mapping[str, pb.InferParameter]) -> None:
        """Copy an output to its place, and note in its `parameters` where it is.

        Raises RequestError (BAD_REGION) if there is no room, or it cannot be written.
        """
        if len(data) > self.size:
            raise bad_region(
                f"{self.title} needs {len(data)} bytes, and {self.size} of"
                f" {self.region.title} are given"
            )
        if not self.region.mapping.is_writable:
            raise bad_region(f"{self.title}: the server may not write to {self.region.title}")
        self.region.mapping.write(self.start, data)
        parameters[REGION].string_param = self.region.name
        parameters[OFFSET].int64_param = self.start
        parameters[BYTE_SIZE].int64_param = len(data)


@dataclass(frozen=True, slots=True)
class Places:
    """Where the tensors of a request are in shared memory: its input, outputs by name."""

    input: Place | None = None
    outputs: Mapping[str, Place] = field(default_factory=dict)

    @classmethod
    def of(cls, request: pb.ModelInferRequest, regions: Callable[[str], Regions]) -> Self:
        """Find them; `regions` gives the regions for what it is told, or raises.

        RequestError: UNKNOWN_REGION; BAD_REGION for a part that is not within its region;
        BAD_OPTION for numbers that are none; what `regions` raises.
        """
        found: Place | None = None
        for tensor in request.inputs[:1]:  # more are refused elsewhere
            found = _place(f"input {tensor.name[:SHOWN]!r}", tensor.parameters, regions)
        outputs = {
            output.name: place
            for output in request.outputs
            if (place := _place(f"output {output.name[:SHOWN]!r}", output.parameters, regions))
        }
        return cls(found, outputs)

    @contextmanager
    def checked(self) -> Iterator[None]:
        """Context of their use; raises RequestError (BAD_REGION) if bytes were lost meanwhile."""
        try:
            yield
        except RequestError:
            self._check()  # the error may come from bytes that were lost
            raise
        self._check()

    def _check(self) -> None:
        for place in (self.input, *self.outputs.values()):
            if place is not None:
                place.region.check()


def _place(
    title: str,
    parameters: Mapping[str, pb.InferParameter],
    regions: Callable[[str], Regions],
) -> Place | None:
    """The place that the parameters of a tensor name; None: it is not in shared memory."""
    if not any(name in parameters for name in (REGION, BYTE_SIZE, OFFSET)):
        return None
    known = regions("shared memory")
    region = known.get(parameters[REGION].string_param if REGION in parameters else "")
    start, size = whole_number(parameters, OFFSET) or 0, whole_number(parameters, BYTE_SIZE)
    if size is None:
        raise bad_region(f"{title} is in {region.title}, and has no {BYTE_SIZE}")
    if start + size > region.size:
        raise bad_region(
            f"{title} has {size} bytes from {start} on, and {region.title} has {region.size}"
        )
    return Place(title, region, start, size)
