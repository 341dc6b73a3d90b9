/* Bilinear resizing of 8-bit pixels, in the fixed point of OpenCV's INTER_LINEAR.
 *
 * Weights have 11 bits. The first pass blends neighbours along a row and keeps 11 bits
 * of the 19; the second blends two such rows. Rounding is OpenCV's too (modules/imgproc,
 * resize.cpp: HResizeLinear, VResizeLinear), so the results have the same bits.
 */
#ifndef FACEWIRE_BILINEAR_H
#define FACEWIRE_BILINEAR_H

#include "_kernels.h"
#include "_threshold_scan.h"

/* Pixels from `first` on, one after the other. */
FACEWIRE_INLINE void blend_columns_rest(const uint8_t *row, ptrdiff_t channels,
    ptrdiff_t step, const facewire_columns *columns, ptrdiff_t first, int16_t *planes)
{
    const ptrdiff_t count = columns->count;
    const ptrdiff_t kept = channels < 3 ? channels : 3;
    for (ptrdiff_t x = first; x < count; x++) {
        const uint8_t *pixel = row + columns->left[x];
        const int32_t left = columns->weights[2 * x];
        const int32_t right = columns->weights[2 * x + 1];
        for (ptrdiff_t channel = 0; channel < kept; channel++)
            planes[channel * count + x]
                = (int16_t)((pixel[channel] * left + pixel[channel + step] * right) >> 4);
    }
}

static void blend_columns_portable(const uint8_t *row, ptrdiff_t channels, ptrdiff_t step,
    const facewire_columns *columns, int16_t *planes)
{
    blend_columns_rest(row, channels, step, columns, 0, planes);
}

/* Vectors blend pixels of four bytes. With three channels those of the right neighbour begin
 * one byte before it, so that nothing behind the row is read. */
FACEWIRE_INLINE int32_t four_bytes(const uint8_t *from)
{
    int32_t value;
    memcpy(&value, from, sizeof value);
    return value;
}

FACEWIRE_INLINE int16_t two_bytes(const uint8_t *from)
{
    int16_t value;
    memcpy(&value, from, sizeof value);
    return value;
}

#ifdef FACEWIRE_X86
/* Grey pixels, in eights. Two neighbours are loaded at a time; nothing else is read. */
FACEWIRE_INLINE void blend_grey_x86(
    const uint8_t *row, const facewire_columns *columns, int16_t *plane)
{
    const int32_t *offset = columns->left;
    const __m128i *weights = (const __m128i *)columns->weights;
    const __m128i zero = _mm_setzero_si128();
    ptrdiff_t x = 0;
    for (; x + 8 <= columns->count; x += 8, weights += 2) {
        __m128i pairs = _mm_setr_epi16(two_bytes(row + offset[x]),
            two_bytes(row + offset[x + 1]), two_bytes(row + offset[x + 2]),
            two_bytes(row + offset[x + 3]), two_bytes(row + offset[x + 4]),
            two_bytes(row + offset[x + 5]), two_bytes(row + offset[x + 6]),
            two_bytes(row + offset[x + 7]));
        __m128i low = _mm_madd_epi16(
            _mm_unpacklo_epi8(pairs, zero), _mm_loadu_si128(weights));
        __m128i high = _mm_madd_epi16(
            _mm_unpackhi_epi8(pairs, zero), _mm_loadu_si128(weights + 1));
        _mm_storeu_si128((__m128i *)(plane + x),
            _mm_packs_epi32(_mm_srai_epi32(low, 4), _mm_srai_epi32(high, 4)));
    }
    blend_columns_rest(row, 1, 1, columns, x, plane);
}

static void blend_columns_sse2(const uint8_t *row, ptrdiff_t channels, ptrdiff_t step,
    const facewire_columns *columns, int16_t *planes)
{
    const ptrdiff_t count = columns->count;
    const int32_t *offset = columns->left;
    const ptrdiff_t ahead = channels == 3 ? 2 : 4;
    const __m128i low = _mm_set1_epi32(0xFF);
    const __m128i shift = _mm_cvtsi32_si128(channels == 3 ? 8 : 0);
    ptrdiff_t x = 0;
    if (channels == 1 && step == 1) {
        blend_grey_x86(row, columns, planes);
        return;
    }
    if (channels < 3 || step != channels)
        goto rest;
    for (; x + 4 <= count; x += 4) {
        __m128i left = _mm_setr_epi32(four_bytes(row + offset[x]),
            four_bytes(row + offset[x + 1]), four_bytes(row + offset[x + 2]),
            four_bytes(row + offset[x + 3]));
        __m128i right = _mm_setr_epi32(four_bytes(row + offset[x] + ahead),
            four_bytes(row + offset[x + 1] + ahead), four_bytes(row + offset[x + 2] + ahead),
            four_bytes(row + offset[x + 3] + ahead));
        __m128i weights = _mm_loadu_si128((const __m128i *)(columns->weights + 2 * x));
        right = _mm_srl_epi32(right, shift);
        for (int channel = 0; channel < 3; channel++) {
            __m128i pair = _mm_or_si128(
                _mm_and_si128(left, low), _mm_slli_epi32(_mm_and_si128(right, low), 16));
            __m128i sum = _mm_srai_epi32(_mm_madd_epi16(pair, weights), 4);
            _mm_storel_epi64(
                (__m128i *)(planes + channel * count + x), _mm_packs_epi32(sum, sum));
            left = _mm_srli_epi32(left, 8);
            right = _mm_srli_epi32(right, 8);
        }
    }
rest:
    blend_columns_rest(row, channels, step, columns, x, planes);
}

