"""Sort candidates by descending confidence, and select the best without sorting.

A candidate is one 64-bit key: in the upper half the confidence's bits, changed so that a
smaller key is a higher confidence, in the lower half the candidate's index. Keys are
therefore all different, and of two equal confidences the lower index comes first.
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memset

from ._candidates cimport move_candidate
from ._kernels cimport kernels, sort_key
from ._workspace cimport Scratch

cdef enum:
    INSERTION_LIMIT = 64
    # Together wide enough for all 32 bits of a confidence.
    DIGITS = 3
    WIDEST_DIGIT = 11


cdef void sort_descending(Scratch* scratch) noexcept nogil:
    """Write the key of each candidate to `scratch.keys`, best first."""
    fill_keys(scratch, 0)
    if scratch.count <= INSERTION_LIMIT:
        insertion_sort(scratch.keys, scratch.count)
    else:
        radix_sort(scratch)


cdef void keep_top(Scratch* scratch, Py_ssize_t first, Py_ssize_t limit) noexcept nogil:
    """Drop all candidates from `first` on but the best `limit`; no limit if it is 0.

    The others keep their order, which decides ties.
    """
    cdef Py_ssize_t found = scratch.count - first
    if limit <= 0 or found <= limit:
        return
    fill_keys(scratch, first)
    cdef uint64_t last = nth_smallest(scratch.keys, found, limit - 1)
    cdef Py_ssize_t source
    cdef Py_ssize_t kept = first
    for source in range(first, scratch.count):
        if sort_key(scratch.confidence[source], <uint32_t> source) <= last:
            move_candidate(scratch, source, kept)
            kept += 1
    scratch.count = kept


cdef inline void fill_keys(Scratch* scratch, Py_ssize_t first) noexcept nogil:
    kernels.sort_keys(
        scratch.confidence + first,
        <uint32_t> first,
        scratch.count - first,
        scratch.keys,
        scratch.key_range,
    )


cdef inline void insertion_sort(uint64_t* keys, Py_ssize_t count) noexcept nogil:
    cdef Py_ssize_t index
    cdef Py_ssize_t hole
    cdef uint64_t key
    for index in range(1, count):
        key = keys[index]
        hole = index
        while hole > 0 and keys[hole - 1] > key:
            keys[hole] = keys[hole - 1]
            hole -= 1
        keys[hole] = key


cdef inline void radix_sort(Scratch* scratch) noexcept nogil:
    """Sort by three digits of the confidence, the least significant first.

    Each pass is stable and the indices are ascending at the start, so they need no
    pass. The digits are only as wide as the bits in which the confidences differ.
    """
    cdef uint32_t positions[DIGITS][1 << WIDEST_DIGIT]
    cdef uint64_t differing = scratch.key_range[0] ^ scratch.key_range[1]
    cdef int width = 1
    cdef int digit
    while differing >> (DIGITS * width):
        width += 1
    for digit in range(DIGITS):
        memset(positions[digit], 0, sizeof(uint32_t) << width)
    count_digits(scratch.keys, scratch.count, width, positions[0], positions[1], positions[2])
    for digit in range(DIGITS):
        first_positions(positions[digit], width)
        distribute(
            scratch.keys,
            scratch.spare_keys,
            scratch.count,
            32 + digit * width,
            width,
            positions[digit],
        )
        scratch.keys, scratch.spare_keys = scratch.spare_keys, scratch.keys


cdef inline void count_digits(
    const uint64_t* keys,
    Py_ssize_t count,
    int width,
    uint32_t* low,
    uint32_t* middle,
    uint32_t* high,
) noexcept nogil:
    cdef uint32_t mask = (<uint32_t> 1 << width) - 1
    cdef uint32_t bits
    cdef Py_ssize_t index
    for index in range(count):
        bits = <uint32_t> (keys[index] >> 32)
        low[bits & mask] += 1
        bits >>= width
        middle[bits & mask] += 1
        bits >>= width
        high[bits & mask] += 1


cdef inline void first_positions(uint32_t* counts, int width) noexcept nogil:
    """Replace the count of each digit by the position of its first key (prefix sums)."""
    cdef uint32_t total = 0
    cdef uint32_t here
    cdef Py_ssize_t digit
    for digit in range(<Py_ssize_t> 1 << width):
        here = counts[digit]
        counts[digit] = total
        total += here


cdef inline void distribute(
    const uint64_t* source,
    uint64_t* destination,
    Py_ssize_t count,
    int shift,
    int width,
    uint32_t* positions,
) noexcept nogil:
    """Move each key to the next position of its digit."""
    cdef uint64_t mask = (<uint64_t> 1 << width) - 1
    cdef uint64_t key
    cdef uint32_t position
    cdef Py_ssize_t index
    for index in range(count):
        key = source[index]
        position = positions[(key >> shift) & mask]
        positions[(key >> shift) & mask] = position + 1
        destination[position] = key


cdef inline uint64_t nth_smallest(
    uint64_t* keys, Py_ssize_t count, Py_ssize_t nth
) noexcept nogil:
    """The key at index `nth` of the sorted keys; reorders them.

    Hoare's selection: all keys left of `low` are smaller than the result, all keys
    right of `high` are larger.
    """
    cdef Py_ssize_t low = 0
    cdef Py_ssize_t high = count - 1
    cdef Py_ssize_t left
    cdef Py_ssize_t right
    cdef uint64_t pivot
    while low < high:
        pivot = median(keys[low], keys[low + (high - low) // 2], keys[high])
        left = low
        right = high
        while left <= right:
            while keys[left] < pivot:
                left += 1
            while keys[right] > pivot:
                right -= 1
            if left <= right:
                keys[left], keys[right] = keys[right], keys[left]
                left += 1
                right -= 1
        if nth <= right:
            high = right
        elif nth >= left:
            low = left
        else:
            break
    return keys[nth]


cdef inline uint64_t median(uint64_t a, uint64_t b, uint64_t c) noexcept nogil:
    return max(min(a, b), min(max(a, b), c))
