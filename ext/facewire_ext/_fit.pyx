"""Fit pixels into the planes of a network's input: resize, rotate and pad in one pass.

Bilinear, with the bits of OpenCV's INTER_LINEAR. Stored rows are resized along x when a
row of the input needs them; two of them make that row. The EXIF orientation and the
order of channels decide where a result is written, and need no separate pass.
"""

from libc.math cimport floorf, rintf
from libc.stdint cimport int16_t, int32_t, uint8_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from ._kernels cimport Columns, kernels

cdef enum:
    ONE = 2048  # the weight of a whole pixel
    TILE = 16  # rows that are written as columns at a time


cdef struct Source:
    const uint8_t* pixels  # the first that is used; of video: the luma
    Py_ssize_t stride  # bytes from one row to the next
    Py_ssize_t channels  # of video: those that it is converted to
    Py_ssize_t width
    Py_ssize_t height
    const uint8_t* u  # of video; else NULL
    const uint8_t* v
    Py_ssize_t chroma_stride
    Py_ssize_t chroma_step
    Py_ssize_t luma_width
    Py_ssize_t first_row
    Py_ssize_t first_column


cdef struct Target:
    uint8_t* plane[3]  # where the covered part begins in each plane, by stored channel
    Py_ssize_t stride
    Py_ssize_t width  # of the covered part
    Py_ssize_t height
    bint swapped  # x of the target runs along y of the source
    bint flipped_x  # of the target, against the source's axis
    bint flipped_y


cdef struct Lines:
    int32_t* left
    int16_t* weights
    int16_t* rows[2]  # resized along x, [3][length] each
    Py_ssize_t held[2]  # which rows of the source they are; -1: none
    uint8_t* tile  # [3][TILE][length], for swapped axes
    uint32_t* converted  # [width], a row of video


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


cdef bint draw(const Source* source, const Target* target) noexcept nogil:
    """Fill the covered part; return whether there was memory for it."""
    cdef Py_ssize_t length = target.height if target.swapped else target.width
    cdef Py_ssize_t converted = 0 if source.u is NULL else source.luma_width
    cdef Lines lines
    cdef char* memory = <char*> malloc(
        length * (sizeof(int32_t) + 2 * sizeof(int16_t) + 6 * sizeof(int16_t) + 3 * TILE)
        + converted * sizeof(uint32_t)
    )
    if memory is NULL:
        return False
    lines.converted = <uint32_t*> memory
    lines.left = <int32_t*> (lines.converted + converted)
    lines.weights = <int16_t*> (lines.left + length)
    lines.rows[0] = lines.weights + 2 * length
    lines.rows[1] = lines.rows[0] + 3 * length
    lines.tile = <uint8_t*> (lines.rows[1] + 3 * length)
    lines.held[0] = lines.held[1] = -1
    set_columns(source, length, target.flipped_y if target.swapped else target.flipped_x, &lines)
    if target.swapped:
        draw_swapped(source, target, length, &lines)
    else:
        draw_rows(source, target, length, &lines)
    free(memory)
    return True


cdef inline float position(Py_ssize_t index, Py_ssize_t sources, Py_ssize_t count) noexcept nogil:
    """The position of the centre of pixel `index` of `count` among `sources`, as in OpenCV."""
    cdef double scale = 1.0 / (<double> count / <double> sources)
    return <float> ((index + 0.5) * scale - 0.5)


cdef inline void set_columns(
    const Source* source, Py_ssize_t length, bint flipped, Lines* lines
) noexcept nogil:
    """The left neighbour of each pixel of a row, and the weights of both."""
    cdef Py_ssize_t index, at
    cdef int32_t left
    cdef float where, part
    for index in range(length):
        where = position(index, source.width, length)
        left = <int32_t> floorf(where)
        part = where - left
        if left < 0:
            left, part = 0, 0
        elif left >= source.width - 1 and source.width > 1:
            # Only the last pixel counts. It is read as the right neighbour of the one before
            # it, whose weight is 0, so that nothing behind the row is read.
            left, part = <int32_t> source.width - 2, 1
        elif source.width == 1:
            left, part = 0, 0
        at = length - 1 - index if flipped else index
        lines.left[at] = left * <int32_t> source.channels
        lines.weights[2 * at] = <int16_t> rintf((1 - part) * ONE)
        lines.weights[2 * at + 1] = <int16_t> rintf(part * ONE)


