
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "sig_registry_node.h"


#define SIG_KEYS_BLOCK  (SIG_NODE_MAX - sizeof(sig_block_t))


static int sig_keys_same(sig_registry_t *r, const u_char *text, size_t len);
static int sig_keys_put(sig_registry_t *r, const u_char *text, size_t len);
static uint32_t sig_keys_create(sig_registry_t *r, const u_char *text,
    size_t len);
static uint32_t sig_keys_block(sig_registry_t *r, const uint64_t *total,
    const u_char *text, size_t len, uint32_t next);
static void sig_keys_free(sig_registry_t *r, uint32_t i);
static int sig_keys_copy(sig_registry_t *r, uint32_t i, u_char *text,
    size_t len);


uint64_t
sig_registry_new_generation(sig_registry_t *r)
{
    uint64_t     generation;
    sig_head_t  *head;

    head = sig_head(r);

    sig_registry_lock(r);

    generation = head->generation + 1;
    __atomic_store_n(&head->generation, generation, __ATOMIC_RELEASE);

    sig_registry_unlock(r);

    return generation;
}


uint64_t
sig_registry_generation(sig_registry_t *r)
{
    return __atomic_load_n(&sig_head(r)->generation, __ATOMIC_ACQUIRE);
}


void
sig_registry_drain(sig_registry_t *r, uint64_t below)
{
    uint64_t  old, *drain;

    drain = &sig_head(r)->drain_below;
    old = __atomic_load_n(drain, __ATOMIC_RELAXED);

    while (old < below
           && !__atomic_compare_exchange_n(drain, &old, below, 0,
                                           __ATOMIC_RELEASE,
                                           __ATOMIC_RELAXED))
    {
        /* void */
    }
}


uint64_t
sig_registry_drain_below(sig_registry_t *r)
{
    return __atomic_load_n(&sig_head(r)->drain_below, __ATOMIC_ACQUIRE);
}


uint64_t
sig_registry_key_changes(sig_registry_t *r)
{
    return __atomic_load_n(&sig_head(r)->key_changes, __ATOMIC_ACQUIRE);
}


int
sig_registry_publish_keys(sig_registry_t *r, uint64_t generation,
    const u_char *text, size_t len)
{
    int  rc;

    sig_registry_lock(r);

    if (sig_head(r)->generation != generation) {
        rc = SIG_REGISTRY_STALE;

    } else if (sig_keys_same(r, text, len)) {
        rc = SIG_REGISTRY_OK;

    } else {
        rc = sig_keys_put(r, text, len);
    }

    sig_registry_unlock(r);

    return rc;
}


/*
 * The number comes before the text.  Should the worker die in between, the
 * next one finds the text not to be the same and counts once more; the other
 * way round nobody would look at what is new.
 */

static int
sig_keys_put(sig_registry_t *r, const u_char *text, size_t len)
{
    uint32_t     keys, old;
    sig_head_t  *head;

    head = sig_head(r);

    __atomic_store_n(&head->key_changes, head->key_changes + 1,
                     __ATOMIC_RELEASE);
    sig_order();
    sig_fault();

    old = head->keys;
    keys = sig_keys_create(r, text, len);

    if (keys == 0) {

        /* no room for both; the old text is worth nothing anyway */

        head->keys = 0;
        sig_order();

        sig_keys_free(r, old);
        old = 0;

        keys = sig_keys_create(r, text, len);
    }

    sig_order();
    head->keys = keys;
    sig_order();

    sig_fault();
    sig_keys_free(r, old);

    return keys != 0 ? SIG_REGISTRY_OK : SIG_REGISTRY_FULL;
}


static int
sig_keys_same(sig_registry_t *r, const u_char *text, size_t len)
{
    size_t        n, skip;
    uint32_t      i;
    uint64_t      total;
    sig_block_t  *block;

    i = sig_head(r)->keys;

    if (!sig_registry_is(r, i, SIG_NODE_BLOCK)) {
        return 0;
    }

    memcpy(&total, sig_block_node(r, i)->bytes, sizeof(uint64_t));

    if (total != len) {
        return 0;
    }

    for (skip = sizeof(uint64_t); ; skip = 0) {

        block = sig_block_node(r, i);
        n = block->len - skip;

        if (block->len < skip || n > SIG_KEYS_BLOCK || n > len
            || (n != 0 && memcmp(text, block->bytes + skip, n) != 0))
        {
            return 0;
        }

        len -= n;

        if (len == 0) {
            return 1;
        }

        text += n;
        i = block->node.next;

        /* an empty block, of a chain that is damaged, would go on for ever */

        if ((n == 0 && skip == 0)
            || !sig_registry_is(r, i, SIG_NODE_BLOCK))
        {
            return 0;
        }
    }
}


