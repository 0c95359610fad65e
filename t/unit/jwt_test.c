
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of access: the form of a token and its signature, docs/protocol.md
 * 11.1 and 11.4.
 */


#include <openssl/pem.h>

#include "jwt_keys.h"
#include "jwt_make.h"
#include "tap.h"


#define CLAIMS  "{\"sub\":\"a\",\"exp\":2000000000}"


/* an example of an RFC: what was signed, its signature, the key */

typedef struct {
    const char          *name;
    access_algorithm_e   algorithm;
    const char          *key;
    const char          *token;
} vector_t;


static void test_base64url(void);
static void test_vectors(void);
static void test_protocol_vector(void);
static void test_sign(void);
static void test_symmetric(void);
static void test_public(void);
static void test_ecdsa_forms(void);
static EVP_PKEY *read_pem(const char *text);
static int verify_vector(const vector_t *v, int damage);


/* RFC 7515, appendices A.1 to A.3, and RFC 8037, appendix A.4 */

static const vector_t  vectors[] = {

    { "RFC 7515 A.1, HS256", ACCESS_HS256,
      "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4"
      "hcgUuTwjAzZr1Z9CAow",
      "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGx"
      "lLmNvbS9pc19yb290Ijp0cnVlfQ."
      "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" },

    { "RFC 7515 A.2, RS256", ACCESS_RS256,
      "-----BEGIN PUBLIC KEY-----\n"
      "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAofgWCuLjybRlzo0tZWJj\n"
      "NiuSfb4p4fAkd/wWJcyQoTbji9k0l8W26mPddxHmfHQp+Vaw+4qPCJrcS2mJPMEz\n"
      "P1Pt0Bm4d4QlL+yRT+SFd2lZS+pCgNMsD1W/YpRPEwOWvG6b32690r2jZ47soMZo\n"
      "9wGzjb/7OMg0LOL+bSf63kpaSHSXndS5z5rexMdbBYUsLA9e+KXBdQOS+UTo7WTB\n"
      "EMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6/I5IhlJH7aGhyxX\n"
      "FvUK+DWNmoudF8NAco9/h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXp\n"
      "oQIDAQAB\n"
      "-----END PUBLIC KEY-----\n",
      "eyJhbGciOiJSUzI1NiJ9."
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGx"
      "lLmNvbS9pc19yb290Ijp0cnVlfQ."
      "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAu"
      "HIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRF"
      "diuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_"
      "eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6I"
      "eYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUP"
      "QGe77Rw" },

    { "RFC 7515 A.3, ES256", ACCESS_ES256,
      "-----BEGIN PUBLIC KEY-----\n"
      "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n"
      "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
      "-----END PUBLIC KEY-----\n",
      "eyJhbGciOiJFUzI1NiJ9."
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGx"
      "lLmNvbS9pc19yb290Ijp0cnVlfQ."
      "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmW"
      "QxfKTUJqPP3-Kg6NU1Q" },

    { "RFC 8037 A.4, EdDSA", ACCESS_EDDSA,
      "-----BEGIN PUBLIC KEY-----\n"
      "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
      "-----END PUBLIC KEY-----\n",
      "eyJhbGciOiJFZERTQSJ9."
      "RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
      "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVs"
      "Pt9g7sVvpAr_MuM0KAg" }
};


/* docs/protocol.md 11.4 */

static const char  protocol_token[] =
    "eyJhbGciOiJIUzI1NiIsImtpZCI6InNrX2lkX3Rlc3QxIiwidHlwIjoiSldUIn0."
    "eyJzdWIiOiJhbGljZSIsImV4cCI6MTg5MzQ1NjAwMCwiY2hhbm5lbHMiOlsicm9vbS0qIl0"
    "sInBlcm1pc3Npb25zIjpbInB1Ymxpc2giLCJzdWJzY3JpYmUiLCJwcmVzZW5jZSIsInNlbm"
    "QiXX0."
    "JvsODQ9rREJZmYzx4EWV9F-YN0USpX6qjvOoX2YCzBY";

