/* The kernels for one kind of processor. winograd.c includes this once for each kind, with
 *
 *     LANES    floats in a vector
 *     HALF     1 where planes and weights are bfloat16 (with 16 lanes), 0 where they are float32
 *     TARGET   the attribute that lets the compiler use this processor's instructions
 *     NAME(x)  x with the suffix of this kind
 */

typedef float NAME(Floats) __attribute__((vector_size(4 * LANES)));
typedef int32_t NAME(Words) __attribute__((vector_size(4 * LANES)));
typedef float NAME(LooseFloats) __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef uint16_t NAME(LooseHalves) __attribute__((vector_size(2 * LANES), aligned(2), may_alias));

#define FLOATS NAME(Floats)
#define WORDS NAME(Words)
#define LOOSE_FLOATS NAME(LooseFloats)
#define LOOSE_HALVES NAME(LooseHalves)
#define INLINE static inline __attribute__((always_inline)) TARGET
#define SIZE (HALF ? 2 : 4)

/* Channels c to c + LANES of a pixel. */
INLINE FLOATS NAME(read)(const char *pixel, long c, int half) {
    if (half) return (FLOATS)(__builtin_convertvector(*(const LOOSE_HALVES *)(pixel + 2 * c), WORDS) << 16);
    return *(const LOOSE_FLOATS *)(pixel + 4 * c);
}

/* Six values of a row (or column) of a tile, `step` apart, to its six shares. */
INLINE void NAME(spread_line)(const FLOATS *d, FLOATS *out, long step) {
    const FLOATS near = d[4] - 2 * d[2], far = d[4] - 0.5f * d[2];
    const FLOATS odd = NEAR * (d[3] - 2 * d[1]), even = FAR * (d[3] - 0.5f * d[1]);
    out[0] = d[0] - 2.5f * d[2] + d[4];
    out[step] = near + odd;
    out[2 * step] = near - odd;
    out[3 * step] = far + even;
    out[4 * step] = far - even;
    out[5 * step] = d[1] - 2.5f * d[3] + d[5];
}

/* Six sums to the four pixels of a row (or column). */
INLINE void NAME(gather_line)(const FLOATS *m, FLOATS *out) {
    const FLOATS near = m[1] + m[2], far = m[3] + m[4];
    const FLOATS odd = NEAR * (m[1] - m[2]), even = FAR * (m[3] - m[4]);
    out[0] = m[0] + near + far;
    out[1] = odd + even;
    out[2] = 0.5f * near + 2 * far;
    out[3] = 0.5f * odd + 2 * even + m[5];
}

/* The 36 planes of `count` tiles from the `first` on, in a row of tiles. */
INLINE void NAME(spread)(const Job *job, long tile_row, long first, long count, char *planes, const int half) {
    const long channels = job->channels, plane = PLANE(channels) * SIZE;
    for (long tile = 0; tile < count; tile++) {
        const char *at[SEEN][SEEN];
        for (long r = 0; r < SEEN; r++) {
            const long y = TILE * tile_row + r;
            const char *row = y < job->rows + 2 ? job->seen[y] : 0;
            for (long q = 0; q < SEEN; q++) {
                const long x = TILE * (first + tile) + q - 1;
                const int inside = row && x >= 0 && x < job->width;
                at[r][q] = inside ? row + (x >> job->doubled) * job->seen_pixel : (const char *)nothing;
            }
        }
        for (long c = 0; c < channels; c += LANES) {
            FLOATS lines[SEEN * SEEN], seen[SEEN], out[SEEN];
#pragma GCC unroll 6
            for (long r = 0; r < SEEN; r++) {
#pragma GCC unroll 6
                for (long q = 0; q < SEEN; q++) seen[q] = NAME(read)(at[r][q], c, half);
                NAME(spread_line)(seen, lines + r, SEEN);
            }
            char *place = planes + (tile * channels + c) * SIZE;
#pragma GCC unroll 6
            for (long q = 0; q < SEEN; q++) {
                NAME(spread_line)(lines + SEEN * q, out, 1);
#pragma GCC unroll 6
                for (long r = 0; r < SEEN; r++, place += plane) {
#if HALF
                    _mm256_storeu_si256((__m256i *)place, (__m256i)_mm512_cvtneps_pbh((__m512)out[r]));
#else
                    *(LOOSE_FLOATS *)place = out[r];
#endif
                }
            }
        }
    }
}

