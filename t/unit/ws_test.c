
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of sig_ws: the framing of RFC 6455.
 */


#include <stdlib.h>

#include "tap.h"
#include "sig_ws.h"


#define WS_ANY_LEN     (1ull << 62)
#define WS_ROUND_MAX   300


typedef struct {
    const char  *text;
    const char  *bytes;
    size_t       n;
    uint64_t     max;
    int          rc;               /* of all n bytes */
    size_t       fails_at;         /* how many bytes show the mistake */
    uint64_t     len;
    u_char       opcode;
    u_char       fin;
    int          inside;           /* of a message */
    uint64_t     max_rsv1;
} ws_head_test_t;


typedef struct {
    const char  *bytes;
    size_t       n;
    int          rc;
} ws_close_test_t;


static void test_heads(void);
static int head_splits(const ws_head_test_t *t);
static void test_first_bytes(void);
static int first_bytes(const sig_ws_expect_t *expect);
static int first_bytes_expected(unsigned first, unsigned second,
    const sig_ws_expect_t *expect);
static void test_unmask(void);
static void test_unmask_pieces(void);
static void test_write_head(void);
static void test_close_codes(void);
static void test_close_payloads(void);
static void test_write_close(void);


#define bytes(s)  s, sizeof(s) - 1


static const ws_head_test_t  head_tests[] = {

    { "text, empty", bytes("\x81\x80" "abcd"),
      WS_ANY_LEN, 6, 0, 0, SIG_WS_TEXT, 1, 0, 0 },
    { "text, one byte, followed by payload", bytes("\x81\x81" "abcdx"),
      WS_ANY_LEN, 6, 0, 1, SIG_WS_TEXT, 1, 0, 0 },
    { "text, not final", bytes("\x01\x81" "abcd"),
      WS_ANY_LEN, 6, 0, 1, SIG_WS_TEXT, 0, 0, 0 },
    { "binary, 125 bytes", bytes("\x82\xfd" "abcd"),
      125, 6, 0, 125, SIG_WS_BINARY, 1, 0, 0 },
    { "continuation, not final", bytes("\x00\x85" "abcd"),
      WS_ANY_LEN, 6, 0, 5, SIG_WS_CONTINUATION, 0, 1, 0 },
    { "continuation, final", bytes("\x80\x85" "abcd"),
      WS_ANY_LEN, 6, 0, 5, SIG_WS_CONTINUATION, 1, 1, 0 },
    { "126 bytes", bytes("\x81\xfe\x00\x7e" "abcd"),
      126, 8, 0, 126, SIG_WS_TEXT, 1, 0, 0 },
    { "65535 bytes", bytes("\x81\xfe\xff\xff" "abcd"),
      65535, 8, 0, 65535, SIG_WS_TEXT, 1, 0, 0 },
    { "65536 bytes", bytes("\x81\xff\0\0\0\0\0\x01\0\0" "abcd"),
      65536, 14, 0, 65536, SIG_WS_TEXT, 1, 0, 0 },
    { "the longest length", bytes("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff"
                                  "abcd"),
      UINT64_MAX, 14, 0, INT64_MAX, SIG_WS_BINARY, 1, 0, 0 },
    { "close, empty", bytes("\x88\x80" "abcd"),
      0, 6, 0, 0, SIG_WS_CLOSE, 1, 0, 0 },
    { "ping, 125 bytes whatever the limit", bytes("\x89\xfd" "abcd"),
      0, 6, 0, 125, SIG_WS_PING, 1, 0, 0 },
    { "pong", bytes("\x8a\x83" "abcd"),
      0, 6, 0, 3, SIG_WS_PONG, 1, 0, 0 },

    { "RSV1", bytes("\xc1\x80" "abcd"),
      WS_ANY_LEN, -SIG_WS_PROTOCOL, 1, 0, 0, 0, 0, 0 },
    { "RSV2", bytes("\xa1\x80" "abcd"),
      WS_ANY_LEN, -SIG_WS_PROTOCOL, 1, 0, 0, 0, 0, 0 },
    { "RSV3 on a ping", bytes("\x99\x80" "abcd"),
      WS_ANY_LEN, -SIG_WS_PROTOCOL, 1, 0, 0, 0, 0, 0 },
    { "opcode 3", bytes("\x83\x80" "abcd"),
      WS_ANY_LEN, -SIG_WS_PROTOCOL, 1, 0, 0, 0, 0, 0 },
    { "opcode 7", bytes("\x87\x80" "abcd"),
      WS_ANY_LEN, -SIG_WS_PROTOCOL, 1, 0, 0, 0, 0, 0 },
    { "opcode 11", bytes("\x8b\x80" "abcd"),
      WS_ANY_LEN, -SIG_WS_PROTOCOL, 1, 0, 0, 0, 0, 0 },
    { "opcode 15", bytes("\x8f\x80" "abcd"),
      WS_ANY_LEN, -SIG_WS_PROTOCOL, 1, 0, 0, 0, 0, 0 },
    { "ping, not final", bytes("\x09\x80" "abcd"),
      WS_ANY_LEN, -SIG_WS_PROTOCOL, 1, 0, 0, 0, 0, 0 },
    { "close, not final", bytes("\x08\x80" "abcd"),
      WS_ANY_LEN, -SIG_WS_PROTOCOL, 1, 0, 0, 0, 0, 0 },
    { "not masked", bytes("\x81\x05" "hello"),
      WS_ANY_LEN, -SIG_WS_PROTOCOL, 2, 0, 0, 0, 0, 0 },
    { "ping, 126 bytes", bytes("\x89\xfe\x00\x7e" "abcd"),
      WS_ANY_LEN, -SIG_WS_PROTOCOL, 2, 0, 0, 0, 0, 0 },
    { "close with a length of 64 bits",
      bytes("\x88\xff\0\0\0\0\0\x01\0\0" "abcd"),
      WS_ANY_LEN, -SIG_WS_PROTOCOL, 2, 0, 0, 0, 0, 0 },
    { "125 bytes in 16 bits", bytes("\x81\xfe\x00\x7d" "abcd"),
      WS_ANY_LEN, -SIG_WS_PROTOCOL, 4, 0, 0, 0, 0, 0 },
    { "nothing in 16 bits", bytes("\x81\xfe\x00\x00" "abcd"),
      WS_ANY_LEN, -SIG_WS_PROTOCOL, 4, 0, 0, 0, 0, 0 },
    { "65535 bytes in 64 bits", bytes("\x81\xff\0\0\0\0\0\0\xff\xff" "abcd"),
      WS_ANY_LEN, -SIG_WS_PROTOCOL, 8, 0, 0, 0, 0, 0 },
    { "the highest bit set", bytes("\x81\xff\x80\0\0\0\0\0\0\0" "abcd"),
      UINT64_MAX, -SIG_WS_PROTOCOL, 3, 0, 0, 0, 0, 0 },

    { "125 bytes, limit 124", bytes("\x81\xfd" "abcd"),
      124, -SIG_WS_TOO_BIG, 2, 0, 0, 0, 0, 0 },
    { "one byte, limit 0", bytes("\x01\x81" "abcd"),
      0, -SIG_WS_TOO_BIG, 2, 0, 0, 0, 0, 0 },
    { "65535 bytes, limit 65534", bytes("\x81\xfe\xff\xff" "abcd"),
      65534, -SIG_WS_TOO_BIG, 4, 0, 0, 0, 0, 0 },
    { "65535 bytes, limit 1000", bytes("\x81\xfe\xff\xff" "abcd"),
      1000, -SIG_WS_TOO_BIG, 3, 0, 0, 0, 0, 0 },
    { "65537 bytes, limit 65536",
      bytes("\x81\xff\0\0\0\0\0\x01\0\x01" "abcd"),
      65536, -SIG_WS_TOO_BIG, 10, 0, 0, 0, 0, 0 },
    { "4 GB, limit 65536", bytes("\x81\xff\0\0\0\x01\0\0\0\0" "abcd"),
      65536, -SIG_WS_TOO_BIG, 6, 0, 0, 0, 0, 0 },

    { "a continuation of nothing", bytes("\x80\x85" "abcd"),
      WS_ANY_LEN, -SIG_WS_PROTOCOL, 1, 0, 0, 0, 0, 0 },
    { "text inside of a message", bytes("\x81\x85" "abcd"),
      WS_ANY_LEN, -SIG_WS_PROTOCOL, 1, 0, 0, 0, 1, 0 },
    { "binary inside of a message", bytes("\x02\x85" "abcd"),
      WS_ANY_LEN, -SIG_WS_PROTOCOL, 1, 0, 0, 0, 1, 0 },
    { "ping inside of a message", bytes("\x89\x80" "abcd"),
      WS_ANY_LEN, 6, 0, 0, SIG_WS_PING, 1, 1, 0 },

    { "RSV1 expected", bytes("\xc1\x85" "abcd"),
      0, 6, 0, 5, SIG_WS_TEXT, 1, 0, 5 },
    { "RSV1 expected, binary, not final", bytes("\x42\x85" "abcd"),
      0, 6, 0, 5, SIG_WS_BINARY, 0, 0, 5 },
    { "RSV1 expected, not set, limit 4", bytes("\x81\x85" "abcd"),
      4, -SIG_WS_TOO_BIG, 2, 0, 0, 0, 0, 5 },
    { "RSV1 expected, limit 4", bytes("\xc1\x85" "abcd"),
      WS_ANY_LEN, -SIG_WS_TOO_BIG, 2, 0, 0, 0, 0, 4 },
    { "RSV1 on a continuation", bytes("\xc0\x85" "abcd"),
      WS_ANY_LEN, -SIG_WS_PROTOCOL, 1, 0, 0, 0, 1, WS_ANY_LEN },
    { "RSV1 on a ping", bytes("\xc9\x80" "abcd"),
      WS_ANY_LEN, -SIG_WS_PROTOCOL, 1, 0, 0, 0, 0, WS_ANY_LEN },
    { "RSV1 on a close", bytes("\xc8\x80" "abcd"),
      WS_ANY_LEN, -SIG_WS_PROTOCOL, 1, 0, 0, 0, 0, WS_ANY_LEN },
    { "RSV1 and RSV2", bytes("\xe1\x80" "abcd"),
      WS_ANY_LEN, -SIG_WS_PROTOCOL, 1, 0, 0, 0, 0, WS_ANY_LEN },
    { "RSV1 and RSV3", bytes("\xd1\x80" "abcd"),
      WS_ANY_LEN, -SIG_WS_PROTOCOL, 1, 0, 0, 0, 0, WS_ANY_LEN },
    { "RSV2 where RSV1 is expected", bytes("\xa1\x80" "abcd"),
      WS_ANY_LEN, -SIG_WS_PROTOCOL, 1, 0, 0, 0, 0, WS_ANY_LEN }
};


