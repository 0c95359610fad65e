
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * ECDSA over P-256 for one public key that verifies again and again: OpenSSL
 * multiplies by a point that it has a table of some six times as fast, but has
 * one of the generator only.  Here the public key is made the generator of a
 * group of its own, so that there is a table of it as well.  All arithmetic is
 * OpenSSL's; what is here is the order of its steps, FIPS 186-4, section 6.4.
 *
 * Plain C over OpenSSL, called by public_key.c and jwt_public.c.  A table
 * belongs to who made it, and is of one process, without a lock.  Nothing that
 * goes in is secret, so that time may tell of it.
 */


#ifndef _P256_H_INCLUDED_
#define _P256_H_INCLUDED_


#include "slice.h"


struct evp_pkey_st;                     /* EVP_PKEY */


#pragma GCC visibility push(hidden)


/* a table takes 150 KB and 16 ms; so many a module may have at once */

#define ACCESS_P256_TABLES     32

#define ACCESS_SHA256_LEN      32
#define ACCESS_P256_SIGNATURE  64      /* r and s, 32 bytes each */


typedef struct access_p256_s   access_p256_t;


/*
 * Makes the table of a public key of P-256.  Returns NULL when there are
 * ACCESS_P256_TABLES already, when only FIPS providers shall compute, and when
 * OpenSSL fails or has no tables: then its own verification has to do.
 */
access_p256_t *access_p256_create(struct evp_pkey_st *key);

void access_p256_free(access_p256_t *p);

/*
 * Verifies r and s, big-endian as in RFC 7518, section 3.4, for the hash of
 * what was signed.  Accepts what ECDSA_verify() accepts and nothing else.
 * Returns 1 when the signature is good, 0 when it is not, -1 when OpenSSL
 * fails; its error queue may have something in it then.
 */
int access_p256_verify(access_p256_t *p, const u_char hash[ACCESS_SHA256_LEN],
    const u_char signature[ACCESS_P256_SIGNATURE]);


#pragma GCC visibility pop


#endif /* _P256_H_INCLUDED_ */
