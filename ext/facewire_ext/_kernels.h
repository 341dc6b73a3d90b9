/* The loops that wide vectors pay for, as a table that is chosen once, at import.
 *
 * Every level of the table computes the same float32 operations in the same order
 * (no fused multiply-add), so all levels give the same bits.
 */
#ifndef FACEWIRE_KERNELS_H
#define FACEWIRE_KERNELS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Into functions of any target, which a plain `inline` may refuse. */
#define FACEWIRE_INLINE static inline __attribute__((always_inline))

/* Coordinates are limited to this many input pixels either way, so that areas stay
 * finite; a box with a side that is not longer than the shortest has no area, so that
 * products of sides stay normal float32 numbers. */
#define FACEWIRE_COORDINATE_LIMIT 1048576.0f
#define FACEWIRE_SHORTEST_SIDE 9.5367431640625e-07f /* 2 to the -20 */

/* Kept boxes are compared in blocks of this many, and in a line of at most so many. */
#define FACEWIRE_BLOCK 16
#define FACEWIRE_LONGEST_LINE 256

/* A level of a raw head, as the decoders read it. */
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
    float stds[4]; /* ATSS: what the deltas are multiplied by */
} facewire_level;

/* Kept boxes as a structure of arrays, to compare one box with many; whole blocks. */
typedef struct {
    float x_min[FACEWIRE_LONGEST_LINE];
    float y_min[FACEWIRE_LONGEST_LINE];
    float x_max[FACEWIRE_LONGEST_LINE];
    float y_max[FACEWIRE_LONGEST_LINE];
    float area[FACEWIRE_LONGEST_LINE];
    int32_t class_id[FACEWIRE_LONGEST_LINE];
} facewire_line;

/* Which pixels of a row make those of a resized one. */
typedef struct {
    ptrdiff_t count;
    const int32_t *place;   /* [count] the byte in its row at which the left one begins */
    const int16_t *weights; /* [count][2] of the left and the right one, 2048 together */
} facewire_columns;

/* The upper half of a sort key: smaller for a greater confidence. The bits of a float
 * rise with it, those of a negative one fall; adding 0 turns -0 into 0. */
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

    /* So many kept boxes are compared in a line sooner than bins are searched. */
    ptrdiff_t line;

    /* Writes the indices of all values that are at least `lowest`; returns how many.
     * `found` has room for `count`, and all of it may be overwritten. */
    ptrdiff_t (*scan)(
        const float *values, ptrdiff_t count, float lowest, int32_t *found);

    /* Confidence of ATSS locations: sigmoid(score) * sigmoid(quality), or its root. */
    void (*fuse_logits)(const float *scores, const float *quality, int root,
        const int32_t *found, ptrdiff_t count, float *confidence);

    /* Confidence of YuNet cells: sqrt(score * quality), both limited to [0, 1]. */
    void (*fuse_probabilities)(const float *scores, const float *quality,
        const int32_t *found, ptrdiff_t count, float *confidence);

    /* Boxes of locations as rows of four, limited; returns whether all have an area.
     * No NaN has; one among a face's landmarks makes YuNet's box one. */
    int (*decode_atss)(const facewire_level *level, const int32_t *found,
        ptrdiff_t count, float *boxes);
    int (*decode_yunet)(const facewire_level *level, const int32_t *found,
        ptrdiff_t count, float *boxes);

    /* Sort keys of confidences, the first of which has the index `first`; into `range`
     * the least and the greatest of their upper halves. */
    void (*sort_keys)(const float *confidence, uint32_t first, ptrdiff_t count,
        uint64_t *keys, uint32_t *range);

    /* Two hashes of each box: boxes of nearly the same place and size share both, or,
     * where a border of the cells or sizes of one falls between them, the other. */
    void (*hash_boxes)(const float *boxes, ptrdiff_t count, uint32_t *hashes,
        uint32_t *shifted_hashes);

    /* A box among the first `count` kept ones that suppresses this one, -1: none does.
     * `box` is x_min, y_min, x_max, y_max and area. */
    int32_t (*suppressor)(const facewire_line *kept, ptrdiff_t count, const float *box,
        int32_t class_id, float threshold);

    /* Blends pixels of a row, of 1, 3 or 4 channels, to the first 1 or 3 planes, [count]
     * each, in 1/128. The right neighbour is `step` bytes on: `channels`, or 0. */
    void (*blend_columns)(const uint8_t *row, ptrdiff_t channels, ptrdiff_t step,
        const facewire_columns *columns, int16_t *planes);

    /* Pixels of a row of 4:2:0 video as bytes B, G, R, 0; chroma is `step` bytes apart. */
    void (*yuv_row)(const uint8_t *luma, const uint8_t *u, const uint8_t *v,
        ptrdiff_t step, ptrdiff_t width, uint32_t *pixels);

    /* Blends two such rows with weights of 2048 together to pixels. */
    void (*blend_rows)(const int16_t *top, const int16_t *bottom, int16_t top_weight,
        int16_t bottom_weight, ptrdiff_t count, uint8_t *pixels);
} facewire_kernels;

#endif
