
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of access: forged tokens, docs/protocol.md 11.1.
 */


#include <openssl/pem.h>

#include "jwt_keys.h"
#include "jwt_make.h"
#include "tap.h"


#define CLAIMS  "{\"sub\":\"a\",\"exp\":2000000000}"


static void test_confusion(void);
static void test_header(void);
static void test_form(void);
static void test_every_byte(void);
static void test_length(void);


/* the public key of an asymmetric kid is no secret */

static void
test_confusion(void)
{
    BIO      *bio;
    char     *pem;
    slice_t   secret;

    bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PUBKEY(bio, make_pkey(&key_rsa));

    secret.len = (size_t) BIO_get_mem_data(bio, &pem);
    secret.data = (u_char *) pem;

    ok(make_verify(&keys, make_mac(ACCESS_HS256, &secret,
                                   "{\"alg\":\"HS256\",\"kid\":\"sk_rsa\"}",
                                   CLAIMS))
       == ACCESS_JWT_BAD, "HS256 with the PEM of an RSA key");

    ok(make_verify(&keys, make_mac(ACCESS_HS256, &secret,
                                   "{\"alg\":\"RS256\",\"kid\":\"sk_rsa\"}",
                                   CLAIMS))
       == ACCESS_JWT_BAD, "the same and called RS256");

    ok(make_verify(&keys, make_signed(make_pkey(&key_ec),
                                   "{\"alg\":\"ES256\",\"kid\":\"sk_id_a\"}",
                                   CLAIMS))
       == ACCESS_JWT_BAD, "ES256 with the kid of a secret");

    ok(make_verify(&keys, make_signed(make_pkey(&key_ed),
                                   "{\"alg\":\"EdDSA\",\"kid\":\"sk_ec\"}",
                                   CLAIMS))
       == ACCESS_JWT_BAD, "EdDSA with the kid of an EC key");

    BIO_free(bio);
}


