
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of access: the claims of a token, docs/protocol.md 5.6 and 11.2.
 */


#include "jwt_make.h"
#include "tap.h"


#define REST  "\"sub\":\"a\",\"exp\":2000000000"


typedef struct {
    const char    *claims;
    access_jwt_e   rc;
} claims_test_t;


static access_jwt_e read_claims(const char *claims);
static void test_rules(void);
static void test_sub(void);
static void test_exp(void);
static void test_nbf(void);
static void test_channels(void);
static void test_permissions(void);
static void test_metadata(void);
static void test_metadata_size(const char *name, size_t max);
static void test_metadata_raw(void);
static void test_clock(void);


static access_key_t  key_a = {
    .id = slice("sk_id_a"),
    .type = ACCESS_SECRET,
    .secret = slice("sk_secret_a")
};

static access_key_t  *key_list[] = { &key_a };

static access_keys_t  keys = { key_list, 1 };


static const claims_test_t  rules[] = {

    /* the text */
    { "{" REST "}", ACCESS_JWT_OK },
    { " { \"sub\" : \"a\" , \"exp\" : 2000000000 } \n", ACCESS_JWT_OK },
    { "{\"\\u0073ub\":\"a\",\"e\\u0078p\":2000000000}", ACCESS_JWT_OK },
    { "", ACCESS_JWT_BAD },
    { "{}", ACCESS_JWT_BAD },
    { "null", ACCESS_JWT_BAD },
    { "[{" REST "}]", ACCESS_JWT_BAD },
    { "\"alice\"", ACCESS_JWT_BAD },
    { "{" REST "", ACCESS_JWT_BAD },
    { "{" REST "}}", ACCESS_JWT_BAD },
    { "{" REST "} {" REST "}", ACCESS_JWT_BAD },
    { "{" REST ",}", ACCESS_JWT_BAD },
    { "{" REST ",\"x\":\"\xff\"}", ACCESS_JWT_BAD },
    { "{" REST ",\"x\":\"\xc0\x80\"}", ACCESS_JWT_BAD },
    { "{" REST ",\"x\":\"\\ud800\"}", ACCESS_JWT_BAD },

    /* members named twice */
    { "{" REST ",\"sub\":\"b\"}", ACCESS_JWT_BAD },
    { "{" REST ",\"sub\":\"a\"}", ACCESS_JWT_BAD },
    { "{" REST ",\"s\\u0075b\":\"b\"}", ACCESS_JWT_BAD },
    { "{" REST ",\"exp\":3000000000}", ACCESS_JWT_BAD },
    { "{" REST ",\"x\":1,\"x\":1}", ACCESS_JWT_BAD },
    { "{" REST ",\"x\":{\"y\":1,\"y\":1}}", ACCESS_JWT_BAD },
    { "{" REST ",\"metadata\":{\"y\":1,\"y\":1}}", ACCESS_JWT_BAD },
    { "{" REST ",\"metadata\":{},\"metadata\":{}}", ACCESS_JWT_BAD },

    /* what is ignored, of whatever type */
    { "{" REST ",\"iat\":\"x\",\"iss\":1,\"aud\":[{}],\"jti\":null}",
      ACCESS_JWT_OK },
    { "{" REST ",\"iat\":99999999999}", ACCESS_JWT_OK },
    { "{" REST ",\"Nbf\":99999999999,\"NBF\":[]}", ACCESS_JWT_OK },
    { "{" REST ",\"x\":99999999999999999999999999}", ACCESS_JWT_OK },
    { "{" REST ",\"x\":[[[[[[[[[[{}]]]]]]]]]]}", ACCESS_JWT_OK },

    /* sub */
    { "{\"exp\":2000000000}", ACCESS_JWT_BAD },
    { "{\"exp\":2000000000,\"Sub\":\"a\"}", ACCESS_JWT_BAD },
    { "{\"exp\":2000000000,\"sub\":\"\"}", ACCESS_JWT_BAD },
    { "{\"exp\":2000000000,\"sub\":null}", ACCESS_JWT_BAD },
    { "{\"exp\":2000000000,\"sub\":7}", ACCESS_JWT_BAD },
    { "{\"exp\":2000000000,\"sub\":true}", ACCESS_JWT_BAD },
    { "{\"exp\":2000000000,\"sub\":[\"a\"]}", ACCESS_JWT_BAD },
    { "{\"exp\":2000000000,\"sub\":{\"a\":1}}", ACCESS_JWT_BAD },
    { "{\"exp\":2000000000,\"sub\":\"a\\u0000\"}", ACCESS_JWT_BAD },
    { "{\"exp\":2000000000,\"sub\":\"a\\n\"}", ACCESS_JWT_BAD },
    { "{\"exp\":2000000000,\"sub\":\"\\u007f\"}", ACCESS_JWT_BAD },
    { "{\"exp\":2000000000,\"sub\":\"\xc3\xa4\"}", ACCESS_JWT_BAD },
    { "{\"exp\":2000000000,\"sub\":\"\\u00e4\"}", ACCESS_JWT_BAD },

    /* exp: the clock is at 1700000000 */
    { "{\"sub\":\"a\"}", ACCESS_JWT_BAD },
    { "{\"sub\":\"a\",\"exp\":null}", ACCESS_JWT_BAD },
    { "{\"sub\":\"a\",\"exp\":\"2000000000\"}", ACCESS_JWT_BAD },
    { "{\"sub\":\"a\",\"exp\":true}", ACCESS_JWT_BAD },
    { "{\"sub\":\"a\",\"exp\":[2000000000]}", ACCESS_JWT_BAD },
    { "{\"sub\":\"a\",\"exp\":{}}", ACCESS_JWT_BAD },
    { "{\"sub\":\"a\",\"exp\":1e400}", ACCESS_JWT_BAD },
    { "{\"sub\":\"a\",\"exp\":-1e400}", ACCESS_JWT_BAD },
    { "{\"sub\":\"a\",\"exp\":02000000000}", ACCESS_JWT_BAD },
    { "{\"sub\":\"a\",\"exp\":NaN}", ACCESS_JWT_BAD },
    { "{\"sub\":\"a\",\"exp\":Infinity}", ACCESS_JWT_BAD },
    { "{\"sub\":\"a\",\"exp\":0}", ACCESS_JWT_EXPIRED },
    { "{\"sub\":\"a\",\"exp\":-0}", ACCESS_JWT_EXPIRED },
    { "{\"sub\":\"a\",\"exp\":-1}", ACCESS_JWT_EXPIRED },
    { "{\"sub\":\"a\",\"exp\":-1e300}", ACCESS_JWT_EXPIRED },
    { "{\"sub\":\"a\",\"exp\":-99999999999999999999}", ACCESS_JWT_EXPIRED },
    { "{\"sub\":\"a\",\"exp\":1e-300}", ACCESS_JWT_EXPIRED },
    { "{\"sub\":\"a\",\"exp\":1699999999}", ACCESS_JWT_EXPIRED },
    { "{\"sub\":\"a\",\"exp\":1700000000}", ACCESS_JWT_EXPIRED },
    { "{\"sub\":\"a\",\"exp\":1700000000.249}", ACCESS_JWT_EXPIRED },
    { "{\"sub\":\"a\",\"exp\":1700000000.25}", ACCESS_JWT_OK },
    { "{\"sub\":\"a\",\"exp\":1700000001}", ACCESS_JWT_OK },
    { "{\"sub\":\"a\",\"exp\":17.00000001e8}", ACCESS_JWT_OK },
    { "{\"sub\":\"a\",\"exp\":1e300}", ACCESS_JWT_OK },
    { "{\"sub\":\"a\",\"exp\":9223372036854775807}", ACCESS_JWT_OK },
    { "{\"sub\":\"a\",\"exp\":9223372036854775808}", ACCESS_JWT_OK },
    { "{\"sub\":\"a\",\"exp\":99999999999999999999}", ACCESS_JWT_OK },

    /* old and wrong is wrong */
    { "{\"sub\":7,\"exp\":1}", ACCESS_JWT_BAD },
    { "{\"sub\":\"a\",\"exp\":1,\"channels\":7}", ACCESS_JWT_BAD },
    { "{\"sub\":\"a\",\"exp\":1,\"nbf\":1800000000}", ACCESS_JWT_BAD },

    /* nbf */
    { "{" REST ",\"nbf\":1700000000}", ACCESS_JWT_OK },
    { "{" REST ",\"nbf\":1700000005}", ACCESS_JWT_OK },
    { "{" REST ",\"nbf\":1700000005.001}", ACCESS_JWT_BAD },
    { "{" REST ",\"nbf\":1e300}", ACCESS_JWT_BAD },
    { "{" REST ",\"nbf\":-1e300}", ACCESS_JWT_OK },
    { "{" REST ",\"nbf\":0}", ACCESS_JWT_OK },
    { "{" REST ",\"nbf\":null}", ACCESS_JWT_BAD },
    { "{" REST ",\"nbf\":\"0\"}", ACCESS_JWT_BAD },
    { "{" REST ",\"nbf\":[0]}", ACCESS_JWT_BAD },
    { "{" REST ",\"nbf\":{}}", ACCESS_JWT_BAD },
    { "{" REST ",\"nbf\":false}", ACCESS_JWT_BAD },

    /* channels */
    { "{" REST ",\"channels\":[]}", ACCESS_JWT_OK },
    { "{" REST ",\"channels\":[\"\"]}", ACCESS_JWT_OK },
    { "{" REST ",\"channels\":null}", ACCESS_JWT_BAD },
    { "{" REST ",\"channels\":\"**\"}", ACCESS_JWT_BAD },
    { "{" REST ",\"channels\":{\"0\":\"**\"}}", ACCESS_JWT_BAD },
    { "{" REST ",\"channels\":true}", ACCESS_JWT_BAD },
    { "{" REST ",\"channels\":7}", ACCESS_JWT_BAD },
    { "{" REST ",\"channels\":[7]}", ACCESS_JWT_BAD },
    { "{" REST ",\"channels\":[\"a\",null]}", ACCESS_JWT_BAD },
    { "{" REST ",\"channels\":[[\"a\"]]}", ACCESS_JWT_BAD },

    /* permissions */
    { "{" REST ",\"permissions\":[]}", ACCESS_JWT_OK },
    { "{" REST ",\"permissions\":[\"fly\"]}", ACCESS_JWT_OK },
    { "{" REST ",\"permissions\":null}", ACCESS_JWT_BAD },
    { "{" REST ",\"permissions\":\"send\"}", ACCESS_JWT_BAD },
    { "{" REST ",\"permissions\":{\"send\":true}}", ACCESS_JWT_BAD },
    { "{" REST ",\"permissions\":15}", ACCESS_JWT_BAD },
    { "{" REST ",\"permissions\":[15]}", ACCESS_JWT_BAD },
    { "{" REST ",\"permissions\":[\"send\",null]}", ACCESS_JWT_BAD },
    { "{" REST ",\"permissions\":[[\"send\"]]}", ACCESS_JWT_BAD },

    /* the two kinds of metadata */
    { "{" REST ",\"metadata\":{}}", ACCESS_JWT_OK },
    { "{" REST ",\"metadata\":null}", ACCESS_JWT_BAD },
    { "{" REST ",\"metadata\":[]}", ACCESS_JWT_BAD },
    { "{" REST ",\"metadata\":\"{}\"}", ACCESS_JWT_BAD },
    { "{" REST ",\"metadata\":7}", ACCESS_JWT_BAD },
    { "{" REST ",\"metadata\":false}", ACCESS_JWT_BAD },
    { "{" REST ",\"peerMetadata\":{}}", ACCESS_JWT_OK },
    { "{" REST ",\"peerMetadata\":null}", ACCESS_JWT_BAD },
    { "{" REST ",\"peerMetadata\":[]}", ACCESS_JWT_BAD },
    { "{" REST ",\"peerMetadata\":\"{}\"}", ACCESS_JWT_BAD },
    { "{" REST ",\"peerMetadata\":7}", ACCESS_JWT_BAD },
    { "{" REST ",\"peerMetadata\":true}", ACCESS_JWT_BAD }
};


