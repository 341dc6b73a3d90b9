/* Find the few values of a class map that reach the threshold, by vector comparisons.
 *
 * At each SIMD level 64 comparisons become 64 bits, which are skipped when none is set, the
 * usual case. A NaN compares false and is skipped.
 */
#ifndef FACEWIRE_THRESHOLD_SCAN_H
#define FACEWIRE_THRESHOLD_SCAN_H

#include "_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define FACEWIRE_X86 1
#define FACEWIRE_AVX2 __attribute__((target("avx2")))
#define FACEWIRE_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))
#elif defined(__aarch64__)
#include <arm_neon.h>
#define FACEWIRE_NEON 1
#endif

/* Append the indices of the bits that are set. */
FACEWIRE_INLINE ptrdiff_t append_bits(
    uint64_t bits, ptrdiff_t first, int32_t *found, ptrdiff_t count)
{
    while (bits) {
        found[count++] = (int32_t)(first + __builtin_ctzll(bits));
        bits &= bits - 1;
    }
    return count;
}

/* Compare one value after the other: the rest after the last whole 64. */
FACEWIRE_INLINE ptrdiff_t scan_rest(const float *values, ptrdiff_t first,
    ptrdiff_t end, float lowest, int32_t *found, ptrdiff_t count)
{
    for (ptrdiff_t at = first; at < end; at++) {
        found[count] = (int32_t)at;
        count += values[at] >= lowest;
    }
    return count;
}

/* For any processor: the compiler vectorises the inner loop. */
static ptrdiff_t scan_portable(
    const float *values, ptrdiff_t count, float lowest, int32_t *found)
{
    ptrdiff_t written = 0;
    ptrdiff_t at = 0;
    for (; at + 64 <= count; at += 64) {
        int32_t any = 0;
        for (int lane = 0; lane < 64; lane++)
            any |= values[at + lane] >= lowest;
        if (any)
            written = scan_rest(values, at, at + 64, lowest, found, written);
    }
    return scan_rest(values, at, count, lowest, found, written);
}

#ifdef FACEWIRE_X86
static ptrdiff_t scan_sse2(
    const float *values, ptrdiff_t count, float lowest, int32_t *found)
{
    const __m128 limit = _mm_set1_ps(lowest);
    ptrdiff_t written = 0;
    ptrdiff_t at = 0;
    for (; at + 64 <= count; at += 64) {
        uint64_t bits = 0;
        for (int lane = 0; lane < 64; lane += 16) {
            const float *from = values + at + lane;
            __m128i a = _mm_castps_si128(_mm_cmpge_ps(_mm_loadu_ps(from), limit));
            __m128i b = _mm_castps_si128(_mm_cmpge_ps(_mm_loadu_ps(from + 4), limit));
            __m128i c = _mm_castps_si128(_mm_cmpge_ps(_mm_loadu_ps(from + 8), limit));
            __m128i d = _mm_castps_si128(_mm_cmpge_ps(_mm_loadu_ps(from + 12), limit));
            /* Narrowing keeps the order: 16 lanes become 16 bytes, then 16 bits. */
            __m128i low = _mm_packs_epi32(a, b), high = _mm_packs_epi32(c, d);
            __m128i bytes = _mm_packs_epi16(low, high);
            bits |= (uint64_t)(uint32_t)_mm_movemask_epi8(bytes) << lane;
        }
        written = append_bits(bits, at, found, written);
    }
    return scan_rest(values, at, count, lowest, found, written);
}

FACEWIRE_AVX2 static ptrdiff_t scan_avx2(
    const float *values, ptrdiff_t count, float lowest, int32_t *found)
{
    const __m256 limit = _mm256_set1_ps(lowest);
    ptrdiff_t written = 0;
    ptrdiff_t at = 0;
    for (; at + 64 <= count; at += 64) {
        __m256 reached[8];
        __m256 any = _mm256_setzero_ps();
        for (int part = 0; part < 8; part++) {
            __m256 value = _mm256_loadu_ps(values + at + 8 * part);
            reached[part] = _mm256_cmp_ps(value, limit, _CMP_GE_OQ);
            any = _mm256_or_ps(any, reached[part]);
        }
        if (_mm256_testz_ps(any, any))
            continue;
        uint64_t bits = 0;
        for (int part = 0; part < 8; part++)
            bits |= (uint64_t)(uint32_t)_mm256_movemask_ps(reached[part]) << (8 * part);
        written = append_bits(bits, at, found, written);
    }
    return scan_rest(values, at, count, lowest, found, written);
}

/* Append the indices of the lanes of one vector of 16 that are set. */
FACEWIRE_AVX512 static inline ptrdiff_t append_lanes(
    __mmask16 reached, ptrdiff_t first, int32_t *found, ptrdiff_t count)
{
    const __m512i lanes = _mm512_setr_epi32(
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    __m512i indices = _mm512_add_epi32(lanes, _mm512_set1_epi32((int32_t)first));
    _mm512_storeu_si512(found + count, _mm512_maskz_compress_epi32(reached, indices));
    return count + __builtin_popcount(reached);
}

FACEWIRE_AVX512 static ptrdiff_t scan_avx512(
    const float *values, ptrdiff_t count, float lowest, int32_t *found)
{
    const __m512 limit = _mm512_set1_ps(lowest);
    ptrdiff_t written = 0;
    ptrdiff_t at = 0;
    for (; at + 64 <= count; at += 64) {
        __mmask16 reached[4];
        for (int part = 0; part < 4; part++) {
            __m512 value = _mm512_loadu_ps(values + at + 16 * part);
            reached[part] = _mm512_cmp_ps_mask(value, limit, _CMP_GE_OQ);
        }
        if (!(reached[0] | reached[1] | reached[2] | reached[3]))
            continue;
        for (int part = 0; part < 4; part++)
            if (reached[part])
                written = append_lanes(reached[part], at + 16 * part, found, written);
    }
    return scan_rest(values, at, count, lowest, found, written);
}
#endif

#ifdef FACEWIRE_NEON
static ptrdiff_t scan_neon(
    const float *values, ptrdiff_t count, float lowest, int32_t *found)
{
    const float32x4_t limit = vdupq_n_f32(lowest);
    /* A weight of one bit for each of eight bytes: their sum is eight lanes as bits. */
    const uint8x16_t weights
        = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    ptrdiff_t written = 0;
    ptrdiff_t at = 0;
    for (; at + 16 <= count; at += 16) {
        uint32x4_t a = vcgeq_f32(vld1q_f32(values + at), limit);
        uint32x4_t b = vcgeq_f32(vld1q_f32(values + at + 4), limit);
        uint32x4_t c = vcgeq_f32(vld1q_f32(values + at + 8), limit);
        uint32x4_t d = vcgeq_f32(vld1q_f32(values + at + 12), limit);
        uint16x8_t low = vcombine_u16(vmovn_u32(a), vmovn_u32(b));
        uint16x8_t high = vcombine_u16(vmovn_u32(c), vmovn_u32(d));
        uint8x16_t bytes = vcombine_u8(vmovn_u16(low), vmovn_u16(high));
        if (vmaxvq_u8(bytes) == 0)
            continue;
        uint8x16_t bits = vandq_u8(bytes, weights);
        uint64_t first = vaddv_u8(vget_low_u8(bits));
        uint64_t second = vaddv_u8(vget_high_u8(bits));
        written = append_bits(first | second << 8, at, found, written);
    }
    return scan_rest(values, at, count, lowest, found, written);
}
#endif

#endif
