"""A compiled network with one request, whose outputs are read by facewire's own head."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import Model

from facewire_ext import Placement
from facewire_server.inference.heads import Head, recognise
from facewire_server.inference.heads.base import FilterOptions, Found
from facewire_server.inference.network import Network
from facewire_server.models.files import ModelFiles
from facewire_server.models.metadata import Metadata
from tests.server.rebuild.tail import MAX_DETECTIONS, MIN_CONFIDENCE


def head_of(model: Model) -> Head:
    """Recognise the head of a network as the server does: from its files."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "model.xml")
        ov.save_model(model, path, compress_to_fp16=False)
        network = Network(ModelFiles.read(path))
    metadata = Metadata.parse(network.metadata)
    return recognise(network.outputs, network.input_size, metadata)


class Runner:
    """Runs a network on the CPU in f32 and reads it with the in-graph tail's own limits.

    That is a confidence of 0.02 and at most 750 detections; a raw head is suppressed
    with the IoU threshold of its metadata.
    """

    def __init__(self, model: Model, side: int) -> None:
        """`side` is that of the square input in pixels."""
        settings = {"INFERENCE_PRECISION_HINT": "f32"}
        compiled = ov.Core().compile_model(model, "CPU", settings)
        self._request = compiled.create_infer_request()
        # Outputs of fixed shape keep their address between inferences.
        self.outputs = [
            self._request.get_output_tensor(index).data for index in range(len(model.outputs))
        ]
        """What the last inference wrote, in the network's order."""
        head = head_of(model)
        self._reader = head.bind([self.outputs[index] for index in head.positions])
        self._placement = Placement(side, side, side, side, 1, 1, 0, 0)
        self._threshold = FilterOptions(MIN_CONFIDENCE, head.iou_threshold, MAX_DETECTIONS)

    def infer(self, image: NDArray[np.float32]) -> None:
        """Run the network on one image, float32 [1,3,side,side]."""
        self._request.get_input_tensor(0).data[:] = image
        self._request.infer()

    def read(self) -> Found:
        """Detections in pixels of the image's input, from the last inference."""
        return self._reader.read(self._placement, self._threshold)
