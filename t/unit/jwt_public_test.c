
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of access: what a process remembers of a public key, a table and the
 * signatures that it has found good, and that neither lets anything in that
 * would not be let in without, access/public_key.h.
 */


#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "jwt_keys.h"
#include "jwt_make.h"
#include "tap.h"


#define CLAIMS   "{\"sub\":\"a\",\"exp\":1700000100,\"nbf\":1700000000}"
#define EXP      INT64_C(1700000100000)


/* a key, and another one of the same kind that does not know its tokens */

typedef struct {
    access_key_t         *key;
    const char           *header;
    EVP_PKEY             *pair;
    access_public_key_t  *other;
} kind_t;


static void test_again(kind_t *kind);
static void test_claims(kind_t *kind);
static void test_replaced(kind_t *kind);
static void test_mutated(kind_t *kind);
static void test_evicted(kind_t *kind);
static void test_never(kind_t *kind);
static void test_table(void);
static void test_slots(void);
static void make_keys(void);
static void fresh(kind_t *kind);
static slice_t make_token(const kind_t *kind);
static slice_t make_copy(slice_t token);
static u_char damage(slice_t *token);
static access_jwt_e verify_at(const slice_t *token, int64_t now);
static int knows_by_heart(const kind_t *kind, const slice_t *token);
static unsigned remembered(const kind_t *kind);
static EVP_PKEY *generate(access_algorithm_e algorithm);
static void need(int pass);


static kind_t  kinds[] = {
    { &key_rsa, "{\"alg\":\"RS256\",\"kid\":\"sk_rsa\"}", NULL, NULL },
    { &key_ec, "{\"alg\":\"ES256\",\"kid\":\"sk_ec\"}", NULL, NULL },
    { &key_ed, "{\"alg\":\"EdDSA\",\"kid\":\"sk_ed\"}", NULL, NULL }
};

#define NKINDS   (sizeof(kinds) / sizeof(kinds[0]))


static void
test_again(kind_t *kind)
{
    slice_t  token;

    fresh(kind);

    token = make_token(kind);

    ok(kind->key->public_key->seen == NULL && !knows_by_heart(kind, &token),
       "nothing is known at first");

    ok(verify_at(&token, MAKE_NOW) == ACCESS_JWT_OK && remembered(kind) == 1
       && knows_by_heart(kind, &token), "a good signature is remembered");

    ok(verify_at(&token, MAKE_NOW) == ACCESS_JWT_OK
       && make_found == kind->key && make_claims.sub.len == 1
       && make_claims.exp == EXP && remembered(kind) == 1,
       "and what the token claims is the same");

    free(token.data);
}


/* the time is looked at each time, whenever it was that it was good */

static void
test_claims(kind_t *kind)
{
    slice_t  token;

    fresh(kind);

    token = make_token(kind);

    ok(verify_at(&token, MAKE_NOW) == ACCESS_JWT_OK
       && verify_at(&token, EXP) == ACCESS_JWT_EXPIRED
       && make_found == kind->key && knows_by_heart(kind, &token),
       "one that is known expires");

    ok(verify_at(&token, MAKE_NOW - 60000) == ACCESS_JWT_BAD,
       "and is not good before its time");

    ok(verify_at(&token, MAKE_NOW) == ACCESS_JWT_OK, "as it is after");

    free(token.data);

    fresh(kind);

    token = make_token(kind);

    ok(verify_at(&token, EXP) == ACCESS_JWT_EXPIRED
       && verify_at(&token, EXP) == ACCESS_JWT_EXPIRED,
       "one that has expired is so when it comes again");

    free(token.data);
}


/* the same kid, the same algorithm, another key: as a key file may have it */

static void
test_replaced(kind_t *kind)
{
    slice_t               token;
    access_key_t          young, *list[1];
    access_keys_t         set;
    access_public_key_t  *was;

    fresh(kind);

    token = make_token(kind);

    need(verify_at(&token, MAKE_NOW) == ACCESS_JWT_OK);

    young = *kind->key;
    young.public_key = kind->other;
    list[0] = &young;
    set.elts = list;
    set.nelts = 1;

    ok(make_verify(&set, token) == ACCESS_JWT_BAD, "not by another key");

    /* the memory is that of the public key, not of whatever has its ID */

    was = kind->key->public_key;
    kind->key->public_key = kind->other;

    ok(verify_at(&token, MAKE_NOW) == ACCESS_JWT_BAD, "nor in its place");

    kind->key->public_key = was;

    ok(verify_at(&token, MAKE_NOW) == ACCESS_JWT_OK, "by its own");

    free(token.data);
}


