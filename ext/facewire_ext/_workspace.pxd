"""The scratch memory of one caller, for the other modules."""

from libc.stdint cimport int32_t, uint32_t, uint64_t

from ._kernels cimport Line


cdef struct KeptBox:
    # A box that suppresses others, and the next in its bin; -1: none.
    float x_min
    float y_min
    float x_max
    float y_max
    float area
    int32_t class_id
    int32_t next


cdef struct Scratch:
    # What a decoder found, in the order that decides ties; boxes in rows of four, in
    # pixels of the network's input.
    Py_ssize_t count
    float* boxes
    int32_t* class_id
    float* confidence
    int32_t* location
    # Sorting: a key and the candidate it belongs to, in one; room to move it to; and
    # the least and the greatest upper half of all.
    uint64_t* keys
    uint64_t* spare_keys
    uint32_t key_range[2]
    # Suppression: two hashes of the box of each candidate.
    uint32_t* hashes
    uint32_t* shifted_hashes
    # Which candidate each returned row is.
    int32_t* returned
    # What suppression kept so far: all of it, and the first of it as a line.
    Py_ssize_t kept_count
    Py_ssize_t line_limit
    KeptBox* kept
    Line line
    # Hash tables of kept boxes: those of a bin, and who last suppressed there.
    int32_t* bins
    int32_t* hints
    int32_t* shifted_hints
    int table_bits
    # A bit for each octave of sizes of which a box was kept.
    uint64_t octaves


cdef struct Block:
    # Memory of which arrays are taken one after the other.
    float* next
    Py_ssize_t candidates
    Py_ssize_t stride


cdef class Workspace:
    cdef Scratch scratch
    cdef void* memory
    cdef Py_ssize_t capacity
    cdef bint busy

    cdef Scratch* borrow(self, Py_ssize_t candidates) except NULL
    cdef void give_back(self) noexcept
    cdef int grow(self, Py_ssize_t candidates) except -1
    cdef void lay_out(self, Block block, int table_bits) noexcept


cdef int bits_for(Py_ssize_t candidates) noexcept nogil
