"""The blocks of a JPEG's scans: their codes are read, and the values skipped.

Source: ITU T.81, annexes F and G.
"""

from libc.stdint cimport uint64_t

from ._huffman cimport Bits, Table, next_symbol, take_bits

cdef enum:
    MAX_COMPONENTS = 4

cdef struct Component:
    # Sampling factors.
    int horizontal
    int vertical
    # Blocks of a row, including those that complete the last MCU.
    Py_ssize_t columns
    # For each block which coefficients are not 0; only for progressive files.
    uint64_t* nonzero

cdef struct ScanComponent:
    Component* component
    Table* dc
    Table* ac

cdef struct Scan:
    ScanComponent[MAX_COMPONENTS] components
    int count
    int first
    int last
    bint refines
    bint progressive
    Py_ssize_t restart_interval
    uint64_t eob_run


cdef inline void read_mcu(
    Scan* scan, Bits* bits, Py_ssize_t row, Py_ssize_t column
) noexcept nogil:
    """Read the blocks of a minimum coded unit (MCU), one of each component at least."""
    cdef ScanComponent* each
    cdef int index, x, y
    if scan.count == 1:
        read_block(scan, &scan.components[0], bits, row, column)
        return
    for index in range(scan.count):
        each = &scan.components[index]
        for y in range(each.component.vertical):
            for x in range(each.component.horizontal):
                read_block(
                    scan,
                    each,
                    bits,
                    row * each.component.vertical + y,
                    column * each.component.horizontal + x,
                )


cdef inline void read_block(
    Scan* scan, const ScanComponent* each, Bits* bits, Py_ssize_t row, Py_ssize_t column
) noexcept nogil:
    cdef uint64_t* nonzero
    if not scan.progressive:
        read_dc(bits, each.dc)
        read_sequential(bits, each.ac)
    elif scan.first == 0:
        if scan.refines:
            take_bits(bits, 1)
        else:
            read_dc(bits, each.dc)
    else:
        nonzero = &each.component.nonzero[row * each.component.columns + column]
        if scan.refines:
            refine_band(scan, bits, each.ac, nonzero)
        else:
            read_band(scan, bits, each.ac, nonzero)


cdef inline void read_dc(Bits* bits, const Table* table) noexcept nogil:
    """Read the difference of a block's DC coefficient."""
    cdef int size = next_symbol(bits, table)
    if size > 16:
        bits.failed = True
    else:
        take_bits(bits, size)


cdef inline void read_sequential(Bits* bits, const Table* table) noexcept nogil:
    """Read the AC coefficients of a block in a sequential file."""
    cdef int index = 1
    cdef int code
    while index < 64:
        code = next_symbol(bits, table)
        if code & 15 == 0:
            if code != 0xF0:
                return
            index += 16
        else:
            index += (code >> 4) + 1
            take_bits(bits, code & 15)
    if index > 64 and code & 15:
        bits.failed = True


cdef inline void read_band(
    Scan* scan, Bits* bits, const Table* table, uint64_t* nonzero
) noexcept nogil:
    """Read the first bits of a block's AC coefficients: T.81, G.1.2.2."""
    cdef int index = scan.first
    cdef int code
    if scan.eob_run > 0:
        scan.eob_run -= 1
        return
    while index <= scan.last:
        code = next_symbol(bits, table)
        if code & 15 == 0:
            if code != 0xF0:
                scan.eob_run = (1 << (code >> 4)) + take_bits(bits, code >> 4) - 1
                return
            index += 16
            continue
        index += code >> 4
        if index > scan.last:
            bits.failed = True
            return
        take_bits(bits, code & 15)
        nonzero[0] |= <uint64_t> 1 << index
        index += 1


cdef inline void refine_band(
    Scan* scan, Bits* bits, const Table* table, uint64_t* nonzero
) noexcept nogil:
    """Read one more bit of a block's AC coefficients: T.81, G.1.2.3."""
    cdef int index = scan.first
    cdef int code, run
    if scan.eob_run == 0:
        while index <= scan.last and not bits.failed:
            code = next_symbol(bits, table)
            run = code >> 4
            if code & 15:
                take_bits(bits, 1)
            elif run != 15:
                scan.eob_run = (1 << run) + take_bits(bits, run)
                break
            index = skip_zeros(scan, bits, nonzero[0], index, run)
            if code & 15:
                if index > scan.last:
                    bits.failed = True
                    return
                nonzero[0] |= <uint64_t> 1 << index
            index += 1
    if scan.eob_run > 0:
        skip_zeros(scan, bits, nonzero[0], index, 64)
        scan.eob_run -= 1


cdef inline int skip_zeros(
    const Scan* scan, Bits* bits, uint64_t nonzero, int index, int run
) noexcept nogil:
    """Skip `run` coefficients that are 0, and read the correction bits of others between."""
    while index <= scan.last:
        if nonzero >> index & 1:
            take_bits(bits, 1)
        elif run == 0:
            break
        else:
            run -= 1
        index += 1
    return index