static const ws_close_test_t  close_tests[] = {
    { bytes(""), SIG_WS_NO_CODE },
    { bytes("\x03"), -SIG_WS_PROTOCOL },
    { bytes("\x03\xe8"), 1000 },
    { bytes("\x03\xe8" "bye"), 1000 },
    { bytes("\x0f\xa0" "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"), 4000 },
    { bytes("\x03\xe8\xff"), -SIG_WS_BAD_DATA },
    { bytes("\x03\xe8" "ab\xc3"), -SIG_WS_BAD_DATA },
    { bytes("\x03\xe8\xed\xa0\x80"), -SIG_WS_BAD_DATA },
    { bytes("\x03\xed\xff"), -SIG_WS_PROTOCOL }
};


static void
test_heads(void)
{
    size_t                 i;
    char                   text[128];
    const ws_head_test_t  *t;

    for (i = 0; i < sizeof(head_tests) / sizeof(head_tests[0]); i++) {
        t = &head_tests[i];

        snprintf(text, sizeof(text), "head: %s", t->text);
        ok(head_splits(t), text);
    }
}


/* every beginning of the bytes, each in memory that ends with it */

static int
head_splits(const ws_head_test_t *t)
{
    int              rc, expected, pass;
    size_t           n;
    u_char          *p;
    sig_ws_head_t    h;
    sig_ws_expect_t  expect;

    pass = 1;

    expect.max = t->max;
    expect.max_rsv1 = t->max_rsv1;
    expect.inside = t->inside;

    for (n = 0; n <= t->n; n++) {
        p = malloc(n + 1);
        if (p == NULL) {
            return 0;
        }

        memcpy(p + 1, t->bytes, n);
        memset(&h, 0x55, sizeof(h));

        rc = sig_ws_read_head(&h, p + 1, n, &expect);

        if (t->rc > 0) {
            expected = (n < (size_t) t->rc) ? 0 : t->rc;

        } else {
            expected = (n < t->fails_at) ? 0 : t->rc;
        }

        if (rc != expected) {
            printf("# %zu bytes: %d instead of %d\n", n, rc, expected);
            pass = 0;
        }

        if (rc > 0
            && (h.len != t->len || h.opcode != t->opcode || h.fin != t->fin
                || h.rsv1 != ((t->bytes[0] & 0x40) ? 1 : 0)
                || memcmp(h.mask, "abcd", 4) != 0))
        {
            printf("# %zu bytes: wrong members\n", n);
            pass = 0;
        }

        free(p);
    }

    return pass;
}