FACEWIRE_AVX2 static void blend_columns_avx2(const uint8_t *row, ptrdiff_t channels,
    ptrdiff_t step, const facewire_columns *columns, int16_t *planes)
{
    const ptrdiff_t count = columns->count;
    const int *ahead = (const int *)(row + (channels == 3 ? 2 : 4));
    const __m256i low = _mm256_set1_epi32(0xFF);
    const __m128i shift = _mm_cvtsi32_si128(channels == 3 ? 8 : 0);
    ptrdiff_t x = 0;
    if (channels == 1 && step == 1) {
        blend_grey_x86(row, columns, planes);
        return;
    }
    if (channels < 3 || step != channels)
        goto rest;
    for (; x + 8 <= count; x += 8) {
        __m256i offset = _mm256_loadu_si256((const __m256i *)(columns->left + x));
        __m256i left = _mm256_i32gather_epi32((const int *)row, offset, 1);
        __m256i right = _mm256_srl_epi32(_mm256_i32gather_epi32(ahead, offset, 1), shift);
        __m256i weights = _mm256_loadu_si256((const __m256i *)(columns->weights + 2 * x));
        for (int channel = 0; channel < 3; channel++) {
            __m256i pair = _mm256_or_si256(_mm256_and_si256(left, low),
                _mm256_slli_epi32(_mm256_and_si256(right, low), 16));
            __m256i sum = _mm256_srai_epi32(_mm256_madd_epi16(pair, weights), 4);
            __m256i packed = _mm256_permute4x64_epi64(_mm256_packs_epi32(sum, sum), 0x08);
            _mm_storeu_si128((__m128i *)(planes + channel * count + x),
                _mm256_castsi256_si128(packed));
            left = _mm256_srli_epi32(left, 8);
            right = _mm256_srli_epi32(right, 8);
        }
    }
rest:
    blend_columns_rest(row, channels, step, columns, x, planes);
}

FACEWIRE_AVX512 static void blend_columns_avx512(const uint8_t *row, ptrdiff_t channels,
    ptrdiff_t step, const facewire_columns *columns, int16_t *planes)
{
    const ptrdiff_t count = columns->count;
    const uint8_t *ahead = row + (channels == 3 ? 2 : 4);
    const __m512i low = _mm512_set1_epi32(0xFF);
    const __m128i shift = _mm_cvtsi32_si128(channels == 3 ? 8 : 0);
    ptrdiff_t x = 0;
    if (channels == 1 && step == 1) {
        blend_grey_x86(row, columns, planes);
        return;
    }
    if (channels < 3 || step != channels)
        goto rest;
    for (; x + 16 <= count; x += 16) {
        __m512i offset = _mm512_loadu_si512(columns->left + x);
        __m512i left = _mm512_i32gather_epi32(offset, row, 1);
        __m512i right = _mm512_srl_epi32(_mm512_i32gather_epi32(offset, ahead, 1), shift);
        __m512i weights = _mm512_loadu_si512(columns->weights + 2 * x);
        for (int channel = 0; channel < 3; channel++) {
            __m512i pair = _mm512_or_si512(_mm512_and_si512(left, low),
                _mm512_slli_epi32(_mm512_and_si512(right, low), 16));
            __m512i sum = _mm512_srai_epi32(_mm512_madd_epi16(pair, weights), 4);
            _mm256_storeu_si256((__m256i *)(planes + channel * count + x),
                _mm512_cvtepi32_epi16(sum));
            left = _mm512_srli_epi32(left, 8);
            right = _mm512_srli_epi32(right, 8);
        }
    }
rest:
    blend_columns_rest(row, channels, step, columns, x, planes);
}
#endif

#ifdef FACEWIRE_NEON
FACEWIRE_INLINE uint32x4_t four_pixels(const uint8_t *row, const int32_t *offset)
{
    uint32x4_t pixels = vdupq_n_u32((uint32_t)four_bytes(row + offset[0]));
    pixels = vsetq_lane_u32((uint32_t)four_bytes(row + offset[1]), pixels, 1);
    pixels = vsetq_lane_u32((uint32_t)four_bytes(row + offset[2]), pixels, 2);
    return vsetq_lane_u32((uint32_t)four_bytes(row + offset[3]), pixels, 3);
}

