
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "sig_json.h"

#if (defined __SSE2__ && !defined SIG_JSON_PORTABLE)
#include <emmintrin.h>
#define SIG_JSON_SSE2      1
#endif


/*
 * Strings are scanned by blocks.  A flavor of processor provides
 *
 *     SIG_JSON_BLOCK          bytes in a block
 *     sig_json_stops(p)       a mask of the bytes of the block at p that are
 *                             not plain: quote, backslash, control, non-ASCII
 *     sig_json_first(mask)    the index of the first of them
 *
 * and may provide sig_json_text(), see there.
 */

#if (SIG_JSON_SSE2)

#define SIG_JSON_BLOCK        16

#define sig_json_first(mask)  ((unsigned) __builtin_ctz(mask))

typedef unsigned  sig_json_mask_t;

#else

#define SIG_JSON_BLOCK        8

#define sig_json_first(mask)  ((unsigned) __builtin_ctzll(mask) >> 3)

#define SIG_JSON_ONES         0x0101010101010101ull
#define SIG_JSON_HIGHS        0x8080808080808080ull

typedef uint64_t  sig_json_mask_t;

#endif


static inline sig_json_mask_t sig_json_stops(const u_char *p);
static const u_char *sig_json_text(const u_char *p, const u_char *end)
    __attribute__((noinline));
static inline const u_char *sig_json_utf8(const u_char *p,
    const u_char *end);
static inline const u_char *sig_json_escape(const u_char *p,
    const u_char *end);
static int32_t sig_json_hex4(const u_char *p);
static u_char *sig_json_encode(u_char *p, uint32_t c);


const u_char *
sig_json_string(const u_char *p, const u_char *end)
{
    sig_json_mask_t  stops;

    while (p < end) {

        if (end - p >= SIG_JSON_BLOCK) {
            stops = sig_json_stops(p);

            if (stops == 0) {
                p += SIG_JSON_BLOCK;
                continue;
            }

            p += sig_json_first(stops);
        }

        if (*p == '"') {
            return p + 1;
        }

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

#if (SIG_JSON_SSE2)

static const u_char *
sig_json_text(const u_char *p, const u_char *end)
{
    __m128i   x, back1, back2, back3, due, cont, bad;
    unsigned  stops, high, errors, first;

#define sig_json_set(c)         _mm_set1_epi8((char) (c))
#define sig_json_eq(a, c)       _mm_cmpeq_epi8(a, sig_json_set(c))
#define sig_json_ge(a, c)       _mm_cmpeq_epi8(_mm_max_epu8(a,                \
                                                  sig_json_set(c)), a)
#define sig_json_le(a, c)       _mm_cmpeq_epi8(_mm_min_epu8(a,                \
                                                  sig_json_set(c)), a)
