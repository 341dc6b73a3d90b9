"""An ONNX file for tests that finds the same boxes in every image.

Its weights lie beside it, as exporters do with large models.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SIDE = 64
FLOAT, INT64 = 1, 7
"""Of TensorProto.DataType."""

INT = 2
"""Of AttributeProto.AttributeType."""

EXTERNAL = 1
"""Of TensorProto.DataLocation."""

Tensor = NDArray[np.float32] | NDArray[np.int64]


def write_onnx(path: Path, boxes: Sequence[Sequence[float]], weights: str) -> Path:
    """Writes the model; `weights` is the name of the file of its one tensor.

    `boxes` are rows of x_min, y_min, x_max, y_max in pixels of the input, confidence.
    """
    rows = np.array(boxes, np.float32)
    (path.parent / weights).write_bytes(rows.tobytes())
    labels = np.zeros(len(rows), np.int64)
    graph = (
        field(1, _identity("rows", "boxes"))
        + field(1, _identity("zeros", "labels"))
        + field(2, b"constant")
        + field(5, _tensor("rows", rows, weights))
        + field(5, _tensor("zeros", labels))
        + field(11, _value("image", FLOAT, (1, 3, SIDE, SIDE)))
        + field(12, _value("boxes", FLOAT, rows.shape))
        + field(12, _value("labels", INT64, labels.shape))
    )
    path.write_bytes(number(1, 8) + field(7, graph) + field(8, number(2, 13)))
    return path


def write_outputs(path: Path, outputs: Mapping[str, NDArray[np.float32]]) -> Path:
    """Writes a model with these outputs, in this order, its weights inside.

    They are added to 0 times the mean of the image: of a file that is given as bytes,
    OpenVINO drops an input that nothing reads.
    """
    keep_no_axes = field(1, b"keepdims") + number(3, 0) + number(20, INT)
    graph = field(2, b"constant") + field(11, _value("image", FLOAT, (1, 3, SIDE, SIDE)))
    graph += field(1, _node("ReduceMean", "mean", "image") + field(5, keep_no_axes))
    graph += field(5, _tensor("zero", np.zeros((), np.float32)))
    graph += field(1, _node("Mul", "nothing", "mean", "zero"))
    for name, values in outputs.items():
        graph += field(5, _tensor(f"weights_{name}", values))
        graph += field(1, _node("Add", name, f"weights_{name}", "nothing"))
        graph += field(12, _value(name, FLOAT, values.shape))
    path.write_bytes(number(1, 8) + field(7, graph) + field(8, number(2, 13)))
    return path


def field(place: int, content: bytes) -> bytes:
    """A field of bytes, a text or a message."""
    return varint(place << 3 | 2) + varint(len(content)) + content


def number(place: int, value: int) -> bytes:
    """A field of a whole number."""
    return varint(place << 3) + varint(value)


def varint(value: int) -> bytes:
    """A number of the wire format."""
    if value < 0x80:
        return bytes([value])
    return bytes([value & 0x7F | 0x80]) + varint(value >> 7)


def _identity(source: str, target: str) -> bytes:
    return _node("Identity", target, source)


def _node(kind: str, target: str, *sources: str) -> bytes:
    inputs = b"".join(field(1, source.encode()) for source in sources)
    return inputs + field(2, target.encode()) + field(4, kind.encode())


def _tensor(name: str, values: Tensor, file: str = "") -> bytes:
    shape = b"".join(number(1, side) for side in values.shape)
    kind = INT64 if values.dtype == np.int64 else FLOAT
    start = shape + number(2, kind) + field(8, name.encode())
    if not file:
        return start + field(9, values.tobytes())
    location = field(1, b"location") + field(2, file.encode())
    return start + field(13, location) + number(14, EXTERNAL)


def _value(name: str, kind: int, shape: Sequence[int]) -> bytes:
    sides = b"".join(field(1, number(1, side)) for side in shape)
    tensor = number(1, kind) + field(2, sides)
    return field(1, name.encode()) + field(2, field(1, tensor))
