"""MLServer: a runtime of ours in it, asked by Open Inference Protocol.

    python -m benchmarks.rivals.mlserver_runtime --port PORT ... [--worker] --model ...

By its defaults one worker process works on one request at a time (`--worker`);
without workers, and on threads, more are worked on at a time. It logs no requests and
keeps no metrics.
"""

import argparse
import asyncio
from importlib import import_module
from pathlib import Path

from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.codecs import NumpyCodec
from mlserver.settings import ModelParameters
from mlserver.types import InferenceRequest, InferenceResponse
from mlserver.utils import install_uvloop_event_loop

from benchmarks.rivals.job import Detector, Job

LIMIT = 64 << 20


class FaceRuntime(MLModel):
    """Finds faces in the only element of a BYTES tensor; answers rows of FP32."""

    async def load(self) -> bool:
        """Compiles the network that the model's settings name."""
        parameters = self.settings.parameters
        extra = dict(parameters.extra or {} if parameters else {})
        self._on_loop = extra.pop("on_loop")
        self._detector = Detector(Job(**extra | {"model": Path(extra["model"])}))
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Detects, here or on a thread."""
        jpeg = payload.inputs[0].data.root[0]
        if self._on_loop:
            rows = self._detector.detect(jpeg)
        else:
            rows = await asyncio.to_thread(self._detector.detect, jpeg)
        boxes = NumpyCodec.encode_output("boxes", rows)
        return InferenceResponse(model_name=self.name, outputs=[boxes])


def main() -> None:
    """Serves what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--http-port", type=int, required=True)
    parser.add_argument("--worker", action="store_true")
    Job.add_options(parser)
    options = parser.parse_args()
    job = Job.of(options)._asdict() | {"model": str(options.model)}
    model = ModelSettings(
        name="face",
        implementation=FaceRuntime,
        parameters=ModelParameters(extra=job | {"on_loop": options.worker}),
    )
    settings = Settings(
        debug=False,
        host="127.0.0.1",
        http_port=options.http_port,
        grpc_port=options.port,
        grpc_max_message_length=LIMIT,
        metrics_endpoint=None,
        parallel_workers=int(options.worker),
    )
    install_uvloop_event_loop()  # as its own command does
    asyncio.run(serve(settings, model))


async def serve(settings: Settings, model: ModelSettings) -> None:
    """Serves until a signal ends it."""
    await MLServer(settings).start([model])


if __name__ == "__main__":
    # Under its real name: workers import the runtime by it.
    import_module("benchmarks.rivals.mlserver_runtime").main()
