
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Signatures of RFC 7518, section 3, and RFC 8037, by OpenSSL.  Public keys
 * come parsed with the configuration.
 */


#include <limits.h>

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "jwt_inner.h"


#define ACCESS_ES256_LEN       64      /* r and s, 32 bytes each */
#define ACCESS_EDDSA_LEN       64

/* SEQUENCE of two INTEGERs of at most 33 bytes */

#define ACCESS_DER_MAX         (2 + 2 * (2 + 33))


static access_jwt_e access_verify_mac(access_algorithm_e algorithm,
    const slice_t *secret, const access_jws_t *jws);
static access_jwt_e access_verify_public(const access_key_t *key,
    const access_jws_t *jws);
static access_jwt_e access_verify_digest(EVP_PKEY_CTX *ctx,
    const slice_t *signature, const slice_t *input);
static access_jwt_e access_verify_eddsa(EVP_PKEY *pkey,
    const slice_t *signature, const slice_t *input);
static void access_ecdsa_der(u_char buf[ACCESS_DER_MAX],
    const slice_t *signature, slice_t *der);
static u_char *access_der_integer(u_char *p, const u_char *number);


/* in the order of access_algorithm_e */

static const char  *access_algorithms[] = {
    "HS256", "HS384", "HS512", "RS256", "ES256", "EdDSA"
};


const char *
access_algorithm_name(access_algorithm_e algorithm)
{
    return access_algorithms[algorithm];
}


ssize_t
access_mac(u_char mac[ACCESS_MAC_MAX], access_algorithm_e algorithm,
    const slice_t *secret, const slice_t *input)
{
    unsigned int   len;
    const EVP_MD  *md;

    switch (algorithm) {

    case ACCESS_HS256:
        md = EVP_sha256();
        break;

    case ACCESS_HS384:
        md = EVP_sha384();
        break;

    case ACCESS_HS512:
        md = EVP_sha512();
        break;

    default:
        return -1;
    }

    if (secret->len == 0 || secret->len > INT_MAX) {
        return -1;
    }

    if (HMAC(md, secret->data, (int) secret->len, input->data, input->len,
             mac, &len)
        == NULL)
    {
        ERR_clear_error();
        return -1;
    }

    return (ssize_t) len;
}


access_jwt_e
access_jws_verify(const access_key_t *key, const access_jws_t *jws)
{
    slice_t  nobody = slice("a secret of nobody");

    if (key == NULL || key->digest) {
        (void) access_verify_mac(ACCESS_HS256, &nobody, jws);
        return ACCESS_JWT_BAD;
    }

    if (access_is_asymmetric(key->algorithm)) {
        return access_verify_public(key, jws);
    }

    return access_verify_mac(key->algorithm, &key->secret, jws);
}


static access_jwt_e
access_verify_mac(access_algorithm_e algorithm, const slice_t *secret,
    const access_jws_t *jws)
{
    u_char   mac[ACCESS_MAC_MAX];
    slice_t  expected;
    ssize_t  n;

    n = access_mac(mac, algorithm, secret, &jws->input);

    if (n == -1) {
        return ACCESS_JWT_ERROR;
    }

    expected.data = mac;
    expected.len = (size_t) n;

    return access_equal(&expected, &jws->signature) ? ACCESS_JWT_OK
                                                    : ACCESS_JWT_BAD;
}


/*
 * The type of the public key is that of its algorithm since the configuration
 * was read; it is asked again because OpenSSL would verify with any.
 */

static access_jwt_e
access_verify_public(const access_key_t *key, const access_jws_t *jws)
{
    int            type;
    u_char         buf[ACCESS_DER_MAX];
    slice_t        der;
    EVP_PKEY      *pkey;
    EVP_PKEY_CTX  *ctx;

    ctx = key->public_key;

    if (ctx == NULL) {
        return ACCESS_JWT_ERROR;
    }

    pkey = EVP_PKEY_CTX_get0_pkey(ctx);
    type = EVP_PKEY_base_id(pkey);

    switch (key->algorithm) {

    case ACCESS_RS256:

        if (type != EVP_PKEY_RSA) {
            return ACCESS_JWT_ERROR;
        }

        return access_verify_digest(ctx, &jws->signature, &jws->input);

    case ACCESS_ES256:

        if (type != EVP_PKEY_EC) {
            return ACCESS_JWT_ERROR;
        }

        if (jws->signature.len != ACCESS_ES256_LEN) {
            return ACCESS_JWT_BAD;
        }

        access_ecdsa_der(buf, &jws->signature, &der);

        return access_verify_digest(ctx, &der, &jws->input);

    case ACCESS_EDDSA:

        if (type != EVP_PKEY_ED25519) {
            return ACCESS_JWT_ERROR;
        }

        if (jws->signature.len != ACCESS_EDDSA_LEN) {
            return ACCESS_JWT_BAD;
        }

        return access_verify_eddsa(pkey, &jws->signature, &jws->input);

    default:
        return ACCESS_JWT_ERROR;
    }
}


/* nothing is left in the error queue, which nginx reads for its own ends */

static access_jwt_e
access_verify_digest(EVP_PKEY_CTX *ctx, const slice_t *signature,
    const slice_t *input)
{
    u_char         md[EVP_MAX_MD_SIZE];
    unsigned int   len;
    access_jwt_e   rc;

    if (EVP_Digest(input->data, input->len, md, &len, EVP_sha256(), NULL)
        != 1)
    {
        rc = ACCESS_JWT_ERROR;

    } else if (EVP_PKEY_verify(ctx, signature->data, signature->len, md, len)
               == 1)
    {
        rc = ACCESS_JWT_OK;

    } else {
        rc = ACCESS_JWT_BAD;
    }

    ERR_clear_error();

    return rc;
}


static access_jwt_e
access_verify_eddsa(EVP_PKEY *pkey, const slice_t *signature,
    const slice_t *input)
{
    EVP_MD_CTX    *ctx;
    access_jwt_e   rc;

    ctx = EVP_MD_CTX_new();

    if (ctx == NULL
        || EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) != 1)
    {
        rc = ACCESS_JWT_ERROR;

    } else if (EVP_DigestVerify(ctx, signature->data, signature->len,
                                input->data, input->len)
               == 1)
    {
        rc = ACCESS_JWT_OK;

    } else {
        rc = ACCESS_JWT_BAD;
    }

    EVP_MD_CTX_free(ctx);
    ERR_clear_error();

    return rc;
}


/* ECDSA-Sig-Value of RFC 3279, section 2.2.3, which is what OpenSSL takes */

static void
access_ecdsa_der(u_char buf[ACCESS_DER_MAX], const slice_t *signature,
    slice_t *der)
{
    u_char  *p;

    p = access_der_integer(buf + 2, signature->data);
    p = access_der_integer(p, signature->data + ACCESS_ES256_LEN / 2);

    buf[0] = 0x30;
    buf[1] = (u_char) (p - buf - 2);

    der->data = buf;
    der->len = (size_t) (p - buf);
}


/* a positive INTEGER from 32 bytes: no zeros in front but for the sign */

static u_char *
access_der_integer(u_char *p, const u_char *number)
{
    size_t  n, pad;

    n = ACCESS_ES256_LEN / 2;

    while (n > 1 && *number == 0) {
        number++;
        n--;
    }

    pad = (*number & 0x80) ? 1 : 0;

    *p++ = 0x02;
    *p++ = (u_char) (n + pad);

    if (pad) {
        *p++ = 0;
    }

    memcpy(p, number, n);

    return p + n;
}