static access_jwt_e
read_claims(const char *claims)
{
    return make_verify(&keys, make_mac(ACCESS_HS256, &key_a.secret,
                                       MAKE_HEADER, claims));
}


static void
test_rules(void)
{
    size_t         i;
    access_jwt_e   rc;

    for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        rc = read_claims(rules[i].claims);

        ok(rc == rules[i].rc, rules[i].claims);

        if (rc != ACCESS_JWT_OK && make_claims.owned != NULL) {
            ok(0, "claims are filled in with a good token only");
        }

        if ((rc == ACCESS_JWT_BAD) != (make_found == NULL)) {
            ok(0, "the key is told of good and of old tokens");
        }
    }
}


static void
test_sub(void)
{
    int      good;
    char     claims[512];
    size_t   i;
    slice_t  sub = slice(" ~\"\\/");

    ok(read_claims("{\"exp\":2e9,\"sub\":\" ~\\\"\\\\\\/\"}") == ACCESS_JWT_OK
       && slice_eq(&make_claims.sub, &sub), "sub is taken as it is");

    good = 1;

    for (i = 1; i < 200; i++) {
        snprintf(claims, sizeof(claims), "{\"exp\":2e9,\"sub\":\"%0*d\"}",
                 (int) i, 0);

        if (read_claims(claims)
            != (i <= 128 ? ACCESS_JWT_OK : ACCESS_JWT_BAD))
        {
            good = 0;
        }
    }

    ok(good, "sub has at most 128 bytes");
}