/* Sums of products of one plane for `tiles` tiles and `vectors` vectors of filters: constants, so that all sums are registers. */
INLINE void NAME(multiply)(const char *seen, const char *weights, float *sums, long channels, long filters, const int tiles,
                           const int vectors) {
    FLOATS sum[12][4];
#pragma GCC unroll 12
    for (int t = 0; t < tiles; t++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) sum[t][v] = (FLOATS){0};
    for (long c = 0; c < channels; c += 4 / SIZE) {
#if HALF
        __m512bh weight[4];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) weight[v] = (__m512bh)_mm512_loadu_si512(weights + v * 64);
#pragma GCC unroll 12
        for (int t = 0; t < tiles; t++) {
            const __m512bh pair = (__m512bh)_mm512_set1_epi32(*(const Word *)(seen + (t * channels + c) * 2));
#pragma GCC unroll 4
            for (int v = 0; v < vectors; v++) sum[t][v] = (FLOATS)_mm512_dpbf16_ps((__m512)sum[t][v], pair, weight[v]);
        }
#else
        FLOATS weight[4];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) weight[v] = *(const LOOSE_FLOATS *)(weights + v * 4 * LANES);
#pragma GCC unroll 12
        for (int t = 0; t < tiles; t++) {
            const FLOATS value = (FLOATS){0} + ((const float *)seen)[t * channels + c];
#pragma GCC unroll 4
            for (int v = 0; v < vectors; v++) sum[t][v] += value * weight[v];
        }
#endif
        weights += vectors * 4 * LANES;
    }
#pragma GCC unroll 12
    for (int t = 0; t < tiles; t++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) *(LOOSE_FLOATS *)(sums + t * filters + v * LANES) = sum[t][v];
}

/* All sums of one plane for `count` tiles, and perhaps for some beyond them that nobody reads. */
INLINE void NAME(plane)(const char *seen, const char *weights, float *sums, long channels, long filters, long count) {
#define ALL(TILES, VECTORS)                                                                            \
    for (long t = 0; t < count; t += TILES)                                                            \
        NAME(multiply)(seen + t * channels * SIZE, weights, sums + t * filters + k, channels, filters, \
                       TILES, VECTORS);                                                                \
    break
    for (long k = 0; k < filters;) {
        const long left = (filters - k) / LANES, vectors = left < BLOCK / LANES ? left : BLOCK / LANES;
        switch (vectors) {
#if LANES == 16
        case 4: ALL(6, 4);
        case 3: ALL(8, 3);
        case 2: ALL(12, 2);
        default: ALL(12, 1);
#else
        default: ALL(6, 2);
#endif
        }
        weights += channels * vectors * LANES * SIZE;
        k += vectors * LANES;
    }
#undef ALL
}

/* A vector of filters of one pixel, from its sum to where it belongs. */
INLINE void NAME(put)(const Job *job, FLOATS y, FLOATS slope, char *to, const char *base, long some) {
    if (job->slope) {
#if LANES == 16
        const __mmask16 under = _mm512_cmp_ps_mask((__m512)y, _mm512_setzero_ps(), _CMP_LT_OQ);
        y = (FLOATS)_mm512_mask_mul_ps((__m512)y, under, (__m512)y, (__m512)slope);
#else
        const WORDS under = y < 0;
        y = (FLOATS)(((WORDS)(y * slope) & under) | ((WORDS)y & ~under));
#endif
    }
    if (base) y = job->share * y + *(const LOOSE_FLOATS *)base;
    if (!job->made_half) {
        if (some >= LANES)
            *(LOOSE_FLOATS *)to = y;
        else
            memcpy(to, &y, 4 * some);
        return;
    }
#if HALF
    const __m256i low = (__m256i)_mm512_cvtneps_pbh((__m512)y);
#else
    const WORDS bits = (WORDS)y, low32 = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16; /* to the nearest, ties to even */
    const LOOSE_HALVES low = __builtin_convertvector(low32, LOOSE_HALVES);
#endif
    memcpy(to, &low, 2 * (some < LANES ? some : LANES));
}

