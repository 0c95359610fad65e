
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of sig_deflate: single messages of RFC 7692 7.2.
 */


#include <stdlib.h>

#include "tap.h"
#include "sig_deflate.h"
#include "sig_ws.h"


#define ROUND_MAX  70000


typedef struct {
    const char  *text;
    const char  *bytes;
    size_t       n;
    size_t       max;
    long         rc;
    const char  *message;
} read_test_t;


static void test_reads(sig_deflate_t *d);
static int read_agrees(sig_deflate_t *d, const read_test_t *t);
static void test_cuts(sig_deflate_t *d);
static void test_limit(sig_deflate_t *d);
static void test_bombs(sig_deflate_t *d);
static void test_blocks(sig_deflate_t *d);
static void test_clients(sig_deflate_t *d);
static size_t client_deflate(u_char *out, const u_char *p, size_t len,
    int level, int window, int memory, size_t flush);
static void test_windows(sig_deflate_t *d);
static int window_reads(int window, const u_char *p, size_t n,
    const u_char *expected, size_t len);
static void test_no_room(sig_deflate_t *d);
static void fill(u_char *p, size_t len, unsigned kind);


#define bytes(s)  s, sizeof(s) - 1

#define HELLO     "\xf2\x48\xcd\xc9\xc9\x07\x00"


/* with the examples of RFC 7692 7.2.3 */

