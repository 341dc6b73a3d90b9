"""Pixels without a container, used where they lie when the layout allows."""

import cv2
import numpy as np
from numpy.typing import NDArray

from facewire_server.errors import Reason, RequestError
from facewire_server.image.picture import Picture, PixelLayout
from facewire_server.image_limits import ImageLimits

_CHANNELS = {
    PixelLayout.GRAY: 1,
    PixelLayout.BGR: 3,
    PixelLayout.RGB: 3,
    PixelLayout.BGRA: 4,
    PixelLayout.RGBA: 4,
}
_YUV_TO_BGR = {
    PixelLayout.NV12: cv2.COLOR_YUV2BGR_NV12,
    PixelLayout.I420: cv2.COLOR_YUV2BGR_I420,
}


def wrap(
    data: bytes,
    *,
    width: int,
    height: int,
    row_stride: int,
    layout: PixelLayout,
    limits: ImageLimits,
) -> Picture:
    """A picture of `data`, `height` rows of `width` pixels, `row_stride` bytes apart.

    A stride of 0 means tightly packed rows. `data` may be longer than needed: what
    lies behind the last row is ignored, as the padding of a last row would be. The
    pixels are used in place, but for NV12 and I420, which are converted to BGR
    (BT.601, limited range).

    RequestError:
    - EMPTY_IMAGE: no bytes;
    - BAD_RAW_IMAGE: a side under 1, or odd in NV12 and I420; a stride shorter than a
      row, or odd in I420; fewer bytes than the rows take;
    - IMAGE_TOO_LARGE: larger than `limits`.
    """
    if not data:
        raise RequestError(Reason.EMPTY_IMAGE, "the image has no bytes")
    if width < 1 or height < 1:
        raise _bad(f"it has {width} x {height} pixels")
    limits.check(width, height)
    if layout in _YUV_TO_BGR:
        yuv = _yuv(data, width, height, row_stride or width, layout)
        bgr = np.empty((height, width, 3), np.uint8)
        cv2.cvtColor(yuv, _YUV_TO_BGR[layout], bgr)
        return Picture(bgr, PixelLayout.BGR)
    channels = _CHANNELS[layout]
    row = width * channels
    rows = _rows(data, 0, height, row, row_stride or row)
    if channels == 1:
        return Picture(rows, layout)
    return Picture(rows.reshape(height, width, channels), layout)


def _yuv(
    data: bytes, width: int, height: int, stride: int, layout: PixelLayout
) -> NDArray[np.uint8]:
    """The planes as OpenCV takes them: [height * 3/2, width], chroma below luma."""
    if width % 2 or height % 2:
        raise _bad(f"{layout.name} of {width} x {height} pixels; both must be even")
    if layout is PixelLayout.NV12 or stride == width:
        return _rows(data, 0, height * 3 // 2, width, stride)
    if stride % 2:
        raise _bad(f"{layout.name} with a row stride of {stride}, which is odd")
    # OpenCV knows no padding between the rows of chroma.
    yuv = np.empty((height * 3 // 2, width), np.uint8)
    yuv[:height] = _rows(data, 0, height, width, stride)
    chroma = yuv[height:].reshape(2, height // 2, width // 2)
    for plane in range(2):
        start = stride * height + stride * height // 4 * plane
        chroma[plane] = _rows(data, start, height // 2, width // 2, stride // 2)
    return yuv


def _rows(
    data: bytes, start: int, count: int, row: int, stride: int
) -> NDArray[np.uint8]:
    """`count` rows of `row` bytes, `stride` apart, in place: [count,row]."""
    if stride < row:
        raise _bad(f"a row stride of {stride} for rows of {row} bytes")
    needed = start + stride * (count - 1) + row
    if len(data) < needed:
        raise _bad(f"{len(data)} bytes, where {needed} are needed")
    stride = stride if count > 1 else row  # a single row's may be any number
    return np.ndarray((count, row), np.uint8, data, start, (stride, 1))


def _bad(what: str) -> RequestError:
    return RequestError(
        Reason.BAD_RAW_IMAGE, f"the raw image does not fit together: {what}"
    )
