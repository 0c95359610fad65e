
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of access: keys, what they admit, their text form, and what a key that
 * was narrowed means for a connection.
 */


#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "access.h"
#include "public_key.h"
#include "tap.h"


#define TEXT_ROUNDS     2000
#define TEXT_MAX        8192
#define TEXT_ITEMS      16
#define TEXT_STRING     40


typedef struct {
    access_key_t  key;
    slice_t       channels[4];
    slice_t       origins[4];
} test_key_t;


static void test_origin_allowed(void);
static void test_find(void);
static void test_pair(void);
static void test_channel_allowed(void);
static void test_text(void);
static void test_random_text(void);
static void test_set_text(void);
static void test_broken_text(void);
static void test_narrowed(void);
static void test_narrowed_secret(void);
static void test_narrowed_public(void);
static int written_narrowed(const access_key_t *was, const access_key_t *now);
static void *public_key(u_char byte);
static void random_key(access_key_t *key, slice_t *items, u_char *bytes);
static int same_key(const access_key_t *a, const access_key_t *b);
static int same_slices(const slice_t *a, const slice_t *b, uint32_t n);
static void make_key(test_key_t *t, access_key_type_e type);
static uint32_t random_below(uint32_t n);


static void
test_origin_allowed(void)
{
    slice_t     origin, other;
    test_key_t  t;

    make_key(&t, ACCESS_PUBLISHABLE);

    origin = text_slice("https://b.example.org");
    other = text_slice("https://c.example.net");

    ok(access_origin_allowed(&t.key, &origin), "second entry admits");
    ok(!access_origin_allowed(&t.key, &other), "no entry admits");
    ok(!access_origin_allowed(&t.key, NULL), "required, but absent");

    t.key.require_origin = 0;
    ok(access_origin_allowed(&t.key, NULL), "absent and not required");
    ok(!access_origin_allowed(&t.key, &other),
       "not required, but a wrong one is refused");

    t.key.origins[0] = text_slice("*");
    t.key.require_origin = 1;
    ok(access_origin_allowed(&t.key, &other), "any that is present");
    ok(!access_origin_allowed(&t.key, NULL), "\"*\" does not admit an absent");

    t.key.norigins = 0;
    ok(!access_origin_allowed(&t.key, &origin), "no list is not any");
}


static void
test_find(void)
{
    slice_t         id, longer;
    test_key_t      a, b;
    access_key_t   *elts[2];
    access_keys_t   keys;

    make_key(&a, ACCESS_PUBLISHABLE);
    make_key(&b, ACCESS_SECRET);

    elts[0] = &a.key;
    elts[1] = &b.key;
    keys.elts = elts;
    keys.nelts = 2;

    ok(access_key_find(&keys, &a.key.id) == &a.key, "find the first");
    ok(access_key_find(&keys, &b.key.id) == &b.key, "find the last");

    id = text_slice("pk_live_demO");
    ok(access_key_find(&keys, &id) == NULL, "another case");

    id = text_slice("pk_live_dem");
    longer = text_slice("pk_live_demo1");
    ok(access_key_find(&keys, &id) == NULL
       && access_key_find(&keys, &longer) == NULL, "a prefix, an extension");

    id = text_slice("");
    ok(access_key_find(&keys, &id) == NULL, "the empty ID");

    keys.nelts = 0;
    ok(access_key_find(&keys, &a.key.id) == NULL, "no keys");

    longer = text_slice("");
    ok(access_equal(&id, &longer), "equal: both empty");
    ok(access_equal(&a.key.id, &a.key.id), "equal: the same");
    ok(!access_equal(&a.key.id, &b.key.id), "equal: different");
    ok(!access_equal(&a.key.id, &id), "equal: one is empty");
}


static void
test_pair(void)
{
    size_t          i;
    slice_t         pair;
    test_key_t      secret, publishable, asymmetric;
    access_key_t   *list[3];
    access_keys_t   keys;

    static const char  *wrong[] = {
        "", ":", "sk", "sk:", ":a:b", "sk:a:", "sk:a:bc", "sk:a", "s:a:b",
        "pk:", "pk:a:b", "ec:", "sk a:b"
    };

    make_key(&secret, ACCESS_SECRET);
    make_key(&publishable, ACCESS_PUBLISHABLE);
    make_key(&asymmetric, ACCESS_SECRET);

    secret.key.id = text_slice("sk");
    secret.key.secret = text_slice("a:b");
    publishable.key.id = text_slice("pk");
    asymmetric.key.id = text_slice("ec");
    asymmetric.key.secret.len = 0;

    list[0] = &publishable.key;
    list[1] = &asymmetric.key;
    list[2] = &secret.key;

    keys.elts = list;
    keys.nelts = 3;

    pair = text_slice("sk:a:b");
    ok(access_key_by_pair(&keys, &pair) == &secret.key, "pair");

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        pair = text_slice(wrong[i]);

        if (access_key_by_pair(&keys, &pair) != NULL) {
            printf("# %s\n", wrong[i]);
            break;
        }
    }

    ok(i == sizeof(wrong) / sizeof(wrong[0]), "pair: not of a key");
}


