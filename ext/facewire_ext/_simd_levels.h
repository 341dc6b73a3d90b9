/* The kernels, written once and compiled for each SIMD level.
 *
 * The bodies are plain loops that the compiler vectorises; each level has the same body in
 * a function with its own target attribute. The scan, the blending of columns and the
 * transposition are written by hand for each level, because compilers vectorise neither
 * collecting indices, nor loads at the places that a table says, nor stores of columns.
 */
#ifndef FACEWIRE_SIMD_LEVELS_H
#define FACEWIRE_SIMD_LEVELS_H

#include "_kernels.h"
#include "_bilinear.h"
#include "_box_decoding.h"
#include "_threshold_scan.h"
#include "_overlap.h"
#include "_transpose.h"

/* One SIMD level: the bodies in functions of that target, and their table. */
#define FACEWIRE_SIMD_LEVEL(level, linear_limit, target)                               \
    target static void fuse_logits_##level(const float *scores, const float *quality,  \
        int root, const int32_t *found, ptrdiff_t count, float *confidence)            \
    {                                                                                  \
        if (root)                                                                      \
            fuse_logits_body(scores, quality, 1, found, count, confidence);            \
        else                                                                           \
            fuse_logits_body(scores, quality, 0, found, count, confidence);            \
    }                                                                                  \
    target static void fuse_probabilities_##level(const float *scores,                 \
        const float *quality, const int32_t *found, ptrdiff_t count,                   \
        float *confidence)                                                             \
    {                                                                                  \
        fuse_probabilities_body(scores, quality, found, count, confidence);            \
    }                                                                                  \
    target static int decode_atss_##level(const facewire_level *head,                  \
        const int32_t *found, ptrdiff_t count, float *boxes)                           \
    {                                                                                  \
        return decode_atss_body(head, found, count, boxes);                            \
    }                                                                                  \
    target static int decode_yunet_##level(const facewire_level *head,                 \
        const int32_t *found, ptrdiff_t count, float *boxes)                           \
    {                                                                                  \
        return decode_yunet_body(head, found, count, boxes);                           \
    }                                                                                  \
    target static void sort_keys_##level(const float *confidence, uint32_t first,      \
        ptrdiff_t count, uint64_t *keys, uint32_t *range)                              \
    {                                                                                  \
        sort_keys_body(confidence, first, count, keys, range);                         \
    }                                                                                  \
    target static void hash_boxes_##level(const float *boxes, ptrdiff_t count,         \
        uint32_t *hashes, uint32_t *shifted_hashes)                                    \
    {                                                                                  \
        hash_boxes_body(boxes, count, hashes, shifted_hashes);                         \
    }                                                                                  \
    target static int32_t suppressor_##level(const facewire_kept_boxes *kept,          \
        ptrdiff_t count, const float *box, int32_t class_id, float threshold)          \
    {                                                                                  \
        return suppressor_body(kept, count, box, class_id, threshold);                 \
    }                                                                                  \
    target static void blend_rows_##level(const int16_t *top, const int16_t *bottom,   \
        int16_t top_weight, int16_t bottom_weight, ptrdiff_t count, uint8_t *pixels)   \
    {                                                                                  \
        blend_rows_body(top, bottom, top_weight, bottom_weight, count, pixels);        \
    }                                                                                  \
    target static void yuv_row_##level(const uint8_t *luma, const uint8_t *u,          \
        const uint8_t *v, ptrdiff_t step, ptrdiff_t width, uint32_t *pixels)           \
    {                                                                                  \
        yuv_row_body(luma, u, v, step, width, pixels);                                 \
    }                                                                                  \
    static const facewire_kernels kernels_##level = {                                  \
        #level,                                                                        \
        linear_limit,                                                                  \
        scan_##level,                                                                  \
        fuse_logits_##level,                                                           \
        fuse_probabilities_##level,                                                    \
        decode_atss_##level,                                                           \
        decode_yunet_##level,                                                          \
        sort_keys_##level,                                                             \
        hash_boxes_##level,                                                            \
        suppressor_##level,                                                            \
        blend_columns_##level,                                                         \
        blend_rows_##level,                                                            \
        yuv_row_##level,                                                               \
        transpose_##level,                                                             \
    };

FACEWIRE_SIMD_LEVEL(portable, 128, )
#ifdef FACEWIRE_X86
FACEWIRE_SIMD_LEVEL(sse2, 128, )
FACEWIRE_SIMD_LEVEL(avx2, 128, FACEWIRE_AVX2)
FACEWIRE_SIMD_LEVEL(avx512, 256, FACEWIRE_AVX512)
#endif
#ifdef FACEWIRE_NEON
FACEWIRE_SIMD_LEVEL(neon, 128, )
#endif

/* Write the tables of the SIMD levels that this processor has, the best last; return how
 * many. */
static int available_kernels(const facewire_kernels **levels)
{
    int count = 0;
    levels[count++] = &kernels_portable;
#ifdef FACEWIRE_X86
    levels[count++] = &kernels_sse2;
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2"))
        levels[count++] = &kernels_avx2;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        levels[count++] = &kernels_avx512;
#endif
#ifdef FACEWIRE_NEON
    levels[count++] = &kernels_neon;
#endif
    return count;
}

#endif
