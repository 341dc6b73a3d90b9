"""Pixels without a container, used where they lie when the layout allows."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from facewire_server.errors import Reason, RequestError
from facewire_server.image.limits import ImageLimits
from facewire_server.image.picture import Picture, PixelLayout

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


@dataclass(frozen=True, slots=True, kw_only=True)
class RawImage:
    """`height` rows of `width` pixels in `data`, `row_stride` bytes apart; not checked yet.

    A stride of 0 means tightly packed rows. `plane_rows` of NV12 and I420 are the rows
    from the start of the luma plane to the start of the next plane, which video
    decoders pad; 0 means `height`. The padding behind the last row, or behind the last
    plane, may be there or not.
    """

    data: bytes
    width: int
    height: int
    layout: PixelLayout
    row_stride: int = 0
    plane_rows: int = 0


def wrap(image: RawImage, limits: ImageLimits) -> Picture:
    """The picture of a raw image.

    The pixels are used in place, but for NV12 and I420, which are converted to BGR
    (BT.601, limited range).

    RequestError:
    - EMPTY_IMAGE: no bytes;
    - BAD_RAW_IMAGE: a side under 1, or odd in NV12 and I420; a stride shorter than a
      row, or odd in I420; plane_rows under the height, odd, or of another layout;
      fewer bytes than the rows take, or more than they do with their padding;
    - IMAGE_TOO_LARGE: larger than `limits`.
    """
    data, width, height, layout = image.data, image.width, image.height, image.layout
    if not data:
        raise RequestError(Reason.EMPTY_IMAGE, "the image has no bytes")
    if width < 1 or height < 1:
        raise _bad(f"it has {width} x {height} pixels")
    limits.check(width, height)
    if layout in _YUV_TO_BGR:
        bgr = np.empty((height, width, 3), np.uint8)
        stride = image.row_stride or width
        planes = _yuv_planes(width, height, stride, image.plane_rows, layout)
        cv2.cvtColor(_yuv(data, planes, layout), _YUV_TO_BGR[layout], bgr)
        return Picture(bgr, PixelLayout.BGR)
    if image.plane_rows:
        raise _bad(f"{layout.name} has no planes, and plane_rows is {image.plane_rows}")
    channels = _CHANNELS[layout]
    row = width * channels
    plane = _Plane(0, height, row, image.row_stride or row, height)
    _check_length(data, plane)
    rows = plane.rows(data)
    if channels == 1:
        return Picture(rows, layout)
    return Picture(rows.reshape(height, width, channels), layout)


@dataclass(frozen=True, slots=True)
class _Plane:
    """`height` rows of `row` bytes, `stride` apart, the first of them at `start`.

    `all_rows`: with those of its padding.
    """

    start: int
    height: int
    row: int
    stride: int
    all_rows: int

    @property
    def least_end(self) -> int:
        """Where the last row ends."""
        return self.start + self.stride * (self.height - 1) + self.row

    @property
    def padded_ends(self) -> tuple[int, int]:
        """Where the padding of the last row ends, and that of the plane."""
        return (
            self.start + self.stride * self.height,
            self.start + self.stride * self.all_rows,
        )

    def rows(self, data: bytes) -> NDArray[np.uint8]:
        """The rows in place: [height,row]."""
        # A single row's stride may be any number.
        stride = self.stride if self.height > 1 else self.row
        shape = (self.height, self.row)
        return np.ndarray(shape, np.uint8, data, self.start, (stride, 1))


def _check_length(data: bytes, last: _Plane) -> None:
    """BAD_RAW_IMAGE unless the data ends with the `last` plane or with its padding."""
    if last.stride < last.row and last.height > 1:
        raise _bad(f"a row stride of {last.stride} for rows of {last.row} bytes")
    if len(data) < last.least_end:
        raise _bad(f"{len(data)} bytes, where {last.least_end} are needed")
    if len(data) not in (last.least_end, *last.padded_ends):
        raise _bad(
            f"{len(data)} bytes, where {last.least_end} are needed, or with padding "
            f"{last.padded_ends[-1]}"
        )


def _yuv_planes(
    width: int, height: int, stride: int, plane_rows: int, layout: PixelLayout
) -> list[_Plane]:
    """Where the planes lie: luma, then one or two of chroma."""
    if width % 2 or height % 2:
        raise _bad(f"{layout.name} of {width} x {height} pixels; both must be even")
    if stride < width:
        raise _bad(f"a row stride of {stride} for rows of {width} bytes")
    if plane_rows % 2 or 0 < plane_rows < height:
        raise _bad(f"{height} rows in plane_rows of {plane_rows}; it must be even")
    rows = plane_rows or height
    luma = _Plane(0, height, width, stride, rows)
    start = stride * rows
    if layout is PixelLayout.NV12:
        return [luma, _Plane(start, height // 2, width, stride, rows // 2)]
    if stride % 2:
        raise _bad(f"{layout.name} with a row stride of {stride}, which is odd")
    row, stride = width // 2, stride // 2
    u = _Plane(start, height // 2, row, stride, rows // 2)
    v = _Plane(start + stride * (rows // 2), height // 2, row, stride, rows // 2)
    return [luma, u, v]


def _yuv(data: bytes, planes: list[_Plane], layout: PixelLayout) -> NDArray[np.uint8]:
    """The planes as OpenCV takes them: [height * 3/2, width], chroma below luma."""
    _check_length(data, planes[-1])
    luma = planes[0]
    rows, tight = luma.height * 3 // 2, luma.all_rows == luma.height
    if tight and (layout is PixelLayout.NV12 or luma.stride == luma.row):
        return _Plane(0, rows, luma.row, luma.stride, rows).rows(data)
    # OpenCV knows no padding between planes, and none between the rows of chroma.
    yuv = np.empty((rows, luma.row), np.uint8)
    yuv[: luma.height] = luma.rows(data)
    chroma = yuv[luma.height :].reshape(len(planes) - 1, luma.height // 2, -1)
    for plane, out in zip(planes[1:], chroma, strict=True):
        out[...] = plane.rows(data)
    return yuv


def _bad(what: str) -> RequestError:
    return RequestError(Reason.BAD_RAW_IMAGE, f"the raw image does not fit together: {what}")
