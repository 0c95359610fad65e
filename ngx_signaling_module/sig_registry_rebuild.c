
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Makes everything derived anew from the nodes that exist, after a process
 * died with the lock.  The next one may die in here: what is read was written
 * by operations, or is made anew by the next rebuild too, but for states, and
 * these only change to FREE.
 */


#include "sig_registry_node.h"


typedef void (*sig_rebuild_pt)(sig_registry_t *r, uint32_t index,
    sig_node_t *node);


static void sig_rebuild_reset(sig_registry_t *r);
static void sig_rebuild_each(sig_registry_t *r, sig_rebuild_pt handler);
static void sig_rebuild_keys(sig_registry_t *r);
static void sig_rebuild_node(sig_registry_t *r, uint32_t index,
    sig_node_t *node);
static int sig_rebuild_name(sig_registry_t *r, uint32_t index,
    sig_node_t *node, size_t fixed, size_t max);
static void sig_rebuild_owner(sig_registry_t *r, uint32_t index,
    sig_node_t *node);
static int sig_rebuild_block(sig_registry_t *r, uint32_t index,
    uint32_t owner, size_t len);
static void sig_rebuild_member(sig_registry_t *r, uint32_t index,
    sig_node_t *node);
static void sig_rebuild_conn(sig_registry_t *r, uint32_t index,
    sig_node_t *node);
static void sig_rebuild_rest(sig_registry_t *r, uint32_t index,
    sig_node_t *node);
static void sig_rebuild_mask(sig_registry_t *r, sig_room_t *room);


void
sig_registry_rebuild(sig_registry_t *r)
{
    sig_rebuild_reset(r);

    sig_rebuild_each(r, sig_rebuild_node);
    sig_rebuild_each(r, sig_rebuild_owner);
    sig_rebuild_each(r, sig_rebuild_member);
    sig_rebuild_each(r, sig_rebuild_conn);

    sig_rebuild_keys(r);

    sig_rebuild_each(r, sig_rebuild_rest);

    sig_share_reset(r);
    sig_store_rebuild(&r->store);
}


static void
sig_rebuild_reset(sig_registry_t *r)
{
    uint32_t     n;
    sig_head_t  *head;
    sig_slot_t  *slot;

    head = sig_head(r);

    head->apps = 0;
    head->napps = 0;
    head->npeers = 0;
    head->nconns = 0;
    head->nrooms = 0;
    head->nmembers = 0;
    head->nleaving = 0;

    for (n = 0; n < r->nslots; n++) {
        slot = sig_registry_slot(r, n);
        slot->conns = 0;
        __atomic_store_n(&slot->nconns, 0, __ATOMIC_RELAXED);
    }

    sig_table_reset(r);
}


static void
sig_rebuild_each(sig_registry_t *r, sig_rebuild_pt handler)
{
    uint32_t       index;
    sig_node_t    *node;
    sig_cursor_t   cursor;

    memset(&cursor, 0, sizeof(sig_cursor_t));

    for ( ;; ) {
        index = sig_store_next(&r->store, &cursor);

        if (index == 0) {
            break;
        }

        node = sig_store_node(&r->store, index);

        if (node->state != SIG_NODE_FREE) {
            handler(r, index, node);
        }
    }

    sig_fault();
}


/* first: what can not be goes, and what is counted begins at nothing */