static void
test_header(void)
{
    size_t  i;

    static const char  *good[] = {
        "{\"alg\":\"HS256\",\"kid\":\"sk_id_a\"}",
        " {\t\"kid\":\"sk_id_a\" ,\r\n\"alg\":\"HS256\"} ",
        "{\"\\u0061lg\":\"HS\\u0032\\u0035\\u0036\",\"kid\":\"sk_id_a\"}",
        "{\"alg\":\"HS256\",\"kid\":\"sk_id_a\",\"typ\":null}",
        "{\"alg\":\"HS256\",\"kid\":\"sk_id_a\",\"typ\":\"x\",\"cty\":[1]}",
        "{\"alg\":\"HS256\",\"kid\":\"sk_id_a\",\"jwk\":{},\"b64\":true}",
        "{\"alg\":\"HS256\",\"kid\":\"sk_id_a\",\"jku\":\"https://a.b\"}"
    };

    static const char  *bad[] = {
        "",
        "null",
        "[]",
        "[{\"alg\":\"HS256\",\"kid\":\"sk_id_a\"}]",
        "\"HS256\"",
        "{}",
        "{\"alg\":\"HS256\"}",
        "{\"kid\":\"sk_id_a\"}",
        "{\"alg\":\"none\",\"kid\":\"sk_id_a\"}",
        "{\"alg\":\"None\",\"kid\":\"sk_id_a\"}",
        "{\"alg\":\"NONE\",\"kid\":\"sk_id_a\"}",
        "{\"alg\":\"\",\"kid\":\"sk_id_a\"}",
        "{\"alg\":\"hs256\",\"kid\":\"sk_id_a\"}",
        "{\"alg\":\"HS2567\",\"kid\":\"sk_id_a\"}",
        "{\"alg\":\"HS256\\u0000\",\"kid\":\"sk_id_a\"}",
        "{\"alg\":\"HS384\",\"kid\":\"sk_id_a\"}",
        "{\"alg\":\"RS256\",\"kid\":\"sk_id_a\"}",
        "{\"alg\":null,\"kid\":\"sk_id_a\"}",
        "{\"alg\":[\"HS256\"],\"kid\":\"sk_id_a\"}",
        "{\"alg\":256,\"kid\":\"sk_id_a\"}",
        "{\"alg\":\"HS256\",\"kid\":\"sk_id_b\"}",
        "{\"alg\":\"HS256\",\"kid\":\"sk_id_unknown\"}",
        "{\"alg\":\"HS256\",\"kid\":\"\"}",
        "{\"alg\":\"HS256\",\"kid\":\"SK_ID_A\"}",
        "{\"alg\":\"HS256\",\"kid\":\"sk_id_a\\u0000\"}",
        "{\"alg\":\"HS256\",\"kid\":\"sk_id_a:sk_secret_a\"}",
        "{\"alg\":\"HS256\",\"kid\":\"pk_live\"}",
        "{\"alg\":\"HS256\",\"kid\":\"sk_digest\"}",
        "{\"alg\":\"HS256\",\"kid\":null}",
        "{\"alg\":\"HS256\",\"kid\":7}",
        "{\"alg\":\"HS256\",\"kid\":[\"sk_id_a\"]}",
        "{\"alg\":\"HS256\",\"kid\":\"sk_id_a\",\"crit\":[]}",
        "{\"alg\":\"HS256\",\"kid\":\"sk_id_a\",\"crit\":[\"exp\"]}",
        "{\"alg\":\"HS256\",\"kid\":\"sk_id_a\",\"crit\":null}",
        "{\"alg\":\"none\",\"alg\":\"HS256\",\"kid\":\"sk_id_a\"}",
        "{\"alg\":\"HS256\",\"alg\":\"HS256\",\"kid\":\"sk_id_a\"}",
        "{\"alg\":\"HS256\",\"kid\":\"sk_id_b\",\"kid\":\"sk_id_a\"}",
        "{\"alg\":\"HS256\",\"kid\":\"sk_id_a\",\"x\":{\"y\":1,\"y\":2}}",
        "{\"alg\":\"HS256\",\"kid\":\"sk_id_a\"} {}",
        "{\"alg\":\"HS256\",\"kid\":\"sk_id_a\"}x",
        "{\"alg\":\"HS256\",\"kid\":\"sk_id_a\"",
        "{\"alg\":\"HS256\",\"kid\":\"sk_id_a\",}",
        "{'alg':'HS256','kid':'sk_id_a'}",
        "\xef\xbb\xbf{\"alg\":\"HS256\",\"kid\":\"sk_id_a\"}",
        "{\"alg\":\"HS256\",\"kid\":\"sk_id_a\",\"x\":\"\xff\"}"
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ok(make_verify(&keys, make_mac(ACCESS_HS256, &key_a.secret, good[i],
                                       CLAIMS))
           == ACCESS_JWT_OK, "a good header");
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ok(make_verify(&keys, make_mac(ACCESS_HS256, &key_a.secret, bad[i],
                                       CLAIMS))
           == ACCESS_JWT_BAD && make_found == NULL, bad[i]);
    }
}


/* what is done to the text of a good token */

static void
test_form(void)
{
    char      text[1024], *dot;
    size_t    i;
    slice_t   token;

    static const char  *behind[] = {
        ".", "..", "=", "==", "A", "AA", " ", "\n", ".e30", ".AAAA", "&", "#"
    };

    token = make_mac(ACCESS_HS256, &key_a.secret, MAKE_HEADER, CLAIMS);

    for (i = 0; i < sizeof(behind) / sizeof(behind[0]); i++) {
        snprintf(text, sizeof(text), "%.*s%s", (int) token.len,
                 (char *) token.data, behind[i]);

        ok(make_verify(&keys, text_slice(text)) == ACCESS_JWT_BAD,
           "something behind the signature");
    }

    snprintf(text, sizeof(text), "%.*s", (int) token.len + 1,
             (char *) token.data);

    text[token.len] = '\0';

    ok(make_verify(&keys, text_slice(text)) == ACCESS_JWT_OK, "nothing behind");

    dot = strrchr(text, '.');
    dot[1] = '\0';

    ok(make_verify(&keys, text_slice(text)) == ACCESS_JWT_BAD,
       "an empty signature");

    dot[0] = '\0';

    ok(make_verify(&keys, text_slice(text)) == ACCESS_JWT_BAD,
       "no signature and no dot");

    dot = strrchr(text, '.');
    dot[0] = '\0';

    ok(make_verify(&keys, text_slice(text)) == ACCESS_JWT_BAD,
       "only a header");

    ok(make_verify(&keys, text_slice("")) == ACCESS_JWT_BAD
       && make_verify(&keys, text_slice(".")) == ACCESS_JWT_BAD
       && make_verify(&keys, text_slice("..")) == ACCESS_JWT_BAD
       && make_verify(&keys, text_slice("...")) == ACCESS_JWT_BAD
       && make_verify(&keys, text_slice("a.b.c")) == ACCESS_JWT_BAD
       && make_verify(&keys, text_slice("e30.e30.")) == ACCESS_JWT_BAD,
       "hardly a token");
}