cdef inline Py_ssize_t clipped(Py_ssize_t row, const Source* source) noexcept nogil:
    return min(max(row, 0), source.height - 1)


cdef inline const uint8_t* converted(
    const Source* source, Py_ssize_t row, Lines* lines
) noexcept nogil:
    """The pixels of a row of video that are drawn, as bytes B, G, R, 0."""
    cdef Py_ssize_t chroma = row // 2 * source.chroma_stride
    kernels.yuv_row(
        source.pixels + row * source.stride,
        source.u + chroma,
        source.v + chroma,
        source.chroma_step,
        source.luma_width,
        lines.converted,
    )
    return <const uint8_t*> (lines.converted + source.first_column)


cdef const int16_t* resized(
    const Source* source, Py_ssize_t row, Py_ssize_t spared, Py_ssize_t length, Lines* lines
) noexcept nogil:
    """A row of the source resized along x; the row `spared` is not overwritten."""
    cdef int slot
    cdef Columns columns
    cdef const uint8_t* pixels
    if lines.held[0] == row:
        return lines.rows[0]
    if lines.held[1] == row:
        return lines.rows[1]
    slot = 1 if lines.held[0] == spared else 0
    columns.count = length
    columns.left = lines.left
    columns.weights = lines.weights
    pixels = source.pixels + row * source.stride
    if source.u is not NULL:
        pixels = converted(source, row + source.first_row, lines)
    kernels.blend_columns(
        pixels,
        source.channels,
        source.channels if source.width > 1 else 0,
        &columns,
        lines.rows[slot],
    )
    lines.held[slot] = row
    return lines.rows[slot]


cdef inline void draw_row(
    const Source* source,
    Py_ssize_t index,
    Py_ssize_t count,
    Py_ssize_t length,
    Lines* lines,
    uint8_t** planes,
) noexcept nogil:
    """Write row `index` of the `count` rows of the result, [length], to each plane."""
    cdef float where = position(index, source.height, count)
    cdef Py_ssize_t above = <Py_ssize_t> floorf(where)
    cdef float part = where - above
    cdef Py_ssize_t first = clipped(above, source)
    cdef Py_ssize_t second = clipped(above + 1, source)
    cdef const int16_t* top = resized(source, first, second, length, lines)
    cdef const int16_t* bottom = resized(source, second, first, length, lines)
    cdef Py_ssize_t channel, plane
    for channel in range(3):
        plane = 0 if source.channels == 1 else channel * length
        kernels.blend_rows(
            top + plane,
            bottom + plane,
            <int16_t> rintf((1 - part) * ONE),
            <int16_t> rintf(part * ONE),
            length,
            planes[channel],
        )


cdef void draw_rows(
    const Source* source, const Target* target, Py_ssize_t length, Lines* lines
) noexcept nogil:
    """Draw rows of the source as rows of the target."""
    cdef Py_ssize_t index, row
    cdef int channel
    cdef uint8_t* planes[3]
    for index in range(target.height):
        row = target.height - 1 - index if target.flipped_y else index
        for channel in range(3):
            planes[channel] = target.plane[channel] + row * target.stride
        draw_row(source, index, target.height, length, lines, planes)


cdef void draw_swapped(
    const Source* source, const Target* target, Py_ssize_t length, Lines* lines
) noexcept nogil:
    """Draw rows of the source as columns of the target, a tile of them at a time.

    A column by itself would touch as many cache lines as it has pixels.
    """
    cdef Py_ssize_t first, index, count, column
    cdef int channel
    cdef uint8_t* planes[3]
    first = 0
    while first < target.width:
        count = min(<Py_ssize_t> TILE, target.width - first)
        for index in range(count):
            column = count - 1 - index if target.flipped_x else index
            for channel in range(3):
                planes[channel] = lines.tile + (channel * TILE + column) * length
            draw_row(source, first + index, target.width, length, lines, planes)
        column = target.width - first - count if target.flipped_x else first
        for channel in range(3):
            transpose(
                lines.tile + channel * TILE * length,
                count,
                length,
                target.plane[channel] + column,
                target.stride,
            )
        first += count


cdef inline void transpose(
    const uint8_t* tile, Py_ssize_t rows, Py_ssize_t length, uint8_t* out, Py_ssize_t stride
) noexcept nogil:
    """Write a tile [rows, length] as [length, rows]."""
    cdef Py_ssize_t x, row
    for x in range(length):
        for row in range(rows):
            out[x * stride + row] = tile[row * length + x]
