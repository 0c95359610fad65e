
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "registry_check.h"


static const char *sig_check_each(sig_registry_t *r, sig_check_pt handler,
    sig_check_t *check);
static const char *sig_check_slots(sig_registry_t *r);
static const char *sig_check_tables(sig_registry_t *r,
    const sig_check_t *check);
static const char *sig_check_counts(sig_registry_t *r,
    const sig_check_t *check);


static const sig_check_pt  sig_checks[] = {
    sig_check_app, sig_check_peer, sig_check_conn, sig_check_room,
    sig_check_member, sig_check_block
};


const char *
sig_registry_check(sig_registry_t *r)
{
    size_t        i;
    const char   *what;
    sig_check_t   check;

    memset(&check, 0, sizeof(sig_check_t));

    sig_registry_lock(r);

    what = sig_store_check(&r->store);

    for (i = 0; what == NULL && i < sizeof(sig_checks) / sizeof(sig_checks[0]);
         i++)
    {
        what = sig_check_each(r, sig_checks[i], &check);
    }

    if (what == NULL) {
        what = sig_check_slots(r);
    }

    if (what == NULL) {
        what = sig_check_tables(r, &check);
    }

    if (what == NULL) {
        what = sig_check_counts(r, &check);
    }

    sig_registry_unlock(r);

    return what;
}


static const char *
sig_check_each(sig_registry_t *r, sig_check_pt handler,
    sig_check_t *check)
{
    uint32_t       index;
    const char    *what;
    sig_node_t    *node;
    sig_cursor_t   cursor;

    memset(&cursor, 0, sizeof(sig_cursor_t));

    for ( ;; ) {
        index = sig_store_next(&r->store, &cursor);

        if (index == 0) {
            return NULL;
        }

        node = sig_store_node(&r->store, index);

        if (node->state == SIG_NODE_FREE) {
            continue;
        }

        what = handler(r, index, node, check);

        if (what != NULL) {
            return what;
        }
    }
}


static const char *
sig_check_slots(sig_registry_t *r)
{
    uint32_t     s, ci, n, prev;
    sig_conn_t  *conn;
    sig_slot_t  *slot;

    for (s = 0; s < r->nslots; s++) {
        slot = sig_registry_slot(r, s);

        if (slot->state > SIG_SLOT_DYING) {
            return "state of a slot";
        }

        n = 0;
        prev = 0;

        for (ci = slot->conns; ci != 0; ci = conn->slot_next) {

            if (!sig_registry_is(r, ci, SIG_NODE_CONN)) {
                return "list of a slot's connections";
            }

            conn = sig_conn_node(r, ci);

            if (conn->node.small != s || conn->slot_prev != prev) {
                return "connection in the list of a slot";
            }

            n += conn->node.state == SIG_NODE_LIVE;
            prev = ci;
        }

        if (n != slot->nconns) {
            return "count of a slot's connections";
        }
    }

    return NULL;
}


/* what was found in its table is all that is in it */

static const char *
sig_check_tables(sig_registry_t *r, const sig_check_t *check)
{
    uint32_t      t, h, i, n;
    sig_node_t   *node;
    sig_table_t  *table;

    static const sig_node_type_e  types[SIG_TABLES] = {
        SIG_NODE_PEER, SIG_NODE_ROOM, SIG_NODE_MEMBER
    };

    for (t = 0; t < SIG_TABLES; t++) {
        n = 0;
        table = &sig_head(r)->tables[t];

        if (table->last >= r->nheads
            || (table->count > table->last + 1
                && table->last + 1 < r->nheads))
        {
            return "heads of a hash table";
        }

        for (h = 0; h <= table->last; h++) {

            for (i = *sig_table_head(r, (sig_table_e) t, h);
                 i != 0;
                 i = node->next)
            {
                if (!sig_registry_is(r, i, types[t])) {
                    return "chain of a hash table";
                }

                if (++n > check->nodes[t]) {
                    return "hash table with too much in it";
                }

                node = sig_store_node(&r->store, i);
            }
        }

        if (n != check->nodes[t]) {
            return "hash table with too little in it";
        }

        if (n != table->count) {
            return "count of a hash table";
        }
    }

    return NULL;
}


static const char *
sig_check_counts(sig_registry_t *r, const sig_check_t *check)
{
    sig_head_t  *head;

    head = sig_head(r);

    if (check->members != check->listed) {
        return "member that is missing in its room";
    }

    if (check->members + check->leaving != check->owned) {
        return "member that is missing in its connection";
    }

    if (check->leaving != check->counted) {
        return "count of leaving members of a room";
    }

    if (check->apps != head->napps) {
        return "count of apps";
    }

    if (check->counted_apps != check->found_apps) {
        return "count of an app's connections";
    }

    if (check->counted_units != check->found_units) {
        return "count of an app's memory";
    }

    if (head->guarantee != (head->napps > 1 ? r->store.npages
                                              * SIG_PAGE_UNITS / 2
                                              / head->napps : 0)
        || check->need != head->need)
    {
        return "guarantees of apps";
    }

    if (check->peers != head->npeers) {
        return "count of peers";
    }

    if (check->conns != head->nconns) {
        return "count of connections";
    }

    if (check->rooms != head->nrooms) {
        return "count of rooms";
    }

    if (check->members != head->nmembers || check->leaving != head->nleaving) {
        return "count of members";
    }

    return NULL;
}
