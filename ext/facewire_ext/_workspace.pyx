"""Reusable scratch memory: it grows to the largest call made with it, and stays."""

cimport cython
from libc.stdlib cimport free, malloc

cdef extern from "_poison.h":
    void poison "facewire_poison"(void* memory, size_t bytes)


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
        # not fall into the same cache set.
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
        cdef Scratch* scratch = &self.scratch
        cdef Py_ssize_t places = <Py_ssize_t> 1 << table_bits
        scratch.keys = <uint64_t*> array(&block, 2)
        scratch.spare_keys = <uint64_t*> array(&block, 2)
        scratch.boxes = array(&block, 4)
        scratch.class_id = <int32_t*> array(&block, 1)
        scratch.confidence = array(&block, 1)
        scratch.location = <int32_t*> array(&block, 1)
        scratch.returned = <int32_t*> array(&block, 1)
        scratch.hashes = <uint32_t*> array(&block, 1)
        scratch.shifted_hashes = <uint32_t*> array(&block, 1)
        scratch.kept = <KeptBox*> array(&block, 7)
        scratch.bins = <int32_t*> block.next
        scratch.hints = scratch.bins + places
        scratch.shifted_hints = scratch.hints + places


cdef float* array(Block* block, Py_ssize_t words) noexcept:
    """The next array, of so many words for each candidate."""
    cdef float* start = block.next
    cdef Py_ssize_t used = words * block.candidates
    block.next += words * block.stride
    poison(start + used, (words * block.stride - used) * sizeof(float))
    return start


cdef int bits_for(Py_ssize_t candidates) noexcept nogil:
    """The hash tables have 2 to this power places, about one each."""
    cdef int bits = FEWEST_TABLE_BITS
    while bits < MOST_TABLE_BITS and (<Py_ssize_t> 1 << bits) < candidates:
        bits += 1
    return bits
