
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "sig_json.h"

#if (defined SIG_JSON_PORTABLE)
/* void */
#elif (defined __SSE2__)
#include <immintrin.h>
#define SIG_JSON_SSE2      1
#define SIG_JSON_VECTORS   1
#elif (defined __aarch64__ && defined __ARM_NEON)
#include <arm_neon.h>
#define SIG_JSON_VECTORS   1
#endif


/*
 * Strings are scanned by blocks.  A flavor of processor provides
 *
 *     SIG_JSON_BLOCK          bytes in a block
 *     SIG_JSON_BITS           bits of a mask for each of them
 *     sig_json_stops(p)       a mask of the bytes of the block at p that are
 *                             not plain: quote, backslash, control, non-ASCII
 *     sig_json_first(mask)    the index of the first of them
 *
 * One with vectors provides what sig_json_text() is made of, too.
 */

#if (SIG_JSON_SSE2)

#define SIG_JSON_BLOCK        16
#define SIG_JSON_BITS         1

#define sig_json_first(mask)  ((unsigned) __builtin_ctz(mask))

typedef unsigned  sig_json_mask_t;
typedef __m128i   sig_json_vector_t;

#define sig_json_load(p)      _mm_loadu_si128((const __m128i *) (p))
#define sig_json_set(c)       _mm_set1_epi8((char) (c))
#define sig_json_and(a, b)    _mm_and_si128(a, b)
#define sig_json_or(a, b)     _mm_or_si128(a, b)
#define sig_json_xor(a, b)    _mm_xor_si128(a, b)
#define sig_json_eq(a, c)     _mm_cmpeq_epi8(a, sig_json_set(c))
#define sig_json_ge(a, c)     _mm_cmpeq_epi8(_mm_max_epu8(a,                  \
                                                 sig_json_set(c)), a)
#define sig_json_le(a, c)     _mm_cmpeq_epi8(_mm_min_epu8(a,                  \
                                                 sig_json_set(c)), a)
#define sig_json_back(a, n)   _mm_slli_si128(a, n)
#define sig_json_mask(a)      ((unsigned) _mm_movemask_epi8(a))
#define sig_json_high(a)      sig_json_mask(a)

/* bytes of 80 to bf, which as signed numbers are the lowest */
#define sig_json_cont(a)      _mm_cmplt_epi8(a, sig_json_set(0xc0))

#elif (SIG_JSON_VECTORS)

#define SIG_JSON_BLOCK        16
#define SIG_JSON_BITS         4

#define sig_json_first(mask)  ((unsigned) __builtin_ctzll(mask) >> 2)

typedef uint64_t    sig_json_mask_t;
typedef uint8x16_t  sig_json_vector_t;

#define sig_json_load(p)      vld1q_u8(p)
#define sig_json_set(c)       vdupq_n_u8(c)
#define sig_json_and(a, b)    vandq_u8(a, b)
#define sig_json_or(a, b)     vorrq_u8(a, b)
#define sig_json_xor(a, b)    veorq_u8(a, b)
#define sig_json_eq(a, c)     vceqq_u8(a, sig_json_set(c))
#define sig_json_ge(a, c)     vcgeq_u8(a, sig_json_set(c))
#define sig_json_le(a, c)     vcleq_u8(a, sig_json_set(c))
#define sig_json_back(a, n)   vextq_u8(sig_json_set(0), a, 16 - (n))

/* half of each byte of a comparison's result */
#define sig_json_mask(a)                                                      \
    vget_lane_u64(vreinterpret_u64_u8(                                        \
                      vshrn_n_u16(vreinterpretq_u16_u8(a), 4)), 0)
#define sig_json_high(a)      sig_json_mask(sig_json_ge(a, 0x80))

#define sig_json_cont(a)                                                      \
    vcltq_s8(vreinterpretq_s8_u8(a), vdupq_n_s8(-0x40))

#else

#define SIG_JSON_BLOCK        8

#define sig_json_first(mask)  ((unsigned) __builtin_ctzll(mask) >> 3)

#define SIG_JSON_ONES         0x0101010101010101ull
#define SIG_JSON_HIGHS        0x8080808080808080ull

typedef uint64_t  sig_json_mask_t;

#endif


/* plain blocks in a row, after which a string is taken for a long one */
#define SIG_JSON_LONG         4


static inline sig_json_mask_t sig_json_stops(const u_char *p);
#if (SIG_JSON_SSE2)
static const u_char *sig_json_skip(const u_char *p, const u_char *end);
#endif
static const u_char *sig_json_text(const u_char *p, const u_char *end)
    __attribute__((noinline));
#if (SIG_JSON_VECTORS)
static inline sig_json_vector_t sig_json_bad(sig_json_vector_t x,
    sig_json_vector_t back1, sig_json_vector_t back2,
    sig_json_vector_t back3);
#endif
static inline const u_char *sig_json_utf8(const u_char *p,
    const u_char *end);
static inline const u_char *sig_json_escape(const u_char *p,
    const u_char *end);