static void
test_first_bytes(void)
{
    char             text[80];
    unsigned         i;
    sig_ws_expect_t  expect;

    for (i = 0; i < 4; i++) {
        expect.max = UINT64_MAX;
        expect.max_rsv1 = (i & 1) ? UINT64_MAX : 0;
        expect.inside = (i & 2) ? 1 : 0;

        snprintf(text, sizeof(text),
                 "head: all values of the first two bytes%s%s",
                 expect.max_rsv1 ? ", RSV1" : "",
                 expect.inside ? ", inside of a message" : "");

        ok(first_bytes(&expect), text);
    }
}


static int
first_bytes(const sig_ws_expect_t *expect)
{
    int            rc, expected, pass;
    u_char         p[SIG_WS_HEAD_IN_MAX];
    unsigned       i, n;
    sig_ws_head_t  h;

    pass = 1;

    for (i = 0; i < 0x10000; i++) {
        memset(p, 0x01, sizeof(p));
        p[0] = (u_char) (i >> 8);
        p[1] = (u_char) i;

        expected = first_bytes_expected(p[0], p[1], expect);

        rc = sig_ws_read_head(&h, p, sizeof(p), expect);

        if (rc != expected) {
            printf("# %04x: %d instead of %d\n", i, rc, expected);
            pass = 0;
        }

        if (rc <= 0) {
            continue;
        }

        for (n = 0; n < (unsigned) rc; n++) {
            if (sig_ws_read_head(&h, p, n, expect) != 0) {
                printf("# %04x: no need of more than %u bytes\n", i, n);
                pass = 0;
            }
        }
    }

    return pass;
}