static const read_test_t  read_tests[] = {

    { "one block", bytes(HELLO), 100, 5, "Hello" },
    { "stored", bytes("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"),
      100, 5, "Hello" },
    { "BFINAL", bytes("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), 100, 5, "Hello" },
    { "BFINAL without the empty block behind it",
      bytes("\xf3\x48\xcd\xc9\xc9\x07\x00"), 100, 5, "Hello" },
    { "two blocks", bytes("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07"
                          "\x00"), 100, 5, "Hello" },
    { "two streams", bytes("\xf3\x48\xcd\xc9\xc9\x07\x00" HELLO),
      100, 10, "HelloHello" },
    { "an empty message", bytes("\x00"), 100, 0, "" },
    { "an empty message of no byte", bytes(""), 100, 0, "" },
    { "an empty message, BFINAL", bytes("\x03\x00"), 100, 0, "" },
    { "as long as can be", bytes(HELLO), 5, 5, "Hello" },

    { "too long by one", bytes(HELLO), 4, -SIG_WS_TOO_BIG, NULL },
    { "nothing may come", bytes(HELLO), 0, -SIG_WS_TOO_BIG, NULL },
    { "too long, then wrong", bytes("\xf2\x48\xcd\xc9\xc9\xff\xff\xff"),
      2, -SIG_WS_TOO_BIG, NULL },

    { "a match from another message", bytes("\xf2\x00\x11\x00\x00"),
      100, -SIG_WS_BAD_DATA, NULL },
    { "a match from another stream",
      bytes("\xf3\x48\xcd\xc9\xc9\x07\x00\xf2\x00\x11\x00\x00"),
      100, -SIG_WS_BAD_DATA, NULL },
    { "a reserved type of block", bytes("\x06"),
      100, -SIG_WS_BAD_DATA, NULL },
    { "stored, its length is wrong",
      bytes("\x00\x05\x00\xfa\xfe\x48\x65\x6c\x6c\x6f\x00"),
      100, -SIG_WS_BAD_DATA, NULL },
    { "text that is not compressed", bytes("{\"type\":\"ping\"}"),
      100, -SIG_WS_BAD_DATA, NULL },
    { "with its tail, which is one more block", bytes(HELLO "\x00\xff\xff"),
      100, -SIG_WS_BAD_DATA, NULL },
    { "a stream behind BFINAL that is cut", bytes("\x03\x00\xf2\x48"),
      100, -SIG_WS_BAD_DATA, NULL },
    { "the tail finishes a stream", bytes("\x03\x00\x05"),
      100, -SIG_WS_BAD_DATA, NULL }
};


static void
test_reads(sig_deflate_t *d)
{
    char    text[128];
    size_t  i;

    for (i = 0; i < sizeof(read_tests) / sizeof(read_tests[0]); i++) {
        snprintf(text, sizeof(text), "read: %s", read_tests[i].text);
        ok(read_agrees(d, &read_tests[i]), text);
    }
}


/* each in memory that ends with it, and twice: nothing is left of the first */

static int
read_agrees(sig_deflate_t *d, const read_test_t *t)
{
    int      i, pass;
    long     rc;
    u_char  *p, *out;

    pass = 1;

    for (i = 0; i < 2; i++) {
        p = malloc(t->n ? t->n : 1);
        out = malloc(t->max + 1);

        if (p && out) {
            memcpy(p, t->bytes, t->n);

            rc = sig_deflate_read(d, out, t->max, p, t->n);

            if (rc != t->rc
                || (rc > 0 && memcmp(out, t->message, (size_t) rc) != 0))
            {
                printf("# %ld instead of %ld\n", rc, t->rc);
                pass = 0;
            }
        }

        free(p);
        free(out);
    }

    return pass;
}


/* a message that was cut is an error, wherever that was */

static void
test_cuts(sig_deflate_t *d)
{
    int             pass;
    long            rc;
    size_t          n, cut;
    u_char          packed[2000], out[2001];
    static u_char   text[1500];

    fill(text, sizeof(text), 1);

    n = client_deflate(packed, text, sizeof(text), 6, 15, 8, 0);
    pass = (n > 100);

    for (cut = 1; cut < n; cut++) {
        rc = sig_deflate_read(d, out, 2000, packed, cut);

        if (rc != -SIG_WS_BAD_DATA) {
            printf("# %zu of %zu bytes: %ld\n", cut, n, rc);
            pass = 0;
        }
    }

    ok(pass, "read: cut everywhere");
}


static void
test_limit(sig_deflate_t *d)
{
    int            pass;
    long           rc, expected;
    size_t         n, max;
    u_char         packed[400], *out;
    static u_char  text[300];

    fill(text, sizeof(text), 0);

    n = client_deflate(packed, text, sizeof(text), 6, 15, 8, 0);
    pass = 1;

    for (max = 0; max < 310; max++) {
        out = malloc(max + 1);
        if (out == NULL) {
            pass = 0;
            break;
        }

        rc = sig_deflate_read(d, out, max, packed, n);
        expected = (max < sizeof(text)) ? -SIG_WS_TOO_BIG
                                        : (long) sizeof(text);

        if (rc != expected) {
            printf("# limit %zu: %ld\n", max, rc);
            pass = 0;
        }

        free(out);
    }

    ok(pass, "read: every limit");
}


/* 64 MB in 64 KB; there is no room for more than the limit */

static void
test_bombs(sig_deflate_t *d)
{
    long      rc;
    u_char   *out, *packed;
    size_t    n;
    z_stream  z;

    static u_char  zeros[65536];

    out = malloc(65537);
    packed = malloc(80000);

    memset(&z, 0, sizeof(z_stream));
    (void) deflateInit2(&z, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY);

    z.next_out = packed;
    z.avail_out = 80000;

    for (n = 0; n < 1024; n++) {
        z.next_in = zeros;
        z.avail_in = sizeof(zeros);
        (void) deflate(&z, n == 1023 ? Z_SYNC_FLUSH : Z_NO_FLUSH);
    }

    n = 80000 - z.avail_out - 4;
    (void) deflateEnd(&z);

    rc = sig_deflate_read(d, out, 65536, packed, n);

    printf("# %zu bytes of 64 MB\n", n);
    ok(n < 80000 && rc == -SIG_WS_TOO_BIG, "read: a bomb");

    free(out);
    free(packed);
}


/*
 * Blocks in which there is nothing: 8 of stored ones, and of fixed ones with
 * 10 bits each, are what some make when they flush; no client makes thousands.
 */

static void
test_blocks(sig_deflate_t *d)
{
    long           rc[4];
    u_char         out[101];
    size_t         i;
    static u_char  stored[5 * 2000], fixed[10 * 500];

    for (i = 0; i < sizeof(stored); i += 5) {
        memcpy(stored + i, "\x00\x00\x00\xff\xff", 5);
    }

    /* 01 0 0000000, four of them in five bytes */

    for (i = 0; i < sizeof(fixed); i += 5) {
        memcpy(fixed + i, "\x02\x08\x20\x80\x00", 5);
    }

    rc[0] = sig_deflate_read(d, out, 100, stored, 5 * 8 + 1);
    rc[1] = sig_deflate_read(d, out, 100, stored, sizeof(stored) - 4);
    rc[2] = sig_deflate_read(d, out, 100, fixed, 5 * 8);
    rc[3] = sig_deflate_read(d, out, 100, fixed, sizeof(fixed));

    printf("# %ld %ld %ld %ld\n", rc[0], rc[1], rc[2], rc[3]);

    ok(rc[0] == 0, "read: some empty stored blocks");
    ok(rc[1] == -SIG_WS_BAD_DATA, "read: thousands of empty stored blocks");
    ok(rc[2] == -SIG_WS_BAD_DATA, "read: fixed blocks, the last one is cut");
    ok(rc[3] == -SIG_WS_BAD_DATA, "read: thousands of empty fixed blocks");
}


/*
 * What zlib can make of a message, with all its settings and a flush every
 * 1000 bytes, is read; and it is within the bound.
 */

static void
test_clients(sig_deflate_t *d)
{
    int            level, window, memory, pass, bound;
    long           rc;
    size_t         n, i;
    unsigned       kind;
    const size_t   lens[] = { 1, 100, 5000, 33000, 65536 };
    static u_char  text[ROUND_MAX], packed[2 * ROUND_MAX], out[ROUND_MAX];

    pass = 1;
    bound = 1;

    for (kind = 0; kind < 3; kind++) {
        fill(text, sizeof(text), kind);

        for (i = 0; i < 5 * 3 * 3 * 3; i++) {
            window = 9 + (int) (i / 5 % 3) * 3;
            level = (int) (i / 15 % 3) * 3;
            memory = 1 + (int) (i / 45) * 4;

            n = client_deflate(packed, text, lens[i % 5], level, window,
                               memory, (kind == 1) ? 1000 : 0);

            rc = sig_deflate_read(d, out, lens[i % 5], packed, n);

            if (rc != (long) lens[i % 5] || memcmp(out, text, (size_t) rc)) {
                printf("# %zu bytes, level %d, window %d, memory %d: %ld\n",
                       lens[i % 5], level, window, memory, rc);
                pass = 0;
            }

            if (n > sig_deflate_bound(lens[i % 5])) {
                printf("# %zu bytes, level %d, window %d, memory %d: "
                       "become %zu\n", lens[i % 5], level, window, memory, n);
                bound = 0;
            }
        }
    }

    ok(pass, "read: all that zlib writes");
    ok(bound, "bound: of all that zlib writes");
}


static size_t
client_deflate(u_char *out, const u_char *p, size_t len, int level,
    int window, int memory, size_t flush)
{
    size_t    n;
    z_stream  z;

    memset(&z, 0, sizeof(z_stream));
    (void) deflateInit2(&z, level, Z_DEFLATED, -window, memory,
                        Z_DEFAULT_STRATEGY);

    z.next_in = p;
    z.next_out = out;
    z.avail_out = 2 * ROUND_MAX;

    do {
        n = (flush && len > flush) ? flush : len;

        z.avail_in = (uInt) n;
        (void) deflate(&z, Z_SYNC_FLUSH);

        len -= n;
    } while (len);

    n = (size_t) (z.next_out - out);
    (void) deflateEnd(&z);

    return n - 4;
}


/*
 * What we write is read by an inflating stream that has nothing from before,
 * and by each that has a window for which it is said to be good.
 */

static void
test_windows(sig_deflate_t *d)
{
    int            window, pass, read;
    size_t         n, i;
    unsigned       kind;
    const size_t   lens[] = { 512, 513, 1024, 4096, 8192, 8193, 30000 };
    static u_char  text[ROUND_MAX], packed[2 * ROUND_MAX];

    pass = 1;

    for (kind = 0; kind < 2; kind++) {
        fill(text, sizeof(text), kind);

        for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {

            n = sig_deflate_write(d, packed, sizeof(packed), text, lens[i]);

            if (n == 0 || n > lens[i]) {
                printf("# %zu bytes become %zu\n", lens[i], n);
                pass = 0;
            }

            for (window = 8; window <= 15; window++) {
                read = sig_deflate_readable((unsigned) window, lens[i]);

                if ((window >= SIG_DEFLATE_WINDOW && !read)
                    || (read && !window_reads(window, packed, n, text,
                                              lens[i])))
                {
                    printf("# %zu bytes, window %d\n", lens[i], window);
                    pass = 0;
                }
            }
        }
    }

    ok(pass, "write: read with every window");

    ok(sig_deflate_readable(9, 512) && !sig_deflate_readable(9, 513)
       && !sig_deflate_readable(8, 512) && !sig_deflate_readable(12, 4097),
       "write: not meant for a window that is too small");
}


static int
window_reads(int window, const u_char *p, size_t n, const u_char *expected,
    size_t len)
{
    int            rc;
    z_stream       z;
    static u_char  in[2 * ROUND_MAX + 4], out[ROUND_MAX];

    memcpy(in, p, n);
    memcpy(in + n, "\0\0\xff\xff", 4);

    memset(&z, 0, sizeof(z_stream));
    (void) inflateInit2(&z, -window);

    z.next_in = in;
    z.avail_in = (uInt) n + 4;

    /* in pieces, or zlib would look back in the output instead */

    for (z.next_out = out; z.next_out < out + len; /* void */) {
        z.avail_out = 64;

        rc = inflate(&z, Z_SYNC_FLUSH);
        if (rc != Z_OK) {
            break;
        }
    }

    n = (size_t) (z.next_out - out);
    (void) inflateEnd(&z);

    return n == len && memcmp(out, expected, len) == 0;
}


static void
test_no_room(sig_deflate_t *d)
{
    int            pass;
    size_t         n, full, size;
    u_char        *out;
    static u_char  text[3000], packed[4000];

    fill(text, sizeof(text), 1);

    full = sig_deflate_write(d, packed, sizeof(packed), text, sizeof(text));
    pass = (full > 0);

    for (size = 1; size < full + 20; size++) {
        out = malloc(size);
        if (out == NULL) {
            pass = 0;
            break;
        }

        n = sig_deflate_write(d, out, size, text, sizeof(text));

        if ((n && (n != full || memcmp(out, packed, n) != 0))
            || (n == 0 && size > full + 4))
        {
            printf("# room for %zu: %zu instead of %zu\n", size, n, full);
            pass = 0;
        }

        free(out);
    }

    ok(pass, "write: every size of the buffer");

    fill(text, sizeof(text), 2);

    n = sig_deflate_write(d, packed, sizeof(text) - sizeof(text) / 8, text,
                          sizeof(text));

    ok(n == 0, "write: what does not get shorter does not fit");
}


static void
fill(u_char *p, size_t len, unsigned kind)
{
    size_t    i;
    uint32_t  x;

    x = 1;

    for (i = 0; i < len; i++) {
        x = x * 1664525 + 1013904223;

        /* one letter, something like text, anything */

        p[i] = (u_char) (kind == 0 ? 'a' : kind == 1 ? 'a' + (x >> 24) % 5
                                                     : x >> 24);
    }
}


int
main(void)
{
    sig_deflate_t  d;

    if (sig_deflate_init(&d) != 0) {
        return 1;
    }

    test_reads(&d);
    test_cuts(&d);
    test_limit(&d);
    test_bombs(&d);
    test_blocks(&d);
    test_clients(&d);
    test_windows(&d);
    test_no_room(&d);

    sig_deflate_free(&d);

    return tap_done();
}
