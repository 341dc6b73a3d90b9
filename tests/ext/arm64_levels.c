/* Compares the NEON kernels that scan, score, sort and fit with the portable ones, bit by bit.
 *
 * `scripts/check-arm64` builds it for arm64 and runs it under QEMU. Pixels end where readable
 * memory ends. Exit status 1: a kernel differs.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "_simd_levels.h"

enum { MOST = 300, ROUNDS = 2000, PAGE = 4096 };

static int failures;

static void same(const char *kernel, const void *one, const void *other, size_t size)
{
    if (memcmp(one, other, size) != 0) {
        failures++;
        printf("%s differs\n", kernel);
    }
}

static int below(int limit) { return rand() % limit; }

static float real(void)
{
    static const float odd[] = {0.0f, -0.0f, INFINITY, -INFINITY, NAN, 1e-40f, 3e38f};
    return below(20) ? (float)(below(20001) - 10000) / 1000.0f : odd[below(7)];
}

/* Random bytes, the last one right before memory that cannot be read. */
static uint8_t *bytes(ptrdiff_t count)
{
    const int writable = PROT_READ | PROT_WRITE, fresh = MAP_PRIVATE | MAP_ANONYMOUS;
    uint8_t *pages = mmap(NULL, 2 * PAGE, writable, fresh, -1, 0);
    if (pages == MAP_FAILED || mprotect(pages + PAGE, PAGE, PROT_NONE) != 0)
        exit(2);
    uint8_t *made = pages + PAGE - count;
    for (ptrdiff_t i = 0; i < count; i++)
        made[i] = (uint8_t)below(256);
    return made;
}

static void release(uint8_t *made, ptrdiff_t count) { munmap(made + count - PAGE, 2 * PAGE); }

static void compare_columns(void)
{
    static const int kinds[] = {1, 3, 4};
    const int channels = kinds[below(3)], width = 1 + below(MOST), count = 1 + below(MOST);
    const int step = width > 1 ? channels : 0;
    uint8_t *row = bytes((ptrdiff_t)width * channels);
    int32_t left[MOST];
    int16_t weights[2 * MOST], one[3 * MOST] = {0}, other[3 * MOST] = {0};
    facewire_columns columns = {count, left, weights};
    for (int x = 0; x < count; x++) {
        left[x] = width > 1 ? below(width - 1) * channels : 0;
        weights[2 * x + 1] = (int16_t)below(2049);
        weights[2 * x] = (int16_t)(2048 - weights[2 * x + 1]);
    }
    kernels_portable.blend_columns(row, channels, step, &columns, one);
    kernels_neon.blend_columns(row, channels, step, &columns, other);
    same("blend_columns", one, other, sizeof one);
    release(row, (ptrdiff_t)width * channels);
}

static void compare_rows(void)
{
    const int count = 1 + below(MOST);
    int16_t top[MOST], bottom[MOST], weight = (int16_t)below(2049);
    uint8_t one[MOST] = {0}, other[MOST] = {0};
    for (int x = 0; x < count; x++)
        top[x] = (int16_t)below(32641), bottom[x] = (int16_t)below(32641);
    kernels_portable.blend_rows(top, bottom, (int16_t)(2048 - weight), weight, count, one);
    kernels_neon.blend_rows(top, bottom, (int16_t)(2048 - weight), weight, count, other);
    same("blend_rows", one, other, sizeof one);
}

static void compare_transposed(void)
{
    const int rows = below(2) ? 16 : 1 + below(16), length = 1 + below(64);
    uint8_t *tile = bytes(rows * length), one[64 * 20] = {0}, other[64 * 20] = {0};
    kernels_portable.transpose(tile, rows, length, one, 20);
    kernels_neon.transpose(tile, rows, length, other, 20);
    same("transpose", one, other, sizeof one);
    release(tile, rows * length);
}

static void compare_video(void)
{
    const int pairs = 1 + below(MOST / 2), step = 1 + below(2);
    const int chroma = (pairs - 1) * step + 1;
    uint8_t *luma = bytes(2 * pairs), *u = bytes(chroma), *v = bytes(chroma);
    uint32_t one[MOST] = {0}, other[MOST] = {0};
    kernels_portable.yuv_row(luma, u, v, step, 2 * pairs, one);
    kernels_neon.yuv_row(luma, u, v, step, 2 * pairs, other);
    same("yuv_row", one, other, sizeof one);
    release(luma, 2 * pairs), release(u, chroma), release(v, chroma);
}

static void compare_confidences(void)
{
    const int count = 1 + below(MOST);
    float values[MOST], quality[MOST], one[MOST] = {0}, other[MOST] = {0};
    int32_t found[MOST] = {0}, also[MOST] = {0};
    uint64_t keys[MOST] = {0}, same_keys[MOST] = {0};
    uint32_t range[2], same_range[2];
    for (int i = 0; i < count; i++)
        values[i] = real(), quality[i] = real();
    ptrdiff_t many = kernels_portable.scan(values, count, 1.0f, found);
    ptrdiff_t too = kernels_neon.scan(values, count, 1.0f, also);
    same("scan", &many, &too, sizeof many);
    same("scan", found, also, (size_t)many * sizeof *found);
    const int root = below(2);
    kernels_portable.fuse_logits(values, quality, root, found, many, one);
    kernels_neon.fuse_logits(values, quality, root, found, many, other);
    same("fuse_logits", one, other, sizeof one);
    kernels_portable.fuse_probabilities(values, quality, found, many, one);
    kernels_neon.fuse_probabilities(values, quality, found, many, other);
    same("fuse_probabilities", one, other, sizeof one);
    kernels_portable.sort_keys(one, 7, many, keys, range);
    kernels_neon.sort_keys(one, 7, many, same_keys, same_range);
    same("sort_keys", keys, same_keys, sizeof keys);
    same("sort_keys", range, same_range, sizeof range);
}

int main(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        compare_columns();
        compare_rows();
        compare_transposed();
        compare_video();
        compare_confidences();
    }
    printf("%d rounds, %d differences\n", ROUNDS, failures);
    return failures != 0;
}
