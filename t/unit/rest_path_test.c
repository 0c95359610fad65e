
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of sig_rest_path, docs/protocol.md 12.3.
 */


#include <stdlib.h>
#include <string.h>

#include "guard.h"
#include "sig_rest_path.h"
#include "tap.h"


typedef struct {
    const char  *target;
    sig_rest_e   what;
    const char  *name;             /* NULL: none, or a broken escape */
} path_test_t;


static void test_paths(void);
static void test_zero(void);
static void test_every_escape(void);
static int path_is(const u_char *target, size_t len, sig_rest_e what,
    const char *name, size_t name_len);


static const path_test_t  path_tests[] = {
    { "/v1/channels/lobby/peers", SIG_REST_ROSTER, "lobby" },
    { "/v1/channels/lobby/publish", SIG_REST_PUBLISH, "lobby" },
    { "/v1/peers/alice", SIG_REST_PEER, "alice" },
    { "/v1/usage", SIG_REST_USAGE, NULL },

    /* a slash of the name, escaped or not */
    { "/v1/channels/acme%2Froom-1/peers", SIG_REST_ROSTER, "acme/room-1" },
    { "/v1/channels/acme%2froom-1/peers", SIG_REST_ROSTER, "acme/room-1" },
    { "/v1/channels/acme/room-1/peers", SIG_REST_ROSTER, "acme/room-1" },
    { "/v1/channels/a/b%2Fc/d/publish", SIG_REST_PUBLISH, "a/b/c/d" },
    { "/v1/peers/a%2Fb", SIG_REST_PEER, "a/b" },
    { "/v1/peers/a/b", SIG_REST_PEER, "a/b" },

    /* the last segment decides */
    { "/v1/channels/peers/peers", SIG_REST_ROSTER, "peers" },
    { "/v1/channels/peers/publish", SIG_REST_PUBLISH, "peers" },
    { "/v1/channels/a/publish/peers", SIG_REST_ROSTER, "a/publish" },
    { "/v1/channels/a%2Fpublish/peers", SIG_REST_ROSTER, "a/publish" },
    { "/v1/channels/a%2Fpeers", SIG_REST_NONE, NULL },
    { "/v1/channels/a/%70eers", SIG_REST_NONE, NULL },
    { "/v1/channels/a/xpeers", SIG_REST_NONE, NULL },
    { "/v1/channels/a/Peers", SIG_REST_NONE, NULL },
    { "/v1/channels/a/peers/", SIG_REST_NONE, NULL },
    { "/v1/channels/a", SIG_REST_NONE, NULL },
    { "/v1/channels/a/", SIG_REST_NONE, NULL },

    /* nothing is resolved */
    { "/v1/channels/a//b/peers", SIG_REST_ROSTER, "a//b" },
    { "/v1/channels//a/peers", SIG_REST_ROSTER, "/a" },
    { "/v1/channels/a//peers", SIG_REST_ROSTER, "a/" },
    { "/v1/channels/a/../b/peers", SIG_REST_ROSTER, "a/../b" },
    { "/v1/channels/%2e%2e/peers", SIG_REST_ROSTER, ".." },
    { "/v1/channels/../peers", SIG_REST_ROSTER, ".." },
    { "/v1/channels/./peers", SIG_REST_ROSTER, "." },
    { "/v1/peers/..", SIG_REST_PEER, ".." },
    { "/v1//channels/a/peers", SIG_REST_NONE, NULL },
    { "//v1/channels/a/peers", SIG_REST_NONE, NULL },
    { "/v1/x/../channels/a/peers", SIG_REST_NONE, NULL },
    { "/v1/channels/../usage", SIG_REST_NONE, NULL },
    { "/v1/%63hannels/a/peers", SIG_REST_NONE, NULL },
    { "/v1/usag%65", SIG_REST_NONE, NULL },

    /* decoded once */
    { "/v1/channels/a%252Fb/peers", SIG_REST_ROSTER, "a%2Fb" },
    { "/v1/channels/a+b%20c/peers", SIG_REST_ROSTER, "a+b c" },
    { "/v1/channels/%E2%82%AC/peers", SIG_REST_ROSTER, "\xe2\x82\xac" },
    { "/v1/channels/\xe2\x82\xac/peers", SIG_REST_ROSTER, "\xe2\x82\xac" },
    { "/v1/channels/%3F%23/peers", SIG_REST_ROSTER, "?#" },
    { "/v1/channels/a\\b:c@d;e,f&g=h/peers", SIG_REST_ROSTER,
      "a\\b:c@d;e,f&g=h" },

    /* empty names */
    { "/v1/channels//peers", SIG_REST_NONE, NULL },
    { "/v1/channels/peers", SIG_REST_NONE, NULL },
    { "/v1/channels/publish", SIG_REST_NONE, NULL },
    { "/v1/channels/", SIG_REST_NONE, NULL },
    { "/v1/channels", SIG_REST_NONE, NULL },
    { "/v1/peers/", SIG_REST_NONE, NULL },
    { "/v1/peers", SIG_REST_NONE, NULL },
    { "/v1/peers/?a", SIG_REST_NONE, NULL },

    /* broken escapes */
    { "/v1/channels/%/peers", SIG_REST_ROSTER, NULL },
    { "/v1/channels/%2/peers", SIG_REST_ROSTER, NULL },
    { "/v1/channels/%2g/peers", SIG_REST_ROSTER, NULL },
    { "/v1/channels/%g2/publish", SIG_REST_PUBLISH, NULL },
    { "/v1/channels/a%/publish", SIG_REST_PUBLISH, NULL },
    { "/v1/peers/%", SIG_REST_PEER, NULL },
    { "/v1/peers/a%2", SIG_REST_PEER, NULL },
    { "/v1/peers/a%2?0", SIG_REST_PEER, NULL },
    { "/v1/peers/%-1", SIG_REST_PEER, NULL },

    /* the query is none of it */
    { "/v1/usage?x=/v1/peers/a", SIG_REST_USAGE, NULL },
    { "/v1/usage?", SIG_REST_USAGE, NULL },
    { "/v1/usage#top", SIG_REST_USAGE, NULL },
    { "/v1/channels/a/peers?b/publish", SIG_REST_ROSTER, "a" },
    { "/v1/channels/a?/peers", SIG_REST_NONE, NULL },
    { "/v1/peers/a?b#c", SIG_REST_PEER, "a" },
    { "/v1/peers/a#b?c", SIG_REST_PEER, "a" },

    /* others */
    { "/v1/usage/", SIG_REST_NONE, NULL },
    { "/v1/usages", SIG_REST_NONE, NULL },
    { "/v1/Usage", SIG_REST_NONE, NULL },
    { "/v1/tokens", SIG_REST_NONE, NULL },
    { "/v1/", SIG_REST_NONE, NULL },
    { "/v1", SIG_REST_NONE, NULL },
    { "/", SIG_REST_NONE, NULL },
    { "", SIG_REST_NONE, NULL },
    { "*", SIG_REST_NONE, NULL },
    { "v1/usage", SIG_REST_NONE, NULL },
    { "http://localhost/v1/usage", SIG_REST_NONE, NULL }
};


