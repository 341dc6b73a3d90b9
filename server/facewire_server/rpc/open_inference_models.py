"""The methods of inference.GRPCInferenceService that tell of the server and of its models."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Protocol

from facewire.inference.v2 import open_inference_pb2 as pb
from facewire_server.errors import FacewireError, Reason, RequestError
from facewire_server.models.description import Description
from facewire_server.rpc import infer_response
from facewire_server.rpc.call import Context
from facewire_server.rpc.calls import Calls
from facewire_server.rpc.dispatcher import Dispatcher
from facewire_server.rpc.health import Health
from facewire_server.rpc.infer_parameters import SHOWN
from facewire_server.rpc.shared_memory import SharedMemoryMethods
from facewire_server.system.shared_memory import Regions
from facewire_server.telemetry.metrics import Metrics

EXTENSIONS = ("model_configuration", "model_repository", "statistics")
SHARED_MEMORY = ("system_shared_memory",)


class ModelControl(Protocol):
    """Loads and unloads models for callers."""

    @property
    def unavailable(self) -> Mapping[str, str]:
        """The models that were unloaded or could not be loaded, each with the reason."""

    async def load(self, name: str) -> None:
        """Load a model, or load it again if it is there. Raises FacewireError."""

    async def unload(self, name: str) -> None:
        """Take a model away after the requests that it works on. Raises FacewireError."""


class ModelMethods(SharedMemoryMethods):
    """A part of the servicer; the .proto specifies each method."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        calls: Calls,
        health: Health,
        metrics: Metrics,
        regions: Regions | None,
        control: ModelControl | None,
    ) -> None:
        """`regions` None: shared memory is not served. `control` None: nor is loading."""
        super().__init__(calls, regions)
        self._dispatcher = dispatcher
        self._health = health
        self._metrics = metrics
        self._control = control
        self._version = version("facewire")  # which reads files

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
            self._description(request.name, request.version)
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
                name="facewire", version=self._version, extensions=extensions
            )

    async def ModelMetadata(
        self, request: pb.ModelMetadataRequest, context: Context
    ) -> pb.ModelMetadataResponse:
        """See the .proto."""
        async with self._call(context, "ModelMetadata"):
            return infer_response.metadata(self._description(request.name, request.version))

    async def ModelConfig(
        self, request: pb.ModelConfigRequest, context: Context
    ) -> pb.ModelConfigResponse:
        """See the .proto."""
        async with self._call(context, "ModelConfig"):
            return infer_response.config(self._description(request.name, request.version))

    async def ModelStatistics(
        self, request: pb.ModelStatisticsRequest, context: Context
    ) -> pb.ModelStatisticsResponse:
        """See the .proto."""
        async with self._call(context, "ModelStatistics"):
            if request.name:
                models = [self._description(request.name, request.version)]
            else:
                models = [*self._dispatcher.loaded.registry.descriptions]
            counts = self._metrics.statistics({model.name for model in models})
            return pb.ModelStatisticsResponse(
                model_stats=[infer_response.statistics(each, counts[each.name]) for each in models]
            )

    async def RepositoryIndex(
        self, request: pb.RepositoryIndexRequest, context: Context
    ) -> pb.RepositoryIndexResponse:
        """See the .proto."""
        async with self._call(context, "RepositoryIndex"):
            entry = pb.RepositoryIndexResponse.ModelIndex
            models = self._dispatcher.loaded.registry.descriptions
            known = [
                entry(name=model.name, version=model.version, state="READY") for model in models
            ]
            if self._control is not None and not request.ready:
                known += [
                    entry(name=name, state="UNAVAILABLE", reason=reason)
                    for name, reason in self._control.unavailable.items()
                ]
            return pb.RepositoryIndexResponse(models=known)

    async def RepositoryModelLoad(
        self, request: pb.RepositoryModelLoadRequest, context: Context
    ) -> pb.RepositoryModelLoadResponse:
        """See the .proto."""
        async with self._call(context, "RepositoryModelLoad"):
            control = self._controlled("RepositoryModelLoad")
            _check_parameters(request.parameters)
            name = request.model_name or request.repository_name
            await control.load(name)
            return pb.RepositoryModelLoadResponse(model_name=name, is_loaded=True)

    async def RepositoryModelUnload(
        self, request: pb.RepositoryModelUnloadRequest, context: Context
    ) -> pb.RepositoryModelUnloadResponse:
        """See the .proto."""
        async with self._call(context, "RepositoryModelUnload"):
            control = self._controlled("RepositoryModelUnload")
            _check_parameters(request.parameters, "unload_dependents")
            name = request.model_name or request.repository_name
            await control.unload(name)
            return pb.RepositoryModelUnloadResponse(model_name=name, is_unloaded=True)

    def _controlled(self, method: str) -> ModelControl:
        """What loads models. Raises RequestError (NOT_SERVED) unless callers may do so."""
        if self._control is None:
            raise RequestError(
                Reason.NOT_SERVED, f"{method} is not served: --model-control explicit allows it"
            )
        return self._control

    def _description(self, name: str, version: str) -> Description:
        """Look up a model's description. Raises FacewireError for another version than its own."""
        description = self._dispatcher.loaded.registry.describe(name)
        loaded = description.version
        if version not in ("", loaded):
            raise RequestError(
                Reason.UNKNOWN_MODEL,
                f"{description.name} has the version {loaded}, and"
                f" {version[:SHOWN]!r} is asked for",
            )
        return description


def _check_parameters(given: Mapping[str, pb.ModelRepositoryParameter], ignored: str = "") -> None:
    """Raise RequestError (BAD_OPTION) for a parameter of another name than `ignored`."""
    for name in given:
        if name != ignored:
            raise RequestError(
                Reason.BAD_OPTION,
                f"the parameter {name[:SHOWN]!r} is not taken: a model is loaded as the server's"
                " flags say",
            )
