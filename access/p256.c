
/*
 * Copyright (C) The ngx_signaling authors
 */


#include <stdlib.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>

#include "p256.h"


#define ACCESS_P256_POINT      65      /* 4, x and y */


struct access_p256_s {
    EC_GROUP           *group;          /* its generator is that of P-256 */
    EC_GROUP           *own;            /* its generator is the public key */
    EC_POINT           *sum;
    EC_POINT           *term;

    BN_CTX             *ctx;
    BN_MONT_CTX        *mont;           /* modulo the order */
    BIGNUM             *inverse;        /* the order less two: the exponent */

    unsigned           *count;          /* that it is counted in */
};


static int access_p256_groups(access_p256_t *p);
static int access_p256_own(access_p256_t *p, EVP_PKEY *key);
static int access_p256_precompute(EC_GROUP *group, BN_CTX *ctx);
static int access_p256_agrees(access_p256_t *p, const EC_POINT *point,
    const u_char scalar[ACCESS_SHA256_LEN]);
static int access_p256_equation(access_p256_t *p, const BIGNUM *r,
    const BIGNUM *s, const BIGNUM *hash);
static int access_p256_point(access_p256_t *p, const BIGNUM *u1,
    const BIGNUM *u2);


/*
 * Those of this process that this copy of the code has made: each module has
 * its own, and one may free what the other has made.
 */

static unsigned  access_p256_tables;


access_p256_t *
access_p256_create(EVP_PKEY *key)
{
    access_p256_t  *p;

    if (access_p256_tables == ACCESS_P256_TABLES
        || EVP_default_properties_is_fips_enabled(NULL))
    {
        return NULL;
    }

    p = calloc(1, sizeof(access_p256_t));
    if (p == NULL) {
        return NULL;
    }

    p->count = &access_p256_tables;
    (*p->count)++;

    if (access_p256_groups(p) == -1 || access_p256_own(p, key) == -1) {
        access_p256_free(p);
        return NULL;
    }

    return p;
}


void
access_p256_free(access_p256_t *p)
{
    if (p == NULL) {
        return;
    }

    EC_POINT_free(p->term);
    EC_POINT_free(p->sum);
    EC_GROUP_free(p->own);
    EC_GROUP_free(p->group);
    BN_free(p->inverse);
    BN_MONT_CTX_free(p->mont);
    BN_CTX_free(p->ctx);

    (*p->count)--;

    free(p);
}


/* what is the same for all keys */

static int
access_p256_groups(access_p256_t *p)
{
    p->ctx = BN_CTX_new();
    p->mont = BN_MONT_CTX_new();
    p->group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    p->own = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);

    if (p->ctx == NULL || p->mont == NULL || p->group == NULL
        || p->own == NULL)
    {
        return -1;
    }

    p->sum = EC_POINT_new(p->group);
    p->term = EC_POINT_new(p->group);
    p->inverse = BN_dup(EC_GROUP_get0_order(p->group));

    if (p->sum == NULL || p->term == NULL || p->inverse == NULL
        || BN_MONT_CTX_set(p->mont, p->inverse, p->ctx) != 1
        || BN_sub_word(p->inverse, 2) != 1)
    {
        return -1;
    }

    return 0;
}


/*
 * OpenSSL has found the point of the key to be on the curve when it read the
 * key, and looks again.  The order of P-256 is prime, so that any point is a
 * generator.
 */

static int
access_p256_own(access_p256_t *p, EVP_PKEY *key)
{
    int        rc;
    size_t     len;
    u_char     text[ACCESS_P256_POINT];
    EC_POINT  *point;

    if (EVP_PKEY_get_octet_string_param(key,
                                        OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY,
                                        text, sizeof(text), &len)
        != 1
        || len != sizeof(text))
    {
        return -1;
    }

    point = EC_POINT_new(p->group);
    if (point == NULL) {
        return -1;
    }

    rc = -1;

    if (EC_POINT_oct2point(p->group, point, text, len, p->ctx) == 1
        && EC_GROUP_set_generator(p->own, point,
                                  EC_GROUP_get0_order(p->group),
                                  BN_value_one())
           == 1
        && access_p256_precompute(p->own, p->ctx) == 0)
    {
        rc = access_p256_agrees(p, point, text + 1);
    }

    EC_POINT_free(point);

    return rc;
}


/*
 * Deprecated since 3.0 because nobody was known to use it, and not replaced.
 * Where it is gone there are no tables, and all else stays as it is.
 */