int
main(void)
{
    guard_create();

    test_paths();
    test_zero();
    test_every_escape();

    return tap_done();
}


static void
test_paths(void)
{
    size_t              i;
    const path_test_t  *t;

    for (i = 0; i < sizeof(path_tests) / sizeof(path_tests[0]); i++) {
        t = &path_tests[i];

        ok(path_is((const u_char *) t->target, strlen(t->target), t->what,
                   t->name, t->name != NULL ? strlen(t->name) : 0),
           t->target);
    }
}


static void
test_zero(void)
{
    static const char  target[] = "/v1/peers/a%00b";
    static const char  bare[] = "/v1/peers/a\0b";

    ok(path_is((const u_char *) target, sizeof(target) - 1, SIG_REST_PEER,
               "a\0b", 3),
       "an escaped zero byte is handed on");
    ok(path_is((const u_char *) bare, sizeof(bare) - 1, SIG_REST_PEER,
               "a\0b", 3),
       "a zero byte is handed on");
}


static void
test_every_escape(void)
{
    int   i, good;
    char  target[32], name;

    good = 1;

    for (i = 0; i < 256; i++) {
        name = (char) i;

        (void) snprintf(target, sizeof(target), "/v1/peers/%%%02x", i);
        good &= path_is((const u_char *) target, strlen(target),
                        SIG_REST_PEER, &name, 1);

        (void) snprintf(target, sizeof(target), "/v1/peers/%%%02X", i);
        good &= path_is((const u_char *) target, strlen(target),
                        SIG_REST_PEER, &name, 1);
    }

    ok(good, "every byte can be escaped, in either case");
}


static int
path_is(const u_char *target, size_t len, sig_rest_e what, const char *name,
    size_t name_len)
{
    int      good;
    u_char  *store;
    slice_t  text, got;

    store = malloc(len + 1);
    if (store == NULL) {
        return 0;
    }

    text.data = guard_last(target, len);
    text.len = len;

    good = sig_rest_path(&text, store, &got) == what;

    if (name == NULL) {
        good &= (got.data == NULL && got.len == 0);

    } else {
        good &= (got.data != NULL && got.len == name_len
                 && memcmp(got.data, name, name_len) == 0);
    }

    free(store);

    return good;
}
