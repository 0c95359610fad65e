
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Signatures of RFC 7518, section 3, and RFC 8037, that a public key verifies,
 * by OpenSSL.  Public keys come parsed with the configuration.
 *
 * A client that comes back shows the token that it came with.  What verified
 * once with a key verifies again, so that a digest is compared in place of the
 * signature: 0.8 us, where RS256 takes 17, ES256 24 or 45 and EdDSA 77.  A MAC
 * takes 2 us, and is computed.
 */


#include <openssl/err.h>
#include <openssl/evp.h>

#include "jwt_inner.h"
#include "public_key.h"


#define ACCESS_EDDSA_LEN       64

/* SEQUENCE of two INTEGERs of at most 33 bytes */

#define ACCESS_DER_MAX         (2 + 2 * (2 + 33))


static access_jwt_e access_verify_signature(const access_key_t *key,
    const access_jws_t *jws, const u_char hash[ACCESS_SHA256_LEN]);
static access_jwt_e access_verify_es256(access_public_key_t *public_key,
    const slice_t *signature, const u_char hash[ACCESS_SHA256_LEN]);
static access_jwt_e access_verify_hash(EVP_PKEY_CTX *ctx,
    const slice_t *signature, const u_char hash[ACCESS_SHA256_LEN]);
static access_jwt_e access_verify_eddsa(EVP_PKEY *pkey,
    const slice_t *signature, const slice_t *input);
static int access_jws_digest(u_char digest[ACCESS_SHA256_LEN],
    const u_char hash[ACCESS_SHA256_LEN], const slice_t *signature);
static void access_ecdsa_der(u_char buf[ACCESS_DER_MAX],
    const slice_t *signature, slice_t *der);
static u_char *access_der_integer(u_char *p, const u_char *number);


/* nothing is left in the error queue, which nginx reads for its own ends */

access_jwt_e
access_verify_public(const access_key_t *key, const access_jws_t *jws)
{
    u_char        hash[ACCESS_SHA256_LEN], digest[ACCESS_SHA256_LEN];
    access_jwt_e  rc;

    if (key->public_key == NULL
        || EVP_Digest(jws->input.data, jws->input.len, hash, NULL,
                      EVP_sha256(), NULL)
           != 1
        || access_jws_digest(digest, hash, &jws->signature) == -1)
    {
        rc = ACCESS_JWT_ERROR;

    } else if (access_public_key_has_seen(key->public_key, digest)) {
        return ACCESS_JWT_OK;

    } else {
        rc = access_verify_signature(key, jws, hash);
    }

    if (rc == ACCESS_JWT_OK) {
        access_public_key_saw(key->public_key, digest);
    }

    ERR_clear_error();

    return rc;
}


/*
 * The type of the public key is that of its algorithm since the configuration
 * was read; it is asked again because OpenSSL would verify with any.
 */

static access_jwt_e
access_verify_signature(const access_key_t *key, const access_jws_t *jws,
    const u_char hash[ACCESS_SHA256_LEN])
{
    int            type;
    EVP_PKEY      *pkey;
    EVP_PKEY_CTX  *ctx;

    ctx = key->public_key->ctx;
    pkey = EVP_PKEY_CTX_get0_pkey(ctx);
    type = EVP_PKEY_base_id(pkey);

    switch (key->algorithm) {

    case ACCESS_RS256:

        if (type != EVP_PKEY_RSA) {
            return ACCESS_JWT_ERROR;
        }

        return access_verify_hash(ctx, &jws->signature, hash);

    case ACCESS_ES256:

        if (type != EVP_PKEY_EC) {
            return ACCESS_JWT_ERROR;
        }

        return access_verify_es256(key->public_key, &jws->signature, hash);

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


static access_jwt_e
access_verify_es256(access_public_key_t *public_key, const slice_t *signature,
    const u_char hash[ACCESS_SHA256_LEN])
{
    u_char          buf[ACCESS_DER_MAX];
    slice_t         der;
    access_p256_t  *table;

    if (signature->len != ACCESS_P256_SIGNATURE) {
        return ACCESS_JWT_BAD;
    }

    table = access_public_key_table(public_key);

    if (table == NULL) {
        access_ecdsa_der(buf, signature, &der);
        return access_verify_hash(public_key->ctx, &der, hash);
    }

    switch (access_p256_verify(table, hash, signature->data)) {

    case 1:
        return ACCESS_JWT_OK;

    case 0:
        return ACCESS_JWT_BAD;

    default:
        return ACCESS_JWT_ERROR;
    }
}


static access_jwt_e
access_verify_hash(EVP_PKEY_CTX *ctx, const slice_t *signature,
    const u_char hash[ACCESS_SHA256_LEN])
{
    return EVP_PKEY_verify(ctx, signature->data, signature->len, hash,
                           ACCESS_SHA256_LEN)
           == 1 ? ACCESS_JWT_OK : ACCESS_JWT_BAD;
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

    return rc;
}


/* the hash of what was signed first, so that no other cut gives the same */

static int
access_jws_digest(u_char digest[ACCESS_SHA256_LEN],
    const u_char hash[ACCESS_SHA256_LEN], const slice_t *signature)
{
    int          rc;
    EVP_MD_CTX  *ctx;

    ctx = EVP_MD_CTX_new();
    if (ctx == NULL) {
        return -1;
    }

    rc = -1;

    if (EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1
        && EVP_DigestUpdate(ctx, hash, ACCESS_SHA256_LEN) == 1
        && EVP_DigestUpdate(ctx, signature->data, signature->len) == 1
        && EVP_DigestFinal_ex(ctx, digest, NULL) == 1)
    {
        rc = 0;
    }

    EVP_MD_CTX_free(ctx);

    return rc;
}


/* ECDSA-Sig-Value of RFC 3279, section 2.2.3, which is what OpenSSL takes */

static void
access_ecdsa_der(u_char buf[ACCESS_DER_MAX], const slice_t *signature,
    slice_t *der)
{
    u_char  *p;

    p = access_der_integer(buf + 2, signature->data);
    p = access_der_integer(p, signature->data + ACCESS_P256_SIGNATURE / 2);

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

    n = ACCESS_P256_SIGNATURE / 2;

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