static void
sig_rebuild_node(sig_registry_t *r, uint32_t index, sig_node_t *node)
{
    int           ok;
    sig_app_t    *app;
    sig_conn_t   *conn;
    sig_peer_t   *peer;
    sig_room_t   *room;
    sig_block_t  *block;

    switch (node->type) {

    case SIG_NODE_APP:
        ok = sig_rebuild_name(r, index, node, offsetof(sig_app_t, name),
                              SIG_APP_NAME);
        app = sig_app_node(r, index);
        app->nconns = 0;
        app->units = 0;
        break;

    case SIG_NODE_PEER:
        ok = node->small == SIG_PEER_UUID
             || sig_rebuild_name(r, index, node, sig_peer_size(0),
                                 SIG_PEER_LEN);
        peer = sig_peer_node(r, index);
        peer->conns = 0;
        peer->nlive = 0;
        peer->nclosing = 0;
        break;

    case SIG_NODE_CONN:
        ok = node->small < r->nslots;
        conn = sig_conn_node(r, index);
        conn->members = 0;
        conn->units = 0;
        break;

    case SIG_NODE_ROOM:
        ok = sig_rebuild_name(r, index, node, sig_room_size(0),
                              SIG_ROOM_LEN);
        room = sig_room_node(r, index);

        /* the mask stays, until it is known: relaying goes on meanwhile */

        room->first = 0;
        room->count = 0;
        room->leaving = 0;
        break;

    case SIG_NODE_MEMBER:
        ok = node->small < r->nslots;
        break;

    case SIG_NODE_BLOCK:
        block = sig_block_node(r, index);
        ok = sizeof(sig_block_t) + block->len
             <= sig_store_node_size(&r->store, index);
        node->small = 0;
        break;

    default:
        ok = 0;
        break;
    }

    if (!ok || node->state > SIG_NODE_LEAVING) {
        sig_store_commit(node, SIG_NODE_FREE);
    }
}


static int
sig_rebuild_name(sig_registry_t *r, uint32_t index, sig_node_t *node,
    size_t fixed, size_t max)
{
    return node->small > 0 && node->small <= max
           && fixed + node->small <= sig_store_node_size(&r->store, index);
}


/* second: connections have a peer of an app, and owners the blocks that they name */

static void
sig_rebuild_owner(sig_registry_t *r, uint32_t index, sig_node_t *node)
{
    sig_conn_t   *conn;
    sig_peer_t   *peer;
    sig_room_t   *room;
    sig_block_t  *block;

    if (node->type == SIG_NODE_CONN) {
        conn = sig_conn_node(r, index);

        peer = sig_peer_node(r, conn->peer);

        if (!sig_registry_is(r, conn->peer, SIG_NODE_PEER)
            || !sig_registry_is(r, peer->app, SIG_NODE_APP))
        {
            sig_store_commit(node, SIG_NODE_FREE);
            return;
        }

        if (!sig_rebuild_block(r, conn->metadata, index, conn->metadata_len)) {
            conn->metadata_len = 0;
            conn->metadata = 0;
        }
    }

    if (node->type == SIG_NODE_ROOM) {
        room = sig_room_node(r, index);

        if (sig_rebuild_block(r, room->counts, index,
                              r->nslots * sizeof(uint32_t)))
        {
            block = sig_block_node(r, room->counts);
            memset(block->bytes, 0, r->nslots * sizeof(uint32_t));
            block->node.small = 1;

        } else {
            room->counts = 0;
        }
    }
}


static int
sig_rebuild_block(sig_registry_t *r, uint32_t index, uint32_t owner,
    size_t len)
{
    sig_block_t  *block;

    if (!sig_registry_is(r, index, SIG_NODE_BLOCK)) {
        return 0;
    }

    block = sig_block_node(r, index);

    return block->owner == owner && block->len == len;
}


/* third: members have a room and a connection, and are put into their lists */

static void
sig_rebuild_member(sig_registry_t *r, uint32_t index, sig_node_t *node)
{
    sig_member_t  *m;

    if (node->type != SIG_NODE_MEMBER) {
        return;
    }

    m = sig_member_node(r, index);

    if (!sig_registry_is(r, m->room, SIG_NODE_ROOM)
        || !sig_registry_is(r, m->conn, SIG_NODE_CONN))
    {
        sig_store_commit(node, SIG_NODE_FREE);
        return;
    }

    node->small = sig_conn_node(r, m->conn)->node.small;

    if (m->stamp > sig_head(r)->stamp) {
        sig_head(r)->stamp = m->stamp;
    }

    sig_member_attach(r, index, m);

    if (node->state == SIG_NODE_LIVE) {
        (void) sig_member_link(r, index, m);

    } else {
        sig_room_node(r, m->room)->leaving++;
        sig_head(r)->nleaving++;
    }
}


