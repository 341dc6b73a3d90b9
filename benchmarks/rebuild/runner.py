"""A compiled network with one request, and facewire's own reading of its outputs."""

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import Model

from benchmarks.rebuild.tail import MAX_DETECTIONS, MIN_CONFIDENCE
from facewire_ext import Placement
from facewire_server.inference.heads.base import FilterOptions, Found
from facewire_server.inference.proof import head_of


class Runner:
    """A network on the CPU, tuned for latency, asked for what the in-graph tail gives.

    That is a confidence of 0.02 and at most 750 detections; a raw head is suppressed
    with the IoU threshold of its metadata.
    """

    def __init__(self, model: Model, side: int, precision: str) -> None:
        """`side` of the image's input in pixels; `precision` is OpenVINO's hint: f32,
        bf16 or f16 (that a network is INT8 is in its file)."""
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": precision,
        }
        compiled = ov.Core().compile_model(model, "CPU", settings)
        self._request = compiled.create_infer_request()
        # Every output has a fixed shape, and so stays where it is.
        self.outputs = [
            self._request.get_output_tensor(index).data for index in range(len(model.outputs))
        ]
        """What the last inference wrote, in the network's order."""
        head = head_of(model, (side, side))
        self._reader = head.bind([self.outputs[index] for index in head.positions])
        self._placement = Placement(side, side, side, side, 1, 1, 0, 0)
        self._threshold = FilterOptions(MIN_CONFIDENCE, head.iou_threshold, MAX_DETECTIONS)

    def show(self, *inputs: NDArray[np.float32]) -> None:
        """Writes the inputs of the next inferences."""
        for index, values in enumerate(inputs):
            self._request.get_input_tensor(index).data[:] = values

    def infer(self) -> None:
        """Runs the network."""
        self._request.infer()

    def read(self) -> Found:
        """Detections in pixels of the image's input, from the last inference."""
        return self._reader.read(self._placement, self._threshold)
