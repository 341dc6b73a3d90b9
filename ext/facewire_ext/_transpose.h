/* Transposing a tile of bytes: rows become columns, for pictures that are rotated.
 *
 * Vectors take blocks of 16 x 16. Interleaving the upper eight rows with the lower eight
 * moves the highest bit of a byte's row to the lowest of its column; four times, and the
 * two have changed places.
 */
#ifndef FACEWIRE_TRANSPOSE_H
#define FACEWIRE_TRANSPOSE_H

#include "_kernels.h"
#include "_threshold_scan.h"

/* Columns of the tile from `first` on. */
FACEWIRE_INLINE void transpose_rest(const uint8_t *tile, ptrdiff_t rows, ptrdiff_t length,
    ptrdiff_t first, uint8_t *out, ptrdiff_t stride)
{
    for (ptrdiff_t x = first; x < length; x++)
        for (ptrdiff_t row = 0; row < rows; row++)
            out[x * stride + row] = tile[row * length + x];
}

static void transpose_portable(const uint8_t *tile, ptrdiff_t rows, ptrdiff_t length,
    uint8_t *out, ptrdiff_t stride)
{
    transpose_rest(tile, rows, length, 0, out, stride);
}

#ifdef FACEWIRE_X86
FACEWIRE_INLINE void interleave(const __m128i *rows, __m128i *result)
{
    for (int row = 0; row < 8; row++) {
        result[2 * row] = _mm_unpacklo_epi8(rows[row], rows[row + 8]);
        result[2 * row + 1] = _mm_unpackhi_epi8(rows[row], rows[row + 8]);
    }
}

FACEWIRE_INLINE void transpose_body(const uint8_t *tile, ptrdiff_t rows, ptrdiff_t length,
    uint8_t *out, ptrdiff_t stride)
{
    ptrdiff_t x = 0;
    for (; rows == 16 && x + 16 <= length; x += 16) {
        __m128i one[16], other[16];
        for (int row = 0; row < 16; row++)
            one[row] = _mm_loadu_si128((const __m128i *)(tile + row * length + x));
        interleave(one, other), interleave(other, one);
        interleave(one, other), interleave(other, one);
        for (int row = 0; row < 16; row++)
            _mm_storeu_si128((__m128i *)(out + (x + row) * stride), one[row]);
    }
    transpose_rest(tile, rows, length, x, out, stride);
}

static void transpose_sse2(const uint8_t *tile, ptrdiff_t rows, ptrdiff_t length,
    uint8_t *out, ptrdiff_t stride)
{
    transpose_body(tile, rows, length, out, stride);
}

FACEWIRE_AVX2 static void transpose_avx2(const uint8_t *tile, ptrdiff_t rows,
    ptrdiff_t length, uint8_t *out, ptrdiff_t stride)
{
    transpose_body(tile, rows, length, out, stride);
}

FACEWIRE_AVX512 static void transpose_avx512(const uint8_t *tile, ptrdiff_t rows,
    ptrdiff_t length, uint8_t *out, ptrdiff_t stride)
{
    transpose_body(tile, rows, length, out, stride);
}
#endif

#ifdef FACEWIRE_NEON
FACEWIRE_INLINE void interleave(const uint8x16_t *rows, uint8x16_t *result)
{
    for (int row = 0; row < 8; row++) {
        uint8x16x2_t both = vzipq_u8(rows[row], rows[row + 8]);
        result[2 * row] = both.val[0];
        result[2 * row + 1] = both.val[1];
    }
}

static void transpose_neon(const uint8_t *tile, ptrdiff_t rows, ptrdiff_t length,
    uint8_t *out, ptrdiff_t stride)
{
    ptrdiff_t x = 0;
    for (; rows == 16 && x + 16 <= length; x += 16) {
        uint8x16_t one[16], other[16];
        for (int row = 0; row < 16; row++)
            one[row] = vld1q_u8(tile + row * length + x);
        interleave(one, other), interleave(other, one);
        interleave(one, other), interleave(other, one);
        for (int row = 0; row < 16; row++)
            vst1q_u8(out + (x + row) * stride, one[row]);
    }
    transpose_rest(tile, rows, length, x, out, stride);
}
#endif

#endif