const u_char *
sig_json_string(const u_char *p, const u_char *end)
{
    sig_json_mask_t  stops;
#if (SIG_JSON_SSE2)
    unsigned         plain;

    plain = 0;
#endif

    while (p < end) {

        if (end - p >= SIG_JSON_BLOCK) {
            stops = sig_json_stops(p);

            if (stops == 0) {
                p += SIG_JSON_BLOCK;
#if (SIG_JSON_SSE2)
                if (++plain == SIG_JSON_LONG
                    && __builtin_cpu_supports("avx2"))
                {
                    p = sig_json_skip(p, end);
                }
#endif
                continue;
            }

            p += sig_json_first(stops);
        }

        if (*p == '"') {
            return p + 1;
        }

#if (SIG_JSON_SSE2)
        plain = 0;
#endif

        if (*p == '\\') {

            /* they often come in pairs: SDP is full of \r\n */

            do {
                p = sig_json_escape(p, end);
                if (p == NULL) {
                    return NULL;
                }
            } while (p < end && *p == '\\');

            continue;
        }

        if (*p >= 0x80) {
            p = sig_json_text(p, end);
            if (p == NULL) {
                return NULL;
            }

            continue;
        }

        if (*p < ' ') {
            return NULL;
        }

        p++;
    }

    return NULL;
}


#if (SIG_JSON_SSE2)

static inline sig_json_mask_t
sig_json_stops(const u_char *p)
{
    __m128i  x, quote, slash, other;

    x = _mm_loadu_si128((const __m128i *) p);

    quote = _mm_cmpeq_epi8(x, _mm_set1_epi8('"'));
    slash = _mm_cmpeq_epi8(x, _mm_set1_epi8('\\'));

    /* as signed numbers, bytes of 80 and more are below the space as well */

    other = _mm_cmpgt_epi8(_mm_set1_epi8(' '), x);

    return (unsigned) _mm_movemask_epi8(
                          _mm_or_si128(_mm_or_si128(quote, slash), other));
}


/*
 * Passes over blocks of plain bytes, with the wider vectors that this process
 * has found in the machine that it runs on.
 */

__attribute__((target("avx2"), noinline))
static const u_char *
sig_json_skip(const u_char *p, const u_char *end)
{
    __m256i  a, b, space, stops;

#define sig_json_eq256(x, c)  _mm256_cmpeq_epi8(x, _mm256_set1_epi8(c))

    space = _mm256_set1_epi8(' ');

    while (end - p >= 64) {
        a = _mm256_loadu_si256((const __m256i *) p);
        b = _mm256_loadu_si256((const __m256i *) (p + 32));

        stops = _mm256_or_si256(
                    _mm256_or_si256(sig_json_eq256(a, '"'),
                                    sig_json_eq256(b, '"')),
                    _mm256_or_si256(sig_json_eq256(a, '\\'),
                                    sig_json_eq256(b, '\\')));

        stops = _mm256_or_si256(stops,
                    _mm256_or_si256(_mm256_cmpgt_epi8(space, a),
                                    _mm256_cmpgt_epi8(space, b)));

        if (!_mm256_testz_si256(stops, stops)) {
            break;
        }

        p += 64;
    }

    return p;
}

#elif (SIG_JSON_VECTORS)

static inline sig_json_mask_t
sig_json_stops(const u_char *p)
{
    uint8x16_t  x;

    x = sig_json_load(p);

    return sig_json_mask(sig_json_or(sig_json_or(sig_json_eq(x, '"'),
                                                 sig_json_eq(x, '\\')),
                                     sig_json_or(sig_json_le(x, 0x1f),
                                                 sig_json_ge(x, 0x80))));
}

#else

static inline sig_json_mask_t
sig_json_stops(const u_char *p)
{
    uint64_t  x, quote, slash, control;

    memcpy(&x, p, 8);

#if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
    x = __builtin_bswap64(x);
#endif

    /*
     * Borrows run only upwards, so that the lowest mark is always right; a
     * wrong one above it is never looked at.
     */

    quote = x ^ (SIG_JSON_ONES * '"');
    slash = x ^ (SIG_JSON_ONES * '\\');

    quote = (quote - SIG_JSON_ONES) & ~quote;
    slash = (slash - SIG_JSON_ONES) & ~slash;
    control = (x - SIG_JSON_ONES * ' ') & ~x;

    return (quote | slash | control | x) & SIG_JSON_HIGHS;
}

#endif


/*
 * Passes over text from a character that is not ASCII on.  Returns the
 * position of a byte that has to be looked at by the caller, always between
 * two characters and after p, or NULL if the text is not UTF-8.
 */

#if (SIG_JSON_VECTORS)

