"""Fit pixels into the planes of a network's input: resize, rotate and pad.

The checks are here, and the padding; `_resize` draws.
"""

from libc.stdint cimport uint8_t
from libc.string cimport memset

from ._resize cimport Source, Target, draw


def fit(
    const uint8_t[:, :, :] pixels not None,
    uint8_t[:, :, ::1] out not None,
    *,
    tuple place=None,
    int orientation=1,
    bint rgb=False,
    int pad_value=0,
):
    """Draw stored pixels upright into the planes of an input, and pad the rest.

    pixels: uint8 [H, W, C], C of 1 (grey), 3 or 4 (the fourth is not used); rows may be
    any number of bytes apart, and nothing outside of them is read.
    out: uint8 [3, height, width], planes B, G, R; all of it is written.
    place: (x, y, width, height) of the part of `out` that the pixels cover; None: all.
    orientation: EXIF, 1 to 8: how the stored pixels have to be rotated. rgb: the first
    channel is red. pad_value: 0 to 255, around the covered part.

    Each value is that of OpenCV's resize with INTER_LINEAR, of the stored pixels to the
    covered part, rotated after it. Raises ValueError for shapes and values that do not
    fit, MemoryError.
    """
    cdef Source source
    if pixels.shape[0] < 1 or pixels.shape[1] < 1 or pixels.shape[2] not in (1, 3, 4):
        raise ValueError(f"pixels must be [H, W, 1, 3 or 4], not {tuple(pixels.shape)[:3]}")
    # Along an axis of one element the stride may be any number.
    if (pixels.shape[2] > 1 and pixels.strides[2] != 1) or (
        pixels.shape[1] > 1 and pixels.strides[1] != pixels.shape[2]
    ):
        raise ValueError("the pixels of a row must lie side by side")
    source.pixels = &pixels[0, 0, 0]
    source.stride = pixels.strides[0]
    source.channels = pixels.shape[2]
    source.width, source.height = pixels.shape[1], pixels.shape[0]
    source.u = source.v = NULL
    fit_source(&source, out, place, orientation, rgb, pad_value)


def fit_yuv(
    const uint8_t[:, :] luma not None,
    const uint8_t[:, :] u not None,
    const uint8_t[:, :] v not None,
    uint8_t[:, :, ::1] out not None,
    *,
    tuple kept=None,
    tuple place=None,
    int orientation=1,
    int pad_value=0,
):
    """Draw a frame of 4:2:0 video (NV12, I420) as `fit` draws other pixels.

    luma: uint8 [H, W], both even. u, v: uint8 [H / 2, W / 2], with the same strides, which
    may differ from those of luma; their columns are 1 or 2 bytes apart. BT.601, limited range.
    kept: (x, y, width, height) of the pixels that are drawn; None: all of them.

    Each value is that of OpenCV's conversion to BGR, resized as by `fit`; only the rows
    that are needed are converted.
    """
    cdef Source source
    cdef Py_ssize_t x, y, width, height
    if min(luma.shape[0], luma.shape[1]) < 2 or luma.shape[0] % 2 or luma.shape[1] % 2:
        raise ValueError(f"luma must have even sides, not {luma.shape[0]} x {luma.shape[1]}")
    if u.shape[0] != luma.shape[0] // 2 or u.shape[1] != luma.shape[1] // 2:
        raise ValueError("u and v must have half the sides of luma")
    if v.shape[0] != u.shape[0] or v.shape[1] != u.shape[1]:
        raise ValueError("u and v must have half the sides of luma")
    if u.strides[0] != v.strides[0] or u.strides[1] != v.strides[1]:
        raise ValueError("u and v must have the same strides")
    if luma.strides[1] != 1 or u.strides[1] not in (1, 2):
        raise ValueError("columns of luma must be 1 byte apart, those of u and v 1 or 2")
    source.pixels, source.stride, source.channels = &luma[0, 0], luma.strides[0], 4
    source.u, source.v = &u[0, 0], &v[0, 0]
    source.chroma_stride, source.chroma_step = u.strides[0], u.strides[1]
    source.luma_width = luma.shape[1]
    x, y, width, height = kept or (0, 0, luma.shape[1], luma.shape[0])
    if min(x, y) < 0 or width > luma.shape[1] - x or height > luma.shape[0] - y:
        raise ValueError(f"kept must be within luma, not {kept}")
    if min(width, height) < 1:
        raise ValueError(f"kept must have at least one pixel, not {kept}")
    source.first_column, source.first_row = x, y
    source.width, source.height = width, height
    fit_source(&source, out, place, orientation, False, pad_value)


cdef int fit_source(
    const Source* source,
    uint8_t[:, :, ::1] out,
    tuple place,
    int orientation,
    bint rgb,
    int pad_value,
) except -1:
    """Check the arguments of both functions, and draw. Raises ValueError and MemoryError."""
    cdef Target target
    cdef Py_ssize_t x, y, width, height, channel, plane
    cdef bint done
    if out.shape[0] != 3 or out.shape[1] < 1 or out.shape[2] < 1:
        raise ValueError("out must be [3, height, width]")
    x, y, width, height = place or (0, 0, out.shape[2], out.shape[1])
    if min(x, y) < 0 or width > out.shape[2] - x or height > out.shape[1] - y:
        raise ValueError(f"place must be within out, not {place}")
    if min(width, height) < 1:
        raise ValueError(f"place must have at least one pixel, not {place}")
    if not 1 <= orientation <= 8:
        raise ValueError(f"orientation must be 1 to 8, not {orientation}")
    if not 0 <= pad_value <= 255:
        raise ValueError(f"pad_value must be 0 to 255, not {pad_value}")
    for channel in range(3):
        plane = 2 - channel if rgb else channel
        target.plane[channel] = &out[plane, y, x]
    target.stride = out.shape[2]
    target.width, target.height = width, height
    target.swapped = orientation >= 5
    target.flipped_x = orientation in (2, 3, 6, 7)
    target.flipped_y = orientation in (3, 4, 7, 8)
    with nogil:
        pad(out, x, y, width, height, <uint8_t> pad_value)
        done = draw(source, &target)
    if not done:
        raise MemoryError
    return 0


cdef void pad(
    uint8_t[:, :, ::1] out,
    Py_ssize_t x,
    Py_ssize_t y,
    Py_ssize_t width,
    Py_ssize_t height,
    uint8_t value,
) noexcept nogil:
    """Fill what lies around the covered part, and only that."""
    cdef Py_ssize_t plane, row
    cdef Py_ssize_t columns = out.shape[2]
    for plane in range(3):
        for row in range(out.shape[1]):
            if row < y or row >= y + height:
                memset(&out[plane, row, 0], value, columns)
                continue
            if x > 0:
                memset(&out[plane, row, 0], value, x)
            if x + width < columns:
                memset(&out[plane, row, x + width], value, columns - x - width)
