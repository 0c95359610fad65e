
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The hash tables of the registry: by linear hashing (W. Litwin, "Linear
 * hashing: a new tool for file and table addressing", 1980), so that what is
 * touched of them follows the population and not the size of the zone.
 *
 * There is room for nheads heads of each table, of which the first ones are
 * in use.  An insertion that finds as many nodes as heads takes one head
 * more, and moves there what belongs there of one other chain: so nothing is
 * rehashed at once, and the work under the lock does not grow.  Heads are not
 * given back: what was touched stays in memory.
 *
 * Everything is derived.  A process that dies in the middle of a split leaves
 * chains that break off; a rebuild begins with one head and puts every node
 * into its chain.
 */


#include "sig_registry_node.h"


static sig_table_t *sig_table(sig_registry_t *r, sig_table_e table);
static uint32_t *sig_table_heads(sig_registry_t *r, sig_table_e table);
static uint32_t sig_table_last(sig_registry_t *r, sig_table_e table);
static uint32_t sig_table_place(uint32_t last, uint32_t hash);
static void sig_table_split(sig_registry_t *r, sig_table_e table);
static uint32_t sig_table_hash(sig_registry_t *r, sig_table_e table,
    uint32_t index);


static sig_table_t *
sig_table(sig_registry_t *r, sig_table_e table)
{
    return &sig_head(r)->tables[table];
}


static uint32_t *
sig_table_heads(sig_registry_t *r, sig_table_e table)
{
    uint32_t  *heads;

    heads = (uint32_t *) (void *)
                (r->base + (size_t) r->store.first * SIG_UNIT);

    return heads - (size_t) (SIG_TABLES - table) * r->nheads;
}


/* the last head in use, whatever the region says */

static uint32_t
sig_table_last(sig_registry_t *r, sig_table_e table)
{
    uint32_t  last;

    last = sig_table(r, table)->last;

    return last < r->nheads ? last : r->nheads - 1;
}


/*
 * By as many bits of the hash as the last head's number has, and by one less
 * where there is no such head yet.
 */

static uint32_t
sig_table_place(uint32_t last, uint32_t hash)
{
    uint32_t  n, mask;

    mask = UINT32_MAX >> __builtin_clz(last | 1);
    n = hash & mask;

    return n <= last ? n : n & mask >> 1;
}


uint32_t *
sig_table_head(sig_registry_t *r, sig_table_e table, uint32_t hash)
{
    return &sig_table_heads(r, table)[sig_table_place(sig_table_last(r, table),
                                                      hash)];
}


void
sig_table_insert(sig_registry_t *r, sig_table_e table, uint32_t hash,
    uint32_t index)
{
    sig_chain_insert(r, sig_table_head(r, table, hash), index);
    sig_fault();

    if (sig_table(r, table)->count++ > sig_table_last(r, table)) {
        sig_table_split(r, table);
    }
}


void
sig_table_remove(sig_registry_t *r, sig_table_e table, uint32_t hash,
    uint32_t index)
{
    sig_chain_remove(r, sig_table_head(r, table, hash), index);
    sig_fault();

    sig_table(r, table)->count--;
}


/* one head more, and its share of the chain that has had both */

static void
sig_table_split(sig_registry_t *r, sig_table_e table)
{
    uint32_t     i, n, next, last, *heads, *kept, *moved;
    sig_node_t  *node;

    last = sig_table_last(r, table) + 1;

    if (last >= r->nheads) {
        return;
    }

    heads = sig_table_heads(r, table);

    kept = &heads[last ^ 1u << (31 - __builtin_clz(last))];
    moved = &heads[last];

    n = r->store.limit;

    for (i = *kept; i != 0 && n > 0; i = next, n--) {
        node = sig_store_node(&r->store, i);
        next = node->next;

        if (sig_table_place(last, sig_table_hash(r, table, i)) == last) {
            *moved = i;
            moved = &node->next;

        } else {
            *kept = i;
            kept = &node->next;
        }

        sig_fault();
    }

    *kept = 0;
    sig_fault();
    *moved = 0;
    sig_fault();

    sig_table(r, table)->last = last;
}


static uint32_t
sig_table_hash(sig_registry_t *r, sig_table_e table, uint32_t index)
{
    sig_member_t  *m;

    switch (table) {

    case SIG_TABLE_PEERS:
        return sig_peer_node(r, index)->hash;

    case SIG_TABLE_ROOMS:
        return sig_room_node(r, index)->hash;

    default:
        m = sig_member_node(r, index);

        return sig_member_hash(r, m->room, m->peer);
    }
}


/* in a rebuild: nothing is in any of them, as in a region that is new */

void
sig_table_reset(sig_registry_t *r)
{
    uint32_t  t;

    for (t = 0; t < SIG_TABLES; t++) {
        sig_table(r, (sig_table_e) t)->last = 0;
        sig_table(r, (sig_table_e) t)->count = 0;

        *sig_table_heads(r, (sig_table_e) t) = 0;
    }

    sig_fault();
}
