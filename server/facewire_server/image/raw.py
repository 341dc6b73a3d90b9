"""Raw pixels of a request, used in place."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facewire_server.errors import Reason, RequestError
from facewire_server.image.data import Data
from facewire_server.image.limits import ImageLimits
from facewire_server.image.picture import Picture, PixelLayout

_CHANNELS = {
    PixelLayout.GRAY: 1,
    PixelLayout.BGR: 3,
    PixelLayout.RGB: 3,
    PixelLayout.BGRA: 4,
    PixelLayout.RGBA: 4,
}
_VIDEO = frozenset({PixelLayout.NV12, PixelLayout.I420})


@dataclass(frozen=True, slots=True, kw_only=True)
class RawImage:
    """`height` rows of `width` pixels in `data`, `row_stride` bytes apart; not checked yet.

    A stride of 0 means tightly packed rows. `plane_rows` of NV12 and I420 are the rows
    from the start of the luma plane to the start of the next plane, which video
    decoders pad; 0 means `height`. The padding behind the last row, or behind the last
    plane, is optional.
    """

    data: Data
    width: int
    height: int
    layout: PixelLayout
    row_stride: int = 0
    plane_rows: int = 0


def wrap(image: RawImage, limits: ImageLimits) -> Picture:
    """Make a picture of a raw image; its pixels are views of the data.

    RequestError:
    - EMPTY_IMAGE: no bytes;
    - BAD_RAW_IMAGE: a side under 1, or odd in NV12 and I420; a stride shorter than a
      row, or odd in I420; plane_rows under the height, odd, or given for another layout;
      fewer bytes than the rows take, or more than they take with their padding;
    - IMAGE_TOO_LARGE: larger than `limits`.
    """
    data, width, height, layout = image.data, image.width, image.height, image.layout
    if not data:
        raise RequestError(Reason.EMPTY_IMAGE, "the image has no bytes")
    if width < 1 or height < 1:
        raise _bad(f"it has {width} x {height} pixels")
    limits.check(width, height)
    if layout in _VIDEO:
        stride = image.row_stride or width
        planes = _yuv_planes(width, height, stride, image.plane_rows, layout)
        _check_length(data, planes[-1])
        luma, *chroma = (plane.rows(data) for plane in planes)
        return Picture(luma, layout, chroma=_chroma(chroma))
    if image.plane_rows:
        raise _bad(f"{layout.name} has no planes, and plane_rows is {image.plane_rows}")
    channels = _CHANNELS[layout]
    row_bytes = width * channels
    plane = _Plane(0, height, row_bytes, image.row_stride or row_bytes, height)
    _check_length(data, plane)
    rows = plane.rows(data)
    if channels == 1:
        return Picture(rows, layout)
    return Picture(rows.reshape(height, width, channels), layout)


@dataclass(frozen=True, slots=True)
class _Plane:
    """`height` rows of `row_bytes`, `stride` bytes apart, the first of them at `start`.

    `padded_height`: the rows up to the next plane.
    """

    start: int
    height: int
    row_bytes: int
    stride: int
    padded_height: int

    @property
    def end(self) -> int:
        """The end of the last row, without its padding."""
        return self.start + self.stride * (self.height - 1) + self.row_bytes

    @property
    def padded_ends(self) -> tuple[int, int]:
        """The end of the last row's padding, and the end of the plane's padding."""
        return (
            self.start + self.stride * self.height,
            self.start + self.stride * self.padded_height,
        )

    def rows(self, data: Data) -> NDArray[np.uint8]:
        """A view of the rows: [height,row_bytes]."""
        # The stride of a single row may be any number, beyond the data too.
        stride = self.stride if self.height > 1 else self.row_bytes
        shape = (self.height, self.row_bytes)
        return np.ndarray(shape, np.uint8, data, self.start, (stride, 1))


def _check_length(data: Data, last: _Plane) -> None:
    """Raise BAD_RAW_IMAGE unless the data ends with the `last` plane or its padding."""
    if last.stride < last.row_bytes and last.height > 1:
        raise _bad(f"a row stride of {last.stride} for rows of {last.row_bytes} bytes")
    if len(data) < last.end:
        raise _bad(f"{len(data)} bytes, where {last.end} are needed")
    if len(data) not in (last.end, *last.padded_ends):
        raise _bad(
            f"{len(data)} bytes, where {last.end} are needed, or with padding "
            f"{last.padded_ends[-1]}"
        )


def _yuv_planes(
    width: int, height: int, stride: int, plane_rows: int, layout: PixelLayout
) -> list[_Plane]:
    """Check the sizes and locate the planes: luma, then one or two of chroma."""
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
    row_bytes, stride = width // 2, stride // 2
    u = _Plane(start, height // 2, row_bytes, stride, rows // 2)
    v = _Plane(start + stride * (rows // 2), height // 2, row_bytes, stride, rows // 2)
    return [luma, u, v]


def _chroma(planes: list[NDArray[np.uint8]]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """U and V, [H/2,W/2] each, of their own planes or of one in which they alternate."""
    if len(planes) == 1:
        return planes[0][:, 0::2], planes[0][:, 1::2]
    return planes[0], planes[1]


def _bad(problem: str) -> RequestError:
    return RequestError(Reason.BAD_RAW_IMAGE, f"the raw image does not fit together: {problem}")
