/* Confidences and boxes of the locations that a scan found: loops that compilers vectorise.
 *
 * Each function is inlined into one function for each SIMD level (`_simd_levels.h`).
 */
#ifndef FACEWIRE_BOX_DECODING_H
#define FACEWIRE_BOX_DECODING_H

#include <math.h>
#include <string.h>

#include "_kernels.h"

/* |log(16 / 1000)|: mmdetection's limit on how far a delta scales an anchor. */
#define FACEWIRE_MAX_LOG_RATIO 4.135166556742356f

/* `value` moved into [low, high]; a NaN stays one. */
FACEWIRE_INLINE float clamp(float value, float low, float high)
{
    value = value < low ? low : value;
    return value > high ? high : value;
}

FACEWIRE_INLINE float clamped(float coordinate)
{
    return clamp(
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
    x = clamp(x, -87.0f, 88.0f);
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

/* Locations are decoded in batches of this many: their inputs are gathered first, so that
 * the arithmetic runs over contiguous arrays, which compilers vectorise. */
#define FACEWIRE_BATCH 64

FACEWIRE_INLINE ptrdiff_t batch_size(ptrdiff_t remaining)
{
    return remaining < FACEWIRE_BATCH ? remaining : FACEWIRE_BATCH;
}

/* The values at the locations found; those of neighbours are `step` apart. */
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
            float score = 1.0f + exponential(-logits[k]);
            float center = 1.0f + exponential(-centers[k]);
            float product = 1.0f / (score * center);
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
                clamp(classes[k], 0.0f, 1.0f) * clamp(objects[k], 0.0f, 1.0f));
    }
}

/* Write a box from its centre and half its sides; return whether it has an area. */
FACEWIRE_INLINE int write_box(
    float *restrict box, float x, float y, float half_width, float half_height)
{
    float left = clamped(x - half_width), right = clamped(x + half_width);
    float top = clamped(y - half_height), bottom = clamped(y + half_height);
    box[0] = left;
    box[1] = top;
    box[2] = right;
    box[3] = bottom;
    return (right - left > FACEWIRE_SHORTEST_SIDE)
        & (bottom - top > FACEWIRE_SHORTEST_SIDE);
}

/* The row of a location, which must be below 2**24 (binding checks it).
 *
 * There is no vector instruction that divides integers. The quotient in float32 is off by
 * less than one, which the remainder corrects.
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
    const float max_log = FACEWIRE_MAX_LOG_RATIO;
    int all_have_areas = 1;
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
            float x = column * stride + x_std * x_delta[k] * side;
            float y = (float)row * stride + y_std * y_delta[k] * side;
            float width = clamp(width_std * width_delta[k], -max_log, max_log);
            float height = clamp(height_std * height_delta[k], -max_log, max_log);
            all_have_areas &= write_box(into + 4 * k, x, y, exponential(width) * side * 0.5f,
                exponential(height) * side * 0.5f);
        }
    }
    return all_have_areas;
}

typedef float four_floats __attribute__((vector_size(16)));
typedef int32_t four_flags __attribute__((vector_size(16)));

/* Whether a NaN is among the ten landmark offsets of a location. They are read as three
 * vectors of four, the last of which repeats two. */
FACEWIRE_INLINE int has_nan(const float *landmarks, int32_t location)
{
    const float *values = landmarks + 10 * (ptrdiff_t)location;
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
    float log_width[FACEWIRE_BATCH], log_height[FACEWIRE_BATCH];
    float nan_or_zero[FACEWIRE_BATCH];
    const int32_t columns = (int32_t)level->columns;
    const float inverse_columns = 1.0f / (float)columns;
    const float stride = level->stride;
    int all_have_areas = 1;
    for (ptrdiff_t first = 0; first < count; first += FACEWIRE_BATCH) {
        ptrdiff_t batch = batch_size(count - first);
        const int32_t *restrict location = found + first;
        float *restrict into = boxes + 4 * first;
        gather(level->boxes, 4, location, batch, x_offset);
        gather(level->boxes + 1, 4, location, batch, y_offset);
        gather(level->boxes + 2, 4, location, batch, log_width);
        gather(level->boxes + 3, 4, location, batch, log_height);
        for (ptrdiff_t k = 0; k < batch; k++)
            nan_or_zero[k] = has_nan(level->landmarks, location[k]) ? NAN : 0.0f;
        for (ptrdiff_t k = 0; k < batch; k++) {
            int32_t row = row_of(location[k], columns, inverse_columns);
            float column = (float)(location[k] - row * columns);
            float x = (column + x_offset[k]) * stride + nan_or_zero[k];
            float y = ((float)row + y_offset[k]) * stride;
            all_have_areas &= write_box(into + 4 * k, x, y,
                exponential(log_width[k]) * stride * 0.5f,
                exponential(log_height[k]) * stride * 0.5f);
        }
    }
    return all_have_areas;
}

#endif
