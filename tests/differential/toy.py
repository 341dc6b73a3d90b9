"""Small detectors whose boxes depend on every pixel, smoothly, with any head and metadata.

The input is cut into cells, and each cell proposes three boxes: two of one class of which
the second overlaps the first, and one of the other class over them. A network expects
pixels that were normalised as its metadata say, in its own order of channels: it takes the
normalisation back first, so that boxes and scores are other ones if a step was left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import openvino as ov
from numpy.typing import ArrayLike, NDArray
from openvino import Node
from openvino import opset15 as ops

Floats = NDArray[np.float32]

CELL = 16
"""Side of a cell in pixels of the input."""

BOXES = 3
"""Proposals of a cell."""

MEANS = {"imagenet": (123.675, 116.28, 103.53), "imagenet_unit": (0.485, 0.456, 0.406)}
SCALES = {
    "imagenet": (58.395, 57.12, 57.375),
    "imagenet_unit": (0.229, 0.224, 0.225),
    "to_unit": (255.0, 255.0, 255.0),
}


@dataclass(frozen=True, slots=True)
class Toy:
    """What varies between the networks.

    `head` is a key of HEADS. `size` is (width, height) of the input, in multiples of CELL,
    and `name` its name. `batch` -1 leaves the batch open; `layout` is NCHW or NHWC.
    `normalisation` is a key of MEANS and SCALES, or "" for pixels as they are; `unit` says
    that pixels come in 0..1.
    """

    head: str = "boxes_labels"
    size: tuple[int, int] = (128, 96)
    batch: int = 1
    layout: str = "NCHW"
    normalisation: str = ""
    unit: bool = False
    name: str = "image"
    metadata: Mapping[str, str] = field(default_factory=dict)

    def write(self, path: Path) -> Path:
        """Write the network as an IR, with its metadata."""
        width, height = self.size
        sides = {"N": self.batch, "C": 3, "H": height, "W": width}
        image = ops.parameter([sides[axis] for axis in self.layout], np.float32, self.name)
        image.output(0).set_names({self.name})
        boxes, scores, labels = _proposals(self._pixels(image), self.size)
        results = HEADS[self.head](boxes, scores, labels, self.size)
        model = ov.Model([ops.result(node) for node in results], [image], "toy")
        for key, value in {**self._normalisation(), **self.metadata}.items():
            model.set_rt_info(value, ["model_info", key])
        ov.save_model(model, path, compress_to_fp16=False)
        return path

    def _pixels(self, image: Node) -> Node:
        """Pixels [N,3,H,W] in 0..1, with the normalisation taken back."""
        if self.layout == "NHWC":
            image = ops.transpose(image, _integers(0, 3, 1, 2))
        scale = SCALES.get(self.normalisation, (1.0,) * 3)
        mean = MEANS.get(self.normalisation, (0.0,) * 3)
        largest = 1.0 if self.unit else 255.0
        plain = ops.add(ops.multiply(image, _per_channel(scale)), _per_channel(mean))
        return ops.multiply(plain, _floats(1 / largest))

    def _normalisation(self) -> Mapping[str, str]:
        texts = {}
        if self.normalisation in MEANS:
            texts["mean_values"] = " ".join(map(str, MEANS[self.normalisation]))
        if self.normalisation in SCALES:
            texts["scale_values"] = " ".join(map(str, SCALES[self.normalisation]))
        if self.unit:
            texts |= {"input_dtype": "u8", "intensity_mode": "scale_to_unit"}
        return texts


def _proposals(pixels: Node, size: tuple[int, int]) -> tuple[Node, Node, Node]:
    """Boxes [N,P,4] in pixels of the input, scores [N,P] and labels i64 [N,P]."""
    columns, rows = (side // CELL for side in size)
    count = columns * rows
    kernels = ops.constant(_kernels())
    seen = ops.convolution(pixels, kernels, [CELL, CELL], [0, 0], [0, 0], [1, 1])
    by_cell = ops.reshape(seen, _integers(0, BOXES, 5, count), True)
    flat = ops.reshape(ops.transpose(by_cell, _integers(0, 3, 1, 2)), _integers(0, -1, 5), True)
    shift = ops.slice(flat, _integers(0), _integers(4), _integers(1), _integers(2))
    boxes = ops.add(ops.multiply(shift, _floats(CELL)), _anchors(columns, rows))
    sure = ops.slice(flat, _integers(4), _integers(5), _integers(1), _integers(2))
    logits = ops.reshape(sure, _integers(0, -1), True)
    # The second proposal of a cell is always less sure than the first, which it overlaps.
    factors = np.tile(np.array([1, 0.8, 0.9], np.float32), count)[None]
    scores = ops.multiply(ops.sigmoid(logits), ops.constant(factors))
    classes = (np.arange(count)[:, None] + np.array([0, 0, 1])).reshape(1, -1) % 2
    none = ops.convert(ops.multiply(scores, _floats(0)), "i64")
    return boxes, scores, ops.add(none, ops.constant(classes.astype(np.int64)))


def _kernels() -> Floats:
    """Kernels [BOXES * 5, 3, CELL, CELL]: four edges and a logit for each proposal.

    The edges follow slopes of the pixels, the logit their mean with weights that differ
    by channel; contrast is raised so that some scores pass a threshold and some do not.
    """
    random = np.random.default_rng(5)
    ramp = np.linspace(-1, 1, CELL, dtype=np.float32)
    patterns = np.stack(
        [np.ones((CELL, CELL), np.float32), np.tile(ramp, (CELL, 1)), np.tile(ramp[:, None], CELL)]
    ) / (CELL * CELL)
    mix = random.normal(0, 1, (5, 3, 3)).astype(np.float32)
    mix[:4] *= 0.3
    mix[4, :, 0] = (9.0, 1.0, -8.0)
    mix[4, :, 1:] *= 2
    return np.asarray(np.tile(np.tensordot(mix, patterns, 1), (BOXES, 1, 1, 1)), np.float32)


def _anchors(columns: int, rows: int) -> Node:
    """Boxes [1,P,4] around which the proposals of each cell lie."""
    y, x = np.mgrid[0:rows, 0:columns] * CELL + CELL / 2
    centres = np.stack([x, y], -1).reshape(-1, 1, 2)
    half = np.array([[0.75, 0.95], [0.79, 0.91], [0.9, 0.7]]) * CELL
    boxes = np.concatenate([centres - half, centres + half], -1)
    return ops.constant(boxes.reshape(1, -1, 4).astype(np.float32))


def _scored(boxes: Node, scores: Node) -> Node:
    return ops.concat([boxes, ops.reshape(scores, _integers(0, -1, 1), True)], 2)


def _named(node: Node, name: str) -> Node:
    node.output(0).set_names({name})
    return node


def _relative(boxes: Node, size: tuple[int, int]) -> Node:
    return ops.multiply(boxes, ops.constant(1 / np.array([*size, *size], np.float32)))


def _boxes_labels(
    boxes: Node, scores: Node, labels: Node, size: tuple[int, int], name: str = "boxes"
) -> list[Node]:
    return [_named(_scored(boxes, scores), name), _named(labels, "labels")]


def _chosen(boxes: Node, scores: Node, labels: Node, size: tuple[int, int]) -> list[Node]:
    """As many rows as the network finds good, as after a suppression in the graph."""
    flat = ops.reshape(scores, _integers(-1), False)
    good = ops.non_zero(ops.greater(flat, _floats(0.25)), "i64")
    kept = ops.reshape(good, _integers(-1), False)
    boxes, scores, labels = (
        ops.gather(each, kept, _integers(1)) for each in (boxes, scores, labels)
    )
    return _boxes_labels(boxes, scores, labels, size)


def _float_labels(boxes: Node, scores: Node, labels: Node, size: tuple[int, int]) -> list[Node]:
    return _boxes_labels(boxes, scores, ops.convert(labels, "f32"), size)


def _explained(boxes: Node, scores: Node, labels: Node, size: tuple[int, int]) -> list[Node]:
    """With the outputs that XAI adds."""
    vector = _named(ops.constant(np.ones((1, 96), np.float32)), "feature_vector")
    saliency = _named(ops.constant(np.ones((1, 2, 5, 4), np.uint8)), "saliency_map")
    return [*_boxes_labels(boxes, scores, labels, size, "bboxes"), vector, saliency]


def _detr(boxes: Node, scores: Node, labels: Node, size: tuple[int, int]) -> list[Node]:
    return [
        _named(_relative(boxes, size), "bboxes"),
        _named(labels, "labels"),
        _named(scores, "scores"),
    ]


def _ssd(boxes: Node, scores: Node, labels: Node, size: tuple[int, int]) -> list[Node]:
    column = _integers(0, -1, 1)
    kind = ops.reshape(ops.convert(labels, "f32"), column, True)
    sure = ops.reshape(scores, column, True)
    image_id = ops.multiply(sure, _floats(0))
    rows = ops.concat([image_id, kind, sure, _relative(boxes, size)], 2)
    return [_named(ops.reshape(rows, _integers(1, 1, -1, 7), False), "detection_out")]


HEADS = {
    "boxes_labels": _boxes_labels,
    "chosen": _chosen,
    "float_labels": _float_labels,
    "explained": _explained,
    "detr": _detr,
    "ssd": _ssd,
}


def _floats(values: ArrayLike) -> Node:
    return ops.constant(np.array(values, np.float32))


def _integers(*values: int) -> Node:
    return ops.constant(np.array(values, np.int64))


def _per_channel(values: tuple[float, ...]) -> Node:
    return ops.constant(np.array(values, np.float32).reshape(1, 3, 1, 1))