static void
test_exp(void)
{
    ok(read_claims("{\"sub\":\"a\",\"exp\":1893456000}") == ACCESS_JWT_OK
       && make_claims.exp == INT64_C(1893456000000), "exp in milliseconds");

    ok(read_claims("{\"sub\":\"a\",\"exp\":1893456000.75}") == ACCESS_JWT_OK
       && make_claims.exp == INT64_C(1893456000750), "with a fraction");

    ok(read_claims("{\"sub\":\"a\",\"exp\":1893456000.99999}")
       == ACCESS_JWT_OK
       && make_claims.exp == INT64_C(1893456000999), "rounded down");

    ok(read_claims("{\"sub\":\"a\",\"exp\":1e300}") == ACCESS_JWT_OK
       && make_claims.exp == INT64_C(9000000000000000000)
       && read_claims("{\"sub\":\"a\",\"exp\":9999999999999999}")
          == ACCESS_JWT_OK
       && make_claims.exp == INT64_C(9000000000000000000),
       "no later than what 64 bits hold");

    ok(read_claims("{\"sub\":\"a\",\"exp\":1000001763732877}")
       == ACCESS_JWT_OK
       && make_claims.exp == INT64_C(1000001763732877000)
       && read_claims("{\"sub\":\"a\",\"exp\":999999999999.5}")
          == ACCESS_JWT_OK
       && make_claims.exp == INT64_C(999999999999500),
       "exact when far ahead");
}