/* whichever bit is another one, it is another token, which nobody signed */

static void
test_mutated(kind_t *kind)
{
    int      good;
    size_t   i, bit;
    slice_t  token;

    fresh(kind);

    token = make_token(kind);

    need(verify_at(&token, MAKE_NOW) == ACCESS_JWT_OK);

    good = 0;

    for (i = 0; i < token.len; i++) {
        for (bit = 0; bit < 8; bit++) {
            token.data[i] ^= (u_char) (1 << bit);
            good += (verify_at(&token, MAKE_NOW) != ACCESS_JWT_BAD);
            token.data[i] ^= (u_char) (1 << bit);
        }
    }

    ok(good == 0 && remembered(kind) == 1, "with any bit turned");

    token.len--;
    ok(verify_at(&token, MAKE_NOW) == ACCESS_JWT_BAD, "without its end");
    token.len++;

    ok(verify_at(&token, MAKE_NOW) == ACCESS_JWT_OK, "as it is");

    free(token.data);
}


static void
test_evicted(kind_t *kind)
{
    size_t   i;
    u_char   digest[ACCESS_SHA256_LEN];
    slice_t  token;

    fresh(kind);

    token = make_token(kind);

    need(verify_at(&token, MAKE_NOW) == ACCESS_JWT_OK);

    memset(digest, 0x5a, sizeof(digest));

    for (i = 0; i < ACCESS_SEEN_SLOTS; i++) {
        digest[0] = (u_char) (i >> 8);
        digest[1] = (u_char) i;

        access_public_key_saw(kind->key->public_key, digest);
    }

    ok(!knows_by_heart(kind, &token) && remembered(kind) == ACCESS_SEEN_SLOTS,
       "others take its place");

    ok(verify_at(&token, MAKE_NOW) == ACCESS_JWT_OK
       && knows_by_heart(kind, &token), "it is verified anew");

    free(token.data);
}


/* a bad signature leaves nothing behind, however often it comes */

static void
test_never(kind_t *kind)
{
    int      i, bad;
    slice_t  token;

    fresh(kind);

    token = make_token(kind);
    (void) damage(&token);

    bad = 0;

    for (i = 0; i < 3; i++) {
        bad += (verify_at(&token, MAKE_NOW) == ACCESS_JWT_BAD);
    }

    ok(bad == 3 && kind->key->public_key->seen == NULL,
       "a bad signature is not remembered");

    ok(ERR_peek_error() == 0, "and leaves no error behind");

    free(token.data);
}


/* the answers are the same before there is a table and after */

static void
test_table(void)
{
    int      i, good, bad, early;
    u_char   was;
    kind_t  *kind;
    slice_t  token;

    kind = &kinds[1];

    fresh(kind);

    good = 0;
    bad = 0;
    early = 0;

    for (i = 0; i < ACCESS_P256_AFTER; i++) {
        token = make_token(kind);

        if (i % 2) {
            (void) damage(&token);
        }

        switch (verify_at(&token, MAKE_NOW)) {

        case ACCESS_JWT_OK:
            good++;
            break;

        case ACCESS_JWT_BAD:
            bad++;
            break;

        default:
            break;
        }

        early |= (kind->key->public_key->table != NULL);

        /* what is known needs no table */

        if (i % 2 == 0) {
            (void) verify_at(&token, MAKE_NOW);
        }

        free(token.data);
    }

    ok(good == ACCESS_P256_AFTER / 2 && bad == good && !early,
       "a key that is not busy has no table");

    token = make_token(kind);

    ok(verify_at(&token, MAKE_NOW) == ACCESS_JWT_OK
       && kind->key->public_key->table != NULL, "one that is has");

    free(token.data);

    token = make_token(kind);
    was = damage(&token);

    ok(verify_at(&token, MAKE_NOW) == ACCESS_JWT_BAD
       && verify_at(&token, MAKE_NOW) == ACCESS_JWT_BAD,
       "which does not find a bad signature good");

    token.data[token.len - 5] = was;

    ok(verify_at(&token, MAKE_NOW) == ACCESS_JWT_OK
       && knows_by_heart(kind, &token), "nor a good one bad");

    free(token.data);
}


