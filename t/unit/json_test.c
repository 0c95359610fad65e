
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of sig_json: what is JSON and what is not.  Strings have a file of
 * their own.
 */


#include "json_guard.h"
#include "tap.h"
#include "sig_json.h"


typedef struct {
    const char  *text;
    size_t       n;
} json_text_t;


static void test_values(void);
static void test_beginnings(void);
static void test_space(void);
static void test_depth(void);
static size_t nest(u_char *p, const char *open, const char *close,
    unsigned depth);
static void test_value_end(void);


#define bytes(s)  s, sizeof(s) - 1
#define count(a)  (sizeof(a) / sizeof((a)[0]))


static const json_text_t  good_values[] = {
    { bytes("null") },
    { bytes("true") },
    { bytes("false") },
    { bytes("0") },
    { bytes("-0") },
    { bytes("7") },
    { bytes("-12") },
    { bytes("1234567890123456789012345678901234567890") },
    { bytes("0.5") },
    { bytes("-0.0") },
    { bytes("10.25e3") },
    { bytes("1e5") },
    { bytes("1E+05") },
    { bytes("0e-0") },
    { bytes("1e999") },
    { bytes("\"\"") },
    { bytes("\"a\"") },
    { bytes("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"") },
    { bytes("\"\\u0000\"") },
    { bytes("\"\\ud800\"") },
    { bytes("\"\\udc00\\ud800\"") },
    { bytes("\"\\uD83D\\uDE00\"") },
    { bytes("\"\x7f\"") },
    { bytes("\"\xe2\x80\xa8\"") },
    { bytes("[]") },
    { bytes("[ ]") },
    { bytes("[1]") },
    { bytes("[1,2 , 3]") },
    { bytes("[[],[[]],{}]") },
    { bytes("[\"\",\"\\\"\"]") },
    { bytes("{}") },
    { bytes("{ \t\r\n}") },
    { bytes("{\"a\":1}") },
    { bytes("{\"a\":1,\"a\":2}") },
    { bytes("{\"\":\"\"}") },
    { bytes(" \t\r\n{ \"a\" : [ 1 , { \"b\" : null } ] , \"c\" : \"d\" } ") },
    { bytes("[{\"a\":{}},{\"b\":[]},true,false,null,-1.5e-7,\"x\"]") },
    { bytes("\n0\n") }
};


static const json_text_t  bad_values[] = {
    { bytes("") },
    { bytes(" ") },
    { bytes("nul") },
    { bytes("nulll") },
    { bytes("Null") },
    { bytes("tru") },
    { bytes("TRUE") },
    { bytes("fals") },
    { bytes("undefined") },
    { bytes("NaN") },
    { bytes("Infinity") },
    { bytes("-") },
    { bytes("-a") },
    { bytes("+1") },
    { bytes("01") },
    { bytes("-01") },
    { bytes("00") },
    { bytes("1.") },
    { bytes("1.e5") },
    { bytes(".5") },
    { bytes("1e") },
    { bytes("1e+") },
    { bytes("1e5.5") },
    { bytes("0x10") },
    { bytes("1_000") },
    { bytes("1 2") },
    { bytes("--1") },
    { bytes("\"") },
    { bytes("\"a") },
    { bytes("\"\\\"") },
    { bytes("\"\\") },
    { bytes("'a'") },
    { bytes("\"a\"b") },
    { bytes("a") },
    { bytes("[") },
    { bytes("]") },
    { bytes("[1") },
    { bytes("[1,") },
    { bytes("[1,]") },
    { bytes("[,1]") },
    { bytes("[1,,2]") },
    { bytes("[1 2]") },
    { bytes("[1}") },
    { bytes("[1]]") },
    { bytes("[\"a\":1]") },
    { bytes("{") },
    { bytes("}") },
    { bytes("{\"a\"}") },
    { bytes("{\"a\":}") },
    { bytes("{\"a\":1") },
    { bytes("{\"a\":1,}") },
    { bytes("{,\"a\":1}") },
    { bytes("{\"a\" 1}") },
    { bytes("{\"a\"::1}") },
    { bytes("{a:1}") },
    { bytes("{1:1}") },
    { bytes("{\"a\":1]") },
    { bytes("{\"a\":1}}") },
    { bytes("{\"a\":1 \"b\":2}") },
    { bytes("{\"a\":1,\"b\"}") },
    { bytes("{\"a\":1;\"b\":2}") },
    { bytes("{} {}") },
    { bytes("[1]/**/") },
    { bytes("[1]#") },
    { bytes("[1,\v2]") },
    { bytes("[1,\f2]") },
    { bytes("\xc2\xa0" "1") },
    { bytes("\xef\xbb\xbf{}") },
    { bytes("[\xc3\xa9]") },
    { bytes("[1]\0") },
    { bytes("\0") },
    { bytes("\"\0\"") },
    { bytes("{\"a\0\":1}") }
};


static void
test_values(void)
{
    int                 first, pass;
    size_t              i;
    const json_text_t  *t;

    pass = 1;

    for (i = 0; i < count(good_values); i++) {
        t = &good_values[i];

        first = guarded((const u_char *) t->text, t->n);

        if (first != t->text[strspn(t->text, " \t\r\n")]) {
            printf("# refused: %s\n", t->text);
            pass = 0;
        }
    }

    ok(pass, "values that are JSON, and their first byte");

    pass = 1;

    for (i = 0; i < count(bad_values); i++) {
        t = &bad_values[i];

        if (guarded((const u_char *) t->text, t->n) != 0) {
            printf("# accepted: %s\n", t->text);
            pass = 0;
        }
    }

    ok(pass, "values that are not JSON");
}


static void
test_beginnings(void)
{
    int                pass;
    size_t             n;
    static const char  text[] =
        "{\"type\":\"publish\",\"channel\":\"r\xc3\xb6om\\u0041\\n\",\"data\":"
        "[1.5e-3,{\"sdp\":\"v=0\\r\\no=- 46117 2 IN IP4 127.0.0.1\\r\\n\","
        "\"name\":\"\xe6\x97\xa5\xe6\x9c\xac\xf0\x9f\x98\x80\"},true,null]}";

    pass = 1;

    for (n = 0; n < sizeof(text) - 1; n++) {
        if (guarded((const u_char *) text, n) != 0) {
            printf("# %zu bytes are accepted\n", n);
            pass = 0;
        }
    }

    ok(pass, "no beginning of an object is JSON");
    ok(guarded((const u_char *) text, n) == '{', "the whole of it is");
}


static void
test_space(void)
{
    int       pass, valid;
    size_t    i;
    u_char    text[4];
    unsigned  c;

    pass = 1;

    for (c = 0; c < 256; c++) {
        valid = (c == ' ' || c == '\t' || c == '\n' || c == '\r');

        for (i = 0; i < 4; i++) {
            /* [0] and one byte more */

            text[(i > 0) ? 0 : 1] = '[';
            text[(i > 1) ? 1 : 2] = '0';
            text[(i > 2) ? 2 : 3] = ']';
            text[i] = (u_char) c;

            if (c >= '0' && c <= '9' && (i == 1 || i == 2)) {
                continue;
            }

            if (c == '-' && i == 1) {
                continue;
            }

            if ((guarded(text, 4) == '[') != valid) {
                printf("# byte %02x at %zu\n", c, i);
                pass = 0;
            }
        }
    }

    ok(pass, "only four bytes are white space");
}


static void
test_depth(void)
{
    int       pass;
    size_t    n;
    u_char    text[2048];
    unsigned  depth;

    pass = 1;

    for (depth = 1; depth <= SIG_PROTO_DEPTH + 2; depth++) {
        n = nest(text, "[", "]", depth);

        if ((guarded(text, n) == '[') != (depth <= SIG_PROTO_DEPTH)) {
            printf("# arrays, %u deep\n", depth);
            pass = 0;
        }

        n = nest(text, "{\"a\":", "}", depth);

        if ((guarded(text, n) == '{') != (depth <= SIG_PROTO_DEPTH)) {
            printf("# objects, %u deep\n", depth);
            pass = 0;
        }

        n = nest(text, "[1,{\"a\":", "},2]", depth);

        if ((guarded(text, n) == '[') != (2 * depth <= SIG_PROTO_DEPTH)) {
            printf("# both, %u deep\n", depth);
            pass = 0;
        }

        /* each closer is the right one for its opener only */

        n = nest(text, "[{\"a\":", "]}", depth);

        if (guarded(text, n) != 0) {
            printf("# crossed, %u deep\n", depth);
            pass = 0;
        }
    }

    ok(pass, "depth");

    text[0] = '[';

    for (n = 0; n < 300; n++) {
        memcpy(text + 1 + 3 * n, "[],", 3);
    }

    text[3 * n] = ']';

    ok(guarded(text, 3 * n + 1) == '[', "neighbors do not add up");

    ok(sig_json_value((const u_char *) "1", (const u_char *) "1" + 1, 0)
       != NULL
       && sig_json_value((const u_char *) "[]", (const u_char *) "[]" + 2, 0)
       == NULL, "depth 0 allows scalars only");
}


static size_t
nest(u_char *p, const char *open, const char *close, unsigned depth)
{
    u_char    *start;
    unsigned   i;

    start = p;

    for (i = 0; i < depth; i++) {
        p = (u_char *) stpcpy((char *) p, open);
    }

    *p++ = '0';

    for (i = 0; i < depth; i++) {
        p = (u_char *) stpcpy((char *) p, close);
    }

    return (size_t) (p - start);
}


static void
test_value_end(void)
{
    int            pass;
    size_t         i;
    const u_char  *p, *end;

    static const json_text_t  ends[] = {
        { bytes("1,2") },
        { bytes("0]") },
        { bytes("01") },
        { bytes("1.5e3}") },
        { bytes("\"a\"\"") },
        { bytes("{}]") },
        { bytes("[[1]] ,") },
        { bytes("true,") },
        { bytes("nullx") }
    };

    static const size_t  lens[] = { 1, 1, 1, 5, 3, 2, 5, 4, 4 };

    pass = 1;

    for (i = 0; i < count(ends); i++) {
        end = guard + guard_size;
        p = guard_last(ends[i].text, ends[i].n);

        if (sig_json_value(p, end, 8) != p + lens[i]) {
            printf("# %s\n", ends[i].text);
            pass = 0;
        }
    }

    ok(pass, "a value ends where it ends");
}


int
main(void)
{
    guard_create();

    test_values();
    test_beginnings();
    test_space();
    test_depth();
    test_value_end();

    return tap_done();
}
