
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Tokens for tests: any header and any claims, signed by a secret key or by
 * a private one.  Texts are NUL-terminated; tokens live in one buffer, which
 * the next one overwrites.
 */


#ifndef _JWT_MAKE_H_INCLUDED_
#define _JWT_MAKE_H_INCLUDED_


#include <stdio.h>
#include <stdlib.h>

#include <openssl/ecdsa.h>
#include <openssl/evp.h>

#include "jwt_inner.h"
#include "public_key.h"
#include "tap.h"


#define MAKE_MAX     (2 * ACCESS_JWT_MAX)
#define MAKE_NOW     INT64_C(1700000000000)
#define MAKE_HEADER  "{\"alg\":\"HS256\",\"kid\":\"sk_id_a\",\"typ\":\"JWT\"}"


static u_char            make_buf[MAKE_MAX];
static access_claims_t   make_claims;
static access_key_t     *make_found;


static inline u_char *make_input(const char *header, const char *claims,
    slice_t *input);
static inline slice_t make_end(slice_t *input, u_char *p, u_char *signature,
    size_t len);
static inline slice_t make_mac(access_algorithm_e algorithm,
    const slice_t *secret, const char *header, const char *claims);
static inline slice_t make_signed(EVP_PKEY *pkey, const char *header,
    const char *claims);
static inline access_public_key_t *make_public(EVP_PKEY *pkey);
static inline EVP_PKEY *make_pkey(const access_key_t *key);
static inline access_jwt_e make_verify(const access_keys_t *keys,
    slice_t token);


static inline u_char *
make_input(const char *header, const char *claims, slice_t *input)
{
    u_char   *p;
    slice_t   h, c;

    h = text_slice(header);
    c = text_slice(claims);

    p = access_base64url(make_buf, &h);
    *p++ = '.';
    p = access_base64url(p, &c);

    input->data = make_buf;
    input->len = (size_t) (p - make_buf);

    return p;
}


static inline slice_t
make_end(slice_t *input, u_char *p, u_char *signature, size_t len)
{
    slice_t  s, token;

    s.data = signature;
    s.len = len;

    *p++ = '.';
    p = access_base64url(p, &s);

    token.data = input->data;
    token.len = (size_t) (p - token.data);

    return token;
}


static inline slice_t
make_mac(access_algorithm_e algorithm, const slice_t *secret,
    const char *header, const char *claims)
{
    u_char   *p, mac[ACCESS_MAC_MAX];
    slice_t   input;
    ssize_t   n;

    p = make_input(header, claims, &input);
    n = access_mac(mac, algorithm, secret, &input);

    if (n == -1) {
        printf("Bail out! no MAC\n");
        exit(1);
    }

    return make_end(&input, p, mac, (size_t) n);
}


/* RSA, P-256 and Ed25519; r and s of ECDSA are taken out of their DER */

static inline slice_t
make_signed(EVP_PKEY *pkey, const char *header, const char *claims)
{
    u_char         *p, sig[1024];
    size_t          len;
    slice_t         input;
    ECDSA_SIG      *ec;
    EVP_MD_CTX     *ctx;
    const u_char   *der;

    p = make_input(header, claims, &input);

    len = sizeof(sig);
    ctx = EVP_MD_CTX_new();

    if (EVP_DigestSignInit(ctx, NULL,
                           EVP_PKEY_base_id(pkey) == EVP_PKEY_ED25519
                           ? NULL : EVP_sha256(),
                           NULL, pkey)
        != 1
        || EVP_DigestSign(ctx, sig, &len, input.data, input.len) != 1)
    {
        printf("Bail out! no signature\n");
        exit(1);
    }

    EVP_MD_CTX_free(ctx);

    if (EVP_PKEY_base_id(pkey) == EVP_PKEY_EC) {
        der = sig;
        ec = d2i_ECDSA_SIG(NULL, &der, (long) len);

        BN_bn2binpad(ECDSA_SIG_get0_r(ec), sig, 32);
        BN_bn2binpad(ECDSA_SIG_get0_s(ec), sig + 32, 32);

        ECDSA_SIG_free(ec);
        len = 64;
    }

    return make_end(&input, p, sig, len);
}


/* takes a key over, which may be a pair, for an access_key_t */

static inline access_public_key_t *
make_public(EVP_PKEY *pkey)
{
    access_public_key_t  *prepared;

    prepared = access_public_key_prepare(pkey);

    EVP_PKEY_free(pkey);

    return prepared;
}


static inline EVP_PKEY *
make_pkey(const access_key_t *key)
{
    return EVP_PKEY_CTX_get0_pkey(key->public_key->ctx);
}


/*
 * Verifies a copy that has no byte to spare.  The claims stay in make_claims
 * until the next call.
 */

static inline access_jwt_e
make_verify(const access_keys_t *keys, slice_t token)
{
    slice_t       copy;
    access_jwt_e  rc;

    access_claims_free(&make_claims);

    copy.len = token.len;
    copy.data = malloc(token.len ? token.len : 1);

    if (copy.data == NULL) {
        abort();
    }

    if (token.len) {
        memcpy(copy.data, token.data, token.len);
    }

    rc = access_jwt_verify(keys, &copy, MAKE_NOW, &make_found, &make_claims);

    free(copy.data);

    return rc;
}


#endif /* _JWT_MAKE_H_INCLUDED_ */