static void
test_channel_allowed(void)
{
    slice_t     name;
    test_key_t  t;

    make_key(&t, ACCESS_PUBLISHABLE);

    name = text_slice("lobby");
    ok(access_channel_allowed(&t.key, &name), "second pattern admits");

    name = text_slice("other");
    ok(!access_channel_allowed(&t.key, &name), "no pattern admits");

    t.key.nchannels = 0;
    name = text_slice("lobby");
    ok(!access_channel_allowed(&t.key, &name), "no patterns, no channel");
}


static void
test_text(void)
{
    int           found;
    size_t        i;
    u_char        text[TEXT_MAX];
    slice_t       items[TEXT_ITEMS];
    ssize_t       n;
    test_key_t    t;
    access_key_t  key;

    make_key(&t, ACCESS_PUBLISHABLE);

    n = access_key_write(text, sizeof(text), &t.key);

    ok(n > 0 && access_key_read(&key, text, (size_t) n, items, TEXT_ITEMS) == n
       && same_key(&key, &t.key), "text of a publishable key, and back");

    make_key(&t, ACCESS_SECRET);

    n = access_key_write(text, sizeof(text), &t.key);

    ok(n > 0 && access_key_read(&key, text, (size_t) n, items, TEXT_ITEMS) == n
       && same_key(&key, &t.key) && key.digest && key.secret.len == 64,
       "text of a secret key, and back");

    found = 0;

    for (i = 0; n > 0 && i + t.key.secret.len <= (size_t) n; i++) {
        found |= (memcmp(text + i, t.key.secret.data, t.key.secret.len) == 0);
    }

    ok(n > 0 && !found, "the secret is not in the text");

    t.key.secret.len = 0;
    ok(access_key_write(text, sizeof(text), &t.key) == -1,
       "a secret key without a secret has no text");
}


static void
test_random_text(void)
{
    int           wrong, fits;
    size_t        i, size;
    u_char        text[TEXT_MAX], copy[TEXT_MAX], bytes[TEXT_MAX];
    slice_t       items[TEXT_ITEMS], store[TEXT_ITEMS];
    ssize_t       n, again;
    access_key_t  key, back;

    wrong = 0;
    fits = 0;

    for (i = 0; i < TEXT_ROUNDS; i++) {
        random_key(&key, items, bytes);

        n = access_key_write(text, sizeof(text), &key);

        if (n <= 0
            || access_key_read(&back, text, (size_t) n, store, TEXT_ITEMS) != n
            || !same_key(&back, &key))
        {
            wrong++;
            continue;
        }

        /* what was read is written the same, the digest included */

        again = access_key_write(copy, sizeof(copy), &back);
        wrong += (again != n || memcmp(text, copy, (size_t) n) != 0);

        /* nothing is written past a buffer that is too small */

        size = random_below((uint32_t) n);
        memset(copy, 0xaa, sizeof(copy));
        wrong += (access_key_write(copy, size, &key) != -1);
        wrong += (copy[size] != 0xaa);

        memset(copy, 0xaa, sizeof(copy));
        fits += (access_key_write(copy, (size_t) n, &key) == n
                 && copy[n] == 0xaa);
    }

    ok(wrong == 0, "random keys come back from their text");
    ok(fits == TEXT_ROUNDS, "an exact buffer is enough");
}