/* As on x86. */
FACEWIRE_INLINE void blend_grey_neon(
    const uint8_t *row, const facewire_columns *columns, int16_t *plane)
{
    ptrdiff_t x = 0;
    for (; x + 8 <= columns->count; x += 8) {
        int16_t pairs[8];
        for (int i = 0; i < 8; i++)
            pairs[i] = two_bytes(row + columns->left[x + i]);
        uint8x8x2_t sides = vld2_u8((const uint8_t *)pairs);
        int16x8_t left = vreinterpretq_s16_u16(vmovl_u8(sides.val[0]));
        int16x8_t right = vreinterpretq_s16_u16(vmovl_u8(sides.val[1]));
        int16x8x2_t weights = vld2q_s16(columns->weights + 2 * x);
        int32x4_t low = vmull_s16(vget_low_s16(left), vget_low_s16(weights.val[0]));
        int32x4_t high = vmull_s16(vget_high_s16(left), vget_high_s16(weights.val[0]));
        low = vmlal_s16(low, vget_low_s16(right), vget_low_s16(weights.val[1]));
        high = vmlal_s16(high, vget_high_s16(right), vget_high_s16(weights.val[1]));
        vst1q_s16(plane + x, vcombine_s16(vshrn_n_s32(low, 4), vshrn_n_s32(high, 4)));
    }
    blend_columns_rest(row, 1, 1, columns, x, plane);
}

static void blend_columns_neon(const uint8_t *row, ptrdiff_t channels, ptrdiff_t step,
    const facewire_columns *columns, int16_t *planes)
{
    const ptrdiff_t count = columns->count;
    const uint8_t *ahead = row + (channels == 3 ? 2 : 4);
    const uint32x4_t low = vdupq_n_u32(0xFF);
    const int32x4_t shift = vdupq_n_s32(channels == 3 ? -8 : 0);
    ptrdiff_t x = 0;
    if (channels == 1 && step == 1) {
        blend_grey_neon(row, columns, planes);
        return;
    }
    if (channels < 3 || step != channels)
        goto rest;
    for (; x + 4 <= count; x += 4) {
        uint32x4_t left = four_pixels(row, columns->left + x);
        uint32x4_t right = vshlq_u32(four_pixels(ahead, columns->left + x), shift);
        int16x4x2_t weights = vld2_s16(columns->weights + 2 * x);
        for (int channel = 0; channel < 3; channel++) {
            int16x4_t one = vreinterpret_s16_u16(vmovn_u32(vandq_u32(left, low)));
            int16x4_t other = vreinterpret_s16_u16(vmovn_u32(vandq_u32(right, low)));
            int32x4_t sum = vmull_s16(one, weights.val[0]);
            sum = vmlal_s16(sum, other, weights.val[1]);
            vst1_s16(planes + channel * count + x, vshrn_n_s32(sum, 4));
            left = vshrq_n_u32(left, 8);
            right = vshrq_n_u32(right, 8);
        }
    }
rest:
    blend_columns_rest(row, channels, step, columns, x, planes);
}
#endif

/* A channel of BT.601 in 20 bits, limited to a byte. */
FACEWIRE_INLINE uint32_t colour(int32_t value)
{
    value >>= 20;
    value = value < 0 ? 0 : value;
    return (uint32_t)(value > 255 ? 255 : value);
}

/* Luma, and chroma of half as many columns that lie `step` bytes apart, as bytes B, G, R
 * and 0. The factors are OpenCV's, for limited range (modules/imgproc, color_yuv). */
FACEWIRE_INLINE void yuv_row_stepped(const uint8_t *restrict luma, const uint8_t *u,
    const uint8_t *v, ptrdiff_t step, ptrdiff_t width, uint32_t *restrict pixels)
{
    for (ptrdiff_t x = 0; x < width / 2; x++) {
        const int32_t blue = u[x * step] - 128, red = v[x * step] - 128;
        const int32_t half = 1 << 19;
        const int32_t b = half + 2116026 * blue;
        const int32_t g = half - 852492 * red - 409993 * blue;
        const int32_t r = half + 1673527 * red;
        for (int side = 0; side < 2; side++) {
            int32_t y = luma[2 * x + side] - 16;
            y = (y < 0 ? 0 : y) * 1220542;
            pixels[2 * x + side]
                = colour(y + b) | colour(y + g) << 8 | colour(y + r) << 16;
        }
    }
}

FACEWIRE_INLINE void yuv_row_body(const uint8_t *luma, const uint8_t *u,
    const uint8_t *v, ptrdiff_t step, ptrdiff_t width, uint32_t *pixels)
{
    if (step == 1)
        yuv_row_stepped(luma, u, v, 1, width, pixels);
    else
        yuv_row_stepped(luma, u, v, 2, width, pixels);
}

/* Two rows of the first pass, [count] each, to one of pixels. */
FACEWIRE_INLINE void blend_rows_body(const int16_t *restrict top,
    const int16_t *restrict bottom, int16_t top_weight, int16_t bottom_weight,
    ptrdiff_t count, uint8_t *restrict pixels)
{
    for (ptrdiff_t x = 0; x < count; x++) {
        int16_t above = (int16_t)((top[x] * top_weight) >> 16);
        int16_t below = (int16_t)((bottom[x] * bottom_weight) >> 16);
        int16_t sum = (int16_t)((int16_t)(above + below + 2) >> 2);
        pixels[x] = (uint8_t)(sum > 255 ? 255 : sum);
    }
}

#endif