static int
access_p256_precompute(EC_GROUP *group, BN_CTX *ctx)
{
#if (OPENSSL_VERSION_MAJOR == 3 && !defined OPENSSL_NO_DEPRECATED_3_0)

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

    return EC_GROUP_precompute_mult(group, ctx) == 1 ? 0 : -1;

#pragma GCC diagnostic pop

#else

    return -1;

#endif
}


/*
 * Everything rests on OpenSSL's taking the generator of the group, not that of
 * the curve that the group is named for: with the latter anybody could sign.
 * So it is asked once, with x of the key for a number that nobody chose.
 */

static int
access_p256_agrees(access_p256_t *p, const EC_POINT *point,
    const u_char scalar[ACCESS_SHA256_LEN])
{
    int      rc;
    BIGNUM  *number;

    number = BN_bin2bn(scalar, ACCESS_SHA256_LEN, NULL);
    if (number == NULL) {
        return -1;
    }

    rc = -1;

    if (EC_POINT_mul(p->own, p->sum, number, NULL, NULL, p->ctx) == 1
        && EC_POINT_mul(p->group, p->term, NULL, point, number, p->ctx) == 1
        && EC_POINT_cmp(p->group, p->sum, p->term, p->ctx) == 0)
    {
        rc = 0;
    }

    BN_free(number);

    return rc;
}


int
access_p256_verify(access_p256_t *p, const u_char hash[ACCESS_SHA256_LEN],
    const u_char signature[ACCESS_P256_SIGNATURE])
{
    int            rc;
    BIGNUM        *r, *s, *e;
    const BIGNUM  *order;

    BN_CTX_start(p->ctx);

    order = EC_GROUP_get0_order(p->group);

    r = BN_CTX_get(p->ctx);
    s = BN_CTX_get(p->ctx);
    e = BN_CTX_get(p->ctx);

    if (e == NULL
        || BN_bin2bn(signature, ACCESS_P256_SIGNATURE / 2, r) == NULL
        || BN_bin2bn(signature + ACCESS_P256_SIGNATURE / 2,
                     ACCESS_P256_SIGNATURE / 2, s)
           == NULL
        || BN_bin2bn(hash, ACCESS_SHA256_LEN, e) == NULL)
    {
        rc = -1;

    } else if (BN_is_zero(r) || BN_cmp(r, order) >= 0
               || BN_is_zero(s) || BN_cmp(s, order) >= 0)
    {
        rc = 0;

    } else {
        rc = access_p256_equation(p, r, s, e);
    }

    BN_CTX_end(p->ctx);

    return rc;
}


/*
 * r is x of (hash / s) G + (r / s) Q, modulo the order.  By Fermat 1 / s is s
 * to the power of the order less two: 10 us, where BN_mod_inverse() takes 13.
 */

static int
access_p256_equation(access_p256_t *p, const BIGNUM *r, const BIGNUM *s,
    const BIGNUM *hash)
{
    int            rc;
    BIGNUM        *u1, *u2, *x, *w;
    const BIGNUM  *order;

    order = EC_GROUP_get0_order(p->group);

    u1 = BN_CTX_get(p->ctx);
    u2 = BN_CTX_get(p->ctx);
    w = BN_CTX_get(p->ctx);
    x = BN_CTX_get(p->ctx);

    if (x == NULL
        || BN_mod_exp_mont(w, s, p->inverse, order, p->ctx, p->mont) != 1
        || BN_mod_mul(u1, hash, w, order, p->ctx) != 1
        || BN_mod_mul(u2, r, w, order, p->ctx) != 1)
    {
        return -1;
    }

    rc = access_p256_point(p, u1, u2);

    if (rc != 1) {
        return rc;
    }

    if (EC_POINT_get_affine_coordinates(p->group, p->sum, x, NULL, p->ctx) != 1
        || BN_nnmod(x, x, order, p->ctx) != 1)
    {
        return -1;
    }

    return BN_cmp(x, r) == 0;
}


/* 0 when the sum is the point at infinity, which no signature leads to */

static int
access_p256_point(access_p256_t *p, const BIGNUM *u1, const BIGNUM *u2)
{
    if (EC_POINT_mul(p->group, p->sum, u1, NULL, NULL, p->ctx) != 1
        || EC_POINT_mul(p->own, p->term, u2, NULL, NULL, p->ctx) != 1
        || EC_POINT_add(p->group, p->sum, p->sum, p->term, p->ctx) != 1)
    {
        return -1;
    }

    return !EC_POINT_is_at_infinity(p->group, p->sum);
}