static void
test_nbf(void)
{
    ok(read_claims("{" REST ",\"nbf\":1700000005.0001}") == ACCESS_JWT_OK,
       "nbf is rounded down too");
}


static void
test_channels(void)
{
    slice_t  first = slice("a/*"), second = slice("\"\xc3\xa4\\*"),
             nul = slice("b\0c");

    ok(read_claims("{" REST "}") == ACCESS_JWT_OK
       && !make_claims.has_channels && make_claims.nchannels == 0,
       "no channels claim");

    ok(read_claims("{" REST ",\"channels\":[]}") == ACCESS_JWT_OK
       && make_claims.has_channels && make_claims.nchannels == 0,
       "no channels");

    ok(read_claims("{\"channels\":[\"a/*\",\"\\\"\\u00e4\\\\*\",\"b\\u0000c\""
                   "]," REST "}") == ACCESS_JWT_OK
       && make_claims.has_channels && make_claims.nchannels == 3
       && slice_eq(&make_claims.channels[0], &first)
       && slice_eq(&make_claims.channels[1], &second)
       && slice_eq(&make_claims.channels[2], &nul), "some channels");
}


static void
test_permissions(void)
{
    ok(read_claims("{" REST "}") == ACCESS_JWT_OK
       && make_claims.actions == ACCESS_ALL, "no permissions claim");

    ok(read_claims("{" REST ",\"permissions\":[]}") == ACCESS_JWT_OK
       && make_claims.actions == 0, "no permissions");

    ok(read_claims("{" REST ",\"permissions\":[\"subscribe\"]}")
       == ACCESS_JWT_OK && make_claims.actions == ACCESS_SUBSCRIBE
       && read_claims("{" REST ",\"permissions\":[\"publish\"]}")
          == ACCESS_JWT_OK && make_claims.actions == ACCESS_PUBLISH
       && read_claims("{" REST ",\"permissions\":[\"send\"]}")
          == ACCESS_JWT_OK && make_claims.actions == ACCESS_SEND
       && read_claims("{" REST ",\"permissions\":[\"presence\"]}")
          == ACCESS_JWT_OK && make_claims.actions == ACCESS_PRESENCE,
       "each permission");

    ok(read_claims("{" REST ",\"permissions\":[\"send\",\"Send\",\"sendx\","
                   "\"publish\\u0000\",\"\",\"presence\",\"send\"]}")
       == ACCESS_JWT_OK
       && make_claims.actions == (ACCESS_SEND|ACCESS_PRESENCE),
       "unknown permissions are ignored");
}