static int
first_bytes_expected(unsigned first, unsigned second,
    const sig_ws_expect_t *expect)
{
    unsigned  len;

    len = second & 0x7f;

    switch (first) {

    case 0x00:
    case 0x80:
        if (!expect->inside) {
            return -SIG_WS_PROTOCOL;
        }

        break;

    case 0x01:
    case 0x02:
    case 0x81:
    case 0x82:
        if (expect->inside) {
            return -SIG_WS_PROTOCOL;
        }

        break;

    case 0x41:
    case 0x42:
    case 0xc1:
    case 0xc2:
        if (expect->inside || expect->max_rsv1 == 0) {
            return -SIG_WS_PROTOCOL;
        }

        break;

    case 0x88:
    case 0x89:
    case 0x8a:
        if (len > 125) {
            return -SIG_WS_PROTOCOL;
        }

        break;

    default:
        return -SIG_WS_PROTOCOL;
    }

    if (second < 0x80) {
        return -SIG_WS_PROTOCOL;
    }

    return (len == 127) ? 14 : (len == 126) ? 8 : 6;
}


static void
test_unmask(void)
{
    int           pass;
    size_t        i, len, offset, shift;
    u_char        p[WS_ROUND_MAX];
    const u_char  mask[4] = { 0x12, 0xf4, 0x56, 0x9b };

    pass = 1;

    for (len = 0; len <= 200; len++) {
        for (shift = 1; shift <= 16; shift++) {

            offset = (len + shift / 3) & 7;

            for (i = 0; i < sizeof(p); i++) {
                p[i] = (u_char) (i * 7);
            }

            sig_ws_unmask(p + shift, len, mask, offset);

            for (i = 0; i < sizeof(p); i++) {
                if (p[i] != (u_char) ((i * 7)
                                      ^ ((i >= shift && i < shift + len)
                                         ? mask[(i - shift + offset) % 4]
                                         : 0)))
                {
                    printf("# len %zu, shift %zu, offset %zu: byte %zu\n",
                           len, shift, offset, i);
                    pass = 0;
                    break;
                }
            }
        }
    }

    ok(pass, "unmask: every length and alignment, nothing else touched");
}


