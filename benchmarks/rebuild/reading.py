"""The outputs of a network, read as facewire reads them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from openvino import Model

from benchmarks.rebuild.tail import MAX_DETECTIONS, MIN_CONFIDENCE
from facewire_ext import Placement
from facewire_server.model.heads import Head, Output, recognise
from facewire_server.model.heads.base import Array, Found, Threshold
from facewire_server.model.metadata import Metadata


def head_of(model: Model, side: int) -> Head:
    """The head that facewire recognises; `side` of the image's input in pixels.

    Raises ModelError when it recognises none.
    """
    outputs = [
        Output(
            tuple(sorted(port.names)),
            tuple(port.shape),
            port.element_type.is_integral(),
        )
        for port in model.outputs
    ]
    texts = {}
    if model.has_rt_info("model_info"):
        values = model.rt_info["model_info"]
        texts = {key: str(value.value) for key, value in values.items()}
    return recognise(outputs, (side, side), Metadata.parse(texts))


class Reading:
    """A head tied to output arrays, asked for what the in-graph tail gives.

    That is a confidence of 0.02 and at most 750 detections; a raw head is suppressed
    with the IoU threshold of its metadata.
    """

    def __init__(self, head: Head, outputs: Sequence[Array], side: int) -> None:
        """`outputs` are all outputs of the network, in its order."""
        self._reader = head.bind([outputs[position] for position in head.positions])
        self._placement = Placement(side, side, side, side, 1, 1, 0, 0)
        self._threshold = Threshold(MIN_CONFIDENCE, head.iou_threshold, MAX_DETECTIONS)

    def __call__(self) -> Found:
        """Detections in pixels of the input, from the arrays as they are now."""
        return self._reader.read(self._placement, self._threshold)


def random_head(
    shapes: Sequence[Sequence[int]], random: np.random.Generator
) -> list[NDArray[np.float32]]:
    """Outputs of a raw head, kind by kind, with some sixty candidates in each level.

    `shapes` are those of class logits, of deltas, then of centerness logits. The
    candidates of coarse levels overlap one another and the image's edges; one in ten
    is scaled so far that DeltaXYWH limits it.
    """
    arrays = [random.standard_normal(shape, np.float32) for shape in shapes]
    count = len(arrays) // 3
    for deltas in arrays[count : 2 * count]:
        sizes = deltas[:, 2:]
        sizes[random.uniform(size=sizes.shape) < 0.1] *= 20
    for logits in arrays[:count]:
        seen = random.permutation(logits.size)[:60]
        scores = random.uniform(-3, 3, seen.size)
        logits[:] = -12
        logits.reshape(-1)[seen] = scores
    return arrays