static void
test_metadata(void)
{
    slice_t  one = slice("{\"a\":[1,{\"b\":\" \"}]}"), two = slice("{}");

    ok(read_claims("{" REST ",\"metadata\":{\"a\":[1,{\"b\":\" \"}]},"
                   "\"peerMetadata\":{}}") == ACCESS_JWT_OK
       && slice_eq(&make_claims.metadata, &one)
       && slice_eq(&make_claims.peer_metadata, &two)
       && !make_claims.has_ice, "metadata and peerMetadata");

    ok(read_claims("{" REST ",\"x\":{\"metadata\":{\"c\":1}},\"y\":[\"}\","
                   "\"\\\"{\"],\"peerMetadata\":{},\"m\\u0065tadata\":"
                   "{\"a\":[1,{\"b\":\" \"}]}}") == ACCESS_JWT_OK
       && slice_eq(&make_claims.metadata, &one)
       && slice_eq(&make_claims.peer_metadata, &two),
       "found by the name of the outermost members");

    ok(read_claims("{" REST ",\"metadata\":{\"iceServers\":null}}")
       == ACCESS_JWT_OK && make_claims.has_ice
       && read_claims("{" REST ",\"metadata\":{\"ice\\u0053ervers\":[]}}")
          == ACCESS_JWT_OK && make_claims.has_ice,
       "iceServers, whatever they are");

    ok(read_claims("{" REST ",\"turn\":false}") == ACCESS_JWT_OK
       && make_claims.no_turn
       && read_claims("{" REST ",\"turn\":true}") == ACCESS_JWT_OK
       && !make_claims.no_turn
       && read_claims("{" REST ",\"turn\":\"no\"}") == ACCESS_JWT_OK
       && !make_claims.no_turn
       && read_claims("{" REST "}") == ACCESS_JWT_OK && !make_claims.no_turn,
       "only false takes TURN away");

    ok(read_claims("{" REST ",\"metadata\":{\"a\":{\"iceServers\":[]}},"
                   "\"peerMetadata\":{\"iceServers\":[]}}")
       == ACCESS_JWT_OK && !make_claims.has_ice, "and iceServers elsewhere");

    test_metadata_size("metadata", ACCESS_METADATA_MAX);
    test_metadata_size("peerMetadata", ACCESS_PEER_META_MAX);
}


