"""OpenCV as a decoder of files, for what Pillow decodes with the GIL held."""

import cv2
import numpy as np

from facewire_server.image.picture import Picture, PixelLayout
from facewire_server.image.refusal import damaged

# 8 bits a sample, grey stays grey, alpha is dropped. Orientation is ours to apply.
_FLAGS = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_IGNORE_ORIENTATION


def decode_opencv(data: bytes, kind: str) -> Picture:
    """Decode a file of `kind` ("WebP"), whose pixels have been counted before.

    RequestError(CORRUPT_IMAGE) when it does not decode. The GIL is released.
    """
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), _FLAGS)
    except cv2.error as error:
        raise damaged(kind) from error
    if decoded is None:
        raise damaged(kind)
    layout = PixelLayout.GRAY if decoded.ndim == 2 else PixelLayout.BGR
    return Picture(np.asarray(decoded, np.uint8), layout)
