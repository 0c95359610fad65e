
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of access: what a key that was narrowed means for a connection.
 */


#include <string.h>

#include <openssl/evp.h>

#include "key_made.h"
#include "public_key.h"


#define TEXT_MAX        8192
#define TEXT_ITEMS      16


static void test_narrowed(void);
static void test_narrowed_secret(void);
static void test_narrowed_public(void);
static int written_narrowed(const access_key_t *was, const access_key_t *now);
static void *public_key(u_char byte);


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


int
main(void)
{
    test_narrowed();
    test_narrowed_secret();
    test_narrowed_public();

    return tap_done();
}
