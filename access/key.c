
/*
 * Copyright (C) The ngx_signaling authors
 */


#include <openssl/crypto.h>

#include "access.h"
#include "key_text.h"


static int access_has_all(const access_key_t *key);
static int access_has_pattern(const access_key_t *key,
    const slice_t *pattern);
static int access_same_secret(const access_key_t *a, const access_key_t *b);


access_key_t *
access_key_find(const access_keys_t *keys, const slice_t *id)
{
    uint32_t       i;
    access_key_t  *found;

    found = NULL;

    for (i = 0; i < keys->nelts; i++) {
        if (access_equal(&keys->elts[i]->id, id)) {
            found = keys->elts[i];
        }
    }

    return found;
}


access_key_t *
access_key_by_pair(const access_keys_t *keys, const slice_t *pair)
{
    u_char        *colon;
    slice_t        id, secret;
    access_key_t  *key;

    if (pair->len == 0) {
        return NULL;
    }

    colon = memchr(pair->data, ':', pair->len);

    if (colon == NULL) {
        return NULL;
    }

    id.data = pair->data;
    id.len = (size_t) (colon - pair->data);

    secret.data = colon + 1;
    secret.len = pair->len - id.len - 1;

    key = access_key_find(keys, &id);

    if (key == NULL
        || key->type != ACCESS_SECRET
        || key->secret.len == 0
        || !access_equal(&key->secret, &secret))
    {
        return NULL;
    }

    return key;
}


int
access_equal(const slice_t *a, const slice_t *b)
{
    if (a->len != b->len) {
        return 0;
    }

    return a->len == 0 || CRYPTO_memcmp(a->data, b->data, a->len) == 0;
}


int
access_channel_matches(const slice_t *patterns, uint32_t n,
    const slice_t *channel)
{
    uint32_t  i;

    for (i = 0; i < n; i++) {
        if (access_pattern_match(&patterns[i], channel)) {
            return 1;
        }
    }

    return 0;
}


int
access_channel_allowed(const access_key_t *key, const slice_t *channel)
{
    return access_channel_matches(key->channels, key->nchannels, channel);
}


int
access_origin_allowed(const access_key_t *key, const slice_t *origin)
{
    uint32_t  i;

    if (origin == NULL) {
        return !key->require_origin;
    }

    for (i = 0; i < key->norigins; i++) {
        if (access_origin_match(&key->origins[i], origin)) {
            return 1;
        }
    }

    return 0;
}


int
access_key_narrowed(const access_key_t *was, const access_key_t *now,
    const slice_t *origin)
{
    uint32_t  i;

    if (now == NULL || was->type != now->type
        || !slice_eq(&was->app, &now->app)
        || (was->actions & ~now->actions & ACCESS_ALL) != 0)
    {
        return 1;
    }

    if (was->type == ACCESS_PUBLISHABLE) {
        if (!access_origin_allowed(now, origin)) {
            return 1;
        }

    } else if (!access_same_secret(was, now)) {
        return 1;
    }

    if (access_has_all(now)) {
        return 0;
    }

    for (i = 0; i < was->nchannels; i++) {
        if (!access_has_pattern(now, &was->channels[i])) {
            return 1;
        }
    }

    return 0;
}


static int
access_has_all(const access_key_t *key)
{
    size_t          n;
    uint32_t        i;
    const slice_t  *pattern;

    for (i = 0; i < key->nchannels; i++) {
        pattern = &key->channels[i];

        for (n = 0; n < pattern->len && pattern->data[n] == '*'; n++) {
            /* void */
        }

        if (n >= 2 && n == pattern->len) {
            return 1;
        }
    }

    return 0;
}


static int
access_has_pattern(const access_key_t *key, const slice_t *pattern)
{
    uint32_t  i;

    for (i = 0; i < key->nchannels; i++) {
        if (slice_eq(&key->channels[i], pattern)) {
            return 1;
        }
    }

    return 0;
}


static int
access_same_secret(const access_key_t *a, const access_key_t *b)
{
    u_char   abuf[ACCESS_DIGEST_LEN], bbuf[ACCESS_DIGEST_LEN];
    slice_t  atext, btext;

    if (a->algorithm != b->algorithm) {
        return 0;
    }

    if (access_key_digest(a, abuf, &atext) == -1
        || access_key_digest(b, bbuf, &btext) == -1)
    {
        return 0;
    }

    return access_equal(&atext, &btext);
}
