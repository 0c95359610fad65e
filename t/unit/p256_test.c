
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of access: ECDSA with tables, access/p256.h, beside that of OpenSSL,
 * which has to give the same answer for every signature: for what the edges
 * of FIPS 186-4, section 6.4, are, for good signatures, and for damaged ones.
 */


#include <openssl/err.h>

#include "p256_pair.h"
#include "tap.h"


#define ROUNDS      300            /* each some signatures by a random key */


static void test_random(void);
static void test_edges(void);
static void test_ranges(void);
static void test_small_s(void);
static void test_vectors(void);
static void test_large_x(void);
static void test_infinity(void);
static void test_keys(void);
static void test_limit(void);
static int verify_text(const char *hash, const char *r, const char *s);


/* good ones, and each with one bit of its hash, of r or of s turned */

static void
test_random(void)
{
    int       i, good;
    u_char    raw[RAW];
    pair_t    pair;
    BIGNUM   *d, *u1, *u2;
    unsigned  bit;

    good = 0;
    differ = 0;
    refused = 0;

    for (i = 0; i < ROUNDS; i++) {

        if (i % 50 == 0) {
            if (i != 0) {
                free_pair(&pair);
            }

            d = random_number();
            make_pair_of(&pair, d);
            BN_free(d);
        }

        u1 = random_number();
        u2 = random_number();

        sign_with(&pair, u1, u2, raw);
        good += verify(&pair, raw);

        bit = (unsigned) BN_get_word(u1) % (RAW * 8);
        raw[bit / 8] ^= (u_char) (1 << bit % 8);
        verify(&pair, raw);

        BN_free(u1);
        BN_free(u2);
    }

    free_pair(&pair);

    ok(good == ROUNDS && refused == ROUNDS && differ == 0,
       "random signatures are good, and not with one bit turned");
}


/* multipliers at the edges of what tables and windows hold */

static void
test_edges(void)
{
    int     i, j, k, made, good;
    u_char  raw[RAW];
    pair_t  pair;

    static const int  keys[] = { 1, 2, 4, 13 };

    made = 0;
    good = 0;
    differ = 0;

    for (k = 0; k < 4; k++) {
        make_pair_of(&pair, numbers[keys[k]]);

        for (i = 0; i < NUMBERS; i++) {
            for (j = 1; j < NUMBERS; j++) {
                if (sign_with(&pair, numbers[i], numbers[j], raw)) {
                    made++;
                    good += verify(&pair, raw);
                }
            }
        }

        free_pair(&pair);
    }

    ok(made > 4 * NUMBERS * (NUMBERS - 2) && good == made && differ == 0,
       "multipliers at the edges");
}


/* r, s and the hash below, at and above the order */

static void
test_ranges(void)
{
    int      i, j, k;
    u_char   raw[RAW];
    pair_t   pair;
    BIGNUM  *sum, *zero, *all[6];

    zero = BN_new();
    sum = number("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
                 "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF");

    all[0] = zero;
    all[1] = BN_dup(BN_value_one());
    all[2] = BN_dup(order);
    BN_sub_word(all[2], 1);
    all[3] = BN_dup(order);
    all[4] = BN_dup(order);
    BN_add_word(all[4], 1);
    all[5] = sum;

    make_pair_of(&pair, numbers[13]);

    differ = 0;

    for (i = 0; i < 6; i++) {
        for (j = 0; j < 6; j++) {
            for (k = 0; k < 6; k++) {
                pack(raw, all[i], all[j], all[k]);
                verify(&pair, raw);
            }
        }
    }

    ok(differ == 0, "r, s and the hash about 0 and the order");

    /* good ones, of which one number is outside its range or the other one */

    sign_with(&pair, numbers[11], numbers[12], raw);
    check(verify(&pair, raw) == 1);

    BN_bin2bn(raw + 64, 32, sum);
    BN_sub(sum, order, sum);
    BN_bn2binpad(sum, raw + 64, 32);

    ok(verify(&pair, raw) == 1, "the order less s is as good");

    memset(raw + 64, 0, 32);
    ok(verify(&pair, raw) == 0, "s of 0");

    sign_with(&pair, numbers[11], numbers[12], raw);
    memset(raw + 32, 0, 32);
    ok(verify(&pair, raw) == 0, "r of 0");

    /* a hash of 0 and one of the order are the same number */

    sign_with(&pair, zero, numbers[12], raw);
    check(verify(&pair, raw) == 1);
    BN_bn2binpad(order, raw, 32);

    ok(verify(&pair, raw) == 1, "a hash that is the order");

    free_pair(&pair);

    for (i = 0; i < 6; i++) {
        BN_free(all[i]);
    }
}


