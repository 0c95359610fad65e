
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Fuzzing of sig_deflate: the first byte says what the rest is.
 *
 *     0    a header of extensions
 *     1    two bytes of a limit, then a compressed message; it is inflated
 *          again, a byte at a time and with as much room as it likes
 *     2    a message to be compressed; it has to come back
 */


#include "fuzz.h"
#include "sig_deflate.h"
#include "sig_ws.h"


#define FUZZ_OFFER  ", permessage-deflate"


static void fuzz_offer(const u_char *p, size_t n);
static void fuzz_read(const u_char *p, size_t n);
static size_t fuzz_inflate(u_char *out, size_t size, const u_char *p,
    size_t n, int *good, size_t *blocks);
static void fuzz_write(const u_char *p, size_t n);
static u_char *fuzz_room(const u_char *p, size_t n, size_t more);


static sig_deflate_t  fuzz_streams;
static int            fuzz_ready;


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    if (!fuzz_ready) {
        fuzz_check(sig_deflate_init(&fuzz_streams) == 0);
        fuzz_ready = 1;
    }

    if (n == 0 || n > 65536) {
        return 0;
    }

    switch (p[0] % 3) {

    case 0:
        fuzz_offer(p + 1, n - 1);
        break;

    case 1:
        fuzz_read(p + 1, n - 1);
        break;

    default:
        fuzz_write(p + 1, n - 1);
        break;
    }

    return 0;
}


/* an offer that is added changes nothing but that there is one */

static void
fuzz_offer(const u_char *p, size_t n)
{
    int                  rc, more;
    u_char               answer[SIG_DEFLATE_ANSWER_MAX];
    slice_t              header;
    sig_deflate_terms_t  terms, again;

    header = fuzz_slice(p, n);

    rc = sig_deflate_negotiate(&header, &terms);
    free(header.data);

    fuzz_check(rc >= -1 && rc <= 1);

    if (rc == 1) {
        fuzz_check(terms.window >= 8 && terms.window <= 15);
        fuzz_check(sig_deflate_answer(answer, &terms) <= sizeof(answer));
    }

    header.len = n + sizeof(FUZZ_OFFER) - 1;
    header.data = fuzz_room(p, n, sizeof(FUZZ_OFFER) - 1);
    memcpy(header.data + n, FUZZ_OFFER, sizeof(FUZZ_OFFER) - 1);

    more = sig_deflate_negotiate(&header, &again);
    free(header.data);

    /* but inside of quotes, or behind a backslash, it is none */

    fuzz_check(rc == -1 || more == 1);

    if (rc == 1) {
        fuzz_check(again.window == terms.window
                   && again.asked == terms.asked);
    }
}


static void
fuzz_read(const u_char *p, size_t n)
{
    int      good;
    long     rc;
    size_t   max, len, blocks;
    u_char  *copy, *out, *expected;

    if (n < 2) {
        return;
    }

    max = (size_t) p[0] << 8 | p[1];
    p += 2;
    n -= 2;

    copy = fuzz_slice(p, n).data;
    out = fuzz_room(NULL, 0, max + 1);
    expected = fuzz_room(NULL, 0, max + 1);

    rc = sig_deflate_read(&fuzz_streams, out, max, copy, n);
    len = fuzz_inflate(expected, max + 1, copy, n, &good, &blocks);

    if (rc >= 0) {
        fuzz_check(good && len <= max && (size_t) rc == len);
        fuzz_check(memcmp(out, expected, len) == 0);

    } else if (rc == -SIG_WS_TOO_BIG) {
        fuzz_check(len > max);

    } else {

        /* behind the limit a mistake may be seen or not */

        fuzz_check(rc == -SIG_WS_BAD_DATA);
        fuzz_check(!good || len > max || blocks > 64);
    }

    free(copy);
    free(out);
    free(expected);
}


/* *good: it is all there, whether it fits or not */

static size_t
fuzz_inflate(u_char *out, size_t size, const u_char *p, size_t n, int *good,
    size_t *blocks)
{
    int       rc;
    u_char   *in;
    size_t    i;
    z_stream  z;

    memset(&z, 0, sizeof(z_stream));
    fuzz_check(inflateInit2(&z, -15) == Z_OK);

    in = fuzz_room(p, n, 4);
    memcpy(in + n, "\0\0\xff\xff", 4);

    z.next_out = out;
    z.avail_out = (uInt) size;

    *good = (n == 0);
    *blocks = 0;

    for (i = 0; i < n + 4 && n && z.avail_out; /* void */) {
        z.next_in = in + i;
        z.avail_in = 1;

        rc = inflate(&z, Z_BLOCK);

        i += 1 - z.avail_in;
        *good = 0;

        if (rc == Z_STREAM_END) {
            ++*blocks;

            if (i == n) {
                *good = 1;
                break;
            }

            if (i > n || inflateReset(&z) != Z_OK) {
                break;
            }

        } else if (rc != Z_OK && rc != Z_BUF_ERROR) {
            break;

        } else if (z.data_type & 128) {
            ++*blocks;

            /* the end of a stream is told by the next call */

            if ((z.data_type & 64) && i == n) {
                *good = (inflate(&z, Z_BLOCK) == Z_STREAM_END);
                break;
            }

            *good = (i == n + 4 && z.data_type == 128);
        }
    }

    free(in);
    (void) inflateEnd(&z);

    return (size_t) (z.next_out - out);
}


static void
fuzz_write(const u_char *p, size_t n)
{
    int      good;
    long     rc;
    size_t   len, blocks;
    u_char  *copy, *out, *back;

    if (n == 0) {
        return;
    }

    copy = fuzz_slice(p, n).data;
    out = fuzz_room(NULL, 0, n);
    back = fuzz_room(NULL, 0, n + 1);

    len = sig_deflate_write(&fuzz_streams, out, n, copy, n);

    if (len) {
        fuzz_check(len <= n - 4);

        rc = sig_deflate_read(&fuzz_streams, back, n, out, len);
        fuzz_check(rc == (long) n && memcmp(back, copy, n) == 0);

        fuzz_check(fuzz_inflate(back, n + 1, out, len, &good, &blocks) == n
                   && good && memcmp(back, copy, n) == 0);
    }

    free(copy);
    free(out);
    free(back);
}


/* n bytes of p, and room for more */

static u_char *
fuzz_room(const u_char *p, size_t n, size_t more)
{
    u_char  *room;

    room = calloc(n + more ? n + more : 1, 1);
    fuzz_check(room != NULL);

    if (n != 0) {
        memcpy(room, p, n);
    }

    return room;
}