static void
test_set_text(void)
{
    int             wrong;
    size_t          i, len, size;
    u_char          text[3 * TEXT_MAX], copy[3 * TEXT_MAX],
                    bytes[3][TEXT_MAX];
    slice_t         items[3][TEXT_ITEMS];
    ssize_t         n;
    access_key_t    keys[3], *elts[3];
    access_keys_t   set;

    wrong = 0;

    for (i = 0; i < TEXT_ROUNDS; i++) {

        set.elts = elts;
        len = 0;

        for (set.nelts = 0; set.nelts < i % 4; set.nelts++) {
            elts[set.nelts] = &keys[set.nelts];
            random_key(elts[set.nelts], items[set.nelts], bytes[set.nelts]);

            n = access_key_write(text + len, sizeof(text) - len,
                                 elts[set.nelts]);
            wrong += (n <= 0);
            len += (size_t) n;
        }

        size = access_keys_len(&set);

        wrong += (size == 0 || size > sizeof(copy)
                  || access_keys_write(copy, size, &set) != (ssize_t) len
                  || memcmp(copy, text, len) != 0);

        wrong += (len != 0 && access_keys_write(copy, len - 1, &set) != -1);
    }

    ok(wrong == 0, "the text of a set, and room that is enough for it");

    keys[0].type = ACCESS_SECRET;
    keys[0].algorithm = ACCESS_RS256;

    ok(access_keys_write(copy, sizeof(copy), &set) == -1,
       "a set with a key that has no text");
}


static void
test_broken_text(void)
{
    int           accepted;
    size_t        i, len;
    u_char        text[TEXT_MAX], copy[TEXT_MAX], *exact;
    slice_t       store[TEXT_ITEMS];
    ssize_t       n;
    test_key_t    t;
    access_key_t  key;

    static const char  *broken[] = {
        "", "\n", "pf110 0 0 1:a,1:b,0:,", "xf110 0 0 1:a,1:b,0:,\n",
        "pg110 0 0 1:a,1:b,0:,\n", "pf210 0 0 1:a,1:b,0:,\n",
        "pf120 0 0 1:a,1:b,0:,\n", "pf110 1 0 1:a,1:b,0:,\n",
        "pf110 0 1 1:a,1:b,0:,\n", "pf110 17 0 1:a,1:b,0:,\n",
        "pf110 99999999999999999999 0 1:a,1:b,0:,\n",
        "pf110 -1 0 1:a,1:b,0:,\n",
        "pf110 0 0 2:a,1:b,0:,\n", "pf110 0 0 99:a,1:b,0:,\n",
        "pf110 0 0 :a,1:b,0:,\n", "pf110 0 0 1:a;1:b,0:,\n",
        "pf110 0 0 1:a,1:b,1:c,\n", "sf110 0 0 1:a,1:b,0:,\n",
        "sf110 0 0 1:a,1:b,1:c,\n", "pf110  0 0 1:a,1:b,0:,\n",
        "pf116 0 0 1:a,1:b,0:,\n", "pf11a 0 0 1:a,1:b,0:,\n",
        "pf11/ 0 0 1:a,1:b,0:,\n", "pf11 0 0 1:a,1:b,0:,\n"
    };

    accepted = 0;

    for (i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        len = strlen(broken[i]);
        memcpy(copy, broken[i], len);

        if (access_key_read(&key, copy, len, store, TEXT_ITEMS) != -1) {
            printf("# accepted: %s\n", broken[i]);
            accepted++;
        }
    }

    ok(accepted == 0, "malformed texts are refused");

    make_key(&t, ACCESS_SECRET);
    n = access_key_write(text, sizeof(text), &t.key);

    accepted = (n <= 0);

    for (i = 0; n > 0 && i < (size_t) n; i++) {
        exact = malloc(i ? i : 1);
        if (exact == NULL) {
            accepted++;
            break;
        }

        memcpy(exact, text, i);
        accepted += (access_key_read(&key, exact, i, store, TEXT_ITEMS) != -1);
        free(exact);
    }

    ok(accepted == 0, "a text cut off anywhere is refused");

    ok(access_key_read(&key, text, (size_t) n, store,
                       t.key.nchannels + t.key.norigins) == n
       && access_key_read(&key, text, (size_t) n, store,
                          t.key.nchannels + t.key.norigins - 1) == -1,
       "the store is not overrun");

    memcpy(copy, text, (size_t) n);
    memcpy(copy + n, text, (size_t) n);
    ok(access_key_read(&key, copy, (size_t) n * 2, store, TEXT_ITEMS) == n,
       "one key is read of two");
}


