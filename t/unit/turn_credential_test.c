
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of turn_credential: docs/protocol.md 13.4, RFC 7064, RFC 7065.
 */


#include <ctype.h>
#include <string.h>

#include "tap.h"
#include "turn_credential.h"


typedef struct {
    const char  *url;
    int          relay;                /* -1: malformed */
} url_test_t;


typedef struct {
    const char  *id;
    size_t       len;
    const char  *username;
} username_test_t;


static void test_vectors(void);
static void test_usernames(void);
static void test_random_ids(void);
static void test_urls(void);
static void test_url_length(void);
static int url_relay(const char *text, size_t len);
static slice_t bytes_slice(const char *text, size_t len);


static const url_test_t  url_tests[] = {
    { "stun:turn.example.org", 0 },
    { "stun:turn.example.org:3478", 0 },
    { "stuns:turn.example.org:5349", 0 },
    { "turn:turn.example.org", 1 },
    { "turn:turn.example.org:80", 1 },
    { "turn:turn.example.org?transport=udp", 1 },
    { "turn:turn.example.org:3478?transport=udp", 1 },
    { "turn:turn.example.org:3478?transport=tcp", 1 },
    { "turns:turn.example.org:443?transport=tcp", 1 },
    { "TURNS:TURN.example.org:443", 1 },
    { "turn:192.0.2.1:1", 1 },
    { "turn:192.0.2.1:65535", 1 },
    { "turn:[2001:db8::1]", 1 },
    { "turn:[2001:db8::1]:3478?transport=tcp", 1 },
    { "stun:[::ffff:192.0.2.1]:3478", 0 },
    { "turn:my_host-1:3478", 1 },

    { "", -1 },
    { "turn", -1 },
    { "turn:", -1 },
    { "tur:host", -1 },
    { "turnx:host", -1 },
    { "http://host", -1 },
    { "host:3478", -1 },
    { "turn://host", -1 },
    { "turn::3478", -1 },
    { "turn:?transport=udp", -1 },
    { "turn:user@host", -1 },
    { "turn:user:pass@host", -1 },
    { "turn:ho st", -1 },
    { "turn:host/path", -1 },
    { "turn:host\"", -1 },
    { "turn:h\xc3\xb6st", -1 },
    { "turn:host:", -1 },
    { "turn:host:0", -1 },
    { "turn:host:65536", -1 },
    { "turn:host:99999999999999999999", -1 },
    { "turn:host:-1", -1 },
    { "turn:host:34a", -1 },
    { "turn:host:3478?", -1 },
    { "turn:host:3478?transport", -1 },
    { "turn:host:3478?transport=", -1 },
    { "turn:host:3478?transport=sctp", -1 },
    { "turn:host:3478?transport=UDP", -1 },
    { "turn:host:3478?transport=udp&x=1", -1 },
    { "turn:host:3478?transport=udp ", -1 },
    { "turn:host:3478#x", -1 },
    { "stun:host:3478?transport=udp", -1 },
    { "stuns:host?transport=tcp", -1 },
    { "turn:[]", -1 },
    { "turn:[2001:db8::1", -1 },
    { "turn:[2001:db8::1]3478", -1 },
    { "turn:[2001:db8::g!]", -1 },
    { "turn:[::1]]", -1 }
};


/* the digits are those of sha256sum(1) */

