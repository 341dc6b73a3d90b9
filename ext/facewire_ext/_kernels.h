/* The table of kernels, the loops that wide vectors speed up, and their structures.
 *
 * There is one table for each SIMD level, and one is chosen at import. All compute the
 * same float32 operations in the same order (no fused multiply-add), and pixels in whole
 * numbers, so all give the same bits.
 */
#ifndef FACEWIRE_KERNELS_H
#define FACEWIRE_KERNELS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Inlines into functions of any target, where the compiler may refuse a plain `inline`. */
#define FACEWIRE_INLINE static inline __attribute__((always_inline))

/* Coordinates are limited to this many input pixels either way, so that areas stay finite.
 * A box with a side that is not longer than the shortest counts as without area, so that
 * products of sides stay normal float32 numbers. */
#define FACEWIRE_COORDINATE_LIMIT 1048576.0f
#define FACEWIRE_SHORTEST_SIDE 9.5367431640625e-07f /* 2 to the -20 */

/* The size of the blocks in which kept boxes are compared, and the most of them that are
 * compared one block after the other. */
#define FACEWIRE_BLOCK 16
#define FACEWIRE_MAX_LINEAR 256

/* A feature level of a raw head. */
typedef struct {
    const float *scores;    /* class logits, or probabilities */
    const float *quality;   /* centerness logits, or object probabilities */
    const float *boxes;     /* ATSS: four planes; YuNet: rows of four */
    const float *landmarks; /* YuNet: rows of ten */
    ptrdiff_t classes;
    ptrdiff_t locations;
    ptrdiff_t first; /* locations of all levels before this one */
    ptrdiff_t columns;
    float stride;
    float side;    /* ATSS: of the anchor */
    float stds[4]; /* ATSS: factors of the deltas */
} facewire_level;

/* Kept boxes as a structure of arrays, to compare one box with many, in whole blocks. */
typedef struct {
    float x_min[FACEWIRE_MAX_LINEAR];
    float y_min[FACEWIRE_MAX_LINEAR];
    float x_max[FACEWIRE_MAX_LINEAR];
    float y_max[FACEWIRE_MAX_LINEAR];
    float area[FACEWIRE_MAX_LINEAR];
    int32_t class_id[FACEWIRE_MAX_LINEAR];
} facewire_kept_boxes;

/* Which pixels of a row make those of a resized one. */
typedef struct {
    ptrdiff_t count;
    const int32_t *left;    /* [count] where in its row the left neighbour begins, in bytes */
    const int16_t *weights; /* [count][2] of the left and the right one, of 2048 in all */
} facewire_columns;

/* The upper half of a sort key: smaller for a greater confidence. The bits of a positive
 * float rise with its value, those of a negative one fall; adding 0 makes -0 equal to 0. */
static inline uint32_t facewire_descending(float confidence)
{
    uint32_t bits;
    confidence += 0.0f;
    memcpy(&bits, &confidence, sizeof bits);
    return bits ^ (0x7FFFFFFFu & ((bits >> 31) - 1u));
}

/* Of two equal confidences the lower index has the smaller key. */
static inline uint64_t facewire_sort_key(float confidence, uint32_t index)
{
    return (uint64_t)facewire_descending(confidence) << 32 | index;
}

typedef struct {
    const char *name;

    /* Up to this many kept boxes, comparing all is faster than searching bins. */
    ptrdiff_t linear_limit;

    /* Write the indices of all values that are at least `lowest`; return how many.
     * `found` has room for `count`, and all of it may be overwritten. */
    ptrdiff_t (*scan)(
        const float *values, ptrdiff_t count, float lowest, int32_t *found);

    /* Confidence of ATSS locations: sigmoid(score) * sigmoid(quality), or its root. */
    void (*fuse_logits)(const float *scores, const float *quality, int root,
        const int32_t *found, ptrdiff_t count, float *confidence);

    /* Confidence of YuNet cells: sqrt(score * quality), both limited to [0, 1]. */
    void (*fuse_probabilities)(const float *scores, const float *quality,
        const int32_t *found, ptrdiff_t count, float *confidence);

    /* Write the boxes of locations as rows of four, limited; return whether all have an
     * area. A box with a NaN has none; a NaN among the landmarks makes YuNet's box NaN. */
    int (*decode_atss)(const facewire_level *level, const int32_t *found,
        ptrdiff_t count, float *boxes);
    int (*decode_yunet)(const facewire_level *level, const int32_t *found,
        ptrdiff_t count, float *boxes);

    /* Write the sort keys of confidences, the first of which has the index `first`, and to
     * `range` the least and the greatest of their upper halves. */
    void (*sort_keys)(const float *confidence, uint32_t first, ptrdiff_t count,
        uint64_t *keys, uint32_t *range);

    /* Write two hashes of each box. Boxes of nearly the same position and size share both
     * or, where a border of one hash's cells or octaves is between them, the other. */
    void (*hash_boxes)(const float *boxes, ptrdiff_t count, uint32_t *hashes,
        uint32_t *shifted_hashes);

    /* The index of a box among the first `count` kept ones that suppresses this one, or -1.
     * `box` is x_min, y_min, x_max, y_max and area. */
    int32_t (*suppressor)(const facewire_kept_boxes *kept, ptrdiff_t count, const float *box,
        int32_t class_id, float threshold);

    /* Blends pixels of a row, of 1, 3 or 4 channels, to 1 or 3 planes of [count] values, in
     * 1/128. The right neighbour is `step` bytes on: `channels`, or 0 for a single column. */
    void (*blend_columns)(const uint8_t *row, ptrdiff_t channels, ptrdiff_t step,
        const facewire_columns *columns, int16_t *planes);

    /* Blends two such rows, with weights of 2048 in all, to 8-bit values. */
    void (*blend_rows)(const int16_t *top, const int16_t *bottom, int16_t top_weight,
        int16_t bottom_weight, ptrdiff_t count, uint8_t *pixels);

    /* Converts a row of 4:2:0 video to bytes B, G, R, 0; chroma is `step` bytes apart. */
    void (*yuv_row)(const uint8_t *luma, const uint8_t *u, const uint8_t *v,
        ptrdiff_t step, ptrdiff_t width, uint32_t *pixels);

    /* Writes a tile [rows][length] as [length][rows], whose rows are `stride` bytes apart. */
    void (*transpose)(const uint8_t *tile, ptrdiff_t rows, ptrdiff_t length, uint8_t *out,
        ptrdiff_t stride);
} facewire_kernels;

#endif
