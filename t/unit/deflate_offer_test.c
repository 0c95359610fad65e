
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of the negotiation of permessage-deflate: RFC 7692 5 and 7.1 in
 * headers of RFC 6455 9.1.
 */


#include <stdlib.h>

#include "tap.h"
#include "sig_deflate.h"


typedef struct {
    const char  *header;
    int          rc;
    unsigned     window;
    int          asked;
} offer_test_t;


static void test_offers(void);
static int offer_agrees(const offer_test_t *t);
static void test_every_cut(void);
static void test_every_byte(void);
static void test_answers(void);


#define PD  "permessage-deflate"


static const offer_test_t  offer_tests[] = {

    /* as browsers and libraries send it */

    { PD, 1, 15, 0 },
    { PD "; client_max_window_bits", 1, 15, 0 },
    { PD "; client_no_context_takeover; server_no_context_takeover; "
      "server_max_window_bits=10; client_max_window_bits=9", 1, 10, 1 },

    /* nothing, or something else */

    { "", 0, 0, 0 },
    { " ", 0, 0, 0 },
    { " ,\t, ", 0, 0, 0 },
    { "x-webkit-deflate-frame", 0, 0, 0 },
    { "permessage-bzip2; level=9", 0, 0, 0 },
    { "permessage-deflat", 0, 0, 0 },
    { PD "e", 0, 0, 0 },
    { "Permessage-Deflate", 0, 0, 0 },

    /* several */

    { "foo, " PD, 1, 15, 0 },
    { "foo; a; b=c; d=\"e\"," PD ";server_max_window_bits=9, bar", 1, 9, 1 },
    { PD "; server_max_window_bits=12, " PD, 1, 12, 1 },
    { PD "; server_max_window_bits=7, " PD, 1, 15, 0 },
    { PD "; unknown, " PD "; server_max_window_bits=8", 1, 8, 1 },
    { PD "; unknown, " PD "; server_max_window_bits", 0, 0, 0 },
    { "," PD ",,", 1, 15, 0 },

    /* space */

    { "  " PD "\t;\t server_max_window_bits \t=\t 11  ", 1, 11, 1 },
    { PD ";client_max_window_bits ,x", 1, 15, 0 },

    /* parameters that are not for this extension, or come twice */

    { PD "; foo", 0, 0, 0 },
    { PD "; Server_No_Context_Takeover", 0, 0, 0 },
    { PD "; server_no_context_takeover", 1, 15, 0 },
    { PD "; server_no_context_takeover; server_no_context_takeover",
      0, 0, 0 },
    { PD "; client_no_context_takeover; client_no_context_takeover",
      0, 0, 0 },
    { PD "; client_max_window_bits; client_max_window_bits=9", 0, 0, 0 },
    { PD "; server_max_window_bits=9; server_max_window_bits=9", 0, 0, 0 },
    { PD "; foo; foo", 0, 0, 0 },

    /* values where there may be none */

    { PD "; server_no_context_takeover=1", 0, 0, 0 },
    { PD "; client_no_context_takeover=true", 0, 0, 0 },
    { PD "; client_no_context_takeover=\"x\"", 0, 0, 0 },

    /* windows */

    { PD "; server_max_window_bits", 0, 0, 0 },
    { PD "; server_max_window_bits=8", 1, 8, 1 },
    { PD "; server_max_window_bits=13", 1, 13, 1 },
    { PD "; server_max_window_bits=15", 1, 15, 1 },
    { PD "; server_max_window_bits=7", 0, 0, 0 },
    { PD "; server_max_window_bits=16", 0, 0, 0 },
    { PD "; server_max_window_bits=0", 0, 0, 0 },
    { PD "; server_max_window_bits=08", 0, 0, 0 },
    { PD "; server_max_window_bits=010", 0, 0, 0 },
    { PD "; server_max_window_bits=110", 0, 0, 0 },
    { PD "; server_max_window_bits=1000000000000000000015", 0, 0, 0 },
    { PD "; server_max_window_bits=+9", 0, 0, 0 },
    { PD "; server_max_window_bits=-9", 0, 0, 0 },
    { PD "; server_max_window_bits=9.0", 0, 0, 0 },
    { PD "; server_max_window_bits=1x", 0, 0, 0 },
    { PD "; server_max_window_bits=x5", 0, 0, 0 },
    { PD "; client_max_window_bits=8", 1, 15, 0 },
    { PD "; client_max_window_bits=15", 1, 15, 0 },
    { PD "; client_max_window_bits=7", 0, 0, 0 },
    { PD "; client_max_window_bits=16", 0, 0, 0 },
    { PD "; client_max_window_bits=09", 0, 0, 0 },
    { PD "; client_max_window_bits=x", 0, 0, 0 },

    /* quoted */

    { PD "; server_max_window_bits=\"10\"", 1, 10, 1 },
    { PD "; server_max_window_bits=\"\\1\\0\"", 1, 10, 1 },
    { PD "; server_max_window_bits=\"16\"", 0, 0, 0 },
    { PD "; client_max_window_bits=\"9\" , foo", 1, 15, 0 },
    { "foo; a=\"b\\\\c\", " PD, -1, 0, 0 },

    /* malformed, wherever it is */

    { ";", -1, 0, 0 },
    { "=", -1, 0, 0 },
    { PD ";", -1, 0, 0 },
    { PD "; ;", -1, 0, 0 },
    { PD " " PD, -1, 0, 0 },
    { PD "; a b", -1, 0, 0 },
    { PD "; a=", -1, 0, 0 },
    { PD "; a=;", -1, 0, 0 },
    { PD "; =a", -1, 0, 0 },
    { PD "; a=b=c", -1, 0, 0 },
    { PD "; a=b c", -1, 0, 0 },
    { PD "=", -1, 0, 0 },
    { PD "\"", -1, 0, 0 },
    { PD "; a=\"", -1, 0, 0 },
    { PD "; a=\"b", -1, 0, 0 },
    { PD "; a=\"b\\", -1, 0, 0 },
    { PD "; a=\"b\\\"", -1, 0, 0 },
    { PD "; a=\"\"", -1, 0, 0 },
    { PD "; a=\"b c\"", -1, 0, 0 },
    { PD "; a=\"b,c\"", -1, 0, 0 },
    { PD "; a=\"b\"c", -1, 0, 0 },
    { PD "; \"a\"", -1, 0, 0 },
    { "\"" PD "\"", -1, 0, 0 },
    { PD ", (", -1, 0, 0 },
    { "foo(bar), " PD, -1, 0, 0 },
    { PD ", caf\xc3\xa9", -1, 0, 0 },
    { PD ", a\x7f", -1, 0, 0 },
    { PD ", a\x01", -1, 0, 0 }
};


