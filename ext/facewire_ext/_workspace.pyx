"""Reusable scratch memory, which grows to the largest call made with it and never shrinks."""

cimport cython
from libc.stdlib cimport free, malloc

cdef extern from "_poison.h":
    void poison "facewire_poison"(void* memory, size_t bytes)


cdef enum:
    # For each candidate: two keys of two words, a box of four, class, confidence,
    # location, written, two hashes, and seven words of a kept box.
    WORDS_PER_CANDIDATE = 21
    TABLES = 3
    WORDS_PER_CACHE_LINE = 16
    # The hash tables have at least, and at most, 2 to this power entries.
    MIN_TABLE_BITS = 6
    MAX_TABLE_BITS = 16


@cython.final
cdef class Workspace:
    """Scratch memory for the decoders and for suppression: one for each caller.

    It only grows. Different threads may use it one after the other; two at the same
    time raise RuntimeError.
    """

    def __dealloc__(self):
        free(self.memory)

    cdef Scratch* acquire(self, Py_ssize_t candidates) except NULL:
        """Return the scratch with room for `candidates`; call `release` when done.

        Raises RuntimeError when another thread uses it, MemoryError.
        """
        if self.busy:
            raise RuntimeError(
                "this Workspace is in use in another thread: make one for each caller"
            )
        if candidates > self.capacity:
            self.grow(candidates)
        self.scratch.count = 0
        self.busy = True
        return &self.scratch

    cdef void release(self) noexcept:
        self.busy = False

    cdef int grow(self, Py_ssize_t candidates) except -1:
        """Allocate larger arrays; the contents of the old ones are dropped."""
        # An odd number of cache lines, so that equal indices of different arrays are not
        # in the same cache set.
        cdef Py_ssize_t lines = (candidates // WORDS_PER_CACHE_LINE + 1) | 1
        cdef Py_ssize_t stride = lines * WORDS_PER_CACHE_LINE
        cdef int bits = bits_for(candidates)
        cdef Py_ssize_t words = stride * WORDS_PER_CANDIDATE + (TABLES << bits)
        cdef void* memory = malloc(words * sizeof(float))
        if memory == NULL:
            raise MemoryError(f"no memory for {candidates} candidates")
        free(self.memory)
        self.memory = memory
        self.capacity = candidates
        self.lay_out(Block(<float*> memory, candidates, stride), bits)

    cdef void lay_out(self, Block block, int table_bits) noexcept:
        """Divide the block into the arrays of the scratch."""
        cdef Scratch* scratch = &self.scratch
        cdef Py_ssize_t entries = <Py_ssize_t> 1 << table_bits
        scratch.keys = <uint64_t*> array(&block, 2)
        scratch.spare_keys = <uint64_t*> array(&block, 2)
        scratch.boxes = array(&block, 4)
        scratch.class_id = <int32_t*> array(&block, 1)
        scratch.confidence = array(&block, 1)
        scratch.location = <int32_t*> array(&block, 1)
        scratch.written = <int32_t*> array(&block, 1)
        scratch.hashes = <uint32_t*> array(&block, 1)
        scratch.shifted_hashes = <uint32_t*> array(&block, 1)
        scratch.kept = <KeptBox*> array(&block, 7)
        scratch.bins = <int32_t*> block.next
        scratch.hints = scratch.bins + entries
        scratch.shifted_hints = scratch.hints + entries


cdef float* array(Block* block, Py_ssize_t words) noexcept:
    """The next array of the block, with `words` for each candidate."""
    cdef float* start = block.next
    cdef Py_ssize_t used = words * block.candidates
    block.next += words * block.stride
    poison(start + used, (words * block.stride - used) * sizeof(float))
    return start


cdef int bits_for(Py_ssize_t candidates) noexcept nogil:
    """The size of the hash tables as a power of 2: about one entry for each candidate."""
    cdef int bits = MIN_TABLE_BITS
    while bits < MAX_TABLE_BITS and (<Py_ssize_t> 1 << bits) < candidates:
        bits += 1
    return bits