static void
test_unmask_pieces(void)
{
    int           pass;
    size_t        i, cut;
    u_char        whole[150], pieces[150];
    const u_char  mask[4] = { 0xff, 0x01, 0x80, 0x3c };

    pass = 1;

    for (cut = 0; cut <= sizeof(whole); cut++) {

        for (i = 0; i < sizeof(whole); i++) {
            whole[i] = pieces[i] = (u_char) (i * 31 + cut);
        }

        sig_ws_unmask(whole, sizeof(whole), mask, 0);
        sig_ws_unmask(pieces, cut, mask, 0);
        sig_ws_unmask(pieces + cut, sizeof(pieces) - cut, mask, cut);

        if (memcmp(whole, pieces, sizeof(whole)) != 0) {
            printf("# cut at %zu\n", cut);
            pass = 0;
        }
    }

    ok(pass, "unmask: in two pieces, cut everywhere");
}


static void
test_write_head(void)
{
    int              pass;
    size_t           i, n;
    u_char           p[SIG_WS_HEAD_OUT_MAX + SIG_WS_HEAD_IN_MAX];
    sig_ws_head_t    h;
    sig_ws_expect_t  expect = { UINT64_MAX, 0, 0 };
    const uint64_t   lens[] = { 0, 1, 125, 126, 127, 255, 256, 65535, 65536,
                                1048576, 0xffffffffull, 0x123456789aull,
                                INT64_MAX };

    pass = 1;

    for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        memset(p, 0xee, sizeof(p));

        n = sig_ws_write_head(p, SIG_WS_TEXT, lens[i]);

        if (n != sig_ws_head_len(lens[i])
            || n != (lens[i] < 126 ? 2 : lens[i] < 65536 ? 4 : 10)
            || p[n] != 0xee || p[0] != 0x81 || (p[1] & 0x80))
        {
            printf("# length %llu\n", (unsigned long long) lens[i]);
            pass = 0;
            continue;
        }

        /* with a mask behind it a client could have sent it */

        p[1] |= 0x80;

        if (sig_ws_read_head(&h, p, n + 4, &expect) != (int) n + 4
            || h.len != lens[i] || h.opcode != SIG_WS_TEXT || h.fin != 1)
        {
            printf("# length %llu is not read back\n",
                   (unsigned long long) lens[i]);
            pass = 0;
        }
    }

    ok(pass, "write head: shortest form of each length");

    n = sig_ws_write_head(p, SIG_WS_PONG, 5);

    ok(n == 2 && p[0] == 0x8a && p[1] == 5, "write head: pong");

    n = sig_ws_write_head(p, SIG_WS_TEXT|SIG_WS_RSV1, 300);

    ok(n == 4 && p[0] == 0xc1 && p[1] == 126, "write head: with RSV1");
}


