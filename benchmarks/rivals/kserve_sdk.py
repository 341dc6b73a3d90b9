"""KServe's Python SDK: a Model of its ModelServer, asked by Open Inference Protocol.

    python -m benchmarks.rivals.kserve_sdk [--on-loop] --model FILE ... --grpc_port ...

As KServe's documents show it, `predict` works on the event loop (`--on-loop`); on a
thread, more are worked on at a time. Options with underscores are KServe's own, which
it reads from the command line when it is imported.
"""

import argparse
import asyncio
import logging
from collections.abc import Mapping

from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer

from benchmarks.rivals.job import Detector, Job


class FaceModel(Model):
    """Finds faces in the only element of a BYTES tensor; answers rows of FP32."""

    def __init__(self, detector: Detector, on_loop: bool) -> None:
        super().__init__("face")
        self._detector = detector
        self._on_loop = on_loop
        self.ready = True

    async def predict(
        self, payload: InferRequest, headers: Mapping[str, str] | None = None
    ) -> InferResponse:
        """Detects, here or on a thread."""
        jpeg = payload.inputs[0].data[0]
        if self._on_loop:
            rows = self._detector.detect(jpeg)
        else:
            rows = await asyncio.to_thread(self._detector.detect, jpeg)
        boxes = InferOutput(name="boxes", shape=list(rows.shape), datatype="FP32")
        boxes.set_data_from_numpy(rows)
        return InferResponse(payload.id, self.name, [boxes])


def main() -> None:
    """Serves what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--on-loop", action="store_true")
    Job.add_options(parser)
    options, _ = parser.parse_known_args()
    model = FaceModel(Detector(Job.of(options)), options.on_loop)
    server = ModelServer()
    logging.getLogger("kserve").setLevel(logging.WARNING)  # no line for each request
    server.start([model])


if __name__ == "__main__":
    main()