static void
test_narrowed(void)
{
    slice_t     origin, other;
    test_key_t  was, now;

    origin = text_slice("https://a.example.com");
    other = text_slice("https://b.example.org");

    make_key(&was, ACCESS_PUBLISHABLE);
    make_key(&now, ACCESS_PUBLISHABLE);

    ok(access_key_narrowed(&was.key, NULL, &origin), "the key is gone");
    ok(!access_key_narrowed(&was.key, &now.key, &origin), "the same key");
    ok(access_key_narrowed(&was.key, &now.key, NULL), "origin required now");

    now.key.require_origin = 0;
    ok(!access_key_narrowed(&was.key, &now.key, NULL), "origin not required");

    now.key.norigins = 1;
    ok(!access_key_narrowed(&was.key, &now.key, &origin), "its origin stayed");
    ok(access_key_narrowed(&was.key, &now.key, &other), "its origin went");
    now.key.norigins = 2;

    now.key.actions = ACCESS_ALL & ~ACCESS_SEND;
    ok(access_key_narrowed(&was.key, &now.key, &origin), "an action went");

    was.key.actions = ACCESS_SUBSCRIBE;
    ok(!access_key_narrowed(&was.key, &now.key, &origin), "an action came");
    now.key.actions = ACCESS_ALL;

    now.key.nchannels = 1;
    ok(access_key_narrowed(&was.key, &now.key, &origin), "a pattern went");

    now.channels[0] = text_slice("**");
    ok(!access_key_narrowed(&was.key, &now.key, &origin), "** covers all");

    now.channels[0] = text_slice("***");
    ok(!access_key_narrowed(&was.key, &now.key, &origin), "so does ***");

    now.channels[0] = text_slice("*");
    ok(access_key_narrowed(&was.key, &now.key, &origin), "* does not");

    now.channels[0] = text_slice("a**");
    ok(access_key_narrowed(&was.key, &now.key, &origin), "nor a**");

    make_key(&now, ACCESS_PUBLISHABLE);
    now.key.nchannels = 3;
    now.channels[2] = now.channels[0];
    now.channels[0] = text_slice("new-*");
    ok(!access_key_narrowed(&was.key, &now.key, &origin),
       "patterns came and moved");

    now.key.turn = 0;
    ok(!access_key_narrowed(&was.key, &now.key, &origin), "turn off");

    now.key.app = text_slice("other");
    ok(access_key_narrowed(&was.key, &now.key, &origin), "another app");

    make_key(&now, ACCESS_SECRET);
    ok(access_key_narrowed(&was.key, &now.key, &origin), "another type");
}


static void
test_narrowed_secret(void)
{
    u_char        text[TEXT_MAX];
    slice_t       store[TEXT_ITEMS];
    ssize_t       n;
    test_key_t    was, now;
    access_key_t  read;

    make_key(&was, ACCESS_SECRET);
    make_key(&now, ACCESS_SECRET);

    now.key.norigins = 0;
    ok(!access_key_narrowed(&was.key, &now.key, NULL),
       "a secret key has no origins");

    n = access_key_write(text, sizeof(text), &now.key);
    ok(n > 0 && access_key_read(&read, text, (size_t) n, store, TEXT_ITEMS)
                == n
       && !access_key_narrowed(&was.key, &read, NULL)
       && !access_key_narrowed(&read, &was.key, NULL),
       "the same secret, known by its digest");

    now.key.secret = text_slice("sk_secret_other");
    ok(access_key_narrowed(&was.key, &now.key, NULL), "another secret");

    n = access_key_write(text, sizeof(text), &now.key);
    ok(n > 0 && access_key_read(&read, text, (size_t) n, store, TEXT_ITEMS)
                == n
       && access_key_narrowed(&was.key, &read, NULL),
       "another secret, known by its digest");
}


static void
test_narrowed_public(void)
{
    void       *one, *same, *other;
    u_char      text[TEXT_MAX];
    test_key_t  was, now;

    one = public_key(1);
    same = public_key(1);
    other = public_key(2);

    make_key(&was, ACCESS_SECRET);
    make_key(&now, ACCESS_SECRET);

    now.key.algorithm = ACCESS_HS384;
    ok(access_key_narrowed(&was.key, &now.key, NULL)
       && written_narrowed(&was.key, &now.key),
       "another algorithm, the secret is the same");

    was.key.secret.len = 0;
    was.key.algorithm = ACCESS_EDDSA;
    was.key.public_key = one;
    now.key = was.key;
    now.key.public_key = same;

    ok(one != NULL && !access_key_narrowed(&was.key, &now.key, NULL)
       && !written_narrowed(&was.key, &now.key), "the same public key");

    now.key.public_key = other;
    ok(access_key_narrowed(&was.key, &now.key, NULL)
       && written_narrowed(&was.key, &now.key), "another public key");

    now.key.public_key = same;
    now.key.algorithm = ACCESS_ES256;
    ok(access_key_narrowed(&was.key, &now.key, NULL)
       && written_narrowed(&was.key, &now.key),
       "another algorithm, the public key is the same");

    now.key.public_key = NULL;
    ok(access_key_write(text, sizeof(text), &now.key) == -1,
       "an asymmetric key without a public key has no text");

    access_public_key_free(one);
    access_public_key_free(same);
    access_public_key_free(other);
}


