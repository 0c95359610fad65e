
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Signatures of RFC 7518, section 3, by OpenSSL: those of a secret are here,
 * those of a public key in jwt_public.c.
 */


#include <limits.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "jwt_inner.h"


static access_jwt_e access_verify_mac(access_algorithm_e algorithm,
    const slice_t *secret, const access_jws_t *jws);


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
