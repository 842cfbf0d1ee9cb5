/* 3x3 convolutions with zeros around, for pictures that are processed by rows: Winograd's F(4x4, 3x3) on x86-64.
 *
 * Lavin and Gray, arXiv 1509.09308. Tiles of 4x4 output pixels are made from 6x6 input pixels: those become 36 planes by a few
 * sums, each plane is a matrix product with its own share of the weights, and sums of the products are the pixels. That takes a
 * quarter of the multiplications. The points 0, +-sqrt(1/2), +-sqrt(2) and infinity round less than the usual 0, +-1, +-2, inf.
 *
 * Everything about a few tiles happens while they lie in the processor's inner caches, from reading the pixels to bias, leaky
 * ReLU and the sum with what went around the layer. Rows are found by tables of addresses, so that they need not lie together.
 *
 * Written for GCC and Clang (their vector types); other compilers and processors do without this module.
 */

#define Py_LIMITED_API 0x030b0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#if !defined(__x86_64__) || !defined(__LP64__) || !defined(__GNUC__)
#error "These kernels are for x86-64 where a long has 64 bits, and for GCC or Clang."
#endif

#include <immintrin.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#define EDITION 1 /* of what models/networks/kernel.py relies on: both are raised together */
#define TILE 4
#define SEEN 6
#define PLANES (SEEN * SEEN)
#define RUN 24                                        /* tiles of a part, at most: a multiple of 6, 8 and 12 */
#define BLOCK 64                                      /* filters whose weights lie together */
#define NARROW_BLOCK 16                               /* the same where vectors are short */
#define NEAR 0.70710678118654752f
#define FAR 1.41421356237309505f
#define MOST_CHANNELS 1024
#define MOST_THREADS 64
#define PARTS_WORTH 4                                 /* parts for each thread at least: with fewer, starting it costs too much */
#define PLANE(channels) (RUN * (channels) + 32)       /* a step that is no power of two keeps planes in different cache sets */
#define ROUNDED(bytes) (((bytes) + 63) / 64 * 64)
#define TILES(pixels) (((pixels) + TILE - 1) / TILE)

typedef int32_t Word __attribute__((may_alias, aligned(2)));

typedef struct {
    const char *const *seen; /* rows + 2 addresses, the first of the row above the first that is made; 0 is a row of zeros */
    long seen_pixel;         /* bytes from pixel to pixel */
    long seen_half;          /* whether it is bfloat16 (else float32) */
    long doubled;            /* whether each pixel is seen twice (rows are told twice by the table) */
    char *const *made;       /* addresses of the rows that are made */
    long made_pixel, made_half;
    const char *const *base; /* float32 rows to which `share` of what is made is added; 0 where there are none */
    long base_pixel;
    float share;
    const char *weights;
    const float *bias, *slope; /* one for each filter; slope 0 where no leaky ReLU follows */
    long rows, width, channels, filters; /* width and rows of what is made; filters with those that fill up the last 16 */
    long kept;                           /* filters without those */
    long runs;                           /* parts of a row of tiles */
} Job;

static const float nothing[MOST_CHANNELS];

#define LANES 16
#define HALF 1
#define TARGET __attribute__((target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")))
#define NAME(x) x##_bfloat16
#include "winograd_kernel.h"
#undef HALF
#undef TARGET
#undef NAME

#define HALF 0
#define TARGET __attribute__((target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")))
#define NAME(x) x##_avx512
#include "winograd_kernel.h"
#undef LANES
#undef BLOCK
#undef TARGET
#undef NAME

#define LANES 8
#define BLOCK NARROW_BLOCK
#define TARGET __attribute__((target("avx2,fma")))
#define NAME(x) x##_avx2
#include "winograd_kernel.h"

enum { AVX2 = 1, AVX512 = 2, BFLOAT16 = 3 };

typedef struct {
    const Job *job;
    void (*convolve)(const Job *, long, char *);
    long parts, next;
} Work;

typedef struct {
    Work *work;
    char *room;
} Hand;

static void *help(void *given) {
    Hand *hand = given;
    Work *work = hand->work;
    for (;;) {
        const long part = __atomic_fetch_add(&work->next, 1, __ATOMIC_RELAXED);
        if (part >= work->parts) return 0;
        work->convolve(work->job, part, hand->room);
    }
}

static long room_of(long channels, long filters) { return ROUNDED(PLANES * PLANE(channels) * 4) + ROUNDED(PLANES * PLANE(filters) * 4); }

static PyObject *room(PyObject *module, PyObject *args) {
    long channels, filters;
    if (!PyArg_ParseTuple(args, "ll", &channels, &filters)) return 0;
    return PyLong_FromLong(room_of(channels, filters));
}

static PyObject *level(PyObject *module, PyObject *args) {
    __builtin_cpu_init();
    long found = 0;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        found = AVX2;
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
            __builtin_cpu_supports("avx512vl")) {
            found = AVX512;
            if (__builtin_cpu_supports("avx512bf16")) found = BFLOAT16;
        }
    }
    return PyLong_FromLong(found);
}

