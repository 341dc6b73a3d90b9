"""Kept boxes in bins by position and size, so that only near ones are compared.

A box of longer side s belongs to the octave of s, and to the square cell of side
W = 2 ** (octave + 1) that contains its centre; cells are hashed into bins. Boxes a
and b can have an IoU above t only if, along each axis,
    w_b > t * w_a,  w_a > t * w_b  and  overlap > t * max(w_a, w_b),
because the intersection is at most overlap * min(h_a, h_b) and the union at least
max(w_a, w_b) * max(h_a, h_b). That bounds the octaves to search, and in each the
distance of the centres, |x_a - x_b| = (w_a + w_b) / 2 - overlap.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from ._workspace cimport KeptBox, Scratch


cdef extern from * nogil:
    int ctz "__builtin_ctzll"(uint64_t bits)


cdef enum:
    # Sides are longer than 2 ** -20 input pixels.
    LOWEST_EXPONENT = -20

# Rounding in float32 may shift the rule's decision by some 1e-7; the bounds allow for
# more. Thresholds below the least are too close to 0 for that: every overlap is searched.
cdef double ROUNDING = 1e-5
cdef double LEAST_THRESHOLD = 1e-5


cdef struct Span:
    # Cells of one octave, both ends included.
    int64_t first_column
    int64_t last_column
    int64_t first_row
    int64_t last_row


cdef void clear_bins(Scratch* scratch) noexcept nogil:
    """Empty all bins of the scratch."""
    scratch.octaves = 0
    memset(scratch.bins, 0xFF, sizeof(int32_t) << scratch.table_bits)


cdef void put_into_bins(Scratch* scratch, int32_t index) noexcept nogil:
    """Add the kept box of that index to its bin."""
    cdef KeptBox* box = &scratch.kept[index]
    cdef int octave = octave_of(longer_side(box))
    cdef uint32_t bucket = bucket_of(
        scratch, octave, cell(center_x(box), octave), cell(center_y(box), octave)
    )
    box.next = scratch.bins[bucket]
    scratch.bins[bucket] = index
    scratch.octaves |= <uint64_t> 1 << octave


cdef int32_t find_in_bins(
    const Scratch* scratch, const KeptBox* box, float threshold
) noexcept nogil:
    """The index of a kept box that suppresses this one, or NO_BOX."""
    cdef double least = threshold * (1 - ROUNDING)
    cdef double side = longer_side(box)
    cdef uint64_t octaves = scratch.octaves
    cdef int32_t found
    cdef Span span
    if least < LEAST_THRESHOLD:
        least = 0
    else:
        octaves &= ~<uint64_t> 0 << max(octave_of(side * least), 0)
        octaves &= ~(~<uint64_t> 1 << min(octave_of(side / least), 62))
    while octaves:
        span = span_of(box, ctz(octaves), least)
        if cells_in(&span) > scratch.kept_count:
            return first_in_kept(scratch, box, threshold)
        found = first_in_span(scratch, box, &span, ctz(octaves), threshold)
        if found != NO_BOX:
            return found
        octaves &= octaves - 1
    return NO_BOX


cdef inline double center_x(const KeptBox* box) noexcept nogil:
    return (<double> box.x_min + <double> box.x_max) * 0.5


cdef inline double center_y(const KeptBox* box) noexcept nogil:
    return (<double> box.y_min + <double> box.y_max) * 0.5


cdef inline double longer_side(const KeptBox* box) noexcept nogil:
    return max(
        <double> box.x_max - <double> box.x_min, <double> box.y_max - <double> box.y_min
    )


cdef inline int octave_of(double side) noexcept nogil:
    """floor(log2(side)) from LOWEST_EXPONENT on, read from the exponent of a double."""
    cdef uint64_t bits
    memcpy(&bits, &side, sizeof(bits))
    return <int> (bits >> 52) - 1023 - LOWEST_EXPONENT


cdef inline double cell_size(int octave, bint inverse) noexcept nogil:
    """2 ** (octave + 1) in pixels, or its inverse, built from its exponent."""
    cdef int exponent = octave + 1 + LOWEST_EXPONENT
    cdef uint64_t bits = 1023 - exponent if inverse else 1023 + exponent
    cdef double size
    bits <<= 52
    memcpy(&size, &bits, sizeof(size))
    return size


cdef inline int64_t cell(double position, int octave) noexcept nogil:
    """The cell of a position. Monotonic in spite of rounding, so that the cells of both
    ends of a span enclose all cells between them."""
    # Positive before truncation: cells are fewer than 2 ** 41 to either side.
    return <int64_t> (position * cell_size(octave, True) + <double> (<int64_t> 1 << 42))


cdef inline uint32_t bucket_of(
    const Scratch* scratch, int octave, int64_t column, int64_t row
) noexcept nogil:
    """The bin of a cell: a hash by multiplication with odd constants (Knuth 6.4)."""
    cdef uint64_t mixed = (
        <uint64_t> column * <uint64_t> 0x9E3779B97F4A7C15
        + <uint64_t> row * <uint64_t> 0xC2B2AE3D27D4EB4F
        + <uint64_t> octave * <uint64_t> 0x165667B19E3779F9
    )
    return <uint32_t> (mixed >> (64 - scratch.table_bits))


cdef inline Span span_of(const KeptBox* box, int octave, double least) noexcept nogil:
    """The cells that may contain centres of boxes of this octave that overlap enough."""
    cdef double x = center_x(box)
    cdef double y = center_y(box)
    cdef double x_reach = reach(<double> box.x_max - <double> box.x_min, octave, least)
    cdef double y_reach = reach(<double> box.y_max - <double> box.y_min, octave, least)
    return Span(
        cell(x - x_reach, octave),
        cell(x + x_reach, octave),
        cell(y - y_reach, octave),
        cell(y + y_reach, octave),
    )


cdef inline double reach(double side, int octave, double least) noexcept nogil:
    """The largest distance along an axis to the centre of a box of this octave.

    (a + b) / 2 - least * max(a, b), maximised over b from 0 to the cell's size: for
    least >= 1/2 the maximum is at b = a, or the largest b; otherwise at the largest b.
    """
    cdef double other = cell_size(octave, False)
    if least >= 0.5:
        other = min(other, side)
    return ((side + other) * 0.5 - least * max(side, other)) * (1 + ROUNDING)


cdef inline double cells_in(const Span* span) noexcept nogil:
    """The number of cells, as a double, because it may overflow any integer."""
    return (<double> (span.last_column - span.first_column) + 1) * (
        <double> (span.last_row - span.first_row) + 1
    )


cdef inline int32_t first_in_span(
    const Scratch* scratch,
    const KeptBox* box,
    const Span* span,
    int octave,
    float threshold,
) noexcept nogil:
    """The first kept box in these cells that suppresses `box`, or NO_BOX."""
    cdef int64_t row = span.first_row
    cdef int64_t column
    cdef int32_t index
    while row <= span.last_row:
        column = span.first_column
        while column <= span.last_column:
            index = scratch.bins[bucket_of(scratch, octave, column, row)]
            while index != NO_BOX:
                if overlaps(&scratch.kept[index], box, threshold):
                    return index
                index = scratch.kept[index].next
            column += 1
        row += 1
    return NO_BOX


cdef int32_t first_in_kept(
    const Scratch* scratch, const KeptBox* box, float threshold
) noexcept nogil:
    """The first of all kept boxes that suppresses `box`, or NO_BOX.

    For a box so large, or a threshold so low, that the cells outnumber the boxes.
    """
    cdef int32_t index
    for index in range(<int32_t> scratch.kept_count):
        if overlaps(&scratch.kept[index], box, threshold):
            return index
    return NO_BOX