/*
 * With s of 5 there is room for the order on top of it, which must not make
 * another signature of it: hash = s k - r d, where r is x of k G.
 */

static void
test_small_s(void)
{
    u_char     raw[RAW];
    pair_t     pair;
    BIGNUM    *r, *s, *e, *w;
    EC_POINT  *point;

    r = BN_new();
    s = BN_new();
    e = BN_new();
    w = BN_new();
    point = EC_POINT_new(group);

    BN_set_word(s, 5);

    EC_POINT_mul(group, point, numbers[11], NULL, NULL, ctx);
    EC_POINT_get_affine_coordinates(group, point, r, NULL, ctx);
    BN_nnmod(r, r, order, ctx);

    BN_mod_mul(e, s, numbers[11], order, ctx);
    BN_mod_mul(w, r, numbers[13], order, ctx);
    BN_mod_sub(e, e, w, order, ctx);

    make_pair_of(&pair, numbers[13]);

    differ = 0;

    pack(raw, e, r, s);
    ok(verify(&pair, raw) == 1 && differ == 0, "a small s");

    BN_add(s, s, order);
    pack(raw, e, r, s);
    ok(verify(&pair, raw) == 0 && differ == 0, "and the order on top of it");

    free_pair(&pair);

    BN_free(r);
    BN_free(s);
    BN_free(e);
    BN_free(w);
    EC_POINT_free(point);
}


/* RFC 6979, appendix A.2.5, SHA-256 of "sample" and of "test" */

static void
test_vectors(void)
{
    ok(verify_text("AF2BDBE1AA9B6EC1E2ADE1D694F41FC7"
                   "1A831D0268E9891562113D8A62ADD1BF",
                   "EFD48B2AACB6A8FD1140DD9CD45E81D6"
                   "9D2C877B56AAF991C34D0EA84EAF3716",
                   "F7CB1C942D657C41D436C7A1B6E29F65"
                   "F3E900DBB9AFF4064DC4AB2F843ACDA8")
       == 1, "RFC 6979, \"sample\"");

    ok(verify_text("9F86D081884C7D659A2FEAA0C55AD015"
                   "A3BF4F1B2B0B822CD15D6C15B0F00A08",
                   "F1ABB023518351CD71D881567B1EA663"
                   "ED3EFCF6C5132B354F28D3B0B7D38367",
                   "019F4113742A2B14BD25926B49C64915"
                   "5F267E60D3814B4C0CC84250E46F0083")
       == 1, "RFC 6979, \"test\"");

    ok(verify_text("9F86D081884C7D659A2FEAA0C55AD015"
                   "A3BF4F1B2B0B822CD15D6C15B0F00A08",
                   "EFD48B2AACB6A8FD1140DD9CD45E81D6"
                   "9D2C877B56AAF991C34D0EA84EAF3716",
                   "F7CB1C942D657C41D436C7A1B6E29F65"
                   "F3E900DBB9AFF4064DC4AB2F843ACDA8")
       == 0, "the one for the other");
}


/*
 * The sum has an x of the order or more, so that r is x less the order.  No
 * signer meets one in a lifetime: the key is made for the signature,
 * Q = (s R - hash G) / r.
 */

static void
test_large_x(void)
{
    u_char     raw[RAW];
    pair_t     pair;
    BIGNUM    *x, *r, *s, *e, *w;
    EC_POINT  *point, *term;

    x = BN_dup(order);
    r = BN_new();
    s = random_number();
    e = random_number();
    w = BN_new();
    point = EC_POINT_new(group);
    term = EC_POINT_new(group);

    do {
        BN_add_word(x, 1);
    } while (EC_POINT_set_compressed_coordinates(group, point, x, 0, ctx) != 1);

    ERR_clear_error();

    BN_sub(r, x, order);
    BN_mod_inverse(w, r, order, ctx);

    EC_POINT_mul(group, term, e, NULL, NULL, ctx);
    EC_POINT_invert(group, term, ctx);
    EC_POINT_mul(group, point, NULL, point, s, ctx);
    EC_POINT_add(group, point, point, term, ctx);
    EC_POINT_mul(group, point, NULL, point, w, ctx);

    make_pair(&pair, point);
    pack(raw, e, r, s);

    differ = 0;

    ok(verify(&pair, raw) == 1 && differ == 0, "x above the order");

    pack(raw, e, x, s);

    ok(verify(&pair, raw) == 0 && differ == 0, "but not an r above it");

    free_pair(&pair);

    BN_free(x);
    BN_free(r);
    BN_free(s);
    BN_free(e);
    BN_free(w);
    EC_POINT_free(point);
    EC_POINT_free(term);
}


