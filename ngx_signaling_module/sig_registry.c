
/*
 * Copyright (C) The ngx_signaling authors
 */


#include <unistd.h>

#include "sig_registry_node.h"


#define SIG_MAGIC  "sigreg05"


static size_t sig_registry_align(size_t n);
static size_t sig_registry_layout(sig_registry_t *r, size_t size,
    uint32_t nslots);
static void sig_registry_map(sig_registry_t *r, u_char *base, size_t size,
    uint32_t nslots);


size_t
sig_registry_min_size(uint32_t nslots)
{
    size_t          size;
    sig_registry_t  r;

    size = (size_t) SIG_PAGES_MIN * SIG_PAGE;

    for ( ;; ) {
        sig_registry_layout(&r, size, nslots);

        if (r.store.npages >= SIG_PAGES_MIN) {
            return size;
        }

        size += 4096;
    }
}


size_t
sig_registry_capacity(size_t size, uint32_t nslots)
{
    size_t          rooms, low, high, pages;
    sig_registry_t  r;

    if (size < sig_registry_min_size(nslots)) {
        return 0;
    }

    sig_registry_layout(&r, size, nslots);

    /* rooms of two: by bisection, since nodes come in whole pages */

    pages = r.store.npages - sig_share_reserve(&r);
    low = 0;
    high = pages * SIG_PAGE_UNITS;

    while (high - low > 1) {
        rooms = (low + high) / 2;

        if (sig_store_pages(SIG_NODE_MIN, rooms * 6)
            + sig_store_pages(sig_room_size(ACCESS_UUID_LEN), rooms)
            + sig_store_pages(sizeof(sig_app_t), 1)
            <= pages)
        {
            low = rooms;

        } else {
            high = rooms;
        }
    }

    return low * 2;
}


int
sig_registry_create(u_char *base, size_t size, uint32_t nslots,
    const u_char seed[16])
{
    sig_head_t      *head;
    sig_registry_t   r;

    if (nslots == 0 || nslots > SIG_SLOTS_MAX
        || (uint64_t) size / SIG_UNIT > UINT32_MAX
        || size < sig_registry_min_size(nslots))
    {
        return SIG_REGISTRY_SMALL;
    }

    sig_registry_map(&r, base, size, nslots);

    head = sig_head(&r);
    memset(head, 0, sizeof(sig_head_t));

    head->size = size;
    head->nslots = nslots;
    memcpy(head->seed, seed, 16);

    sig_order();
    memcpy(head->magic, SIG_MAGIC, 8);

    return SIG_REGISTRY_OK;
}


int
sig_registry_attach(sig_registry_t *r, u_char *base, size_t size)
{
    sig_head_t  *head;

    head = (sig_head_t *) (void *) base;

    if (size < sizeof(sig_head_t) || memcmp(head->magic, SIG_MAGIC, 8) != 0
        || head->size != size || head->nslots == 0
        || head->nslots > SIG_SLOTS_MAX
        || size < sig_registry_min_size(head->nslots))
    {
        return SIG_REGISTRY_BAD;
    }

    sig_registry_map(r, base, size, head->nslots);

    r->pid = (uint32_t) getpid();
    r->slot = SIG_NO_SLOT;
    r->rebuilds = 0;
    r->refusal = SIG_REGISTRY_OK;

    memset(&r->period, 0, sizeof(sig_period_t));

    return SIG_REGISTRY_OK;
}


static size_t
sig_registry_align(size_t n)
{
    return (n + SIG_LINE - 1) & ~(size_t) (SIG_LINE - 1);
}


static void
sig_registry_map(sig_registry_t *r, u_char *base, size_t size,
    uint32_t nslots)
{
    size_t  pages;

    pages = sig_registry_layout(r, size, nslots);

    r->base = base;
    r->size = size;
    r->nslots = nslots;

    r->store.base = base;
    r->store.head = &sig_head(r)->store;
    r->store.pages = (sig_page_t *) (void *) (base + pages);
}


/*
 * Everything follows from the size and the number of slots, so that nothing
 * that lies in the region has to be believed.  Returns where the table of
 * pages begins.
 */

static size_t
sig_registry_layout(sig_registry_t *r, size_t size, uint32_t nslots)
{
    size_t  pos, table, pages;

    /* a full region of peers in rooms of two has two of a table to a head */

    r->nheads = (uint32_t) (size / 384 / SIG_LINE) * SIG_LINE;

    pos = sig_registry_align(sizeof(sig_head_t));
    r->store.nil = (uint32_t) (pos / SIG_UNIT);

    table = pos + SIG_NOBODY + nslots * sizeof(sig_slot_t);

    pos = sig_registry_align(table + size / SIG_PAGE * sizeof(sig_page_t));
    pos += sizeof(uint32_t) * SIG_TABLES * r->nheads;

    pages = pos + SIG_NODE_MAX < size ? size - pos - SIG_NODE_MAX : 0;

    r->store.first = (uint32_t) (pos / SIG_UNIT);
    r->store.npages = (uint32_t) (pages / SIG_PAGE);
    r->store.limit = r->store.first + r->store.npages * SIG_PAGE_UNITS;

    return table;
}