int
sig_registry_read_keys(sig_registry_t *r, u_char *text, size_t *len,
    uint64_t *changes)
{
    int       rc;
    uint32_t  i;
    uint64_t  total;

    sig_registry_lock(r);

    *changes = sig_head(r)->key_changes;

    i = sig_head(r)->keys;

    if (!sig_registry_is(r, i, SIG_NODE_BLOCK)) {
        sig_registry_unlock(r);
        return SIG_REGISTRY_STALE;
    }

    memcpy(&total, sig_block_node(r, i)->bytes, sizeof(uint64_t));

    if (total > *len) {
        rc = SIG_REGISTRY_SMALL;

    } else {
        rc = sig_keys_copy(r, i, text, total);
    }

    *len = total;

    sig_registry_unlock(r);

    return rc;
}


/*
 * From the end, so that the first block, which begins with the length of all,
 * completes the text; until the head names it, all of them are orphans.
 */

static uint32_t
sig_keys_create(sig_registry_t *r, const u_char *text, size_t len)
{
    size_t    n;
    uint32_t  i, next;
    uint64_t  total;

    total = len;
    next = 0;

    while (len > SIG_KEYS_BLOCK - sizeof(uint64_t)) {
        n = len < SIG_KEYS_BLOCK ? len : SIG_KEYS_BLOCK;
        len -= n;

        i = sig_keys_block(r, NULL, text + len, n, next);

        if (i == 0) {
            sig_keys_free(r, next);
            return 0;
        }

        next = i;
    }

    i = sig_keys_block(r, &total, text, len, next);

    if (i == 0) {
        sig_keys_free(r, next);
    }

    return i;
}


static uint32_t
sig_keys_block(sig_registry_t *r, const uint64_t *total,
    const u_char *text, size_t len, uint32_t next)
{
    size_t        skip;
    uint32_t      i;
    sig_block_t  *block;

    skip = total != NULL ? sizeof(uint64_t) : 0;

    i = sig_block_create(r, 0, SIG_FOR_ALL, 0, NULL, skip + len);

    if (i == 0) {
        return 0;
    }

    block = sig_block_node(r, i);

    if (total != NULL) {
        memcpy(block->bytes, total, skip);
    }

    if (len > 0) {
        memcpy(block->bytes + skip, text, len);
    }

    block->node.next = next;

    return i;
}


static void
sig_keys_free(sig_registry_t *r, uint32_t i)
{
    uint32_t  n, next;

    for (n = r->store.limit; n > 0; n--) {

        if (!sig_registry_is(r, i, SIG_NODE_BLOCK)) {
            break;
        }

        next = sig_block_node(r, i)->node.next;
        (void) sig_store_free(&r->store, i);
        sig_fault();

        i = next;
    }
}


static int
sig_keys_copy(sig_registry_t *r, uint32_t i, u_char *text, size_t len)
{
    size_t        n, skip;
    sig_block_t  *block;

    skip = sizeof(uint64_t);

    for ( ;; ) {
        block = sig_block_node(r, i);
        n = block->len - skip;

        if (block->len < skip || n > SIG_KEYS_BLOCK || n > len) {
            return SIG_REGISTRY_STALE;
        }

        memcpy(text, block->bytes + skip, n);

        text += n;
        len -= n;

        if (len == 0) {
            return SIG_REGISTRY_OK;
        }

        if (n == 0 && skip == 0) {
            return SIG_REGISTRY_STALE;
        }

        skip = 0;
        i = block->node.next;

        if (!sig_registry_is(r, i, SIG_NODE_BLOCK)) {
            return SIG_REGISTRY_STALE;
        }
    }
}
