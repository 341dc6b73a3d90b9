/* The kernels, written once and compiled once for each level of vectors.
 *
 * The bodies are plain loops that the compiler turns into vectors; each level is the
 * same body in a function with its own target attribute.
 */
#ifndef FACEWIRE_KERNELS_LEVELS_H
#define FACEWIRE_KERNELS_LEVELS_H

#include <math.h>

#include "_kernels.h"
#include "_kernels_scan.h"

/* |log(16 / 1000)|: mmdetection's limit on how far a delta scales an anchor. */
#define FACEWIRE_MAX_LOG_RATIO 4.135166556742356f

/* Moves `value` into [low, high]; a NaN stays one. */
FACEWIRE_INLINE float within(float value, float low, float high)
{
    value = value < low ? low : value;
    return value > high ? high : value;
}

FACEWIRE_INLINE float limited(float coordinate)
{
    return within(
        coordinate, -FACEWIRE_COORDINATE_LIMIT, FACEWIRE_COORDINATE_LIMIT);
}

/* e to the x, within 2 units in the last place; saturates at both ends, keeps NaN.
 *
 * x = n ln 2 + r with n whole and |r| <= ln 2 / 2 (Cody and Waite, 1980); e to the r
 * by a polynomial, whose coefficients are those of Cephes' expf. Adding 1.5 * 2**23
 * rounds to a whole number and leaves it in the low bits.
 */
FACEWIRE_INLINE float exponential(float x)
{
    const float rounder = 12582912.0f;
    x = within(x, -87.0f, 88.0f);
    float shifted = x * 1.44269504088896341f + rounder;
    float n = shifted - rounder;
    float r = x - n * 0.693359375f;
    r = r - n * -2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    uint32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    /* The exponent's bias; what `rounder` holds above the low bits shifts out. */
    bits = (bits + 127u) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return p * power;
}

/* Candidates are worked on so many at a time: what they need is gathered first, so
 * that the arithmetic runs over arrays without gaps, which every compiler vectorises. */
#define FACEWIRE_BATCH 64

FACEWIRE_INLINE ptrdiff_t batch_size(ptrdiff_t left)
{
    return left < FACEWIRE_BATCH ? left : FACEWIRE_BATCH;
}

/* Every `step`-th value from `values` on that was found. */
FACEWIRE_INLINE void gather(const float *values, ptrdiff_t step, const int32_t *found,
    ptrdiff_t count, float *restrict gathered)
{
    for (ptrdiff_t k = 0; k < count; k++)
        gathered[k] = values[step * found[k]];
}

FACEWIRE_INLINE void fuse_logits_body(const float *scores, const float *quality,
    int root, const int32_t *found, ptrdiff_t count, float *restrict confidence)
{
    float logits[FACEWIRE_BATCH], centers[FACEWIRE_BATCH];
    for (ptrdiff_t first = 0; first < count; first += FACEWIRE_BATCH) {
        ptrdiff_t batch = batch_size(count - first);
        gather(scores, 1, found + first, batch, logits);
        gather(quality, 1, found + first, batch, centers);
        for (ptrdiff_t k = 0; k < batch; k++) {
            float product = 1.0f
                / ((1.0f + exponential(-logits[k])) * (1.0f + exponential(-centers[k])));
            confidence[first + k] = root ? sqrtf(product) : product;
        }
    }
}

FACEWIRE_INLINE void fuse_probabilities_body(const float *scores, const float *quality,
    const int32_t *found, ptrdiff_t count, float *restrict confidence)
{
    float classes[FACEWIRE_BATCH], objects[FACEWIRE_BATCH];
    for (ptrdiff_t first = 0; first < count; first += FACEWIRE_BATCH) {
        ptrdiff_t batch = batch_size(count - first);
        gather(scores, 1, found + first, batch, classes);
        gather(quality, 1, found + first, batch, objects);
        for (ptrdiff_t k = 0; k < batch; k++)
            confidence[first + k] = sqrtf(
                within(classes[k], 0.0f, 1.0f) * within(objects[k], 0.0f, 1.0f));
    }
}