static const char  protocol_claims[] =
    "{\"sub\":\"alice\",\"exp\":1893456000,\"channels\":[\"room-*\"],"
    "\"permissions\":[\"publish\",\"subscribe\",\"presence\",\"send\"]}";


static void
test_base64url(void)
{
    int           good;
    size_t        i;
    u_char        buf[64];
    slice_t       text, token;
    access_jws_t  jws;

    /* RFC 4648, section 10, without padding, and its section 5 */

    static const char  *texts[][2] = {
        { "", "" }, { "f", "Zg" }, { "fo", "Zm8" }, { "foo", "Zm9v" },
        { "foob", "Zm9vYg" }, { "fooba", "Zm9vYmE" },
        { "foobar", "Zm9vYmFy" }, { "\xfb\xff\xbf", "-_-_" }
    };

    static const char  *bad[] = {
        "Z", "Zm9vY", "Zg==", "Zm8=", "Zm9v=", "Zh", "Zm9", "Zm9vYh", "Z g",
        "Zg\n", "Zm9v\n", "+/+/", "Zm9v!", "Zm\x80v", "Zm9vZ"
    };

    good = 1;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        text = text_slice(texts[i][0]);

        if (access_base64url_len(text.len) != strlen(texts[i][1])
            || access_base64url(buf, &text) != buf + strlen(texts[i][1])
            || memcmp(buf, texts[i][1], strlen(texts[i][1])) != 0)
        {
            good = 0;
        }

        snprintf((char *) buf, sizeof(buf), "..%s", texts[i][1]);
        token = text_slice((char *) buf);

        if (access_jws_split(&jws, &token) == -1
            || access_jws_decode(&jws, make_buf) == -1
            || !slice_eq(&jws.signature, &text))
        {
            good = 0;
        }
    }

    ok(good, "base64url goes there and back");

    good = 1;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf((char *) buf, sizeof(buf), "..%s", bad[i]);
        token = text_slice((char *) buf);

        if (access_jws_split(&jws, &token) == 0
            && access_jws_decode(&jws, make_buf) == 0)
        {
            printf("# %s is accepted\n", bad[i]);
            good = 0;
        }
    }

    ok(good, "padding, other letters and other forms are refused");
}


static EVP_PKEY *
read_pem(const char *text)
{
    BIO       *bio;
    EVP_PKEY  *pkey;

    bio = BIO_new_mem_buf(text, -1);
    pkey = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    BIO_free(bio);

    if (pkey == NULL) {
        printf("Bail out! no key\n");
        exit(1);
    }

    return pkey;
}


/* damage is -1, or the byte of the signature that is changed */

static int
verify_vector(const vector_t *v, int damage)
{
    u_char        buf[2048], key_buf[2048];
    slice_t       token, secret;
    access_key_t  key;
    access_jws_t  jws, secret_jws;
    access_jwt_e  rc;

    memset(&key, 0, sizeof(key));

    key.type = ACCESS_SECRET;
    key.algorithm = v->algorithm;

    if (access_is_asymmetric(v->algorithm)) {
        key.public_key = make_public(read_pem(v->key));

    } else {
        snprintf((char *) buf, sizeof(buf), "..%s", v->key);
        secret = text_slice((char *) buf);

        access_jws_split(&secret_jws, &secret);
        access_jws_decode(&secret_jws, key_buf);

        key.secret = secret_jws.signature;
    }

    token = text_slice(v->token);

    if (access_jws_split(&jws, &token) == -1
        || access_jws_decode(&jws, make_buf) == -1)
    {
        return 0;
    }

    if (damage >= 0) {
        jws.signature.data[damage] ^= 0x10;
    }

    rc = access_jws_verify(&key, &jws);

    access_public_key_free(key.public_key);

    return rc == ACCESS_JWT_OK;
}


