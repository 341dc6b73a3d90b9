"""The types that the functions of this package accept as an array."""

from typing import Any, Protocol, TypeAlias

from typing_extensions import Buffer

class NumpyArray(Protocol):
    """A NumPy array, whose type says only since Python 3.12 that it is a buffer."""

    @property
    def __array_interface__(self) -> dict[str, Any]: ...

Array: TypeAlias = Buffer | NumpyArray
