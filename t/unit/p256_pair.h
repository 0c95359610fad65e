
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * What the tests of ECDSA with tables share: numbers and keys, signatures that
 * are made to measure, and a verifier that asks OpenSSL as well.  Who asked
 * for a number or a key frees it; a test that gets no memory ends.
 */


#ifndef _P256_PAIR_H_INCLUDED_
#define _P256_PAIR_H_INCLUDED_


#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

#include "p256.h"


#define NUMBERS     24
#define RAW         (ACCESS_SHA256_LEN + ACCESS_P256_SIGNATURE)


/* one public key, by both ways */

typedef struct {
    EC_POINT       *point;
    EVP_PKEY       *pkey;
    EVP_PKEY_CTX   *ctx;
    access_p256_t  *table;
} pair_t;


/* makes and frees what is declared below, before all tests and after them */
void p256_begin(void);
void p256_end(void);

/* what the tests themselves need, or it is the end of them */
void check(int pass);

/* of 64 digits */
BIGNUM *number(const char *hex);

/* 1 up to the order less one */
BIGNUM *random_number(void);

EVP_PKEY *make_pkey(const EC_POINT *point, point_conversion_form_t form);

/* of a public key; of a private one */
void make_pair(pair_t *pair, const EC_POINT *point);
void make_pair_of(pair_t *pair, const BIGNUM *d);
void free_pair(pair_t *pair);

/* each in 32 bytes */
void pack(u_char raw[RAW], const BIGNUM *hash, const BIGNUM *r,
    const BIGNUM *s);

/*
 * A good signature that a verifier finds to be u1 G + u2 Q, without a private
 * key: r is x of that, s is r / u2 and the hash u1 s.  Returns 0 when these
 * multipliers have none.
 */
int sign_with(const pair_t *pair, const BIGNUM *u1, const BIGNUM *u2,
    u_char raw[RAW]);

/* the answer, which is counted, and compared with that of OpenSSL */
int verify(const pair_t *pair, const u_char raw[RAW]);


extern EC_GROUP      *group;
extern BN_CTX        *ctx;
extern const BIGNUM  *order;

/* 0 is the first; the others are good for a private key as well */
extern BIGNUM        *numbers[NUMBERS];

/* answers of verify(), since the test has set them to 0 */
extern int            accepted;
extern int            refused;
extern int            differ;          /* from OpenSSL */


#endif /* _P256_PAIR_H_INCLUDED_ */
