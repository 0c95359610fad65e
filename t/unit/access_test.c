
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of access: what keys admit, and how one is found.
 */


#include "key_made.h"


static void test_origin_allowed(void);
static void test_find(void);
static void test_pair(void);
static void test_channel_allowed(void);


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


int
main(void)
{
    test_origin_allowed();
    test_find();
    test_pair();
    test_channel_allowed();

    return tap_done();
}
