"""MLServer: a runtime of ours in it, with its default worker process or (faster) threads."""

import argparse
import asyncio
from importlib import import_module

from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.codecs import NumpyCodec
from mlserver.settings import ModelParameters
from mlserver.types import InferenceRequest, InferenceResponse
from mlserver.utils import install_uvloop_event_loop

from benchmarks.rivals.job import Detector, options_of

LIMIT = 64 << 20


class FaceRuntime(MLModel):
    """Finds faces in the only element of a BYTES tensor; answers rows of FP32."""

    async def load(self) -> bool:
        """Compile the network that the model's settings name."""
        parameters = self.settings.parameters
        extra = dict(parameters.extra or {} if parameters else {})
        self._on_loop = extra["worker"]
        self._detector = Detector(argparse.Namespace(**extra))
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """See MLServer."""
        jpeg = payload.inputs[0].data.root[0]
        rows = await self._detector.detect_async(jpeg, on_loop=self._on_loop)
        boxes = NumpyCodec.encode_output("boxes", rows)
        return InferenceResponse(model_name=self.name, outputs=[boxes])


async def serve() -> None:
    """Serve what the command line says, until a signal ends it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--http-port", type=int, required=True)
    parser.add_argument("--worker", action="store_true")
    options = options_of(parser)
    extra = vars(options) | {"model": str(options.model)}
    parameters = ModelParameters(extra=extra)
    model = ModelSettings(name="face", implementation=FaceRuntime, parameters=parameters)
    settings = Settings(
        debug=False,
        host="127.0.0.1",
        http_port=options.http_port,
        grpc_port=options.port,
        grpc_max_message_length=LIMIT,
        metrics_endpoint=None,
        parallel_workers=int(options.worker),
    )
    await MLServer(settings).start([model])


if __name__ == "__main__":
    install_uvloop_event_loop()  # as its own command does
    # Under its real name: workers import the runtime by it.
    asyncio.run(import_module("benchmarks.rivals.mlserver_runtime").serve())