/* narrowed in the eyes of a worker that has the text of the new key only */

static int
written_narrowed(const access_key_t *was, const access_key_t *now)
{
    u_char        text[TEXT_MAX];
    slice_t       store[TEXT_ITEMS];
    ssize_t       n;
    access_key_t  read;

    n = access_key_write(text, sizeof(text), now);

    if (n <= 0
        || access_key_read(&read, text, (size_t) n, store, TEXT_ITEMS) != n)
    {
        return -1;
    }

    return access_key_narrowed(was, &read, NULL);
}


/* the Ed25519 key pair of 32 equal bytes; a pair will do for its public key */

static void *
public_key(u_char byte)
{
    void      *prepared;
    u_char     seed[32];
    EVP_PKEY  *pair;

    memset(seed, byte, sizeof(seed));

    pair = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed,
                                        sizeof(seed));

    prepared = access_public_key_prepare(pair);

    EVP_PKEY_free(pair);

    return prepared;
}


static void
random_key(access_key_t *key, slice_t *items, u_char *bytes)
{
    u_char    *p;
    slice_t   *s;
    uint32_t   i, n;

    slice_t   *strings[] = { &key->id, &key->app, &key->secret };

    memset(key, 0, sizeof(access_key_t));

    key->type = random_below(2) ? ACCESS_SECRET : ACCESS_PUBLISHABLE;
    key->actions = random_below(16) & ACCESS_ALL;
    key->require_origin = random_below(2) & 1;
    key->turn = random_below(2) & 1;

    key->nchannels = random_below(TEXT_ITEMS / 2 + 1);
    key->norigins = random_below(TEXT_ITEMS / 2 + 1);
    key->channels = items;
    key->origins = items + key->nchannels;

    p = bytes;

    for (i = 0; i < key->nchannels + key->norigins + 3; i++) {
        s = (i < 3) ? strings[i] : &items[i - 3];

        s->data = p;
        s->len = random_below(TEXT_STRING);

        for (n = 0; n < s->len; n++) {
            *p++ = (u_char) random_below(256);
        }
    }

    if (key->type == ACCESS_PUBLISHABLE) {
        key->secret.len = 0;

    } else {
        key->algorithm = (access_algorithm_e) random_below(ACCESS_RS256);

        if (key->secret.len == 0) {
            key->secret = text_slice("s");
        }
    }
}


/* all but the secret */

static int
same_key(const access_key_t *a, const access_key_t *b)
{
    return a->type == b->type
           && a->actions == b->actions
           && a->require_origin == b->require_origin
           && a->turn == b->turn
           && a->algorithm == b->algorithm
           && slice_eq(&a->id, &b->id)
           && slice_eq(&a->app, &b->app)
           && a->nchannels == b->nchannels
           && a->norigins == b->norigins
           && same_slices(a->channels, b->channels, a->nchannels)
           && same_slices(a->origins, b->origins, a->norigins);
}


static int
same_slices(const slice_t *a, const slice_t *b, uint32_t n)
{
    uint32_t  i;

    for (i = 0; i < n; i++) {
        if (!slice_eq(&a[i], &b[i])) {
            return 0;
        }
    }

    return 1;
}


static void
make_key(test_key_t *t, access_key_type_e type)
{
    memset(t, 0, sizeof(test_key_t));

    t->channels[0] = text_slice("room-*");
    t->channels[1] = text_slice("lobby");
    t->origins[0] = text_slice("https://a.example.com");
    t->origins[1] = text_slice("https://*.example.org");

    t->key.type = type;
    t->key.app = text_slice("default");
    t->key.channels = t->channels;
    t->key.nchannels = 2;
    t->key.actions = ACCESS_ALL;
    t->key.turn = 1;

    if (type == ACCESS_SECRET) {
        t->key.id = text_slice("sk_id_main");
        t->key.secret = text_slice("sk_secret_main");
        return;
    }

    t->key.id = text_slice("pk_live_demo");
    t->key.origins = t->origins;
    t->key.norigins = 2;
    t->key.require_origin = 1;
}


/* xorshift, so that every run tries the same */

static uint32_t
random_below(uint32_t n)
{
    static uint32_t  state = 0x9e3779b9;

    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;

    return state % n;
}


int
main(void)
{
    test_origin_allowed();
    test_find();
    test_pair();
    test_channel_allowed();
    test_text();
    test_random_text();
    test_set_text();
    test_broken_text();
    test_narrowed();
    test_narrowed_secret();
    test_narrowed_public();

    return tap_done();
}
