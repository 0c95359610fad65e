
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of access: what is overwritten in a line of a log.
 */


#include <string.h>

#include "redact.h"
#include "tap.h"


typedef struct {
    const char  *text;
    const char  *redacted;
} redact_test_t;


static void test_secret(void);
static void test_kept(void);
static void test_cut(void);
static int redacts(const char *text, size_t len, const char *redacted);


static const redact_test_t  secret_tests[] = {

    /* the request line and its arguments, as core prints them */
    { "\"GET /v1?token=abc.def HTTP/1.1\"",
      "\"GET /v1?token=******* HTTP/1.1\"" },
    { "args: \"secretKey=sk_a%3Ab&x=1\"",
      "args: \"secretKey=********&x=1\"" },
    { "\"/t?apikey=0123abcd\" a:1, c:1", "\"/t?apikey=********\" a:1, c:1" },
    { "\"/v1?KEY=one&Token=two&key=pk_three\"",
      "\"/v1?KEY=***&Token=***&key=pk_three\"" },
    { "token=a\"b HTTP", "token=*** HTTP" },
    { "QUERY_STRING: token=abc", "QUERY_STRING: token=***" },

    /* headers */
    { "\"Authorization: Bearer sk_a:b \"c\"\n",
      "\"Authorization: Bearer *********\"\n" },
    { "\"authorization:bearer  ab\", client: 1",
      "\"authorization:bearer  **\", client: 1" },
    { "\"Authorization: Basic dTpw\"", "\"Authorization: Basic ****\"" },
    { "\"Authorization: own scheme\" while",
      "\"Authorization: **********\" while" },
    { "HTTP_AUTHORIZATION: Digest a, b", "HTTP_AUTHORIZATION: Digest ****" },
    { "Authorization: Bearer ab\r\nHost: c", "Authorization: Bearer **\r\n"
                                             "Host: c" },
    { "var: \"Bearer abc def\"", "var: \"Bearer *******\"" },
    { "var: \"Basic dXNlcjpwYXNz\"", "var: \"Basic ************\"" },
    { "Protocol: a, signaling.bearer.ab.c, d",
      "Protocol: a, signaling.bearer.****, d" },
    { "\"signaling.bearer.a=\"", "\"signaling.bearer.**\"" },

    /* a value that stands alone */
    { "var: \"eyJhbGciOiJub25lIn0.e30.\"",
      "var: \"************************\"" },
    { "x=eyJhbGci,y", "x=********,y" },
    { "u=%2Fv1%3Ftoken%3DeyJhbGci-_", "u=%2Fv1%3Ftoken%3D**********" },
    { "var: \"sk_a.b-c:secret\"", "var: \"sk_a.b-c:******\"" },
    { "n%3Dsk_a%3asecret&b", "n%3Dsk_a%3a******&b" },
    { "\"sq+N1eV2llcn6gLze4eoyPjYis0=\"",
      "\"****************************\"" },
    { "c=sq%2BN1eV2llcn6gLze4eoyPjYi%2f0%3D&d",
      "c=**********************************&d" },
    { "GsHHuJYyf8OZU7U6kiINi1VujGQ=", "****************************" },

    /* JSON */
    { "{\"username\":\"1:a\",\"credential\":\"b\"}",
      "{\"username\":\"1:a\",\"credential\":\"*\"}" },
    { "{\"token\" : \"a\\\"b\\\\\",\"x\":\"y\"}",
      "{\"token\" : \"******\",\"x\":\"y\"}" },
    { "\"password\":\"p\",\"secret\":\"q\",\"secretKey\":\"r\"",
      "\"password\":\"*\",\"secret\":\"*\",\"secretKey\":\"*\"" },

    /* what auth_basic prints */
    { "rc: -5 user: \"u\" salt: \"{PLAIN}pw\"",
      "rc: -5 user: \"u\" salt: \"*********\"" },
    { "encrypted: \"{PLAIN}pw\"", "encrypted: \"*********\"" },

    /* one secret within another */
    { "sk_eyJabcdef:g", "sk_*********:*" },
    { "key=pk_a.eyJabcde", "key=pk_a.********" },

    { NULL, NULL }
};


static const char  *kept_tests[] = {
    "GET /v1?key=pk_live_all HTTP/1.1",
    "\"/v1?apiKey=pk_live_all&room=1\"",
    "monkey=1&my_key=2&my-token=3&atoken=4",
    "key: a, token: b",
    "eyJ",
    "HeyJude.",
    "EYJhbGciOiJub25lIn0",
    "Basic realm=\"closed\"",
    "Basic auth",
    "Bearer",
    "Authorization: ",
    "\"Authorization: Bearer \"",
    "sk_main",
    "disk_main:8000",
    "\"credential\" \"a\"",
    "\"credential\":1",
    "credential: a",
    "\"credentials\":\"a\"",

    /* 24, 27 and 29 characters, a name of 27, no padding, two of it */
    "dGhlIHNhbXBsZSBub25jZQ==",
    "sq+N1eV2llcn6gLze4eoyPjYis=",
    "sq+N1eV2llcn6gLze4eoyPjYis00=",
    "abcdefghijklmnopqrstuvwxyza=1",
    "sq+N1eV2llcn6gLze4eoyPjYis01",
    "sq+N1eV2llcn6gLze4eoyPjYis0==",

    "%", "%2", "=", "\"", "",
    NULL
};


int
main(void)
{
    test_secret();
    test_kept();
    test_cut();

    return tap_done();
}


static void
test_secret(void)
{
    const redact_test_t  *test;

    for (test = secret_tests; test->text; test++) {
        ok(redacts(test->text, strlen(test->text), test->redacted),
           test->text);
    }
}


static void
test_kept(void)
{
    const char  **text;

    for (text = kept_tests; *text; text++) {
        ok(redacts(*text, strlen(*text), *text), *text);
    }
}


/* core cuts its lines: nothing is read behind the end, what is there goes */

static void
test_cut(void)
{
    size_t       len, i;
    const char  *text, *redacted;

    text = "\"Authorization: Bearer eyJhbGci.e30.c2ln\"";
    redacted = "\"Authorization: Bearer *****************\"";

    /* a scheme that is cut is not known for one */

    for (len = sizeof("\"Authorization: Bearer ") - 1; text[len]; len++) {
        if (!redacts(text, len, redacted)) {
            break;
        }
    }

    ok(text[len] == '\0', "a header cut at any place");

    text = "{\"credential\":\"a\\\"b";
    redacted = "{\"credential\":\"****";

    for (len = 0; text[len]; len++) {
        if (!redacts(text, len, redacted)) {
            break;
        }
    }

    ok(text[len] == '\0', "a member of JSON cut at any place");

    /* what a line begins with */

    text = "?token=eyJhbGciOiJub25lIn0&key=secret";

    redacted = "?token=*******************&key=******";

    for (i = 0; redacted[i] != '*'; i++) {
        if (!redacts(text + i, strlen(text + i), redacted + i)) {
            break;
        }
    }

    ok(redacted[i] == '*', "arguments cut in front");
}


static int
redacts(const char *text, size_t len, const char *redacted)
{
    u_char  buf[128];

    memset(buf, 'x', sizeof(buf));
    memcpy(buf, text, len);

    access_redact(buf, len);

    if (memcmp(buf, redacted, len) != 0 || buf[len] != 'x') {
        printf("# %.*s\n", (int) len, buf);
        return 0;
    }

    access_redact(buf, len);

    return memcmp(buf, redacted, len) == 0;
}
