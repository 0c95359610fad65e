
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The public key of an asymmetric secret key, and what a process has learned
 * from verifying with it.  Plain C over OpenSSL; the upper part is called while
 * keys are read, the lower one by jwt_public.c.  The key belongs to the
 * caller, who frees it together with the set of keys.  What is learned is of
 * one process, without a lock, and goes with the key: neither a key that is
 * changed nor one that is taken away leaves anything behind.
 */


#ifndef _PUBLIC_KEY_H_INCLUDED_
#define _PUBLIC_KEY_H_INCLUDED_


#include "access.h"
#include "p256.h"


struct evp_pkey_ctx_st;                 /* EVP_PKEY_CTX */


#pragma GCC visibility push(hidden)


#define ACCESS_SEEN_SLOTS      1024

/* signatures of ES256, after which a table is worth its 16 ms */

#define ACCESS_P256_AFTER      256


typedef u_char access_seen_t[ACCESS_SEEN_SLOTS][ACCESS_SHA256_LEN];


struct access_public_key_s {
    struct evp_pkey_ctx_st  *ctx;       /* with its EVP_PKEY */
    access_p256_t           *table;     /* ES256 only; NULL: none, maybe yet */
    uint32_t                 uses;      /* since it was last tried to make it */
    access_seen_t           *seen;      /* NULL: nothing yet */
};


/*
 * Parses a PEM text, "BEGIN PUBLIC KEY", and checks that the key suits the
 * algorithm: RSA of at least 2048 bits (RFC 7518 3.3), P-256 (3.4), Ed25519
 * (RFC 8037).  Returns NULL and the key, prepared as below, or a text for the
 * administrator, which goes on after the name of the file and says what to
 * write instead.
 */
const char *access_public_key(access_algorithm_e algorithm,
    const slice_t *text, access_public_key_t **public_key);

/*
 * What an access_key_t has of an EVP_PKEY: an EVP_PKEY_CTX that holds a
 * reference to it and, for RSA with PKCS #1 and SHA-256 and for ECDSA, is
 * ready to verify any number of signatures.  Finding an implementation for
 * each of them would take OpenSSL 3 us.  Returns NULL when OpenSSL fails or
 * there is no memory.
 */
access_public_key_t *access_public_key_prepare(struct evp_pkey_st *key);

/* frees what these gave, an access_public_key_t; NULL is nothing */
void access_public_key_free(void *data);


/*
 * To be asked for each signature of ES256 that has to be verified.  Returns
 * the table to do it with, or NULL when there is none: until ACCESS_P256_AFTER
 * of them were asked for, and where there can be none.  The table belongs to
 * the key.
 */
access_p256_t *access_public_key_table(access_public_key_t *public_key);

/*
 * A memory of signatures that were found good with this key, by a digest of
 * each together with what it signs; newer ones take the place of older ones.
 * It spares verifying them, nothing else: whatever a token claims is to be
 * looked at each time.
 * access_public_key_has_seen() returns 1 or 0.  Only those of good signatures
 * may be given to access_public_key_saw(), which remembers nothing when there
 * is no memory.
 */
int access_public_key_has_seen(const access_public_key_t *public_key,
    const u_char digest[ACCESS_SHA256_LEN]);
void access_public_key_saw(access_public_key_t *public_key,
    const u_char digest[ACCESS_SHA256_LEN]);


#pragma GCC visibility pop


#endif /* _PUBLIC_KEY_H_INCLUDED_ */