static void
test_offers(void)
{
    char    text[256];
    size_t  i;

    for (i = 0; i < sizeof(offer_tests) / sizeof(offer_tests[0]); i++) {
        snprintf(text, sizeof(text), "offer: %.200s", offer_tests[i].header);
        ok(offer_agrees(&offer_tests[i]), text);
    }
}


/* in memory that ends with the header */

static int
offer_agrees(const offer_test_t *t)
{
    int                  rc;
    slice_t              header;
    sig_deflate_terms_t  terms;

    header.len = strlen(t->header);
    header.data = malloc(header.len ? header.len : 1);

    if (header.data == NULL) {
        return 0;
    }

    memcpy(header.data, t->header, header.len);

    rc = sig_deflate_negotiate(&header, &terms);

    free(header.data);

    if (rc != t->rc) {
        printf("# %d instead of %d\n", rc, t->rc);
        return 0;
    }

    return rc != 1 || (terms.window == t->window
                       && terms.asked == (unsigned) t->asked);
}


/* the beginnings of a header: none is taken for more than it says */

static void
test_every_cut(void)
{
    int                  rc, pass;
    char                *copy;
    size_t               i;
    slice_t              header;
    const char          *p;
    sig_deflate_terms_t  terms;

    static const char  text[] = "foo; a=\"\\b\"; c , " PD
                                "; server_max_window_bits=\"10\"";

    pass = 1;

    for (i = 0; i < sizeof(text); i++) {
        copy = malloc(i + 1);
        if (copy == NULL) {
            pass = 0;
            break;
        }

        memcpy(copy, text, i);
        copy[i] = '\0';

        header.data = (u_char *) copy;
        header.len = i;

        rc = sig_deflate_negotiate(&header, &terms);

        p = strstr(copy, PD);

        if (rc == 1 && (p == NULL || (p[sizeof(PD) - 1] != '\0'
                                      && terms.window != 10)))
        {
            printf("# cut at %zu: %d, %u\n", i, rc, terms.window);
            pass = 0;
        }

        free(copy);
    }

    ok(pass, "offer: cut everywhere");
}


static void
test_every_byte(void)
{
    int                  rc, expected, pass;
    char                 text[] = "a?b";
    slice_t              header;
    unsigned             c;
    sig_deflate_terms_t  terms;

    pass = 1;

    header.data = (u_char *) text;
    header.len = 3;

    for (c = 0; c < 256; c++) {
        text[1] = (char) c;

        rc = sig_deflate_negotiate(&header, &terms);

        expected = -1;

        if (c > 0x20 && c < 0x7f
            && strchr("()<>@:\\\"/[]?={}", (int) c) == NULL)
        {
            expected = 0;
        }

        if (rc != expected) {
            printf("# byte %02x: %d\n", c, rc);
            pass = 0;
        }
    }

    ok(pass, "offer: which bytes names are of");
}


static void
test_answers(void)
{
    int                  pass;
    char                 expected[SIG_DEFLATE_ANSWER_MAX + 1];
    size_t               n, len;
    u_char               p[SIG_DEFLATE_ANSWER_MAX + 1];
    unsigned             window;
    sig_deflate_terms_t  terms;

    static const char  base[] = PD "; server_no_context_takeover"
                                "; client_no_context_takeover";

    terms.window = 15;
    terms.asked = 0;

    n = sig_deflate_answer(p, &terms);

    ok(n == sizeof(base) - 1 && memcmp(p, base, n) == 0,
       "answer: without a window");

    pass = 1;
    terms.asked = 1;

    for (window = 8; window <= 15; window++) {
        terms.window = window;

        len = (size_t) snprintf(expected, sizeof(expected),
                                "%s; server_max_window_bits=%u", base,
                                window < 13 ? window : 13);
        memset(p, 0xee, sizeof(p));

        n = sig_deflate_answer(p, &terms);

        if (n != len || n > SIG_DEFLATE_ANSWER_MAX
            || memcmp(p, expected, n) != 0 || p[n] != 0xee)
        {
            printf("# window %u\n", window);
            pass = 0;
        }
    }

    ok(pass, "answer: a window that was asked for, or ours when less");
}


int
main(void)
{
    test_offers();
    test_every_cut();
    test_every_byte();
    test_answers();

    return tap_done();
}
