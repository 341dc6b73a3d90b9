"""Huffman codes in the coded data of a JPEG, read up to a marker.

Source: ITU T.81, annexes C and F.
"""

from libc.stdint cimport int32_t, uint8_t, uint64_t
from libc.string cimport memset

cdef struct Table:
    bint defined
    # By the next 8 bits: the length of the code, 0 for a longer one, and its symbol.
    uint8_t[256] length
    uint8_t[256] symbol
    # By length: the last code, and what added to a code is the index of its symbol.
    int32_t[17] last_code
    int32_t[17] symbol_offset
    uint8_t[256] symbols


cdef struct Bits:
    const uint8_t* data
    Py_ssize_t position
    Py_ssize_t end
    uint64_t buffer
    int count
    bint failed


cdef inline int fill_table(
    Table* table, const uint8_t* counts, const uint8_t* symbols, Py_ssize_t count
) except -1:
    """Define a table; codes ascend by length: T.81, annex C. ValueError for too many."""
    cdef int32_t code = 0
    cdef Py_ssize_t index = 0
    cdef int bits, number, start
    memset(table, 0, sizeof(Table))
    for bits in range(1, 17):
        table.symbol_offset[bits] = <int32_t> index - code
        for number in range(counts[bits - 1]):
            if code >= 1 << bits:
                memset(table, 0, sizeof(Table))
                raise ValueError("there are more codes than bits")
            table.symbols[index] = symbols[index]
            if bits <= 8:
                start = code << (8 - bits)
                memset(&table.length[start], bits, 1 << (8 - bits))
                memset(&table.symbol[start], symbols[index], 1 << (8 - bits))
            code += 1
            index += 1
        table.last_code[bits] = code - 1 if counts[bits - 1] > 0 else -1
        code <<= 1
    table.defined = True
    return 0


cdef inline void fill(Bits* bits) noexcept nogil:
    """Fill the buffer, up to a marker; a 0 behind 255 is stuffing, no data."""
    cdef Py_ssize_t after
    while bits.count <= 48 and bits.position < bits.end:
        after = bits.position + 1
        if bits.data[bits.position] == 0xFF:
            while after < bits.end and bits.data[after] == 0xFF:
                after += 1
            if after == bits.end or bits.data[after] != 0:
                return
            after += 1
            bits.buffer = bits.buffer << 8 | 0xFF
        else:
            bits.buffer = bits.buffer << 8 | bits.data[bits.position]
        bits.count += 8
        bits.position = after


cdef inline uint64_t take_bits(Bits* bits, int count) noexcept nogil:
    """Read the next `count` bits, 16 at most; sets `failed` when they are missing."""
    if bits.count < count:
        fill(bits)
        if bits.count < count:
            bits.failed = True
            return 0
    bits.count -= count
    return bits.buffer >> bits.count & ((<uint64_t> 1 << count) - 1)


cdef inline int next_symbol(Bits* bits, const Table* table) noexcept nogil:
    """Read the next code and return its symbol; sets `failed` for an invalid code."""
    cdef int length, next8
    cdef int32_t code
    if bits.count < 16:
        fill(bits)
    if bits.count >= 8:
        next8 = bits.buffer >> (bits.count - 8) & 0xFF
    else:
        next8 = bits.buffer << (8 - bits.count) & 0xFF
    length = table.length[next8]
    if 0 < length <= bits.count:
        bits.count -= length
        return table.symbol[next8]
    if length == 0 and table.defined:
        for length in range(9, min(bits.count, 16) + 1):
            code = bits.buffer >> (bits.count - length) & ((1 << length) - 1)
            if code <= table.last_code[length]:
                bits.count -= length
                return table.symbols[table.symbol_offset[length] + code]
    bits.failed = True
    return 0


cdef inline void skip_restart(Bits* bits, int number) noexcept nogil:
    """Skip the restart marker of this number; sets `failed` if it is not the next marker."""
    bits.count = 0
    while bits.position + 1 < bits.end:
        if bits.data[bits.position] == 0xFF:
            if bits.data[bits.position + 1] == 0xD0 + number:
                bits.position += 2
                return
            if 0 < bits.data[bits.position + 1] < 0xFF:
                break
        bits.position += 1
    bits.failed = True
