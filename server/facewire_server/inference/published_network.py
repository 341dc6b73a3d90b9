"""The network of a model as its files have it, for callers who send its own input.

Rule: nothing is added to it, and its outputs are returned as they are. It is compiled when
it is asked for first, so that models which no caller asks in this way cost nothing more.
"""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, NamedTuple

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from facewire_server.errors import ModelError
from facewire_server.inference.engine import Engine, compile_network
from facewire_server.inference.network import Network
from facewire_server.inference.runtime import Runtime
from facewire_server.models.files import ModelFiles
from facewire_server.models.source import Source
from facewire_server.system.daemon_thread import run_in_daemon_thread
from facewire_server.system.memory import is_shortage

logger = logging.getLogger("facewire_server.model.published")

RETRY_SECONDS = 60.0
"""Seconds after which a network that could not be compiled is tried again."""


class NetworkOutputs(NamedTuple):
    """The outputs of a network in its order, and the seconds of the inference."""

    arrays: list[NDArray[Any]]
    inference: float


class PublishedNetwork:
    """One network and one inference request of it, which all callers share."""

    def __init__(self, source: Source, files: ModelFiles, runtime: Runtime, engine: Engine) -> None:
        """`files` are what `engine` was made of; both run on the same device."""
        self._source = source
        self._fingerprint = files.fingerprint
        self._runtime = runtime
        self._engine = engine
        self._compiling: Future[bool] | None = None
        self._request: ov.InferRequest | None = None
        self._failed_at = 0.0
        self.waiting = 0
        """How many callers wait for `compiled`; they count themselves."""
        self.lacked_memory = False
        """Whether it could not be compiled for lack of memory or of file descriptors."""

    def compiled(self) -> Future[bool]:
        """Begin to compile unless that was begun, and return the future of it.

        Its result: whether `infer` may be called; the log says why not. Called on one
        thread only.
        """
        known = self._compiling
        if known is None or (known.done() and not known.result() and self._may_retry):
            known = self._compiling = run_in_daemon_thread(self._compile)
        return known

    def infer(self, values: NDArray[Any], checkpoint: Callable[[], object]) -> NetworkOutputs:
        """Run the network on `values`, of the shape of its input; any thread may call it.

        One caller at a time has the device, with all that it can do. `checkpoint` is called
        when this one has it, and may cancel by raising.
        """
        request, began = self._request, time.perf_counter()
        assert request is not None, "the network is not compiled yet"
        with self._engine.whole_device():
            checkpoint()
            # In this step numbers are converted to the type of the input, without the GIL.
            np.copyto(request.get_input_tensor().data, values, casting="unsafe")
            arrays = _run(request)
        return NetworkOutputs(arrays, time.perf_counter() - began)

    @property
    def _may_retry(self) -> bool:
        return time.monotonic() >= self._failed_at + RETRY_SECONDS

    def _compile(self) -> bool:
        """Compile and warm the network; False and a line in the log if that fails."""
        try:
            files = self._source.read()
            if files.fingerprint != self._fingerprint:
                raise ModelError("its files have changed since it was loaded: reload it")
            network = Network(files, self._source.sidecar.input_size)
            compiled = compile_network(network.model, self._runtime, "LATENCY", None)
            request = compiled.create_infer_request()
            request.get_input_tensor().data[:] = 0
            _run(request)
        except Exception as error:
            # A bug in here must not have each of the callers try it again.
            trace = None if isinstance(error, ModelError) else error
            name = self._source.name
            logger.error("model %s takes no tensors: %s", name, error, exc_info=trace)
            self._failed_at = time.monotonic()
            self.lacked_memory = is_shortage(error)
            return False
        self._request = request
        return True


def _run(request: ov.InferRequest) -> list[NDArray[Any]]:
    # Not `infer`: it holds the GIL while it copies.
    request.start_async()
    request.wait()
    count = len(request.model_outputs)
    return [request.get_output_tensor(position).data.copy() for position in range(count)]