static void
test_metadata_size(const char *name, size_t max)
{
    int   fill;
    char  claims[ACCESS_JWT_MAX];

    /* {"k":"..."} has 8 bytes beside the dots */

    fill = (int) max - 8;

    snprintf(claims, sizeof(claims),
             "{" REST ",\"%s\":{\"k\":\"%0*d\"}}", name, fill, 0);

    ok(read_claims(claims) == ACCESS_JWT_OK
       && make_claims.metadata.len + make_claims.peer_metadata.len == max,
       name);

    snprintf(claims, sizeof(claims),
             "{" REST ",\"%s\": {\n\t\"k\" : \"%0*d\"\r\n} }", name, fill, 0);

    ok(read_claims(claims) == ACCESS_JWT_OK
       && make_claims.metadata.len + make_claims.peer_metadata.len == max,
       "white space does not count");

    snprintf(claims, sizeof(claims),
             "{" REST ",\"%s\":{\"k\":\"%0*d\"}}", name, fill + 1, 0);

    ok(read_claims(claims) == ACCESS_JWT_BAD, "a byte too much");
}


static void
test_metadata_raw(void)
{
    slice_t  raw = slice("{\"n\":[1.0,1e2,-0,0.1,123456789012345678901234],"
                         "\"s\":\"\\u00e4\\/ \\\" \\\\\",\"z\":\"\\u0000\","
                         "\"b\":2,\"a\":1}");

    ok(read_claims("{" REST ",\"metadata\": { \"n\" : [1.0 , 1e2,-0 ,0.1,"
                   "\t123456789012345678901234 ],\"s\":"
                   "\"\\u00e4\\/ \\\" \\\\\",\"z\":\"\\u0000\","
                   "\"b\":2,\"a\":1}}") == ACCESS_JWT_OK
       && slice_eq(&make_claims.metadata, &raw),
       "metadata keeps its numbers, escapes and order");
}


/* the boundaries, at moments that are no whole seconds */

static void
test_clock(void)
{
    slice_t  token;

    access_claims_free(&make_claims);

    token = make_mac(ACCESS_HS256, &key_a.secret, MAKE_HEADER,
                     "{\"sub\":\"a\",\"exp\":1800000000}");

    ok(access_jwt_verify(&keys, &token, INT64_C(1799999999750), &make_found,
                         &make_claims)
       == ACCESS_JWT_OK, "250 ms are left");

    access_claims_free(&make_claims);

    ok(access_jwt_verify(&keys, &token, INT64_C(1799999999751), &make_found,
                         &make_claims)
       == ACCESS_JWT_EXPIRED && make_found == &key_a, "249 ms are left");

    token = make_mac(ACCESS_HS256, &key_a.secret, MAKE_HEADER,
                     "{\"sub\":\"a\",\"exp\":1900000000,\"nbf\":1800000000}");

    ok(access_jwt_verify(&keys, &token, INT64_C(1799999995000), &make_found,
                         &make_claims)
       == ACCESS_JWT_OK, "nbf lies 5 s ahead");

    access_claims_free(&make_claims);

    ok(access_jwt_verify(&keys, &token, INT64_C(1799999994999), &make_found,
                         &make_claims)
       == ACCESS_JWT_BAD, "and a millisecond more");

    token.data[token.len - 3] ^= 1;

    ok(access_jwt_verify(&keys, &token, INT64_C(1999999999999), &make_found,
                         &make_claims)
       == ACCESS_JWT_BAD && make_found == NULL,
       "a forged token is not said to be old");
}


int
main(void)
{
    test_rules();
    test_sub();
    test_exp();
    test_nbf();
    test_channels();
    test_permissions();
    test_metadata();
    test_metadata_raw();
    test_clock();

    access_claims_free(&make_claims);

    return tap_done();
}
