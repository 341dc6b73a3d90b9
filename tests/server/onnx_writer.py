"""An ONNX file for tests that finds the same boxes in every image."""

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


def write_onnx(
    path: Path,
    boxes: Sequence[Sequence[float]],
    weights: str = "",
    *,
    metadata: Mapping[str, str] | None = None,
    shape: Sequence[int | str] = (1, 3, SIDE, SIDE),
    baked: Sequence[int] = (1, -1),
) -> Path:
    """Write the model.

    `boxes` are rows of x_min, y_min, x_max, y_max in pixels of the input, confidence.
    `weights` is the name of the file beside it with these rows, as exporters do with large
    models; empty: they are inside. `metadata` are its `metadata_props`. A text in `shape`,
    that of the input, is a side that is open. `baked` is the constant shape that the graph
    gives to the image, before it adds 0 times its mean to the rows.
    """
    rows = np.array(boxes, np.float32)
    if weights:
        (path.parent / weights).write_bytes(rows.tobytes())
    labels = np.zeros(len(rows), np.int64)
    graph = (
        field(1, _node("Reshape", ("image", "baked"), "flat"))
        + field(1, _node("ReduceMean", ("flat",), "mean"))
        + field(1, _node("Mul", ("mean", "zero"), "nothing"))
        + field(1, _node("Add", ("rows", "nothing"), "boxes"))
        + field(1, _node("Identity", ("zeros",), "labels"))
        + field(2, b"constant")
        + field(5, _tensor("rows", rows, weights))
        + field(5, _tensor("zeros", labels))
        + field(5, _tensor("zero", np.zeros(1, np.float32)))
        + field(5, _tensor("baked", np.array(baked, np.int64)))
        + field(11, _value("image", FLOAT, shape))
        + field(12, _value("boxes", FLOAT, rows.shape))
        + field(12, _value("labels", INT64, labels.shape))
    )
    return _write(path, graph, metadata)


def write_outputs(
    path: Path,
    outputs: Mapping[str, NDArray[np.float32]],
    *,
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """Write a model with these outputs, in this order, its weights inside.

    They are added to 0 times the mean of the image. `metadata` are its `metadata_props`.
    """
    keep_no_axes = field(1, b"keepdims") + number(3, 0) + number(20, INT)
    graph = field(2, b"constant") + field(11, _value("image", FLOAT, (1, 3, SIDE, SIDE)))
    graph += field(1, _node("ReduceMean", ("image",), "mean") + field(5, keep_no_axes))
    graph += field(5, _tensor("zero", np.zeros((), np.float32)))
    graph += field(1, _node("Mul", ("mean", "zero"), "nothing"))
    for name, values in outputs.items():
        graph += field(5, _tensor(f"weights_{name}", values))
        graph += field(1, _node("Add", (f"weights_{name}", "nothing"), name))
        graph += field(12, _value(name, FLOAT, values.shape))
    return _write(path, graph, metadata)


def _write(path: Path, graph: bytes, metadata: Mapping[str, str] | None) -> Path:
    model = number(1, 8) + field(7, graph) + field(8, number(2, 13))
    for key, value in (metadata or {}).items():
        model += field(14, field(1, key.encode()) + field(2, value.encode()))
    path.write_bytes(model)
    return path


def field(place: int, content: bytes) -> bytes:
    """A field of bytes, a text or a message."""
    return varint(place << 3 | 2) + varint(len(content)) + content


def number(place: int, value: int) -> bytes:
    """A field of a whole number."""
    return varint(place << 3) + varint(value)


def varint(value: int) -> bytes:
    """A number of the wire format; a negative one as its two's complement of 64 bits."""
    value &= (1 << 64) - 1
    if value < 0x80:
        return bytes([value])
    return bytes([value & 0x7F | 0x80]) + varint(value >> 7)


def _node(operation: str, sources: Sequence[str], target: str) -> bytes:
    inputs = b"".join(field(1, source.encode()) for source in sources)
    return inputs + field(2, target.encode()) + field(4, operation.encode())


def _tensor(name: str, values: Tensor, file: str = "") -> bytes:
    shape = b"".join(number(1, side) for side in values.shape)
    kind = INT64 if values.dtype == np.int64 else FLOAT
    start = shape + number(2, kind) + field(8, name.encode())
    if not file:
        return start + field(9, values.tobytes())
    location = field(1, b"location") + field(2, file.encode())
    return start + field(13, location) + number(14, EXTERNAL)


def _value(name: str, kind: int, shape: Sequence[int | str]) -> bytes:
    sides = (
        field(2, side.encode()) if isinstance(side, str) else number(1, side) for side in shape
    )
    tensor = number(1, kind) + field(2, b"".join(field(1, side) for side in sides))
    return field(1, name.encode()) + field(2, field(1, tensor))