static PyObject *convolve(PyObject *module, PyObject *args) {
    Job job = {0};
    long kind, threads;
    unsigned long long seen, made, base, weights, bias, slope, space;
    if (!PyArg_ParseTuple(args, "l(Klll)(Kll)(Klf)(KKK)(lllll)lK", &kind, &seen, &job.seen_pixel, &job.seen_half, &job.doubled,
                          &made, &job.made_pixel, &job.made_half, &base, &job.base_pixel, &job.share, &weights, &bias, &slope,
                          &job.rows, &job.width, &job.channels, &job.filters, &job.kept, &threads, &space))
        return 0;
    if (kind < AVX2 || kind > BFLOAT16 || job.channels < 16 || job.channels % 16 || job.channels > MOST_CHANNELS ||
        job.filters < 16 || job.filters % 16 || job.kept < 1 || job.kept > job.filters || job.rows < 1 || job.width < 1 || threads < 1 ||
        (base && job.kept % 16)) {
        PyErr_SetString(PyExc_ValueError, "There is no such convolution.");
        return 0;
    }
    job.seen = (const char *const *)(uintptr_t)seen;
    job.made = (char *const *)(uintptr_t)made;
    job.base = (const char *const *)(uintptr_t)base;
    job.weights = (const char *)(uintptr_t)weights;
    job.bias = (const float *)(uintptr_t)bias;
    job.slope = (const float *)(uintptr_t)slope;
    const long across = TILES(job.width);
    job.runs = (across + RUN - 1) / RUN;
    Work work = {&job, kind == BFLOAT16 ? convolve_bfloat16 : kind == AVX512 ? convolve_avx512 : convolve_avx2,
                 TILES(job.rows) * job.runs, 0};
    if (threads > MOST_THREADS) threads = MOST_THREADS;
    if (threads > work.parts / PARTS_WORTH) threads = work.parts / PARTS_WORTH > 1 ? work.parts / PARTS_WORTH : 1;
    Hand hands[MOST_THREADS];
    pthread_t helpers[MOST_THREADS];
    long helping = 0;
    Py_BEGIN_ALLOW_THREADS
    for (long n = 0; n < threads; n++) {
        hands[n].work = &work;
        hands[n].room = (char *)(uintptr_t)space + n * room_of(job.channels, job.filters);
    }
    /* Where no thread can be had, this one does it all. */
    while (helping < threads - 1 && !pthread_create(&helpers[helping], 0, help, &hands[helping + 1])) helping++;
    help(&hands[0]);
    for (long n = 0; n < helping; n++) pthread_join(helpers[n], 0);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyObject *halve(PyObject *module, PyObject *args) {
    unsigned long long seen, made;
    long seen_pixel, made_pixel, rows, width, channels;
    if (!PyArg_ParseTuple(args, "(Kl)(Kl)(lll)", &seen, &seen_pixel, &made, &made_pixel, &rows, &width, &channels)) return 0;
    if (channels % 16) {
        PyErr_SetString(PyExc_ValueError, "Channels must be a multiple of 16.");
        return 0;
    }
    Py_BEGIN_ALLOW_THREADS
    halve_bfloat16((const char *const *)(uintptr_t)seen, seen_pixel, (char *const *)(uintptr_t)made, made_pixel, rows, width,
                   channels);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

/* A row of pixels that are squares of the picture's, each with the pixel it stands for added to all of it, as `side` rows. */
static inline __attribute__((always_inline)) void unfold(const char *seen, long seen_pixel, const float *added, long colours, float *made,
                                                         long width, long side) {
    for (long x = 0; x < width; x++, seen += seen_pixel, added += colours)
        for (long j = 0; j < side; j++) made[x * side + j] = ((const float *)seen)[j] + *added;
}

static PyObject *shuffle(PyObject *module, PyObject *args) {
    unsigned long long seen_rows, added_rows, made_rows;
    long seen_pixel, rows, width, colours, side;
    if (!PyArg_ParseTuple(args, "(Kl)KK(llll)", &seen_rows, &seen_pixel, &added_rows, &made_rows, &rows, &width, &colours, &side)) return 0;
    const char *const *seen = (const char *const *)(uintptr_t)seen_rows;
    const float *const *added = (const float *const *)(uintptr_t)added_rows;
    float *made = (float *)(uintptr_t)made_rows;
    Py_BEGIN_ALLOW_THREADS
    for (long c = 0; c < colours; c++)
        for (long r = 0; r < rows; r++)
            for (long i = 0; i < side; i++, made += width * side) {
                const char *from = seen[r] + 4 * (c * side + i) * side;
                if (side == 4)
                    unfold(from, seen_pixel, added[r] + c, colours, made, width, 4);
                else
                    unfold(from, seen_pixel, added[r] + c, colours, made, width, side);
            }
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"level", level, METH_NOARGS, "What this processor has: 0 nothing, 1 AVX2, 2 AVX-512, 3 AVX-512 and bfloat16."},
    {"room", room, METH_VARARGS, "Bytes of room that a thread needs for (channels, filters)."},
    {"convolve", convolve, METH_VARARGS, "See models/networks/kernel.py."},
    {"halve", halve, METH_VARARGS, "Float32 rows as bfloat16: see models/networks/kernel.py."},
    {"shuffle", shuffle, METH_VARARGS, "Squares to pixels, and a picture added: see models/networks/kernel.py."},
    {0, 0, 0, 0},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_winograd", 0, -1, methods, 0, 0, 0, 0};

PyMODINIT_FUNC PyInit__winograd(void) {
    PyObject *module = PyModule_Create(&definition);
    if (module && PyModule_AddIntConstant(module, "EDITION", EDITION)) Py_CLEAR(module);
    return module;
}