#define sig_json_mask(a)        ((unsigned) _mm_movemask_epi8(a))

    if (end - p < SIG_JSON_BLOCK) {
        return sig_json_utf8(p, end);
    }

    x = _mm_loadu_si128((const __m128i *) p);

    /* nothing is due from before p */

    back1 = _mm_slli_si128(x, 1);
    back2 = _mm_slli_si128(x, 2);
    back3 = _mm_slli_si128(x, 3);

    for ( ;; ) {

        /* a byte continues a character if and only if one asks for it */

        due = _mm_or_si128(sig_json_ge(back1, 0xc0),
                           _mm_or_si128(sig_json_ge(back2, 0xe0),
                                        sig_json_ge(back3, 0xf0)));

        cont = _mm_cmplt_epi8(x, sig_json_set(0xc0));

        bad = _mm_xor_si128(due, cont);

        /* bytes that never occur, and the narrower ranges of the second */

        bad = _mm_or_si128(bad, sig_json_ge(x, 0xf5));
        bad = _mm_or_si128(bad, sig_json_eq(_mm_and_si128(x,
                                                  sig_json_set(0xfe)), 0xc0));
        bad = _mm_or_si128(bad, _mm_and_si128(sig_json_eq(back1, 0xe0),
                                              sig_json_le(x, 0x9f)));
        bad = _mm_or_si128(bad, _mm_and_si128(sig_json_eq(back1, 0xed),
                                              sig_json_ge(x, 0xa0)));
        bad = _mm_or_si128(bad, _mm_and_si128(sig_json_eq(back1, 0xf0),
                                              sig_json_le(x, 0x8f)));
        bad = _mm_or_si128(bad, _mm_and_si128(sig_json_eq(back1, 0xf4),
                                              sig_json_ge(x, 0x90)));

        errors = sig_json_mask(bad);
        high = sig_json_mask(x);
        stops = sig_json_mask(_mm_or_si128(sig_json_le(x, 0x1f),
                                           _mm_or_si128(sig_json_eq(x, '"'),
                                                   sig_json_eq(x, '\\'))));

        if (stops) {
            first = sig_json_first(stops);

            /* what follows a stop is not text; the stop itself may be bad */

            return (errors & ((2u << first) - 1)) ? NULL : p + first;
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

        x = _mm_loadu_si128((const __m128i *) p);
        back1 = _mm_loadu_si128((const __m128i *) (p - 1));
        back2 = _mm_loadu_si128((const __m128i *) (p - 2));
        back3 = _mm_loadu_si128((const __m128i *) (p - 3));
    }

    /* go back to where the last character began */

    first = (p[-1] < 0x80) ? 0 : (p[-1] >= 0xc0) ? 1
            : (p[-2] >= 0xc0) ? 2 : (p[-3] >= 0xc0) ? 3 : 4;

    return first ? sig_json_utf8(p - first, end) : p;
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


static int32_t
sig_json_hex4(const u_char *p)
{
    int      i;
    u_char   c;
    int32_t  value;

    value = 0;

    for (i = 0; i < 4; i++) {
        c = p[i];

        if (c >= '0' && c <= '9') {
            c = (u_char) (c - '0');

        } else {
            c |= 0x20;

            if (c < 'a' || c > 'f') {
                return -1;
            }

            c = (u_char) (c - 'a' + 10);
        }

        value = value << 4 | c;
    }

    return value;
}


int32_t
sig_json_char(const u_char **p, const u_char *end)
{
    int32_t        c, low;
    const u_char  *s;

    s = *p;

    if (*s < 0x80 && *s != '\\') {
        *p = s + 1;
        return *s;
    }

    if (*s >= 0xf0) {
        *p = s + 4;
        return (s[0] & 0x07) << 18 | (s[1] & 0x3f) << 12
               | (s[2] & 0x3f) << 6 | (s[3] & 0x3f);
    }

    if (*s >= 0xe0) {
        *p = s + 3;
        return (s[0] & 0x0f) << 12 | (s[1] & 0x3f) << 6 | (s[2] & 0x3f);
    }

    if (*s >= 0x80) {
        *p = s + 2;
        return (s[0] & 0x1f) << 6 | (s[1] & 0x3f);
    }

    *p = s + 2;

    switch (s[1]) {

    case 'b':
        return '\b';

    case 'f':
        return '\f';

    case 'n':
        return '\n';

    case 'r':
        return '\r';

    case 't':
        return '\t';

    case 'u':
        break;

    default:
        return s[1];
    }

    *p = s + 6;

    c = sig_json_hex4(s + 2);

    if (c < 0xd800 || c > 0xdfff) {
        return c;
    }

    if (c > 0xdbff || end - s < 12 || s[6] != '\\' || s[7] != 'u') {
        return -1;
    }

    low = sig_json_hex4(s + 8);

    if (low < 0xdc00 || low > 0xdfff) {
        return -1;
    }

    *p = s + 12;

    return 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
}


int
sig_json_equal(const slice_t *inside, const slice_t *text)
{
    size_t         i;
    const u_char  *p, *end;

    if (inside->len <= text->len) {
        return slice_eq(inside, text);
    }

    /* longer, so that only escapes can make it the same */

    p = inside->data;
    end = p + inside->len;

    for (i = 0; i < text->len; i++) {
        if (p == end || sig_json_char(&p, end) != text->data[i]) {
            return 0;
        }
    }

    return p == end;
}


int
sig_json_unescape(slice_t *inside)
{
    int32_t        c;
    u_char        *to;
    const u_char  *p, *end;

    if (inside->len == 0) {
        return 1;
    }

    to = memchr(inside->data, '\\', inside->len);

    if (to == NULL) {
        return 1;
    }

    p = to;
    end = inside->data + inside->len;

    while (p < end) {
        c = sig_json_char(&p, end);
        if (c == -1) {
            return 0;
        }

        to = sig_json_encode(to, (uint32_t) c);
    }

    inside->len = (size_t) (to - inside->data);

    return 1;
}


static u_char *
sig_json_encode(u_char *p, uint32_t c)
{
    if (c < 0x80) {
        *p++ = (u_char) c;
        return p;
    }

    if (c < 0x800) {
        *p++ = (u_char) (0xc0 | c >> 6);

    } else {
        if (c < 0x10000) {
            *p++ = (u_char) (0xe0 | c >> 12);

        } else {
            *p++ = (u_char) (0xf0 | c >> 18);
            *p++ = (u_char) (0x80 | (c >> 12 & 0x3f));
        }

        *p++ = (u_char) (0x80 | (c >> 6 & 0x3f));
    }

    *p++ = (u_char) (0x80 | (c & 0x3f));

    return p;
}
