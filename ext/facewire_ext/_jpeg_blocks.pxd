"""The blocks of a JPEG's scans: their codes read, and what they say passed over.

Source: ITU T.81, annexes F and G.
"""

from libc.stdint cimport uint64_t

from ._huffman cimport Bits, Table, symbol, take

cdef enum:
    MOST_COMPONENTS = 4

cdef struct Component:
    int across
    int down
    # All blocks of a row, those that fill up the last unit too.
    Py_ssize_t columns
    # For each block which coefficients are not 0: only progressive files need it.
    uint64_t* known

cdef struct Part:
    Component* component
    Table* dc
    Table* ac

cdef struct Scan:
    Part[MOST_COMPONENTS] parts
    int count
    int first
    int last
    bint refines
    bint progressive
    Py_ssize_t interval
    uint64_t end_of_band


cdef inline void read_unit(
    Scan* scan, Bits* bits, Py_ssize_t row, Py_ssize_t column
) noexcept nogil:
    cdef Part* part
    cdef int index, x, y
    if scan.count == 1:
        read_block(scan, &scan.parts[0], bits, row, column)
        return
    for index in range(scan.count):
        part = &scan.parts[index]
        for y in range(part.component.down):
            for x in range(part.component.across):
                read_block(
                    scan,
                    part,
                    bits,
                    row * part.component.down + y,
                    column * part.component.across + x,
                )


cdef inline void read_block(
    Scan* scan, const Part* part, Bits* bits, Py_ssize_t row, Py_ssize_t column
) noexcept nogil:
    cdef uint64_t* known
    if not scan.progressive:
        read_dc(bits, part.dc)
        read_sequential(bits, part.ac)
    elif scan.first == 0:
        if scan.refines:
            take(bits, 1)
        else:
            read_dc(bits, part.dc)
    else:
        known = &part.component.known[row * part.component.columns + column]
        if scan.refines:
            refine_band(scan, bits, part.ac, known)
        else:
            read_band(scan, bits, part.ac, known)


cdef inline void read_dc(Bits* bits, const Table* table) noexcept nogil:
    cdef int size = symbol(bits, table)
    if size > 16:
        bits.failed = True
    else:
        take(bits, size)


cdef inline void read_sequential(Bits* bits, const Table* table) noexcept nogil:
    cdef int index = 1
    cdef int code
    while index < 64:
        code = symbol(bits, table)
        if code & 15 == 0:
            if code != 0xF0:
                return
            index += 16
        else:
            index += (code >> 4) + 1
            take(bits, code & 15)
    if index > 64 and code & 15:
        bits.failed = True


cdef inline void read_band(
    Scan* scan, Bits* bits, const Table* table, uint64_t* known
) noexcept nogil:
    """The first bits of a block's coefficients: T.81, G.1.2.2."""
    cdef int index = scan.first
    cdef int code
    if scan.end_of_band > 0:
        scan.end_of_band -= 1
        return
    while index <= scan.last:
        code = symbol(bits, table)
        if code & 15 == 0:
            if code != 0xF0:
                scan.end_of_band = (1 << (code >> 4)) + take(bits, code >> 4) - 1
                return
            index += 16
            continue
        index += code >> 4
        if index > scan.last:
            bits.failed = True
            return
        take(bits, code & 15)
        known[0] |= <uint64_t> 1 << index
        index += 1


cdef inline void refine_band(
    Scan* scan, Bits* bits, const Table* table, uint64_t* known
) noexcept nogil:
    """One more bit of a block's coefficients: T.81, G.1.2.3."""
    cdef int index = scan.first
    cdef int code, run
    if scan.end_of_band == 0:
        while index <= scan.last and not bits.failed:
            code = symbol(bits, table)
            run = code >> 4
            if code & 15:
                take(bits, 1)
            elif run != 15:
                scan.end_of_band = (1 << run) + take(bits, run)
                break
            index = pass_zeros(scan, bits, known[0], index, run)
            if code & 15:
                if index > scan.last:
                    bits.failed = True
                    return
                known[0] |= <uint64_t> 1 << index
            index += 1
    if scan.end_of_band > 0:
        pass_zeros(scan, bits, known[0], index, 64)
        scan.end_of_band -= 1


cdef inline int pass_zeros(
    const Scan* scan, Bits* bits, uint64_t known, int index, int run
) noexcept nogil:
    """Behind so many coefficients that are 0, the bits of others read on the way."""
    while index <= scan.last:
        if known >> index & 1:
            take(bits, 1)
        elif run == 0:
            break
        else:
            run -= 1
        index += 1
    return index