static const username_test_t  username_tests[] = {
    { "3f0c9b1e", 8, "1893456000:3f0c9b1e" },
    { "A-z_09", 6, "1893456000:A-z_09" },
    { "6d0f2f4e-6c8e-4f57-9a53-0d6f8a2f3b11", 36,
      "1893456000:6d0f2f4e-6c8e-4f57-9a53-0d6f8a2f3b11" },
    { "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", 64,
      "1893456000:"
      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" },
    { "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0", 65,
      "1893456000:2a6ad82f3620d3eb" },
    { "alice@example.org", 17, "1893456000:7a64adf28737ea90" },
    { "a:b", 3, "1893456000:6783a31eabf68ccc" },
    { "\0", 1, "1893456000:6e340b9cffb37a98" },
    { "", 0, "1893456000:e3b0c44298fc1c14" }
};


static void
test_vectors(void)
{
    int             rc;
    size_t          i;
    u_char          out[TURN_CREDENTIAL_LEN + 1];
    slice_t         secret, username;
    turn_secret_t  *prepared;

    static const char  *vectors[][3] = {
        { "north-star-secret", "1893456000:3f0c9b1e",
          "sq+N1eV2llcn6gLze4eoyPjYis0=" },
        { "north-star-secret", "1782086400:6d0f2f4e",
          "Y+jdJ8YlVDXO0tsUCho5PS20F0Y=" },
        /* RFC 2202, case 2 */
        { "Jefe", "what do ya want for nothing?",
          "7/zfauXrL6LSdBbV8YTfnCWafHk=" }
    };

    for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        secret = bytes_slice(vectors[i][0], strlen(vectors[i][0]));
        username = bytes_slice(vectors[i][1], strlen(vectors[i][1]));

        prepared = turn_secret_prepare(&secret);

        if (prepared == NULL) {
            ok(0, "a secret is prepared");
            continue;
        }

        /* a prepared secret is as good for the second credential */

        (void) turn_credential(out, prepared, &secret);

        memset(out, 'x', sizeof(out));
        rc = turn_credential(out, prepared, &username);
        turn_secret_free(prepared);

        ok(rc == 0 && memcmp(out, vectors[i][2], TURN_CREDENTIAL_LEN) == 0,
           vectors[i][1]);
        ok(out[TURN_CREDENTIAL_LEN] == 'x', "nothing written past the end");
    }

    secret = bytes_slice("", 0);
    ok(turn_secret_prepare(&secret) == NULL, "an empty secret is refused");
}


static void
test_usernames(void)
{
    size_t   i;
    u_char   out[TURN_USERNAME_MAX];
    ssize_t  n;
    slice_t  id;

    const username_test_t  *t;

    for (i = 0; i < sizeof(username_tests) / sizeof(username_tests[0]); i++) {
        t = &username_tests[i];
        id = bytes_slice(t->id, t->len);

        n = turn_username(out, 1893456000, &id);

        ok(n == (ssize_t) strlen(t->username)
           && memcmp(out, t->username, (size_t) n) == 0, t->username);
    }

    id = bytes_slice("x", 1);

    ok(turn_username(out, -1, &id) == -1, "a negative expiry is refused");

    id = bytes_slice(username_tests[3].id, 64);
    n = turn_username(out, INT64_MAX, &id);

    ok(n == 19 + 1 + 64 && memcmp(out, "9223372036854775807:0", 21) == 0,
       "the longest username fits");
}


/* as many as need new randomness more than once */

static void
test_random_ids(void)
{
    int            hex, distinct;
    size_t         i, j;
    static u_char  ids[200][TURN_RANDOM_ID_LEN];

    hex = 1;
    distinct = 1;

    for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {

        hex = hex && turn_random_id(ids[i]) == 0;

        for (j = 0; j < TURN_RANDOM_ID_LEN; j++) {
            hex = hex && isxdigit(ids[i][j]) && !isupper(ids[i][j]);
        }

        for (j = 0; j < i; j++) {
            distinct = distinct
                       && memcmp(ids[i], ids[j], TURN_RANDOM_ID_LEN) != 0;
        }
    }

    ok(hex, "a random ID is of hexadecimal digits");
    ok(distinct, "and another each time");
}


static void
test_urls(void)
{
    size_t  i;

    for (i = 0; i < sizeof(url_tests) / sizeof(url_tests[0]); i++) {
        ok(url_relay(url_tests[i].url, strlen(url_tests[i].url))
           == url_tests[i].relay, url_tests[i].url);
    }
}


static void
test_url_length(void)
{
    char    url[TURN_URL_MAX + 1];
    size_t  i;

    static const char  scheme[] = "turn:";

    for (i = 0; i < sizeof(url); i++) {
        url[i] = (i < sizeof(scheme) - 1) ? scheme[i] : 'a';
    }

    ok(url_relay(url, TURN_URL_MAX) == 1, "a URL of 512 characters");
    ok(url_relay(url, TURN_URL_MAX + 1) == -1, "a URL of 513 characters");
}


/* -1 when it is malformed; then there has to be a text that says so */

static int
url_relay(const char *text, size_t len)
{
    int          relay;
    slice_t      url;
    const char  *err;

    url = bytes_slice(text, len);
    relay = -2;

    err = turn_url_check(&url, &relay);

    if (err != NULL) {
        return strlen(err) > 10 ? -1 : -2;
    }

    return relay;
}


static slice_t
bytes_slice(const char *text, size_t len)
{
    slice_t  s;

    s.data = (u_char *) text;
    s.len = len;

    return s;
}


int
main(void)
{
    test_vectors();
    test_usernames();
    test_random_ids();
    test_urls();
    test_url_length();

    return tap_done();
}
