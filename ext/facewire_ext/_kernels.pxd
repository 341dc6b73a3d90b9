"""The kernels in use, and the structures that they work on."""

from libc.stdint cimport int16_t, int32_t, uint8_t, uint32_t, uint64_t


cdef extern from "_kernels.h" nogil:
    cdef enum:
        BLOCK "FACEWIRE_BLOCK"
        MAX_LINEAR "FACEWIRE_MAX_LINEAR"
    const float COORDINATE_LIMIT "FACEWIRE_COORDINATE_LIMIT"
    const float SHORTEST_SIDE "FACEWIRE_SHORTEST_SIDE"

    ctypedef struct Level "facewire_level":
        const float* scores
        const float* quality
        const float* boxes
        const float* landmarks
        Py_ssize_t classes
        Py_ssize_t locations
        Py_ssize_t first
        Py_ssize_t columns
        float stride
        float side
        float stds[4]

    ctypedef struct KeptBoxes "facewire_kept_boxes":
        float x_min[MAX_LINEAR]
        float y_min[MAX_LINEAR]
        float x_max[MAX_LINEAR]
        float y_max[MAX_LINEAR]
        float area[MAX_LINEAR]
        int32_t class_id[MAX_LINEAR]

    ctypedef struct Columns "facewire_columns":
        Py_ssize_t count
        const int32_t* left
        const int16_t* weights

    uint64_t sort_key "facewire_sort_key"(float confidence, uint32_t index)

    ctypedef struct Kernels "facewire_kernels":
        const char* name
        Py_ssize_t linear_limit
        Py_ssize_t (*scan)(
            const float* values, Py_ssize_t count, float lowest, int32_t* found
        ) noexcept nogil
        void (*fuse_logits)(
            const float* scores,
            const float* quality,
            bint root,
            const int32_t* found,
            Py_ssize_t count,
            float* confidence,
        ) noexcept nogil
        void (*fuse_probabilities)(
            const float* scores,
            const float* quality,
            const int32_t* found,
            Py_ssize_t count,
            float* confidence,
        ) noexcept nogil
        bint (*decode_atss)(
            const Level* level, const int32_t* found, Py_ssize_t count, float* boxes
        ) noexcept nogil
        bint (*decode_yunet)(
            const Level* level, const int32_t* found, Py_ssize_t count, float* boxes
        ) noexcept nogil
        void (*sort_keys)(
            const float* confidence,
            uint32_t first,
            Py_ssize_t count,
            uint64_t* keys,
            uint32_t* range,
        ) noexcept nogil
        void (*hash_boxes)(
            const float* boxes,
            Py_ssize_t count,
            uint32_t* hashes,
            uint32_t* shifted_hashes,
        ) noexcept nogil
        int32_t (*suppressor)(
            const KeptBoxes* kept,
            Py_ssize_t count,
            const float* box,
            int32_t class_id,
            float threshold,
        ) noexcept nogil
        void (*blend_columns)(
            const uint8_t* row,
            Py_ssize_t channels,
            Py_ssize_t step,
            const Columns* columns,
            int16_t* planes,
        ) noexcept nogil
        void (*yuv_row)(
            const uint8_t* luma,
            const uint8_t* u,
            const uint8_t* v,
            Py_ssize_t step,
            Py_ssize_t width,
            uint32_t* pixels,
        ) noexcept nogil
        void (*blend_rows)(
            const int16_t* top,
            const int16_t* bottom,
            int16_t top_weight,
            int16_t bottom_weight,
            Py_ssize_t count,
            uint8_t* pixels,
        ) noexcept nogil
        void (*transpose)(
            const uint8_t* tile,
            Py_ssize_t rows,
            Py_ssize_t length,
            uint8_t* out,
            Py_ssize_t stride,
        ) noexcept nogil


# Chosen when `_kernels` is imported, and by `use_simd_level`.
cdef const Kernels* kernels
