/* Sort keys, hashes and overlaps of boxes: loops that compilers vectorise.
 *
 * Each function is inlined into one function for each SIMD level (`_simd_levels.h`).
 */
#ifndef FACEWIRE_OVERLAP_H
#define FACEWIRE_OVERLAP_H

#include <string.h>

#include "_box_decoding.h" /* clamp */
#include "_kernels.h"

FACEWIRE_INLINE void sort_keys_body(const float *restrict confidence, uint32_t first,
    ptrdiff_t count, uint64_t *restrict keys, uint32_t *range)
{
    uint32_t least = UINT32_MAX, greatest = 0;
    for (ptrdiff_t k = 0; k < count; k++) {
        uint32_t bits = facewire_descending(confidence[k]);
        least = bits < least ? bits : least;
        greatest = bits > greatest ? bits : greatest;
        keys[k] = (uint64_t)bits << 32 | (first + (uint32_t)k);
    }
    range[0] = least;
    range[1] = greatest;
}

/* A hash of the octave of `size` and of the cell that contains the centre. Cells have the
 * size of the octave and are shifted by the share `shift` of it. */
FACEWIRE_INLINE uint32_t hash_of(float size, float x_sum, float y_sum, float shift)
{
    const float max_cell = 1073741824.0f;
    uint32_t bits, inverse_bits;
    float inverse;
    memcpy(&bits, &size, sizeof bits);
    bits >>= 23;
    /* 1 / (2 * size), rounded to a power of two: the sum of two coordinates is twice the
     * centre. */
    inverse_bits = (253u - bits) << 23;
    memcpy(&inverse, &inverse_bits, sizeof inverse);
    int32_t column = (int32_t)clamp(x_sum * inverse + shift, -max_cell, max_cell);
    int32_t row = (int32_t)clamp(y_sum * inverse + shift, -max_cell, max_cell);
    uint32_t hash = (uint32_t)column * 0x9E3779B1u;
    hash = (hash ^ hash >> 15) + (uint32_t)row;
    hash = hash * 0x85EBCA77u + bits * 0xC2B2AE3Du;
    return (hash ^ hash >> 13) * 0x27D4EB2Fu;
}

FACEWIRE_INLINE void hash_boxes_body(const float *restrict boxes, ptrdiff_t count,
    uint32_t *restrict hashes, uint32_t *restrict shifted_hashes)
{
    for (ptrdiff_t k = 0; k < count; k++) {
        float x_min = boxes[4 * k], y_min = boxes[4 * k + 1];
        float x_max = boxes[4 * k + 2], y_max = boxes[4 * k + 3];
        float width = x_max - x_min, height = y_max - y_min;
        float side = width > height ? width : height;
        hashes[k] = hash_of(side, x_min + x_max, y_min + y_max, 0.0f);
        /* Octaves are shifted by half as well: the factor is the root of two. */
        shifted_hashes[k]
            = hash_of(side * 1.41421356f, x_min + x_max, y_min + y_max, 0.5f);
    }
}

/* inter > threshold * (area_a + area_b - inter), where a is the kept box `k`. */
FACEWIRE_INLINE int overlaps(const facewire_kept_boxes *restrict kept, ptrdiff_t k,
    const float *restrict box, int32_t class_id, float threshold)
{
    float width = (box[2] < kept->x_max[k] ? box[2] : kept->x_max[k])
        - (box[0] > kept->x_min[k] ? box[0] : kept->x_min[k]);
    float height = (box[3] < kept->y_max[k] ? box[3] : kept->y_max[k])
        - (box[1] > kept->y_min[k] ? box[1] : kept->y_min[k]);
    float inter = (width > 0.0f ? width : 0.0f) * (height > 0.0f ? height : 0.0f);
    return (inter > threshold * (box[4] + kept->area[k] - inter))
        & (kept->class_id[k] == class_id);
}

FACEWIRE_INLINE int32_t suppressor_body(const facewire_kept_boxes *kept, ptrdiff_t count,
    const float *box, int32_t class_id, float threshold)
{
    for (ptrdiff_t block = 0; block < count; block += FACEWIRE_BLOCK) {
        uint32_t hits = 0;
        for (int lane = 0; lane < FACEWIRE_BLOCK; lane++) {
            int hit = overlaps(kept, block + lane, box, class_id, threshold);
            hits |= hit ? 1u << lane : 0;
        }
        if (hits)
            return (int32_t)block + __builtin_ctz(hits);
    }
    return -1;
}

#endif