/* one letter changed, to each of some others, at each place */

static void
test_every_byte(void)
{
    int      good;
    u_char   was, copy[512];
    size_t   i, n;
    slice_t  token;

    static const char  others[] = "AZaz09-_.=+/ ";

    token = make_mac(ACCESS_HS256, &key_a.secret, MAKE_HEADER, CLAIMS);

    memcpy(copy, token.data, token.len);
    token.data = copy;

    good = 1;

    for (i = 0; i < token.len; i++) {
        was = copy[i];

        for (n = 0; n < sizeof(others); n++) {

            if ((u_char) others[n] == was) {
                continue;
            }

            copy[i] = (u_char) others[n];

            if (make_verify(&keys, token) != ACCESS_JWT_BAD) {
                good = 0;
            }
        }

        copy[i] = was;
    }

    ok(good, "no letter can be changed");

    good = 1;

    while (token.len) {
        token.len--;

        if (make_verify(&keys, token) != ACCESS_JWT_BAD) {
            good = 0;
        }
    }

    ok(good, "none can be left out at the end");
}


static void
test_length(void)
{
    char     claims[ACCESS_JWT_MAX];
    size_t   n;
    slice_t  token;

    /* claims of n bytes are 4/3 of that, the rest has 103 */

    for (n = 12700; n < 25000; n += 12200) {
        snprintf(claims, sizeof(claims), "{\"sub\":\"a\",\"exp\":2e9,\"x\":\""
                 "%0*d\"}", (int) n, 0);

        token = make_mac(ACCESS_HS256, &key_a.secret, MAKE_HEADER, claims);

        ok(token.len > 17000
           && make_verify(&keys, token)
              == (token.len > ACCESS_JWT_MAX ? ACCESS_JWT_BAD
                                             : ACCESS_JWT_OK),
           n < 20000 ? "17 KB" : "33 KB are refused");
    }

    for (n = 24000; n < 25000; n++) {
        snprintf(claims, sizeof(claims), "{\"sub\":\"a\",\"exp\":2e9,\"x\":\""
                 "%0*d\"}", (int) n, 0);

        token = make_mac(ACCESS_HS256, &key_a.secret, MAKE_HEADER, claims);

        if (token.len > ACCESS_JWT_MAX) {
            break;
        }
    }

    ok(make_verify(&keys, token) == ACCESS_JWT_BAD, "a byte too long");

    claims[strlen(claims) - 3] = '"';
    claims[strlen(claims) - 2] = '}';
    claims[strlen(claims) - 1] = '\0';

    token = make_mac(ACCESS_HS256, &key_a.secret, MAKE_HEADER, claims);

    ok(token.len <= ACCESS_JWT_MAX && token.len > ACCESS_JWT_MAX - 4
       && make_verify(&keys, token) == ACCESS_JWT_OK, "as long as may be");
}


int
main(void)
{
    key_rsa.public_key = make_public(EVP_RSA_gen(2048));
    key_ec.public_key = make_public(EVP_EC_gen("P-256"));
    key_ed.public_key = make_public(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));

    test_confusion();
    test_header();
    test_form();
    test_every_byte();
    test_length();

    access_claims_free(&make_claims);

    access_public_key_free(key_rsa.public_key);
    access_public_key_free(key_ec.public_key);
    access_public_key_free(key_ed.public_key);

    return tap_done();
}
