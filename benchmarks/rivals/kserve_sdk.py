"""KServe's Python SDK, on the event loop as in its documents, or (faster) on threads.

Options with underscores are KServe's own, which it reads by itself.
"""

import argparse
import logging
from collections.abc import Mapping

from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer

from benchmarks.rivals.job import Detector, options_of


class FaceModel(Model):
    """Finds faces in the only element of a BYTES tensor; answers rows of FP32."""

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__("face")
        self._detector = Detector(options)
        self._on_loop = options.on_loop
        self.ready = True

    async def predict(
        self, payload: InferRequest, headers: Mapping[str, str] | None = None
    ) -> InferResponse:
        """See KServe."""
        jpeg = payload.inputs[0].data[0]
        rows = await self._detector.detect_async(jpeg, on_loop=self._on_loop)
        boxes = InferOutput(name="boxes", shape=list(rows.shape), datatype="FP32")
        boxes.set_data_from_numpy(rows)
        return InferResponse(payload.id, self.name, [boxes])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--on-loop", action="store_true")
    model, server = FaceModel(options_of(parser)), ModelServer()
    logging.getLogger("kserve").setLevel(logging.WARNING)  # no line for each request
    server.start([model])
