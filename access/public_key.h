
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The public key of an asymmetric secret key.  Plain C over OpenSSL; called
 * while keys are read, never while a token is verified.  The key belongs to
 * the caller, who frees it together with the set of keys.
 */


#ifndef _PUBLIC_KEY_H_INCLUDED_
#define _PUBLIC_KEY_H_INCLUDED_


#include "access.h"


struct evp_pkey_st;                     /* EVP_PKEY */


#pragma GCC visibility push(hidden)


/*
 * Parses a PEM text, "BEGIN PUBLIC KEY", and checks that the key suits the
 * algorithm: RSA of at least 2048 bits (RFC 7518 3.3), P-256 (3.4), Ed25519
 * (RFC 8037).  Returns NULL and the key, prepared as below, or a text for the
 * administrator, which goes on after the name of the file and says what to
 * write instead.
 */
const char *access_public_key(access_algorithm_e algorithm,
    const slice_t *text, void **public_key);

/*
 * What an access_key_t has of an EVP_PKEY: an EVP_PKEY_CTX that holds a
 * reference to it and, for RSA with PKCS #1 and SHA-256 and for ECDSA, is
 * ready to verify any number of signatures.  Finding an implementation for
 * each of them would take OpenSSL 3 us.  Returns NULL when OpenSSL fails.
 */
void *access_public_key_prepare(struct evp_pkey_st *key);

/* frees what these gave; NULL is nothing */
void access_public_key_free(void *public_key);


#pragma GCC visibility pop


#endif /* _PUBLIC_KEY_H_INCLUDED_ */