void
sig_registry_lock(sig_registry_t *r)
{
    uint32_t     busy;
    sig_head_t  *head;

    head = sig_head(r);

    r->lock.lock(r->lock.ctx);

    busy = __atomic_load_n(&head->busy, __ATOMIC_ACQUIRE);

    __atomic_store_n(&head->busy, r->pid, __ATOMIC_RELAXED);
    sig_order();

    if (busy != 0) {
        sig_registry_rebuild(r);
        head->rebuilds++;
        r->rebuilds++;
    }

    sig_fault();
}


void
sig_registry_unlock(sig_registry_t *r)
{
    sig_fault();

    __atomic_store_n(&sig_head(r)->busy, 0, __ATOMIC_RELEASE);

    r->lock.unlock(r->lock.ctx);
}


sig_slot_t *
sig_registry_slot(sig_registry_t *r, uint32_t slot)
{
    u_char  *p;

    p = r->base + (size_t) r->store.nil * SIG_UNIT + SIG_NOBODY;

    return (sig_slot_t *) (void *) p + (slot < r->nslots ? slot : 0);
}


uint64_t
sig_registry_stamp(sig_registry_t *r)
{
    return ++sig_head(r)->stamp;
}


void *
sig_registry_find(sig_registry_t *r, sig_ref_t ref, sig_node_type_e type)
{
    sig_node_t  *node;

    if (ref.gen == 0 || !sig_registry_is(r, ref.index, type)) {
        return NULL;
    }

    node = sig_store_node(&r->store, ref.index);

    return node->gen == ref.gen ? node : NULL;
}


/* the live node referred to, for who has no lock */

void *
sig_registry_peek(sig_registry_t *r, sig_ref_t ref, sig_node_type_e type)
{
    sig_node_t  *node;

    if (ref.gen == 0 || ref.index < r->store.first
        || ref.index >= r->store.limit)
    {
        return NULL;
    }

    node = sig_store_node(&r->store, ref.index);

    if (__atomic_load_n(&node->gen, __ATOMIC_ACQUIRE) != ref.gen
        || __atomic_load_n(&node->state, __ATOMIC_ACQUIRE) != SIG_NODE_LIVE
        || __atomic_load_n(&node->type, __ATOMIC_RELAXED) != type)
    {
        return NULL;
    }

    return node;
}


int
sig_registry_is(sig_registry_t *r, uint32_t index, sig_node_type_e type)
{
    sig_node_t  *node;

    if (!sig_store_is_node(&r->store, index)) {
        return 0;
    }

    node = sig_store_node(&r->store, index);

    return node->state != SIG_NODE_FREE && node->type == type;
}


void
sig_chain_insert(sig_registry_t *r, uint32_t *head, uint32_t index)
{
    sig_node_t  *node;

    node = sig_store_node(&r->store, index);

    node->next = *head;
    sig_fault();
    *head = index;
}


void
sig_chain_remove(sig_registry_t *r, uint32_t *head, uint32_t index)
{
    uint32_t     i, n;
    sig_node_t  *node, *prev;

    prev = NULL;
    n = r->store.limit;

    for (i = *head; i != 0 && n > 0; i = node->next, n--) {
        node = sig_store_node(&r->store, i);

        if (i != index) {
            prev = node;
            continue;
        }

        if (prev != NULL) {
            prev->next = node->next;

        } else {
            *head = node->next;
        }

        return;
    }
}


uint32_t
sig_block_create(sig_registry_t *r, uint32_t app, sig_share_e whom,
    uint32_t owner, const u_char *data, size_t len)
{
    uint32_t      i;
    sig_block_t  *block;

    i = sig_share_alloc(r, app, whom, sizeof(sig_block_t) + len,
                        SIG_NODE_BLOCK);
    if (i == 0) {
        return 0;
    }

    block = sig_block_node(r, i);

    block->node.small = 0;
    block->node.next = 0;
    block->owner = owner;
    block->len = (uint32_t) len;

    if (data != NULL) {
        memcpy(block->bytes, data, len);

    } else {
        memset(block->bytes, 0, len);
    }

    sig_fault();
    sig_store_commit(&block->node, SIG_NODE_LIVE);
    sig_fault();

    return i;
}


void
sig_registry_stats(sig_registry_t *r, sig_registry_stats_t *stats)
{
    sig_head_t  *head;

    head = sig_head(r);

    sig_registry_lock(r);

    stats->apps = head->napps;
    stats->peers = head->npeers;
    stats->connections = head->nconns;
    stats->rooms = head->nrooms;
    stats->members = head->nmembers;
    stats->leaving = head->nleaving;
    stats->bytes_total = (size_t) r->store.npages * SIG_PAGE;
    stats->bytes_free = sig_store_bytes_free(&r->store);
    stats->bytes_reserve = (size_t) sig_share_reserve(r) * SIG_PAGE;
    stats->percent = sig_share_zone_percent(r);
    stats->rebuilds = head->rebuilds;

    sig_registry_unlock(r);
}