static void
test_close_codes(void)
{
    int       rc, valid, pass;
    u_char    p[2];
    unsigned  code;

    pass = 1;

    for (code = 0; code < 0x10000; code++) {
        p[0] = (u_char) (code >> 8);
        p[1] = (u_char) code;

        rc = sig_ws_read_close(p, 2);

        valid = (code >= 1000 && code <= 1014 && code != 1004
                 && code != 1005 && code != 1006)
                || (code >= 3000 && code <= 4999);

        if (rc != (valid ? (int) code : -SIG_WS_PROTOCOL)) {
            printf("# code %u: %d\n", code, rc);
            pass = 0;
        }
    }

    ok(pass, "close: all codes");
}


static void
test_close_payloads(void)
{
    int                     rc;
    char                    text[64];
    size_t                  i;
    u_char                  p[126];
    const ws_close_test_t  *t;

    for (i = 0; i < sizeof(close_tests) / sizeof(close_tests[0]); i++) {
        t = &close_tests[i];

        rc = sig_ws_read_close((const u_char *) t->bytes, t->n);

        snprintf(text, sizeof(text), "close: payload %zu gives %d", i, t->rc);
        ok(rc == t->rc, text);
    }

    memset(p, 'x', sizeof(p));
    p[0] = 0x03;
    p[1] = 0xe8;

    ok(sig_ws_read_close(p, 125) == 1000, "close: 123 bytes of reason");
    ok(sig_ws_read_close(p, 126) == -SIG_WS_PROTOCOL,
       "close: 124 bytes of reason");
}


static void
test_write_close(void)
{
    int      pass;
    size_t   n, before, end;
    u_char   p[SIG_WS_CONTROL_MAX + 1], long_text[200];
    slice_t  reason = slice("draining");

    n = sig_ws_write_close(p, SIG_WS_GOING_AWAY, &reason);
    ok(n == 10 && memcmp(p, "\x03\xe9" "draining", 10) == 0,
       "write close: code and reason");

    n = sig_ws_write_close(p, 4001, NULL);
    ok(n == 2 && memcmp(p, "\x0f\xa1", 2) == 0, "write close: code alone");

    n = sig_ws_write_close(p, SIG_WS_NO_CODE, &reason);
    ok(n == 0, "write close: the answer to an empty payload is empty");

    pass = 1;

    /* a character of four bytes at each place around the cut */

    for (before = 110; before < 130; before++) {
        memset(long_text, 'x', sizeof(long_text));
        memcpy(long_text + before, "\xf0\x9f\x98\x80", 4);

        reason.data = long_text;
        reason.len = sizeof(long_text);

        memset(p, 0xee, sizeof(p));
        n = sig_ws_write_close(p, 1000, &reason);

        end = (before < 123 && before + 4 > 123) ? before : 123;

        if (n != 2 + end
            || memcmp(p + 2, long_text, end) != 0
            || p[SIG_WS_CONTROL_MAX] != 0xee
            || sig_ws_read_close(p, n) != 1000)
        {
            printf("# character at %zu: %zu bytes\n", before, n);
            pass = 0;
        }
    }

    ok(pass, "write close: cut between characters");
}


int
main(void)
{
    test_heads();
    test_first_bytes();
    test_unmask();
    test_unmask_pieces();
    test_write_head();
    test_close_codes();
    test_close_payloads();
    test_write_close();

    return tap_done();
}