/* a digest is known as a whole, not by where it would be */

static void
test_slots(void)
{
    size_t                i;
    u_char                digest[ACCESS_SHA256_LEN];
    access_public_key_t  *public_key;

    public_key = kinds[0].other;

    for (i = 0; i < sizeof(digest); i++) {
        digest[i] = (u_char) i;
    }

    access_public_key_saw(public_key, digest);

    ok(access_public_key_has_seen(public_key, digest), "a digest");

    for (i = 0; i < sizeof(digest); i++) {
        digest[i] ^= 0x80;

        if (access_public_key_has_seen(public_key, digest)) {
            break;
        }

        digest[i] ^= 0x80;
    }

    ok(i == sizeof(digest), "none that has another byte");
}


static void
make_keys(void)
{
    size_t  i;

    for (i = 0; i < NKINDS; i++) {
        kinds[i].pair = generate(kinds[i].key->algorithm);
        kinds[i].other = make_public(generate(kinds[i].key->algorithm));
    }
}


/* a key that has not verified anything yet */

static void
fresh(kind_t *kind)
{
    access_public_key_free(kind->key->public_key);

    kind->key->public_key = access_public_key_prepare(kind->pair);

    need(kind->key->public_key != NULL);
}


/* one that stays when the next one is made */

static slice_t
make_token(const kind_t *kind)
{
    return make_copy(make_signed(make_pkey(kind->key), kind->header, CLAIMS));
}


static slice_t
make_copy(slice_t token)
{
    slice_t  copy;

    copy.len = token.len;
    copy.data = malloc(token.len);

    need(copy.data != NULL);

    memcpy(copy.data, token.data, token.len);

    return copy;
}


/* another signature, well written; returns the letter that was there */

static u_char
damage(slice_t *token)
{
    u_char  was, *p;

    p = token->data + token->len - 5;
    was = *p;
    *p = (was == 'A') ? 'B' : 'A';

    return was;
}


static access_jwt_e
verify_at(const slice_t *token, int64_t now)
{
    access_claims_free(&make_claims);

    return access_jwt_verify(&keys, token, now, &make_found, &make_claims);
}


/* it is good although its key can verify only what others have signed */

static int
knows_by_heart(const kind_t *kind, const slice_t *token)
{
    int                   known;
    EVP_PKEY_CTX         *ctx;
    access_p256_t        *table;
    access_public_key_t  *own, *other;

    own = kind->key->public_key;
    other = kind->other;

    ctx = own->ctx;
    table = own->table;
    own->ctx = other->ctx;
    own->table = NULL;

    known = (verify_at(token, MAKE_NOW) == ACCESS_JWT_OK);

    own->ctx = ctx;
    own->table = table;

    return known;
}


static unsigned
remembered(const kind_t *kind)
{
    size_t          i;
    unsigned        n;
    access_seen_t  *seen;

    static const u_char  empty[ACCESS_SHA256_LEN];

    seen = kind->key->public_key->seen;
    n = 0;

    for (i = 0; seen != NULL && i < ACCESS_SEEN_SLOTS; i++) {
        n += (memcmp((*seen)[i], empty, sizeof(empty)) != 0);
    }

    return n;
}


static EVP_PKEY *
generate(access_algorithm_e algorithm)
{
    switch (algorithm) {

    case ACCESS_RS256:
        return EVP_RSA_gen(2048);

    case ACCESS_ES256:
        return EVP_EC_gen("P-256");

    default:
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    }
}


/* what a test starts from */

static void
need(int pass)
{
    if (!pass) {
        printf("Bail out! a good token is not, or there is no memory\n");
        exit(1);
    }
}


int
main(void)
{
    size_t  i;

    make_keys();

    for (i = 0; i < NKINDS; i++) {
        printf("# %s\n", access_algorithm_name(kinds[i].key->algorithm));

        test_again(&kinds[i]);
        test_claims(&kinds[i]);
        test_replaced(&kinds[i]);
        test_mutated(&kinds[i]);
        test_evicted(&kinds[i]);
        test_never(&kinds[i]);
    }

    test_table();
    test_slots();

    access_claims_free(&make_claims);

    for (i = 0; i < NKINDS; i++) {
        access_public_key_free(kinds[i].key->public_key);
        access_public_key_free(kinds[i].other);
        EVP_PKEY_free(kinds[i].pair);
    }

    return tap_done();
}
