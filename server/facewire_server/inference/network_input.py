"""What a network's own input gets of a photo when the server runs it."""

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino.passes import ConstantFolding, Manager

from facewire_ext import Placement
from facewire_server.image.decode import EncodedImage, open_image
from facewire_server.image.fit import fit
from facewire_server.image.limits import ImageLimits
from facewire_server.image.picture import Picture
from facewire_server.image.target import Target
from facewire_server.inference.detector import DEFAULT_MAX_DETECTIONS
from facewire_server.inference.heads.base import FilterOptions, Found
from facewire_server.inference.network import core
from facewire_server.inference.preprocess import input_conversion, read
from facewire_server.inference.tiles import Grid, Tile, TileLimits, merge, move
from facewire_server.models.source import Source

View: TypeAlias = tuple[NDArray[Any], Placement, Tile | None]
"""A tensor of the input, where the picture is in it, and which tile of the photo it shows."""


class NetworkInput:
    """Prepares photos for a network as it was published, and reads its outputs.

    `model` is that network with an input of a fixed size.
    """

    def __init__(self, source: Source, limits: ImageLimits) -> None:
        """Read the network. Raises ModelError."""
        files = source.read()
        network, self._head, _ = read(source, files)
        if not files.is_ir:
            _fold_constants(network.model)
        self.model, self.metadata = network.model, network.metadata
        self._target = Target(*network.input_size, self._head.resize)
        self._grid = Grid.of(self._head, network.input_size, DEFAULT_MAX_DETECTIONS)
        self._limits = TileLimits.of(limits, self._grid) if self._grid.is_trained else limits
        precision = {"INFERENCE_PRECISION_HINT": "f32"}
        self._convert = core().compile_model(
            input_conversion(network, self._head), "CPU", precision
        )

    def tensors(self, photo: bytes) -> Iterator[NDArray[Any]]:
        """Yield the tensors of a photo: one, or one of each tile of a model for tiles.

        Raises RequestError for what is no image, and MemoryError.
        """
        return (tensor for tensor, _, _ in self._views(self._open(photo)))

    def detect(
        self, compiled: ov.CompiledModel, photo: bytes, min_confidence: float
    ) -> tuple[Found, tuple[int, int]]:
        """Detect faces with the compiled network, which has no preprocessing of its own.

        Returns them with the width and height of the upright photo. Raises as `tensors` does.
        """
        threshold = self._head.iou_threshold
        options = FilterOptions(min_confidence, threshold, DEFAULT_MAX_DETECTIONS)
        picture, parts = self._open(photo), []
        for tensor, placement, tile in self._views(picture):
            found = self._read(compiled(tensor), placement, options)
            if tile is not None:
                move(found, tile)
            parts.append(found)
        size = picture.width, picture.height
        if not self._grid.is_trained:
            return parts[0], size
        return merge(parts, self._grid.iou_threshold, self._grid.max_detections), size

    def _open(self, photo: bytes) -> Picture:
        target = None if self._grid.is_trained else self._target
        return open_image(EncodedImage(photo), self._limits, target)

    def _views(self, picture: Picture) -> Iterator[View]:
        tiles = self._grid.tiles(picture) if self._grid.is_trained else [None]
        for tile in tiles:
            part = picture if tile is None else picture.crop(*tile)
            planes = np.empty((1, 3, self._target.height, self._target.width), np.uint8)
            mode, pad_value = self._target.mode, self._head.pad_value
            placement = fit(part, planes, mode=mode, pad_value=pad_value)
            yield self._convert(planes)[0].copy(), placement, tile

    def _read(self, outputs: Any, placement: Placement, options: FilterOptions) -> Found:
        """Read outputs, which have the types of the published network."""
        arrays = [
            np.ascontiguousarray(
                outputs[position],
                np.int32 if position in self._head.integers else np.float32,
            )
            for position in self._head.positions
        ]
        return self._head.bind(arrays).read(placement, options)


def _fold_constants(model: ov.Model) -> None:
    """Compute what depends on constants only, as OpenVINO's converter does for an IR.

    OpenVINO reshapes the weights of depthwise convolutions in ONNX files; NNCF quantizes them
    only if they are constants.
    """
    passes = Manager()
    passes.register_pass(ConstantFolding())
    passes.run_passes(model)
