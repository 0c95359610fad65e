
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "p256_pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>


static void make_numbers(void);
static int verify_openssl(const pair_t *pair, const u_char raw[RAW]);


EC_GROUP      *group;
BN_CTX        *ctx;
const BIGNUM  *order;
BIGNUM        *numbers[NUMBERS];
int            accepted;
int            refused;
int            differ;


void
p256_begin(void)
{
    ctx = BN_CTX_new();
    group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    check(ctx != NULL && group != NULL);

    order = EC_GROUP_get0_order(group);

    make_numbers();
}


void
p256_end(void)
{
    int  i;

    for (i = 0; i < NUMBERS; i++) {
        BN_free(numbers[i]);
    }

    EC_GROUP_free(group);
    BN_CTX_free(ctx);
}


void
check(int pass)
{
    if (!pass) {
        printf("Bail out! OpenSSL fails, or there is no memory\n");
        exit(1);
    }
}


BIGNUM *
number(const char *hex)
{
    BIGNUM  *n;

    n = NULL;
    check(BN_hex2bn(&n, hex) == 64);

    return n;
}


BIGNUM *
random_number(void)
{
    BIGNUM  *n;

    n = BN_new();

    do {
        check(BN_rand_range(n, order) == 1);
    } while (BN_is_zero(n));

    return n;
}


static void
make_numbers(void)
{
    int  i;

    for (i = 0; i < 4; i++) {
        numbers[i] = BN_new();
        BN_set_word(numbers[i], (BN_ULONG) i);
        numbers[i + 4] = BN_dup(order);
        BN_sub_word(numbers[i + 4], (BN_ULONG) i + 1);
    }

    numbers[8] = number("7FFFFFFF800000007FFFFFFFFFFFFFFF"
                        "DE737D56D38BCF4279DCE5617E3192A8");
    numbers[9] = number("55555555555555555555555555555555"
                        "55555555555555555555555555555555");
    numbers[10] = number("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    numbers[11] = random_number();
    numbers[12] = random_number();
    numbers[13] = random_number();

    /* single bits and runs of them, where windows of 5 and 7 bits meet */

    for (i = 14; i < NUMBERS; i++) {
        numbers[i] = BN_new();
        BN_set_bit(numbers[i], (i - 13) * 25);

        if (i % 2) {
            BN_sub_word(numbers[i], 1);
        }
    }
}


EVP_PKEY *
make_pkey(const EC_POINT *point, point_conversion_form_t form)
{
    size_t         len;
    u_char         text[65];
    EVP_PKEY      *pkey;
    OSSL_PARAM     params[3];
    EVP_PKEY_CTX  *maker;

    len = EC_POINT_point2oct(group, point, form, text, sizeof(text), ctx);

    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
                                                 (char *) "P-256", 0);
    params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
                                                  text, len);
    params[2] = OSSL_PARAM_construct_end();

    pkey = NULL;
    maker = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);

    check(EVP_PKEY_fromdata_init(maker) == 1
          && EVP_PKEY_fromdata(maker, &pkey, EVP_PKEY_PUBLIC_KEY, params)
             == 1);

    EVP_PKEY_CTX_free(maker);

    return pkey;
}


void
make_pair(pair_t *pair, const EC_POINT *point)
{
    pair->point = EC_POINT_dup(point, group);
    pair->pkey = make_pkey(point, POINT_CONVERSION_UNCOMPRESSED);
    pair->table = access_p256_create(pair->pkey);
    pair->ctx = EVP_PKEY_CTX_new(pair->pkey, NULL);

    check(pair->table != NULL && EVP_PKEY_verify_init(pair->ctx) == 1);
}


void
make_pair_of(pair_t *pair, const BIGNUM *d)
{
    EC_POINT  *point;

    point = EC_POINT_new(group);

    check(EC_POINT_mul(group, point, d, NULL, NULL, ctx) == 1);
    make_pair(pair, point);

    EC_POINT_free(point);
}


void
free_pair(pair_t *pair)
{
    EVP_PKEY_CTX_free(pair->ctx);
    EVP_PKEY_free(pair->pkey);
    EC_POINT_free(pair->point);
    access_p256_free(pair->table);
}


void
pack(u_char raw[RAW], const BIGNUM *hash, const BIGNUM *r, const BIGNUM *s)
{
    check(BN_bn2binpad(hash, raw, 32) == 32
          && BN_bn2binpad(r, raw + 32, 32) == 32
          && BN_bn2binpad(s, raw + 64, 32) == 32);
}


int
sign_with(const pair_t *pair, const BIGNUM *u1, const BIGNUM *u2,
    u_char raw[RAW])
{
    int        found;
    BIGNUM    *r, *s, *e;
    EC_POINT  *sum;

    r = BN_new();
    s = BN_new();
    e = BN_new();
    sum = EC_POINT_new(group);

    check(EC_POINT_mul(group, sum, u1, pair->point, u2, ctx) == 1);

    found = EC_POINT_is_at_infinity(group, sum) == 0;

    if (found) {
        EC_POINT_get_affine_coordinates(group, sum, r, NULL, ctx);
        BN_nnmod(r, r, order, ctx);
        BN_mod_inverse(s, u2, order, ctx);
        BN_mod_mul(s, s, r, order, ctx);
        BN_mod_mul(e, u1, s, order, ctx);
        pack(raw, e, r, s);
    }

    BN_free(r);
    BN_free(s);
    BN_free(e);
    EC_POINT_free(sum);

    return found;
}


int
verify(const pair_t *pair, const u_char raw[RAW])
{
    int      rc;
    u_char  *copy;

    /* without a byte to spare */

    copy = malloc(RAW);
    check(copy != NULL);
    memcpy(copy, raw, RAW);

    rc = access_p256_verify(pair->table, copy, copy + ACCESS_SHA256_LEN);

    free(copy);

    accepted += (rc == 1);
    refused += (rc == 0);
    differ += (rc != verify_openssl(pair, raw));

    return rc;
}


static int
verify_openssl(const pair_t *pair, const u_char raw[RAW])
{
    int         rc, len;
    u_char     *der;
    ECDSA_SIG  *signature;

    der = NULL;
    signature = ECDSA_SIG_new();

    ECDSA_SIG_set0(signature, BN_bin2bn(raw + 32, 32, NULL),
                   BN_bin2bn(raw + 64, 32, NULL));

    len = i2d_ECDSA_SIG(signature, &der);
    check(len > 0);

    rc = EVP_PKEY_verify(pair->ctx, der, (size_t) len, raw, 32) == 1;

    ERR_clear_error();
    OPENSSL_free(der);
    ECDSA_SIG_free(signature);

    return rc;
}