static void
test_vectors(void)
{
    size_t  i;

    for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        ok(verify_vector(&vectors[i], -1) == 1, vectors[i].name);

        ok(verify_vector(&vectors[i], 0) == 0
           && verify_vector(&vectors[i], 31) == 0,
           "and not with another signature");
    }
}


static void
test_protocol_vector(void)
{
    slice_t  room = slice("room-*"), alice = slice("alice");

    ok(make_verify(&keys, text_slice(protocol_token)) == ACCESS_JWT_OK
       && make_found == &key_test1, "the token of the protocol is good");

    ok(slice_eq(&make_claims.sub, &alice)
       && make_claims.exp == INT64_C(1893456000000)
       && make_claims.has_channels && make_claims.nchannels == 1
       && slice_eq(&make_claims.channels[0], &room)
       && make_claims.actions == ACCESS_ALL
       && make_claims.metadata.len == 0
       && make_claims.peer_metadata.len == 0
       && !make_claims.has_ice, "its claims");
}


static void
test_sign(void)
{
    size_t   len;
    u_char   buf[1024];
    slice_t  claims, token;

    claims = text_slice(protocol_claims);
    len = access_jwt_len(&key_test1, claims.len);

    ok(len == strlen(protocol_token)
       && access_jwt_sign(buf, &key_test1, &claims) == 0
       && memcmp(buf, protocol_token, len) == 0,
       "the token of the protocol is signed, byte for byte");

    token.data = buf;
    token.len = access_jwt_len(&key_b, claims.len);

    ok(access_jwt_sign(buf, &key_b, &claims) == 0
       && make_verify(&keys, token) == ACCESS_JWT_OK && make_found == &key_b,
       "a token of HS512 is verified with its key");

    key_b.algorithm = ACCESS_HS384;
    token.len = access_jwt_len(&key_b, claims.len);

    ok(access_jwt_sign(buf, &key_b, &claims) == 0
       && make_verify(&keys, token) == ACCESS_JWT_OK, "and one of HS384");

    key_b.algorithm = ACCESS_HS512;

    ok(make_verify(&keys, token) == ACCESS_JWT_BAD,
       "and not when the key has another algorithm");

    ok(access_jwt_len(&key_rsa, 10) == 0 && access_jwt_len(&key_digest, 1) == 0
       && access_jwt_len(&key_public, 10) == 0
       && access_jwt_sign(buf, &key_rsa, &claims) == -1
       && access_jwt_sign(buf, &key_digest, &claims) == -1
       && access_jwt_sign(buf, &key_public, &claims) == -1,
       "public keys, digests and publishable keys sign nothing");
}


static void
test_symmetric(void)
{
    slice_t  empty = slice(""), wrong = slice("sk_secret_a ");

    ok(make_verify(&keys, make_mac(ACCESS_HS256, &key_a.secret, MAKE_HEADER,
                                   CLAIMS))
       == ACCESS_JWT_OK && make_found == &key_a, "HS256");

    ok(make_verify(&keys, make_mac(ACCESS_HS256, &wrong, MAKE_HEADER, CLAIMS))
       == ACCESS_JWT_BAD && make_found == NULL, "another secret");

    ok(make_verify(&keys, make_mac(ACCESS_HS256, &key_b.secret, MAKE_HEADER,
                                   CLAIMS))
       == ACCESS_JWT_BAD, "the secret of another key");

    ok(make_verify(&keys, make_mac(ACCESS_HS512, &key_a.secret, MAKE_HEADER,
                                   CLAIMS))
       == ACCESS_JWT_BAD, "another algorithm than the header says");

    ok(make_verify(&keys, make_mac(ACCESS_HS512, &key_a.secret,
                                   "{\"alg\":\"HS512\",\"kid\":\"sk_id_a\"}",
                                   CLAIMS))
       == ACCESS_JWT_BAD, "another algorithm than that of the key");

    key_a.secret = empty;

    ok(make_verify(&keys, make_mac(ACCESS_HS256, &wrong, MAKE_HEADER, CLAIMS))
       == ACCESS_JWT_ERROR, "a key without a secret verifies nothing");

    key_a.secret = text_slice("sk_secret_a");
}


