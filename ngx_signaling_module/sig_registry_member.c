
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "sig_hash.h"
#include "sig_registry_node.h"


static uint32_t sig_member_twin(sig_registry_t *r, uint32_t hash, uint32_t mi,
    sig_member_t *m);
static int sig_member_pair(sig_registry_t *r, uint32_t mi, sig_member_t *m);
static void sig_member_part(sig_registry_t *r, uint32_t hash, uint32_t mi,
    sig_member_t *m, uint32_t twin);
static uint32_t sig_member_units(sig_registry_t *r, sig_member_t *m);
static void sig_member_retire(sig_registry_t *r, sig_ref_t ref);


int
sig_registry_leave(sig_registry_t *r, sig_ref_t member, int last_local,
    sig_change_t *change)
{
    int            rc;
    sig_member_t  *m;

    memset(change, 0, sizeof(sig_change_t));
    rc = SIG_REGISTRY_STALE;

    sig_registry_lock(r);

    m = sig_registry_find(r, member, SIG_NODE_MEMBER);

    if (m != NULL && m->node.state == SIG_NODE_LIVE) {
        sig_member_leave(r, member.index, m, last_local, change);
        rc = SIG_REGISTRY_OK;
    }

    sig_registry_unlock(r);

    return rc;
}


void
sig_registry_retire(sig_registry_t *r, const sig_ref_t *members, uint32_t n)
{
    uint32_t  i, nodes;

    i = 0;

    while (i < n) {
        sig_registry_lock(r);

        for (nodes = SIG_LOCK_NODES; i < n && nodes > 0; i++, nodes--) {
            sig_member_retire(r, members[i]);
        }

        sig_registry_unlock(r);
    }
}


uint32_t
sig_member_hash(sig_registry_t *r, uint32_t room, uint32_t peer)
{
    return (uint32_t) sig_hash(sig_head(r)->seed,
                               (uint64_t) room << 32 | peer, NULL, 0);
}


uint32_t
sig_member_primary(sig_registry_t *r, uint32_t room, uint32_t peer)
{
    uint32_t       i, n, hash;
    sig_member_t  *m;

    n = r->store.limit;
    hash = sig_member_hash(r, room, peer);

    for (i = *sig_table_head(r, SIG_TABLE_MEMBERS, hash);
         i != 0 && n > 0;
         i = m->node.next, n--)
    {
        m = sig_member_node(r, i);

        if (m->room == room && m->peer == peer && m->primary) {
            return i;
        }
    }

    return 0;
}


/* the most recent one of the others of the peer in the room, or 0 */

static uint32_t
sig_member_twin(sig_registry_t *r, uint32_t hash, uint32_t mi,
    sig_member_t *m)
{
    uint32_t       i, n, found;
    uint64_t       stamp;
    sig_member_t  *p;

    n = r->store.limit;
    found = 0;
    stamp = 0;

    for (i = *sig_table_head(r, SIG_TABLE_MEMBERS, hash);
         i != 0 && n > 0;
         i = p->node.next, n--)
    {
        p = sig_member_node(r, i);

        if (p->room == m->room && p->peer == m->peer && i != mi
            && p->stamp >= stamp)
        {
            found = i;
            stamp = p->stamp;
        }
    }

    return found;
}


/* the connection's part of a member in any state, and what it copies */

void
sig_member_attach(sig_registry_t *r, uint32_t mi, sig_member_t *m)
{
    sig_conn_t  *conn;

    conn = sig_conn_node(r, m->conn);

    m->peer = conn->peer;
    m->primary = 0;
    m->metadata = conn->metadata != 0;

    m->conn_prev = 0;
    m->conn_next = conn->members;

    if (conn->members != 0) {
        sig_member_node(r, conn->members)->conn_prev = mi;
    }

    sig_fault();
    conn->members = mi;
    conn->units += sig_member_units(r, m);
}


/* what it counts for as a part of its peer: also while it leaves */

static uint32_t
sig_member_units(sig_registry_t *r, sig_member_t *m)
{
    return SIG_MEMBER_UNITS
           + (uint32_t) (sig_store_node_size(&r->store, m->room) / SIG_UNIT);
}


int
sig_member_link(sig_registry_t *r, uint32_t mi, sig_member_t *m)
{
    sig_room_add(r, mi, m);
    sig_fault();

    return sig_member_pair(r, mi, m);
}


/*
 * A live member takes its place among its twins, whether there are any is
 * returned.  Only in a rebuild do members come in another order than that of
 * their stamps.
 */

