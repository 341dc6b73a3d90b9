"""The files that an ONNX model keeps its weights in, beside itself.

Rule: it follows the wire format only where that leads to tensors, and skips the rest; of
a file that is no ONNX it finds nothing, and OpenVINO says what is wrong with it.
"""

from collections.abc import Iterator, Mapping

CHILDREN: Mapping[str, Mapping[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {
        5: "tensor",
        6: "graph",
        10: "tensor",
        11: "graph",
        22: "sparse",
        23: "sparse",
    },
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "entry"},
}
"""Which fields of which messages of onnx.proto lead to `TensorProto.external_data`."""

KEY, VALUE = 1, 2
"""The fields of an entry, which is a pair of texts."""


def external_files(model: bytes) -> tuple[str, ...]:
    """Their names, relative to the model's folder, in alphabetical order."""
    names = set()
    waiting = [("model", memoryview(model))]
    try:
        while waiting:
            kind, message = waiting.pop()
            if kind == "entry":
                entry = dict(_fields(message))
                if bytes(entry.get(KEY, b"")) == b"location":
                    names.add(bytes(entry.get(VALUE, b"")).decode())
                continue
            children = CHILDREN[kind]
            for number, content in _fields(message):
                if number in children:
                    waiting.append((children[number], content))
    except ValueError:
        return ()
    return tuple(sorted(names))


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The fields that are messages or texts. Raises ValueError where it is broken."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        match tag & 7:
            case 0:
                _, at = _varint(message, at)
            case 1:
                at += 8
            case 2:
                size, at = _varint(message, at)
                if size > len(message) - at:
                    raise ValueError("a field ends after its message")
                yield tag >> 3, message[at : at + size]
                at += size
            case 5:
                at += 4
            case _:
                raise ValueError("no such kind of field")


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """A number at a place, and the place after it."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            break
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number does not end")