static void
test_public(void)
{
    char                  header[64];
    size_t                i;
    slice_t               token;
    access_public_key_t  *other;

    static access_key_t  *asymmetric[] = { &key_rsa, &key_ec, &key_ed };

    key_rsa.public_key = make_public(EVP_RSA_gen(2048));
    key_ec.public_key = make_public(EVP_EC_gen("P-256"));
    key_ed.public_key = make_public(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));

    for (i = 0; i < 3; i++) {
        snprintf(header, sizeof(header), "{\"alg\":\"%s\",\"kid\":\"%s\"}",
                 access_algorithm_name(asymmetric[i]->algorithm),
                 (char *) asymmetric[i]->id.data);

        token = make_signed(make_pkey(asymmetric[i]), header, CLAIMS);

        ok(make_verify(&keys, token) == ACCESS_JWT_OK
           && make_found == asymmetric[i],
           access_algorithm_name(asymmetric[i]->algorithm));

        make_buf[token.len - 5] ^= 0x01;

        ok(make_verify(&keys, token) == ACCESS_JWT_BAD, "damaged");

        other = asymmetric[i]->public_key;

        token = make_signed(make_pkey(asymmetric[i]), header, CLAIMS);
        asymmetric[i]->public_key = NULL;

        ok(make_verify(&keys, token) == ACCESS_JWT_ERROR, "without its key");

        asymmetric[i]->public_key = asymmetric[(i + 1) % 3]->public_key;

        ok(make_verify(&keys, token) == ACCESS_JWT_ERROR,
           "with a key of another type");

        asymmetric[i]->public_key = other;
    }
}


/* r and s of any length, which raw and DER write differently */

static void
test_ecdsa_forms(void)
{
    int           good, is_short;
    size_t        i;
    u_char        raw[64], decoded[512];
    slice_t       token;
    access_jws_t  jws;

    static const char  header[] = "{\"alg\":\"ES256\",\"kid\":\"sk_ec\"}";

    good = 1;
    is_short = 0;

    for (i = 0; i < 2000 && (i < 100 || !is_short); i++) {
        token = make_signed(make_pkey(&key_ec), header, CLAIMS);

        if (make_verify(&keys, token) != ACCESS_JWT_OK) {
            good = 0;
        }

        access_jws_split(&jws, &token);
        access_jws_decode(&jws, decoded);

        if (jws.signature.data[0] == 0 || jws.signature.data[32] == 0) {
            is_short = 1;
        }
    }

    ok(good && is_short, "ES256, also with a short number");

    memset(raw, 0, sizeof(raw));
    jws.signature.data = raw;
    jws.signature.len = 64;

    ok(access_jws_verify(&key_ec, &jws) == ACCESS_JWT_BAD, "r and s of 0");

    jws.signature.len = 63;

    ok(access_jws_verify(&key_ec, &jws) == ACCESS_JWT_BAD, "63 bytes");

    jws.signature.len = 0;

    ok(access_jws_verify(&key_ec, &jws) == ACCESS_JWT_BAD
       && access_jws_verify(&key_ed, &jws) == ACCESS_JWT_BAD
       && access_jws_verify(&key_rsa, &jws) == ACCESS_JWT_BAD
       && access_jws_verify(&key_a, &jws) == ACCESS_JWT_BAD, "none at all");
}


int
main(void)
{
    test_base64url();
    test_vectors();
    test_protocol_vector();
    test_sign();
    test_symmetric();
    test_public();
    test_ecdsa_forms();

    access_claims_free(&make_claims);

    access_public_key_free(key_rsa.public_key);
    access_public_key_free(key_ec.public_key);
    access_public_key_free(key_ed.public_key);

    return tap_done();
}
