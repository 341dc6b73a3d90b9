"""Resize and rotate pixels into planes, for `fit`: one pass over the rows that are needed.

Bilinear, with the bits of OpenCV's INTER_LINEAR. Stored rows are resized along x when a
row of the input needs them; two of them make that row. The EXIF orientation and the
order of channels decide where a result is written, and need no separate pass.
"""

from libc.math cimport floorf, rintf
from libc.stdint cimport int16_t, int32_t, uint8_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from ._kernels cimport Columns, kernels


cdef enum:
    ONE = 2048  # the weight of a whole pixel
    TILE = 16  # rows that are written as columns at a time; vectors transpose so many


cdef struct Lines:
    int32_t* left
    int16_t* weights
    int16_t* rows[2]  # resized along x, [3][length] each
    Py_ssize_t held[2]  # which rows of the source they are; -1: none
    uint8_t* tile  # [3][TILE][length], for swapped axes
    uint32_t* converted  # [width], a row of video


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
        if left < 0 or source.width == 1:
            left, part = 0, 0
        elif left >= source.width - 1:
            # Only the last pixel counts. It is read as the right neighbour of the one before
            # it, whose weight is 0, so that nothing behind the row is read.
            left, part = <int32_t> source.width - 2, 1
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
    cdef Py_ssize_t channel
    for channel in range(min(<Py_ssize_t> 3, source.channels)):
        kernels.blend_rows(
            top + channel * length,
            bottom + channel * length,
            <int16_t> rintf((1 - part) * ONE),
            <int16_t> rintf(part * ONE),
            length,
            planes[channel],
        )
    for channel in range(source.channels, 3):  # grey
        memcpy(planes[channel], planes[0], length)


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
            kernels.transpose(
                lines.tile + channel * TILE * length,
                count,
                length,
                target.plane[channel] + column,
                target.stride,
            )
        first += count
