"""The signature of a network: the tensors that it takes and returns, as its file has them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

DTYPES = {
    "BOOL": "?",
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
    "INT8": "i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "UINT8": "u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
}
"""The datatypes of the Open Inference Protocol that are numbers, as NumPy's dtypes."""

SENT = ("FP32", "FP16", "UINT8")
"""The datatypes in which callers send the input of a network."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """The name, the datatype and the size of each dimension of a tensor; -1: any size."""

    name: str
    datatype: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.name} {self.datatype} [{','.join(map(str, self.shape))}]"

    @property
    def accepted(self) -> list[str]:
        """The datatypes in which callers may send it: all their numbers are exact in its own."""
        own = DTYPES[self.datatype]
        return [each for each in SENT if np.can_cast(DTYPES[each], own)]


@dataclass(frozen=True, slots=True)
class Signature:
    """The input of a network, and its outputs in the network's order."""

    input: Tensor
    outputs: tuple[Tensor, ...]

    @classmethod
    def restore(cls, info: Sequence[Any]) -> Self:
        """Make it from what `dataclasses.astuple` returned, possibly by way of JSON."""
        taken, returned = info
        return cls(_tensor(*taken), tuple(_tensor(*each) for each in returned))


def _tensor(name: str, datatype: str, shape: Sequence[int]) -> Tensor:
    """Raises ValueError for an unknown datatype."""
    if datatype not in DTYPES:
        raise ValueError(f"unknown datatype {datatype!r}")
    return Tensor(name, datatype, tuple(shape))
