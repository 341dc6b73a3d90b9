from typing import Any

from mlserver.types import ResponseOutput
from numpy.typing import NDArray

class NumpyCodec:
    @classmethod
    def encode_output(cls, name: str, payload: NDArray[Any]) -> ResponseOutput: ...
