
/*
 * Copyright (C) The ngx_signaling authors
 */


#include <limits.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "public_key.h"


#define ACCESS_RSA_BITS        2048


typedef struct {
    slice_t             label;
    const char         *mend;
} access_pem_label_t;


static EVP_PKEY_CTX *access_public_key_ctx(EVP_PKEY *key);
static uint32_t access_seen_slot(const u_char digest[ACCESS_SHA256_LEN]);
static const char *access_pem_mistake(const slice_t *text);
static int access_pem_has(const slice_t *text, const slice_t *label);
static EVP_PKEY *access_pem_read(const slice_t *text);
static const char *access_public_key_check(access_algorithm_e algorithm,
    EVP_PKEY *key);
static int access_is_p256(EVP_PKEY *key);


/* what people put there instead; a private key first, wherever it stands */

static const access_pem_label_t  access_pem_labels[] = {

    { slice("PRIVATE KEY-----"),
      "has a private key, which only the issuer of the tokens may know; write "
      "the public one there, \"openssl pkey -in private.pem -pubout\"" },

    { slice("-----BEGIN CERTIFICATE-----"),
      "has a certificate, write its public key there, "
      "\"openssl x509 -in cert.pem -noout -pubkey\"" },

    { slice("-----BEGIN RSA PUBLIC KEY-----"),
      "has a key of the form PKCS #1, write what \"openssl rsa "
      "-RSAPublicKey_in -in rsa.pem -pubout\" makes of it" },

    { slice(""), NULL }
};


const char *
access_public_key(access_algorithm_e algorithm, const slice_t *text,
    access_public_key_t **public_key)
{
    EVP_PKEY    *key;
    const char  *err;

    *public_key = NULL;

    err = access_pem_mistake(text);
    if (err != NULL) {
        return err;
    }

    key = access_pem_read(text);

    if (key == NULL) {
        return "has no public key, write one in PEM there, "
               "which begins with \"-----BEGIN PUBLIC KEY-----\"";
    }

    err = access_public_key_check(algorithm, key);
    if (err != NULL) {
        EVP_PKEY_free(key);
        return err;
    }

    *public_key = access_public_key_prepare(key);

    EVP_PKEY_free(key);

    if (*public_key == NULL) {
        return "has a key that OpenSSL can not verify with";
    }

    return NULL;
}


access_public_key_t *
access_public_key_prepare(EVP_PKEY *key)
{
    access_public_key_t  *public_key;

    public_key = calloc(1, sizeof(access_public_key_t));
    if (public_key == NULL) {
        return NULL;
    }

    public_key->ctx = access_public_key_ctx(key);

    if (public_key->ctx == NULL) {
        free(public_key);
        return NULL;
    }

    return public_key;
}


static EVP_PKEY_CTX *
access_public_key_ctx(EVP_PKEY *key)
{
    int            ok;
    EVP_PKEY_CTX  *ctx;

    ctx = EVP_PKEY_CTX_new(key, NULL);
    if (ctx == NULL) {
        return NULL;
    }

    switch (EVP_PKEY_get_base_id(key)) {

    case EVP_PKEY_RSA:
        ok = EVP_PKEY_verify_init(ctx) == 1
             && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1
             && EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1;
        break;

    case EVP_PKEY_EC:
        ok = EVP_PKEY_verify_init(ctx) == 1;
        break;

    default: /* Ed25519 has no digest to be verified */
        ok = 1;
    }

    if (!ok) {
        EVP_PKEY_CTX_free(ctx);
        return NULL;
    }

    return ctx;
}


void
access_public_key_free(void *data)
{
    access_public_key_t *public_key = data;

    if (public_key == NULL) {
        return;
    }

    access_p256_free(public_key->table);
    EVP_PKEY_CTX_free(public_key->ctx);
    free(public_key->seen);
    free(public_key);
}


