
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of sig_utf8_check() against the definition of RFC 3629.
 */


#include "tap.h"
#include "sig_ws.h"


typedef struct {
    const char  *bytes;
    size_t       n;
    int          valid;
} utf8_test_t;


static void test_table(void);
static void test_splits(void);
static void test_points(void);
static void test_sequences(void);
static size_t encode(u_char *p, uint32_t c);
static int utf8_reference(const u_char *p, size_t n);
static int utf8_whole(const u_char *p, size_t n);


#define bytes(s)  s, sizeof(s) - 1


static const utf8_test_t  utf8_tests[] = {
    { bytes(""), 1 },
    { bytes("plain text, more than a block of it, to the end"), 1 },
    { bytes("\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5"), 1 },
    { bytes("\x7f"), 1 },
    { bytes("\xc2\x80"), 1 },
    { bytes("\xdf\xbf"), 1 },
    { bytes("\xe0\xa0\x80"), 1 },
    { bytes("\xed\x9f\xbf"), 1 },
    { bytes("\xee\x80\x80"), 1 },
    { bytes("\xef\xbf\xbf"), 1 },
    { bytes("\xf0\x90\x80\x80"), 1 },
    { bytes("\xf4\x8f\xbf\xbf"), 1 },
    { bytes("\x80"), 0 },
    { bytes("\xbf"), 0 },
    { bytes("\xc0\x80"), 0 },
    { bytes("\xc1\xbf"), 0 },
    { bytes("\xc2"), 0 },
    { bytes("\xc2\x7f"), 0 },
    { bytes("\xc2" "8 bytes." "\x80"), 0 },
    { bytes("\xc2\xc2"), 0 },
    { bytes("\xe0\x9f\xbf"), 0 },
    { bytes("\xe1\x80"), 0 },
    { bytes("\xe1\x80\xc0"), 0 },
    { bytes("\xed\xa0\x80"), 0 },
    { bytes("\xed\xbf\xbf"), 0 },
    { bytes("\xf0\x8f\xbf\xbf"), 0 },
    { bytes("\xf1\x80\x80"), 0 },
    { bytes("\xf4\x90\x80\x80"), 0 },
    { bytes("\xf5\x80\x80\x80"), 0 },
    { bytes("\xfe"), 0 },
    { bytes("\xff"), 0 },
    { bytes("\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80"
            "edited"), 0 },
    { bytes("eight by" "\x80" "t"), 0 },
    { bytes("\xf8\x88\x80\x80\x80"), 0 }
};


static void
test_table(void)
{
    int                 pass;
    size_t              i;
    const utf8_test_t  *t;

    pass = 1;

    for (i = 0; i < sizeof(utf8_tests) / sizeof(utf8_tests[0]); i++) {
        t = &utf8_tests[i];

        if (utf8_whole((const u_char *) t->bytes, t->n) != t->valid
            || utf8_reference((const u_char *) t->bytes, t->n) != t->valid)
        {
            printf("# text %zu\n", i);
            pass = 0;
        }
    }

    ok(pass, "utf-8: table");
}


/* the verdict must not depend on where a text was cut */

static void
test_splits(void)
{
    int                 pass, rc;
    size_t              i, a, b;
    uint32_t            state;
    const u_char       *p;
    const utf8_test_t  *t;

    pass = 1;

    for (i = 0; i < sizeof(utf8_tests) / sizeof(utf8_tests[0]); i++) {
        t = &utf8_tests[i];
        p = (const u_char *) t->bytes;

        for (a = 0; a <= t->n; a++) {
            for (b = a; b <= t->n; b++) {
                state = 0;

                rc = sig_utf8_check(&state, p, a)
                     && sig_utf8_check(&state, p + a, b - a)
                     && sig_utf8_check(&state, p + b, t->n - b)
                     && state == 0;

                if (rc != t->valid) {
                    printf("# text %zu, cut at %zu and %zu\n", i, a, b);
                    pass = 0;
                }
            }
        }
    }

    ok(pass, "utf-8: in three pieces, cut everywhere");
}


static void
test_points(void)
{
    int       pass;
    size_t    n;
    u_char    p[4];
    uint32_t  c;

    pass = 1;

    for (c = 0; c < 0x120000; c++) {
        n = encode(p, c);

        if (utf8_whole(p, n)
            != (c < 0xd800 || (c > 0xdfff && c < 0x110000)))
        {
            printf("# U+%04X\n", c);
            pass = 0;
        }
    }

    ok(pass, "utf-8: every code point");
}


/* each sequence of up to three bytes, and each begin of longer ones */

static void
test_sequences(void)
{
    int       pass;
    size_t    n;
    u_char    p[4];
    uint32_t  i;

    pass = 1;

    for (i = 0; i < 0x1000000; i += (i < 0x800000) ? 0x10000 : 1) {
        p[0] = (u_char) (i >> 16);
        p[1] = (u_char) (i >> 8);
        p[2] = (u_char) i;
        p[3] = 0x80;

        n = (p[0] >= 0xf0) ? 4 : 3;

        if (utf8_whole(p, n) != utf8_reference(p, n)) {
            printf("# %02x %02x %02x\n", p[0], p[1], p[2]);
            pass = 0;
        }
    }

    ok(pass, "utf-8: every sequence that does not begin with ASCII");
}


static size_t
encode(u_char *p, uint32_t c)
{
    if (c < 0x80) {
        p[0] = (u_char) c;
        return 1;
    }

    if (c < 0x800) {
        p[0] = (u_char) (0xc0 + c / 64);
        p[1] = (u_char) (0x80 + c % 64);
        return 2;
    }

    if (c < 0x10000) {
        p[0] = (u_char) (0xe0 + c / 4096);
        p[1] = (u_char) (0x80 + c / 64 % 64);
        p[2] = (u_char) (0x80 + c % 64);
        return 3;
    }

    p[0] = (u_char) (0xf0 + c / 262144);
    p[1] = (u_char) (0x80 + c / 4096 % 64);
    p[2] = (u_char) (0x80 + c / 64 % 64);
    p[3] = (u_char) (0x80 + c % 64);

    return 4;
}


/* the definition turned around: decode by bit counts, encode, compare */

static int
utf8_reference(const u_char *p, size_t n)
{
    size_t    i, len;
    u_char    again[4];
    uint32_t  c;

    while (n > 0) {
        len = (p[0] < 0x80) ? 1 : (p[0] < 0xc0) ? 0 : (p[0] < 0xe0) ? 2
              : (p[0] < 0xf0) ? 3 : (p[0] < 0xf8) ? 4 : 0;

        if (len == 0 || len > n) {
            return 0;
        }

        c = (len == 1) ? p[0] : p[0] & (0x7fu >> len);

        for (i = 1; i < len; i++) {
            c = c * 64 + (p[i] & 0x3f);
        }

        if (c > 0x10ffff
            || (c >= 0xd800 && c <= 0xdfff)
            || encode(again, c) != len
            || memcmp(again, p, len) != 0)
        {
            return 0;
        }

        p += len;
        n -= len;
    }

    return 1;
}


static int
utf8_whole(const u_char *p, size_t n)
{
    uint32_t  state;

    state = 0;

    return sig_utf8_check(&state, p, n) && state == 0;
}


int
main(void)
{
    test_table();
    test_splits();
    test_points();
    test_sequences();

    return tap_done();
}