/* Writes a box from its centre and half its sides; returns whether it has an area. */
FACEWIRE_INLINE int write_box(
    float *restrict box, float x, float y, float half_width, float half_height)
{
    float left = limited(x - half_width), right = limited(x + half_width);
    float top = limited(y - half_height), bottom = limited(y + half_height);
    box[0] = left;
    box[1] = top;
    box[2] = right;
    box[3] = bottom;
    return (right - left > FACEWIRE_SHORTEST_SIDE)
        & (bottom - top > FACEWIRE_SHORTEST_SIDE);
}

/* The row of a location among fewer than 2**24 (which binding sees to).
 *
 * The quotient in float32 is off by less than one, which the remainder puts right;
 * there is no vector instruction that divides integers.
 */
FACEWIRE_INLINE int32_t row_of(int32_t location, int32_t columns, float inverse_columns)
{
    int32_t row = (int32_t)((float)location * inverse_columns);
    int32_t column = location - row * columns;
    return row + (column >= columns) - (column < 0);
}

FACEWIRE_INLINE int decode_atss_body(const facewire_level *level,
    const int32_t *found, ptrdiff_t count, float *boxes)
{
    float x_delta[FACEWIRE_BATCH], y_delta[FACEWIRE_BATCH];
    float width_delta[FACEWIRE_BATCH], height_delta[FACEWIRE_BATCH];
    const float *planes = level->boxes;
    const ptrdiff_t plane = level->locations;
    const int32_t columns = (int32_t)level->columns;
    const float inverse_columns = 1.0f / (float)columns;
    const float stride = level->stride, side = level->side;
    const float x_std = level->stds[0], y_std = level->stds[1];
    const float width_std = level->stds[2], height_std = level->stds[3];
    const float most = FACEWIRE_MAX_LOG_RATIO;
    int all = 1;
    for (ptrdiff_t first = 0; first < count; first += FACEWIRE_BATCH) {
        ptrdiff_t batch = batch_size(count - first);
        const int32_t *restrict location = found + first;
        float *restrict into = boxes + 4 * first;
        gather(planes, 1, location, batch, x_delta);
        gather(planes + plane, 1, location, batch, y_delta);
        gather(planes + 2 * plane, 1, location, batch, width_delta);
        gather(planes + 3 * plane, 1, location, batch, height_delta);
        for (ptrdiff_t k = 0; k < batch; k++) {
            int32_t row = row_of(location[k], columns, inverse_columns);
            float column = (float)(location[k] - row * columns);
            float width = exponential(within(width_std * width_delta[k], -most, most));
            float height = exponential(within(height_std * height_delta[k], -most, most));
            all &= write_box(into + 4 * k, column * stride + x_std * x_delta[k] * side,
                (float)row * stride + y_std * y_delta[k] * side, width * side * 0.5f,
                height * side * 0.5f);
        }
    }
    return all;
}

typedef float four_floats __attribute__((vector_size(16)));
typedef int32_t four_flags __attribute__((vector_size(16)));

/* Whether a NaN is among ten values: four, four, and four of which two were seen. */
FACEWIRE_INLINE int has_nan(const float *values)
{
    four_floats first, second, last;
    memcpy(&first, values, sizeof first);
    memcpy(&second, values + 4, sizeof second);
    memcpy(&last, values + 6, sizeof last);
    four_flags nan = (first != first) | (second != second) | (last != last);
    return (nan[0] | nan[1] | nan[2] | nan[3]) != 0;
}

FACEWIRE_INLINE int decode_yunet_body(const facewire_level *level,
    const int32_t *found, ptrdiff_t count, float *boxes)
{
    float x_offset[FACEWIRE_BATCH], y_offset[FACEWIRE_BATCH];
    float log_width[FACEWIRE_BATCH], log_height[FACEWIRE_BATCH], spoil[FACEWIRE_BATCH];
    const int32_t columns = (int32_t)level->columns;
    const float inverse_columns = 1.0f / (float)columns;
    const float stride = level->stride;
    int all = 1;
    for (ptrdiff_t first = 0; first < count; first += FACEWIRE_BATCH) {
        ptrdiff_t batch = batch_size(count - first);
        const int32_t *restrict location = found + first;
        float *restrict into = boxes + 4 * first;
        gather(level->boxes, 4, location, batch, x_offset);
        gather(level->boxes + 1, 4, location, batch, y_offset);
        gather(level->boxes + 2, 4, location, batch, log_width);
        gather(level->boxes + 3, 4, location, batch, log_height);
        for (ptrdiff_t k = 0; k < batch; k++)
            spoil[k] = has_nan(level->landmarks + 10 * (ptrdiff_t)location[k]) ? NAN : 0;
        for (ptrdiff_t k = 0; k < batch; k++) {
            int32_t row = row_of(location[k], columns, inverse_columns);
            float column = (float)(location[k] - row * columns);
            all &= write_box(into + 4 * k, (column + x_offset[k]) * stride + spoil[k],
                ((float)row + y_offset[k]) * stride,
                exponential(log_width[k]) * stride * 0.5f,
                exponential(log_height[k]) * stride * 0.5f);
        }
    }
    return all;
}

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

