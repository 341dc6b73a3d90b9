"""Proof that facewire reads a raw head just as the network's own tail does."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from openvino import Model

from facewire_ext import Placement
from facewire_server.inference.agreement import Agreement
from facewire_server.inference.cut import KINDS, Cut
from facewire_server.inference.heads import Head, recognise
from facewire_server.inference.heads.base import Array, FilterOptions, Found
from facewire_server.inference.network import core, metadata_of, outputs_of
from facewire_server.models.metadata import Metadata

DRAWS = 12
CANDIDATES = 20
"""In each level: so few in all that a tail of 100 rows has room for what it keeps."""

SPREAD = 4
"""How far candidates of a level lie apart, in cells."""

MIN_CONFIDENCE = 0.05
"""What is compared; tails drop what is less than their own floor, 0206 under 0.02."""

PRECISION = {"INFERENCE_PRECISION_HINT": "f32"}
"""Also where networks run in another: rounding must not pass for a difference."""


def proven(parts: Cut, input_size: tuple[int, int]) -> bool:
    """Whether the tail and facewire find the same boxes in the same random heads.

    `input_size` is (width, height) of the network's input in pixels. The network
    itself is not run: only the tail, which takes a millisecond. Strides, anchors,
    deltas, fusion, clipping, suppression and classes all show in the detections;
    where one of them is not as facewire has it, this is False. Raises ModelError for
    outputs that facewire does not know, and RuntimeError when the tail does not run.
    """
    random = np.random.default_rng(0)
    tail = core().compile_model(parts.tail, "CPU", PRECISION).create_infer_request()
    shapes = [port.shape for port in parts.tail.inputs]
    heads = [head_of(model, input_size) for model in (parts.tail, parts.raw)]
    for _ in range(DRAWS):
        arrays = _random_head(shapes, random)
        for index, values in enumerate(arrays):
            tail.get_input_tensor(index).data[:] = values
        tail.infer()
        ends = [tail.get_output_tensor(index).data for index in range(len(parts.tail.outputs))]
        found = [
            _read(head, outputs, input_size)
            for head, outputs in zip(heads, (ends, arrays), strict=True)
        ]
        if not Agreement.between(*found).holds:
            return False
    return True


def head_of(model: Model, input_size: tuple[int, int]) -> Head:
    """The head that facewire recognises by the model's outputs and metadata.

    `input_size` is (width, height) in pixels of the input of the network that it is or
    is a part of. Raises ModelError when it recognises none.
    """
    metadata = Metadata.parse(metadata_of(model))
    return recognise(outputs_of(model), input_size, metadata)


def _random_head(
    shapes: Sequence[Sequence[int]], random: np.random.Generator
) -> list[NDArray[np.float32]]:
    """Outputs of a raw head, kind by kind, with twenty candidates in each level.

    `shapes` are those of class logits, of deltas, then of centerness logits. The
    candidates of a level lie close together, so that they overlap, and those of
    coarse levels lie over the image's edges; one size in ten is scaled so far that
    DeltaXYWH limits it.
    """
    arrays = [random.standard_normal(shape, np.float32) for shape in shapes]
    count = len(arrays) // len(KINDS)
    for deltas in arrays[count : 2 * count]:
        sizes = deltas[:, 2:]
        sizes[random.uniform(size=sizes.shape) < 0.1] *= 20
    for logits in arrays[:count]:
        near = _neighbours(logits.shape, random)
        logits[:] = -12
        logits.reshape(-1)[near] = random.uniform(-3, 3, near.size)
    return arrays


def _neighbours(shape: Sequence[int], random: np.random.Generator) -> NDArray[np.intp]:
    """Flat indices of cells close to one place of a level."""
    *_, height, width = shape
    rows, columns = np.indices((height, width))
    distances = np.hypot(rows - random.uniform(0, height), columns - random.uniform(0, width))
    distances += random.uniform(0, SPREAD, distances.shape)
    return np.argsort(distances, axis=None)[:CANDIDATES]


def _read(head: Head, outputs: Sequence[Array], size: tuple[int, int]) -> Found:
    """What facewire finds, in pixels of the input; `outputs` in the network's order."""
    arrays = []
    for position in head.positions:
        integral = np.issubdtype(outputs[position].dtype, np.integer)
        kind = np.int32 if integral else np.float32
        arrays.append(np.ascontiguousarray(outputs[position], kind))
    every = sum(array.size for array in arrays)
    threshold = FilterOptions(MIN_CONFIDENCE, head.iou_threshold, every)
    return head.bind(arrays).read(Placement(*size, *size, 1, 1, 0, 0), threshold)