/* hash = - r d makes the sum the point at infinity, whatever r and s are */

static void
test_infinity(void)
{
    int      i;
    u_char   raw[RAW];
    pair_t   pair;
    BIGNUM  *d, *r, *s, *e;

    differ = 0;
    accepted = 0;

    e = BN_new();

    for (i = 0; i < 20; i++) {
        d = i < 5 ? BN_dup(numbers[i + 1]) : random_number();
        r = random_number();
        s = random_number();

        BN_mod_mul(e, r, d, order, ctx);
        BN_sub(e, order, e);

        make_pair_of(&pair, d);
        pack(raw, e, r, s);
        verify(&pair, raw);

        /* x of nothing is not 0 either */

        memset(raw + 32, 0, 32);
        verify(&pair, raw);

        free_pair(&pair);

        BN_free(d);
        BN_free(r);
        BN_free(s);
    }

    BN_free(e);

    ok(accepted == 0 && differ == 0, "the point at infinity");
}


static void
test_keys(void)
{
    u_char           raw[RAW];
    pair_t           pair;
    EVP_PKEY        *pkey, *other;
    access_p256_t   *table;

    make_pair_of(&pair, numbers[13]);
    sign_with(&pair, numbers[11], numbers[12], raw);

    pkey = make_pkey(pair.point, POINT_CONVERSION_COMPRESSED);
    table = access_p256_create(pkey);

    ok(table != NULL && access_p256_verify(table, raw, raw + 32) == 1,
       "a key that was written compressed");

    access_p256_free(table);
    EVP_PKEY_free(pkey);
    free_pair(&pair);

    pkey = EVP_EC_gen("P-384");
    other = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

    ok(access_p256_create(pkey) == NULL && access_p256_create(other) == NULL,
       "no table of another curve");

    EVP_PKEY_free(pkey);
    EVP_PKEY_free(other);

    pkey = EVP_EC_gen("P-256");

    EVP_default_properties_enable_fips(NULL, 1);
    table = access_p256_create(pkey);
    EVP_default_properties_enable_fips(NULL, 0);

    ok(table == NULL, "none when only FIPS providers shall compute");

    EVP_PKEY_free(pkey);
    access_p256_free(NULL);

    ERR_clear_error();
}


static void
test_limit(void)
{
    int             i, n;
    EVP_PKEY       *pkey;
    access_p256_t  *tables[ACCESS_P256_TABLES];

    pkey = EVP_EC_gen("P-256");
    n = 0;

    for (i = 0; i < ACCESS_P256_TABLES; i++) {
        tables[i] = access_p256_create(pkey);
        n += (tables[i] != NULL);
    }

    ok(n == ACCESS_P256_TABLES && access_p256_create(pkey) == NULL,
       "so many tables and no more");

    access_p256_free(tables[0]);
    tables[0] = access_p256_create(pkey);

    ok(tables[0] != NULL, "but one again when one is gone");

    for (i = 0; i < ACCESS_P256_TABLES; i++) {
        access_p256_free(tables[i]);
    }

    EVP_PKEY_free(pkey);
}


/* with the key of RFC 6979, appendix A.2.5 */

static int
verify_text(const char *hash, const char *r, const char *s)
{
    int      rc;
    u_char   raw[RAW];
    pair_t   pair;
    BIGNUM  *d, *numbers_of[3];

    d = number("C9AFA9D845BA75166B5C215767B1D693"
               "4E50C3DB36E89B127B8A622B120F6721");

    numbers_of[0] = number(hash);
    numbers_of[1] = number(r);
    numbers_of[2] = number(s);

    make_pair_of(&pair, d);
    pack(raw, numbers_of[0], numbers_of[1], numbers_of[2]);

    rc = verify(&pair, raw);

    free_pair(&pair);
    BN_free(numbers_of[0]);
    BN_free(numbers_of[1]);
    BN_free(numbers_of[2]);
    BN_free(d);

    return rc;
}


int
main(void)
{
    p256_begin();

    test_random();
    test_edges();
    test_ranges();
    test_small_s();
    test_vectors();
    test_large_x();
    test_infinity();
    test_keys();
    test_limit();

    p256_end();

    return tap_done();
}