static int
sig_member_pair(sig_registry_t *r, uint32_t mi, sig_member_t *m)
{
    uint32_t       hash, twin;
    sig_member_t  *p;

    hash = sig_member_hash(r, m->room, m->peer);
    twin = sig_member_twin(r, hash, mi, m);
    p = sig_member_node(r, twin);

    if (twin == 0 || m->stamp > p->stamp) {

        if (twin != 0) {
            p->primary = 0;
            sig_fault();
        }

        m->primary = 1;
    }

    sig_table_insert(r, SIG_TABLE_MEMBERS, hash, mi);

    return twin != 0;
}


static void
sig_member_part(sig_registry_t *r, uint32_t hash, uint32_t mi,
    sig_member_t *m, uint32_t twin)
{
    sig_table_remove(r, SIG_TABLE_MEMBERS, hash, mi);
    sig_fault();

    if (m->primary) {
        m->primary = 0;
        sig_fault();

        if (twin != 0) {
            sig_member_node(r, twin)->primary = 1;
        }
    }
}


/* first step of leaving */

void
sig_member_leave(sig_registry_t *r, uint32_t mi, sig_member_t *m,
    int last_local, sig_change_t *change)
{
    uint32_t     hash, twin;
    sig_room_t  *room;

    room = sig_room_node(r, m->room);

    hash = sig_member_hash(r, m->room, m->peer);
    twin = sig_member_twin(r, hash, mi, m);

    if (twin == 0) {
        sig_room_step(room);
        change->change = SIG_CHANGE_LEFT;

    } else {
        change->change = SIG_CHANGE_NONE;
    }

    sig_member_change(r, mi, m, change);

    sig_fault();
    sig_store_commit(&m->node, SIG_NODE_LEAVING);
    sig_fault();

    sig_member_part(r, hash, mi, m, twin);
    sig_fault();
    sig_room_remove(r, mi, m, last_local);
    sig_fault();

    room->leaving++;
    sig_head(r)->nleaving++;
}


/*
 * The departure of a member that was leaving when its worker died: who has
 * heard of it is not known, so it is told anew and is a change of its own.
 */

void
sig_member_describe(sig_registry_t *r, uint32_t mi, sig_member_t *m,
    sig_change_t *change)
{
    if (sig_member_primary(r, m->room, m->peer) == 0) {
        sig_room_step(sig_room_node(r, m->room));
        change->change = SIG_CHANGE_LEFT;

    } else {
        change->change = SIG_CHANGE_NONE;
    }

    sig_member_change(r, mi, m, change);
}


void
sig_member_change(sig_registry_t *r, uint32_t mi, sig_member_t *m,
    sig_change_t *change)
{
    sig_conn_t  *conn;
    sig_room_t  *room;

    conn = sig_conn_node(r, m->conn);
    room = sig_room_node(r, m->room);

    change->room.index = m->room;
    change->room.gen = room->node.gen;
    change->member.index = mi;
    change->member.gen = m->node.gen;
    change->seq = room->seq;
    change->mask = room->mask;
    change->shared_id = conn->shared_id != 0;
}


/* second step; the last member takes room and connection with it */

static void
sig_member_retire(sig_registry_t *r, sig_ref_t ref)
{
    uint32_t       ri, ci;
    sig_conn_t    *conn;
    sig_room_t    *room;
    sig_member_t  *m;

    m = sig_registry_find(r, ref, SIG_NODE_MEMBER);

    if (m == NULL || m->node.state != SIG_NODE_LEAVING) {
        return;
    }

    ri = m->room;
    ci = m->conn;
    room = sig_room_node(r, ri);
    conn = sig_conn_node(r, ci);

    if (m->conn_prev != 0) {
        sig_member_node(r, m->conn_prev)->conn_next = m->conn_next;

    } else {
        conn->members = m->conn_next;
    }

    if (m->conn_next != 0) {
        sig_member_node(r, m->conn_next)->conn_prev = m->conn_prev;
    }

    conn->units -= sig_member_units(r, m);
    room->leaving--;
    sig_head(r)->nleaving--;

    sig_fault();
    sig_share_free(r, room->app, ref.index);
    sig_fault();

    if (room->count == 0 && room->leaving == 0) {
        sig_room_free(r, ri, room);
        sig_fault();
    }

    if (conn->members == 0 && conn->node.state == SIG_NODE_LEAVING) {
        sig_conn_free(r, ci, conn);
    }
}
