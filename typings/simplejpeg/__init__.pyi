"""The part of simplejpeg's API that facewire uses: the package has no py.typed."""

import numpy as np
from numpy.typing import NDArray

def decode_jpeg_header(data: bytes) -> tuple[int, int, str, str]: ...
def decode_jpeg(
    data: bytes,
    colorspace: str = ...,
    *,
    min_height: int = ...,
    min_width: int = ...,
    strict: bool = ...,
) -> NDArray[np.uint8]: ...