/* fourth: a closing connection whose members were all retired goes */

static void
sig_rebuild_conn(sig_registry_t *r, uint32_t index, sig_node_t *node)
{
    sig_conn_t  *conn;
    sig_slot_t  *slot;

    if (node->type != SIG_NODE_CONN) {
        return;
    }

    conn = sig_conn_node(r, index);

    if (node->state != SIG_NODE_LIVE && conn->members == 0) {
        sig_store_commit(node, SIG_NODE_FREE);
        return;
    }

    if (conn->metadata != 0) {
        sig_block_node(r, conn->metadata)->node.small = 1;
    }

    slot = sig_registry_slot(r, node->small);

    if (slot->state == SIG_SLOT_FREE) {

        /* nobody's, so that somebody reaps it */

        __atomic_store_n(&slot->reaper, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&slot->state, SIG_SLOT_DYING, __ATOMIC_RELEASE);
    }

    sig_conn_link(r, index, conn);
}


/* the blocks of the text; a chain that breaks off is worth nothing */

static void
sig_rebuild_keys(sig_registry_t *r)
{
    uint32_t      i, n;
    sig_head_t   *head;
    sig_block_t  *block;

    head = sig_head(r);
    n = r->store.limit;

    for (i = head->keys; i != 0; i = block->node.next) {
        block = sig_block_node(r, i);

        if (!sig_registry_is(r, i, SIG_NODE_BLOCK) || block->owner != 0
            || block->node.small != 0 || n-- == 0)
        {
            head->keys = 0;
            break;
        }

        block->node.small = 1;
    }
}


/* last: orphans go, what has a name is found by it, and apps have the rest */

static void
sig_rebuild_rest(sig_registry_t *r, uint32_t index, sig_node_t *node)
{
    uint32_t     app;
    sig_conn_t  *conn;
    sig_peer_t  *peer;
    sig_room_t  *room;

    switch (node->type) {

    case SIG_NODE_APP:
        sig_chain_insert(r, &sig_head(r)->apps, index);
        sig_head(r)->napps++;
        return;

    case SIG_NODE_PEER:
        peer = sig_peer_node(r, index);

        if (peer->nlive > 0 || peer->nclosing > 0) {
            sig_table_insert(r, SIG_TABLE_PEERS, peer->hash, index);
            sig_share_count(r, peer->app, index);
            return;
        }

        break;

    case SIG_NODE_CONN:
        conn = sig_conn_node(r, index);
        app = sig_peer_node(r, conn->peer)->app;

        sig_share_count(r, app, index);
        sig_share_count(r, app, conn->metadata);
        return;

    case SIG_NODE_MEMBER:
        room = sig_room_node(r, sig_member_node(r, index)->room);

        sig_share_count(r, room->app, index);
        return;

    case SIG_NODE_ROOM:
        room = sig_room_node(r, index);

        if (room->count > 0 || room->leaving > 0) {
            sig_rebuild_mask(r, room);
            sig_table_insert(r, SIG_TABLE_ROOMS, room->hash, index);
            sig_share_count(r, room->app, index);
            sig_share_count(r, room->app, room->counts);
            return;
        }

        /* its block may have been passed already */

        if (room->counts != 0) {
            sig_store_commit(&sig_block_node(r, room->counts)->node,
                             SIG_NODE_FREE);
        }

        break;

    case SIG_NODE_BLOCK:
        if (node->small != 0) {
            return;
        }

        break;

    default:
        return;
    }

    sig_store_commit(node, SIG_NODE_FREE);
}


static void
sig_rebuild_mask(sig_registry_t *r, sig_room_t *room)
{
    uint32_t       mi, n;
    uint64_t       mask;
    sig_member_t  *m;

    mask = 0;
    n = sig_bound(r, room->count);

    for (mi = room->first; mi != 0 && n > 0; mi = m->room_next, n--) {
        m = sig_member_node(r, mi);
        mask |= sig_slot_bit(m->node.small);
    }

    __atomic_store_n(&room->mask, mask, __ATOMIC_RELEASE);
}