access_p256_t *
access_public_key_table(access_public_key_t *public_key)
{
    if (public_key->table != NULL) {
        return public_key->table;
    }

    if (++public_key->uses > ACCESS_P256_AFTER) {
        public_key->uses = 0;
        public_key->table = access_p256_create(
                                    EVP_PKEY_CTX_get0_pkey(public_key->ctx));
    }

    return public_key->table;
}


int
access_public_key_has_seen(const access_public_key_t *public_key,
    const u_char digest[ACCESS_SHA256_LEN])
{
    if (public_key->seen == NULL) {
        return 0;
    }

    return memcmp((*public_key->seen)[access_seen_slot(digest)], digest,
                  ACCESS_SHA256_LEN)
           == 0;
}


void
access_public_key_saw(access_public_key_t *public_key,
    const u_char digest[ACCESS_SHA256_LEN])
{
    if (public_key->seen == NULL) {
        public_key->seen = calloc(1, sizeof(access_seen_t));

        if (public_key->seen == NULL) {
            return;
        }
    }

    memcpy((*public_key->seen)[access_seen_slot(digest)], digest,
           ACCESS_SHA256_LEN);
}


static uint32_t
access_seen_slot(const u_char digest[ACCESS_SHA256_LEN])
{
    return ((uint32_t) digest[0] << 8 | digest[1]) % ACCESS_SEEN_SLOTS;
}


static const char *
access_pem_mistake(const slice_t *text)
{
    const access_pem_label_t  *label;

    for (label = access_pem_labels; label->mend != NULL; label++) {
        if (access_pem_has(text, &label->label)) {
            return label->mend;
        }
    }

    return NULL;
}


static int
access_pem_has(const slice_t *text, const slice_t *label)
{
    size_t  i;

    for (i = 0; i + label->len <= text->len; i++) {
        if (memcmp(text->data + i, label->data, label->len) == 0) {
            return 1;
        }
    }

    return 0;
}


static EVP_PKEY *
access_pem_read(const slice_t *text)
{
    BIO       *bio;
    EVP_PKEY  *key;

    if (text->len == 0 || text->len > INT_MAX) {
        return NULL;
    }

    bio = BIO_new_mem_buf(text->data, (int) text->len);
    if (bio == NULL) {
        return NULL;
    }

    key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);

    BIO_free(bio);

    /* or nginx would report it with the next thing that fails */

    ERR_clear_error();

    return key;
}


static const char *
access_public_key_check(access_algorithm_e algorithm, EVP_PKEY *key)
{
    int  type;

    type = EVP_PKEY_get_base_id(key);

    switch (algorithm) {

    case ACCESS_RS256:

        if (type != EVP_PKEY_RSA) {
            return "has no RSA key, which \"algorithm RS256\" needs; write "
                   "one there, or the algorithm of this key";
        }

        if (EVP_PKEY_get_bits(key) < ACCESS_RSA_BITS) {
            return "has an RSA key that is too short, write one of at least "
                   "2048 bits there";
        }

        return NULL;

    case ACCESS_ES256:

        if (type != EVP_PKEY_EC || !access_is_p256(key)) {
            return "has no key of the curve P-256, which \"algorithm ES256\" "
                   "needs; write one there, or the algorithm of this key";
        }

        return NULL;

    case ACCESS_EDDSA:

        if (type != EVP_PKEY_ED25519) {
            return "has no Ed25519 key, which \"algorithm EdDSA\" needs; "
                   "write one there, or the algorithm of this key";
        }

        return NULL;

    default:

        return "is for RS256, ES256 or EdDSA only, write one of them as "
               "the \"algorithm\"";
    }
}


static int
access_is_p256(EVP_PKEY *key)
{
    char    name[64];
    size_t  len;

    if (EVP_PKEY_get_group_name(key, name, sizeof(name), &len) != 1) {
        return 0;
    }

    return strcmp(name, SN_X9_62_prime256v1) == 0;
}