static const u_char *
sig_json_text(const u_char *p, const u_char *end)
{
    unsigned           first;
    sig_json_mask_t    stops, high, errors, until;
    sig_json_vector_t  x, back1, back2, back3;

    if (end - p < SIG_JSON_BLOCK) {
        return sig_json_utf8(p, end);
    }

    x = sig_json_load(p);

    /* nothing is due from before p */

    back1 = sig_json_back(x, 1);
    back2 = sig_json_back(x, 2);
    back3 = sig_json_back(x, 3);

    for ( ;; ) {

        errors = sig_json_mask(sig_json_bad(x, back1, back2, back3));
        high = sig_json_high(x);
        stops = sig_json_mask(sig_json_or(sig_json_le(x, 0x1f),
                                           sig_json_or(sig_json_eq(x, '"'),
                                                   sig_json_eq(x, '\\'))));

        if (stops) {
            first = sig_json_first(stops);

            /* what follows a stop is not text; the stop itself may be bad */

            until = (((sig_json_mask_t) 1 << SIG_JSON_BITS)
                     << first * SIG_JSON_BITS) - 1;

            return (errors & until) ? NULL : p + first;
        }

        if (errors) {
            return NULL;
        }

        p += SIG_JSON_BLOCK;

        if (high == 0) {
            return p;
        }

        if (end - p < SIG_JSON_BLOCK) {
            break;
        }

        x = sig_json_load(p);
        back1 = sig_json_load(p - 1);
        back2 = sig_json_load(p - 2);
        back3 = sig_json_load(p - 3);
    }

    /* go back to where the last character began */

    first = (p[-1] < 0x80) ? 0 : (p[-1] >= 0xc0) ? 1
            : (p[-2] >= 0xc0) ? 2 : (p[-3] >= 0xc0) ? 3 : 4;

    return first ? sig_json_utf8(p - first, end) : p;
}


/* which bytes of x are no UTF-8, with those that are 1 to 3 before each */

static inline sig_json_vector_t
sig_json_bad(sig_json_vector_t x, sig_json_vector_t back1,
    sig_json_vector_t back2, sig_json_vector_t back3)
{
    sig_json_vector_t  due, cont, bad;

    /* a byte continues a character if and only if one asks for it */

    due = sig_json_or(sig_json_ge(back1, 0xc0),
                      sig_json_or(sig_json_ge(back2, 0xe0),
                                  sig_json_ge(back3, 0xf0)));

    cont = sig_json_cont(x);

    bad = sig_json_xor(due, cont);

    /* bytes that never occur, and the narrower ranges of the second */

    bad = sig_json_or(bad, sig_json_ge(x, 0xf5));
    bad = sig_json_or(bad, sig_json_eq(sig_json_and(x, sig_json_set(0xfe)),
                                       0xc0));
    bad = sig_json_or(bad, sig_json_and(sig_json_eq(back1, 0xe0),
                                        sig_json_le(x, 0x9f)));
    bad = sig_json_or(bad, sig_json_and(sig_json_eq(back1, 0xed),
                                        sig_json_ge(x, 0xa0)));
    bad = sig_json_or(bad, sig_json_and(sig_json_eq(back1, 0xf0),
                                        sig_json_le(x, 0x8f)));
    bad = sig_json_or(bad, sig_json_and(sig_json_eq(back1, 0xf4),
                                        sig_json_ge(x, 0x90)));

    return bad;
}

#else

static const u_char *
sig_json_text(const u_char *p, const u_char *end)
{
    do {
        p = sig_json_utf8(p, end);
    } while (p != NULL && p < end && *p >= 0x80);

    return p;
}

#endif


/* passes over one character of several bytes */

static inline const u_char *
sig_json_utf8(const u_char *p, const u_char *end)
{
    u_char  c;

    c = p[0];

    if (c < 0xe0) {
        if (c < 0xc2 || end - p < 2 || (p[1] & 0xc0) != 0x80) {
            return NULL;
        }

        return p + 2;
    }

    if (end - p < 3
        || (p[1] & 0xc0) != 0x80
        || (p[2] & 0xc0) != 0x80)
    {
        return NULL;
    }

    if (c < 0xf0) {
        if ((c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] > 0x9f)) {
            return NULL;
        }

        return p + 3;
    }

    if (c > 0xf4
        || end - p < 4
        || (p[3] & 0xc0) != 0x80
        || (c == 0xf0 && p[1] < 0x90)
        || (c == 0xf4 && p[1] > 0x8f))
    {
        return NULL;
    }

    return p + 4;
}


static inline const u_char *
sig_json_escape(const u_char *p, const u_char *end)
{
    if (end - p < 2) {
        return NULL;
    }

    switch (p[1]) {

    case 'n':
    case 'r':
    case 't':
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
        return p + 2;

    case 'u':
        if (end - p < 6 || sig_json_hex4(p + 2) == -1) {
            return NULL;
        }

        return p + 6;

    default:
        return NULL;
    }
}


size_t
sig_json_plain(const slice_t *inside)
{
    size_t           i;
    sig_json_mask_t  stops;

    for (i = 0; inside->len - i >= SIG_JSON_BLOCK; i += SIG_JSON_BLOCK) {
        stops = sig_json_stops(inside->data + i);

        if (stops) {
            return i + sig_json_first(stops);
        }
    }

    while (i < inside->len
           && inside->data[i] != '\\'
           && inside->data[i] < 0x80)
    {
        i++;
    }

    return i;
}
