
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of sig_proto: the body of a publish, docs/protocol.md 12.6.
 */


#include <stdlib.h>
#include <string.h>

#include "guard.h"
#include "sig_proto.h"
#include "tap.h"


typedef struct {
    const char  *body;
    const char  *data;
    const char  *from;             /* NULL: none */
    const char  *metadata;         /* likewise */
} good_test_t;


typedef struct {
    const char  *body;
    const char  *wrong;            /* a part of what is said */
} bad_test_t;


static void test_good(void);
static void test_bad(void);
static void test_lengths(void);
static void test_depth(void);
static const char *read_body(sig_publish_t *e, const char *body, size_t len);
static int slice_is(const slice_t *s, const char *text);


static const good_test_t  good_tests[] = {
    { "{\"data\":1}", "1", NULL, NULL },
    { "{\"data\":null}", "null", NULL, NULL },
    { "{\"data\":false}", "false", NULL, NULL },
    { "{\"data\":\"\"}", "\"\"", NULL, NULL },
    { "{\"data\":0}", "0", NULL, NULL },
    { " {\t\"data\" : { \"a\" : 1.50 } \r\n} ", "{ \"a\" : 1.50 }", NULL,
      NULL },
    { "{\"data\":\"\\ud800\\/\",\"x\":[1,{\"data\":2}]}", "\"\\ud800\\/\"",
      NULL, NULL },
    { "{\"data\":1e999,\"from\":\"bot\"}", "1e999", "bot", NULL },
    { "{\"from\":\"b\\u006ft 1\",\"data\":[]}", "[]", "bot 1", NULL },
    { "{\"peerMetadata\":{ \"a\": 1 },\"data\":[]}", "[]", NULL,
      "{ \"a\": 1 }" },
    { "{\"peerMetadata\":{},\"data\":2}", "2", NULL, "{}" },
    { "{\"\\u0064ata\":1}", "1", NULL, NULL },
    { "{\"peer\\u004detadata\":{},\"fro\\u006d\":\"x\",\"data\":1}", "1",
      "x", "{}" },
    { "{\"data\":1,\"data\":2}", "2", NULL, NULL },
    { "{\"data\":1,\"type\":7,\"requestId\":0,\"channel\":3,\"to\":{}}", "1",
      NULL, NULL }
};


static const bad_test_t  bad_tests[] = {
    { "", "no JSON object" },
    { " ", "no JSON object" },
    { "[]", "no JSON object" },
    { "1", "no JSON object" },
    { "{\"data\":1", "no JSON object" },
    { "{\"data\":1}x", "no JSON object" },
    { "{\"data\":1,}", "no JSON object" },
    { "{\"data\":01}", "no JSON object" },
    { "{\"data\":\"\xff\"}", "no JSON object" },
    { "\xef\xbb\xbf{\"data\":1}", "no JSON object" },
    { "{}", "\"data\" is missing" },
    { "{\"Data\":1}", "\"data\" is missing" },
    { "{\"x\":{\"data\":1}}", "\"data\" is missing" },
    { "{\"data\":1,\"from\":\"\"}", "\"from\"" },
    { "{\"data\":1,\"from\":null}", "\"from\"" },
    { "{\"data\":1,\"from\":7}", "\"from\"" },
    { "{\"data\":1,\"from\":\"a\\u0000\"}", "\"from\"" },
    { "{\"data\":1,\"from\":\"\\u00e9\"}", "\"from\"" },
    { "{\"data\":1,\"from\":\"\\ud800\"}", "\"from\"" },
    { "{\"data\":1,\"from\":\"a\",\"from\":\"\"}", "\"from\"" },
    { "{\"data\":1,\"peerMetadata\":null}", "\"peerMetadata\"" },
    { "{\"data\":1,\"peerMetadata\":[]}", "\"peerMetadata\"" },
    { "{\"data\":1,\"peerMetadata\":\"{}\"}", "\"peerMetadata\"" }
};


int
main(void)
{
    guard_create();

    test_good();
    test_bad();
    test_lengths();
    test_depth();

    return tap_done();
}


static void
test_good(void)
{
    size_t              i;
    const good_test_t  *t;
    sig_publish_t       e;

    for (i = 0; i < sizeof(good_tests) / sizeof(good_tests[0]); i++) {
        t = &good_tests[i];

        ok(read_body(&e, t->body, strlen(t->body)) == NULL
           && slice_is(&e.data, t->data)
           && slice_is(&e.from, t->from)
           && slice_is(&e.metadata, t->metadata),
           t->body);
    }
}


static void
test_bad(void)
{
    size_t             i;
    const char        *wrong;
    const bad_test_t  *t;
    sig_publish_t      e;

    for (i = 0; i < sizeof(bad_tests) / sizeof(bad_tests[0]); i++) {
        t = &bad_tests[i];

        wrong = read_body(&e, t->body, strlen(t->body));

        ok(wrong != NULL && strstr(wrong, t->wrong) != NULL, t->wrong);
    }
}


/* the longest sender, and one byte more */

static void
test_lengths(void)
{
    int            n;
    char           body[256];
    sig_publish_t  e;

    n = snprintf(body, sizeof(body), "{\"data\":1,\"from\":\"%0128d\"}", 7);
    ok(read_body(&e, body, (size_t) n) == NULL && e.from.len == 128,
       "a sender of 128 bytes");

    n = snprintf(body, sizeof(body), "{\"data\":1,\"from\":\"%0129d\"}", 7);
    ok(read_body(&e, body, (size_t) n) != NULL, "a sender of 129 bytes");
}


static void
test_depth(void)
{
    char           body[512];
    size_t         n;
    sig_publish_t  e;

    for (n = SIG_PROTO_DEPTH - 1; n <= SIG_PROTO_DEPTH; n++) {
        memcpy(body, "{\"data\":", 8);
        memset(body + 8, '[', n);
        memset(body + 8 + n, ']', n);
        body[8 + 2 * n] = '}';

        ok((read_body(&e, body, 9 + 2 * n) == NULL)
           == (n < SIG_PROTO_DEPTH),
           n < SIG_PROTO_DEPTH ? "nested 128 deep" : "nested 129 deep");
    }
}


static const char *
read_body(sig_publish_t *e, const char *body, size_t len)
{
    return sig_proto_read_publish(e, guard_last(body, len), len);
}


static int
slice_is(const slice_t *s, const char *text)
{
    if (text == NULL) {
        return s->data == NULL;
    }

    return s->data != NULL && s->len == strlen(text)
           && memcmp(s->data, text, s->len) == 0;
}
