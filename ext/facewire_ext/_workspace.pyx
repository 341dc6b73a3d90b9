"""Reusable scratch memory: it grows to the largest call made with it, and stays."""

cimport cython
from libc.stdlib cimport free, malloc

cdef enum:
    # For each candidate: two keys of two words, a box of four, class, confidence,
    # location, returned, two hashes, and seven words of a kept box.
    WORDS_PER_CANDIDATE = 21
    TABLES = 3
    WORDS_PER_CACHE_LINE = 16
    # The hash tables have 2 to this power places at least, and at most.
    FEWEST_TABLE_BITS = 6
    MOST_TABLE_BITS = 16


@cython.final
cdef class Workspace:
    """Scratch memory for the decoders and for suppression: one for each caller.

    It only grows. It may be handed from thread to thread but not be used by two at
    the same time: the second raises RuntimeError.
    """

    def __dealloc__(self):
        free(self.memory)

    cdef Scratch* borrow(self, Py_ssize_t candidates) except NULL:
        """The scratch with room for so many candidates; `give_back` when done."""
        if self.busy:
            raise RuntimeError(
                "this Workspace is in use in another thread: make one for each caller"
            )
        if candidates > self.capacity:
            self.grow(candidates)
        self.scratch.count = 0
        self.busy = True
        return &self.scratch

    cdef void give_back(self) noexcept:
        self.busy = False

    cdef int grow(self, Py_ssize_t candidates) except -1:
        """Lays out new arrays; what the old ones held is not needed any more."""
        # An odd number of cache lines, so that equal indices of different arrays do
        # not fall into the same cache set; one more than needed, as scans overwrite.
        cdef Py_ssize_t lines = (candidates // WORDS_PER_CACHE_LINE + 2) | 1
        cdef Py_ssize_t stride = lines * WORDS_PER_CACHE_LINE
        cdef int bits = bits_for(candidates)
        cdef Py_ssize_t words = stride * WORDS_PER_CANDIDATE + (TABLES << bits)
        cdef void* memory = malloc(words * sizeof(float))
        if memory == NULL:
            raise MemoryError(f"no memory for {candidates} candidates")
        free(self.memory)
        self.memory = memory
        self.capacity = candidates
        self.lay_out(<float*> memory, stride, bits)

    cdef void lay_out(self, float* memory, Py_ssize_t stride, int table_bits) noexcept:
        cdef Scratch* scratch = &self.scratch
        scratch.keys = <uint64_t*> memory
        scratch.spare_keys = <uint64_t*> (memory + 2 * stride)
        scratch.boxes = memory + 4 * stride
        scratch.class_id = <int32_t*> (memory + 8 * stride)
        scratch.confidence = memory + 9 * stride
        scratch.location = <int32_t*> (memory + 10 * stride)
        scratch.returned = <int32_t*> (memory + 11 * stride)
        scratch.hashes = <uint32_t*> (memory + 12 * stride)
        scratch.shifted_hashes = <uint32_t*> (memory + 13 * stride)
        scratch.kept = <KeptBox*> (memory + 14 * stride)
        scratch.bins = <int32_t*> (memory + WORDS_PER_CANDIDATE * stride)
        scratch.hints = scratch.bins + (<Py_ssize_t> 1 << table_bits)
        scratch.shifted_hints = scratch.hints + (<Py_ssize_t> 1 << table_bits)


cdef int bits_for(Py_ssize_t candidates) noexcept nogil:
    """The hash tables have 2 to this power places, about one each."""
    cdef int bits = FEWEST_TABLE_BITS
    while bits < MOST_TABLE_BITS and (<Py_ssize_t> 1 << bits) < candidates:
        bits += 1
    return bits
