"""The scratch memory of one caller."""

from libc.stdint cimport int32_t, uint32_t, uint64_t

from ._kernels cimport KeptBoxes


cdef struct KeptBox:
    # A box that suppresses others, and the next one in its bin; -1: none.
    float x_min
    float y_min
    float x_max
    float y_max
    float area
    int32_t class_id
    int32_t next


cdef struct Scratch:
    # The candidates, in the order that decides ties; boxes in rows of four, in pixels of
    # the network's input.
    Py_ssize_t count
    float* boxes
    int32_t* class_id
    float* confidence
    int32_t* location
    # Sorting: keys that include the candidate's index; room for a second array of them;
    # and the least and the greatest upper half of all.
    uint64_t* keys
    uint64_t* spare_keys
    uint32_t key_range[2]
    # Suppression: two hashes of the box of each candidate.
    uint32_t* hashes
    uint32_t* shifted_hashes
    # The candidate of each detection that was written.
    int32_t* written
    # The boxes that suppression has kept so far: all of them, and the first of them as a
    # structure of arrays.
    Py_ssize_t kept_count
    Py_ssize_t linear_limit
    KeptBox* kept
    KeptBoxes kept_boxes
    # Hash tables of indices of kept boxes: the first of each bin, and the one that last
    # suppressed a candidate of a hash.
    int32_t* bins
    int32_t* hints
    int32_t* shifted_hints
    int table_bits
    # A bit for each octave of sizes in which a box was kept.
    uint64_t octaves


cdef struct Block:
    # Memory that is divided into arrays, one after the other.
    float* next
    Py_ssize_t candidates
    Py_ssize_t stride


cdef class Workspace:
    cdef Scratch scratch
    cdef void* memory
    cdef Py_ssize_t capacity
    cdef bint busy

    cdef Scratch* acquire(self, Py_ssize_t candidates) except NULL
    cdef void release(self) noexcept
    cdef int grow(self, Py_ssize_t candidates) except -1
    cdef void lay_out(self, Block block, int table_bits) noexcept


cdef int bits_for(Py_ssize_t candidates) noexcept nogil
