"""OpenCV as a decoder of files, for what Pillow decodes with the GIL held."""

import cv2
import numpy as np

from facewire_server.image.picture import Picture, PixelLayout
from facewire_server.image.refusal import blame

# 8 bits a sample, grey stays grey, alpha is dropped. Orientation is ours to apply.
_FLAGS = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_IGNORE_ORIENTATION


def decode_opencv(data: bytes, kind: str, pixels: int) -> Picture:
    """Decode a file of `kind` ("WebP") of so many pixels, which are within the limits.

    RequestError(CORRUPT_IMAGE) when it does not decode, MemoryError when there is no
    memory for it. The GIL is released.
    """
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), _FLAGS)
    except cv2.error as error:
        raise blame(kind, pixels, error) from error
    if decoded is None:
        raise blame(kind, pixels)
    layout = PixelLayout.GRAY if decoded.ndim == 2 else PixelLayout.BGR
    return Picture(np.asarray(decoded, np.uint8), layout)