/* The pixels that `count` tiles' sums are, with bias, slope and what is added, as far as they lie in the picture. */
INLINE void NAME(gather)(const Job *job, long tile_row, long first, long count, const float *sums) {
    const long filters = job->filters, plane = PLANE(filters), top = TILE * tile_row, size = job->made_half ? 2 : 4;
    for (long tile = 0; tile < count; tile++) {
        const long left = TILE * (first + tile);
        const long down = job->rows - top, across = job->width - left;
        for (long k = 0; k < job->kept; k += LANES) {
            FLOATS lines[TILE][SEEN], sum[SEEN], out[TILE];
            const float *from = sums + tile * filters + k;
#pragma GCC unroll 6
            for (long r = 0; r < SEEN; r++) {
#pragma GCC unroll 6
                for (long q = 0; q < SEEN; q++) sum[q] = *(const LOOSE_FLOATS *)(from + (SEEN * q + r) * plane);
                NAME(gather_line)(sum, out);
#pragma GCC unroll 4
                for (long q = 0; q < TILE; q++) lines[q][r] = out[q];
            }
            const FLOATS bias = *(const LOOSE_FLOATS *)(job->bias + k);
            FLOATS slope = {0};
            if (job->slope) slope = *(const LOOSE_FLOATS *)(job->slope + k);
            const long some = job->kept - k;
#pragma GCC unroll 4
            for (long q = 0; q < TILE; q++) {
                if (q >= across) break;
                NAME(gather_line)(lines[q], out);
#pragma GCC unroll 4
                for (long r = 0; r < TILE; r++) {
                    if (r >= down) break;
                    const char *base = job->base ? job->base[top + r] + (left + q) * job->base_pixel + 4 * k : 0;
                    NAME(put)(job, out[r] + bias, slope, job->made[top + r] + (left + q) * job->made_pixel + size * k, base, some);
                }
            }
        }
    }
}

/* One part of a job: a run of tiles beside each other. */
static TARGET void NAME(convolve)(const Job *job, long part, char *room) {
    const long across = TILES(job->width), runs = job->runs, row = part / runs, run = part % runs;
    const long first = across * run / runs, count = across * (run + 1) / runs - first;
    const long seen = PLANE(job->channels) * SIZE, made = PLANE(job->filters);
    float *sums = (float *)(room + ROUNDED(PLANES * seen));
    if (job->seen_half)
        NAME(spread)(job, row, first, count, room, 1);
    else
        NAME(spread)(job, row, first, count, room, 0);
    for (long p = 0; p < PLANES; p++)
        NAME(plane)(room + p * seen, job->weights + p * job->channels * job->filters * SIZE, sums + p * made, job->channels,
                    job->filters, count);
    NAME(gather)(job, row, first, count, sums);
}

#if HALF
/* Float32 rows as bfloat16. */
static TARGET void NAME(halve)(const char *const *seen, long seen_pixel, char *const *made, long made_pixel, long rows, long width,
                               long channels) {
    for (long r = 0; r < rows; r++)
        for (long x = 0; x < width; x++)
            for (long c = 0; c < channels; c += LANES) {
                const FLOATS value = NAME(read)(seen[r] + x * seen_pixel, c, 0);
                _mm256_storeu_si256((__m256i *)(made[r] + x * made_pixel + 2 * c), (__m256i)_mm512_cvtneps_pbh((__m512)value));
            }
}
#endif

#undef FLOATS
#undef WORDS
#undef LOOSE_FLOATS
#undef LOOSE_HALVES
#undef INLINE
#undef SIZE