/* A hash of the octave of `size`, and of a centre in units of that octave, in cells
 * that are shifted by `shift` of their size. */
FACEWIRE_INLINE uint32_t hash_of(float size, float x_sum, float y_sum, float shift)
{
    const float most = 1073741824.0f;
    uint32_t bits, inverse_bits;
    float inverse;
    memcpy(&bits, &size, sizeof bits);
    bits >>= 23;
    /* One over two sizes, rounded to a power of two, for a sum of two coordinates. */
    inverse_bits = (253u - bits) << 23;
    memcpy(&inverse, &inverse_bits, sizeof inverse);
    int32_t column = (int32_t)within(x_sum * inverse + shift, -most, most);
    int32_t row = (int32_t)within(y_sum * inverse + shift, -most, most);
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
        /* Octaves as well are shifted by half, which is the root of two. */
        shifted_hashes[k]
            = hash_of(side * 1.41421356f, x_min + x_max, y_min + y_max, 0.5f);
    }
}

/* inter > threshold * (area_a + area_b - inter), where a is among the kept boxes. */
FACEWIRE_INLINE int overlaps(const facewire_line *restrict kept, ptrdiff_t k,
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

FACEWIRE_INLINE int32_t suppressor_body(const facewire_line *kept, ptrdiff_t count,
    const float *box, int32_t class_id, float threshold)
{
    for (ptrdiff_t block = 0; block < count; block += FACEWIRE_BLOCK) {
        uint32_t hits = 0;
        for (int lane = 0; lane < FACEWIRE_BLOCK; lane++)
            hits |= overlaps(kept, block + lane, box, class_id, threshold) ? 1u << lane : 0;
        if (hits)
            return (int32_t)block + __builtin_ctz(hits);
    }
    return -1;
}

/* One level: the bodies in functions of that target, and their table. */
#define FACEWIRE_LEVEL(level, line, target)                                            \
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
        const int32_t *found, ptrdiff_t count, float *boxes)                   \
    {                                                                                  \
        return decode_atss_body(head, found, count, boxes);                            \
    }                                                                                  \
    target static int decode_yunet_##level(const facewire_level *head,                 \
        const int32_t *found, ptrdiff_t count, float *boxes)                   \
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
    target static int32_t suppressor_##level(const facewire_line *kept,                \
        ptrdiff_t count, const float *box, int32_t class_id, float threshold)          \
    {                                                                                  \
        return suppressor_body(kept, count, box, class_id, threshold);                 \
    }                                                                                  \
    static const facewire_kernels kernels_##level = {                                  \
        #level,                                                                        \
        line,                                                                          \
        scan_##level,                                                                  \
        fuse_logits_##level,                                                           \
        fuse_probabilities_##level,                                                    \
        decode_atss_##level,                                                           \
        decode_yunet_##level,                                                          \
        sort_keys_##level,                                                             \
        hash_boxes_##level,                                                            \
        suppressor_##level,                                                         \
    };

FACEWIRE_LEVEL(portable, 128, )
#ifdef FACEWIRE_X86
FACEWIRE_LEVEL(sse2, 128, )
FACEWIRE_LEVEL(avx2, 128, FACEWIRE_AVX2)
FACEWIRE_LEVEL(avx512, 256, FACEWIRE_AVX512)
#endif
#ifdef FACEWIRE_NEON
FACEWIRE_LEVEL(neon, 128, )
#endif

/* The levels that this processor has, the best last; returns how many. */
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
