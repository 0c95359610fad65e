
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "registry_check.h"


static uint64_t sig_check_weight(uint32_t app);
static uint64_t sig_check_units(sig_registry_t *r, uint32_t app,
    uint32_t index);
static const char *sig_check_room_slots(sig_registry_t *r, uint32_t index,
    sig_room_t *room);
static const char *sig_check_twins(sig_registry_t *r, uint32_t index,
    sig_member_t *member, sig_check_t *check);
static int sig_check_in_chain(sig_registry_t *r, uint32_t head,
    uint32_t index);


const char *
sig_check_app(sig_registry_t *r, uint32_t index, sig_node_t *node,
    sig_check_t *check)
{
    sig_app_t  *app;

    if (node->type < SIG_NODE_APP || node->type > SIG_NODE_BLOCK) {
        return "type of a node";
    }

    if (node->type != SIG_NODE_APP) {
        return NULL;
    }

    check->apps++;

    if (!sig_check_in_chain(r, sig_head(r)->apps, index)) {
        return "app that is not in the list";
    }

    app = sig_app_node(r, index);

    if (app->nconns > sig_app_number(app->peak)) {
        return "peak of an app";
    }

    check->counted_apps += app->nconns * sig_check_weight(index);
    check->counted_units += app->units * sig_check_weight(index);

    if (app->units < sig_head(r)->guarantee) {
        check->need += sig_head(r)->guarantee - app->units;
    }

    return NULL;
}


/*
 * Every connection is added with the weight of its app.  Sums that are equal
 * by accident would take counts that are wrong by huge numbers.
 */

static uint64_t
sig_check_weight(uint32_t app)
{
    uint64_t  weight;

    weight = app * (uint64_t) 0x9e3779b97f4a7c15;
    weight ^= weight >> 32;

    return weight * (uint64_t) 0xd6e8feb86659fd93;
}


/* of a node, with the weight of its app */

static uint64_t
sig_check_units(sig_registry_t *r, uint32_t app, uint32_t index)
{
    return sig_store_node_size(&r->store, index) / SIG_UNIT
           * sig_check_weight(app);
}


const char *
sig_check_peer(sig_registry_t *r, uint32_t index, sig_node_t *node,
    sig_check_t *check)
{
    u_char            text[SIG_PEER_LEN];
    slice_t           id;
    uint32_t          ci, n, prev;
    sig_conn_t       *conn;
    sig_peer_t       *peer;
    sig_peer_name_t   name;

    if (node->type != SIG_NODE_PEER) {
        return NULL;
    }

    peer = sig_peer_node(r, index);

    if (node->small == 0
        || (node->small > SIG_PEER_LEN && node->small != SIG_PEER_UUID))
    {
        return "length of a peer's ID";
    }

    if (peer->nlive == 0 && peer->nclosing == 0) {
        return "peer without connections";
    }

    check->nodes[SIG_TABLE_PEERS]++;
    check->found_units += sig_check_units(r, peer->app, index);

    if (peer->nlive > 0) {
        check->peers++;
    }

    id.data = text;
    id.len = sig_peer_id(peer, text);

    sig_peer_name(r, peer->app, &id, &name);

    if (peer->hash != name.hash || sig_peer_find(r, &name) != index) {
        return "peer that is not found by its ID";
    }

    n = 0;
    prev = 0;

    for (ci = peer->conns; ci != 0; ci = conn->node.next) {

        if (!sig_registry_is(r, ci, SIG_NODE_CONN)) {
            return "list of a peer's connections";
        }

        conn = sig_conn_node(r, ci);

        if (conn->peer != index || conn->prev != prev
            || conn->node.state != SIG_NODE_LIVE)
        {
            return "connection in the list of a peer";
        }

        if (++n > peer->nlive) {
            return "list of a peer's connections is too long";
        }

        prev = ci;
    }

    return n == peer->nlive ? NULL : "count of a peer's live connections";
}


const char *
sig_check_conn(sig_registry_t *r, uint32_t index, sig_node_t *node,
    sig_check_t *check)
{
    uint32_t       mi, n, prev, app, units;
    sig_conn_t    *conn;
    sig_block_t   *block;
    sig_member_t  *m;

    if (node->type != SIG_NODE_CONN) {
        return NULL;
    }

    conn = sig_conn_node(r, index);

    if (!sig_registry_is(r, conn->peer, SIG_NODE_PEER)) {
        return "connection without a peer";
    }

    if (node->small >= r->nslots
        || sig_registry_slot(r, node->small)->state == SIG_SLOT_FREE)
    {
        return "connection without a slot";
    }

    app = sig_peer_node(r, conn->peer)->app;

    if (!sig_registry_is(r, app, SIG_NODE_APP)) {
        return "connection without an app";
    }

    check->found_units += sig_check_units(r, app, index)
                          + sig_check_units(r, app, conn->metadata);

    if (node->state == SIG_NODE_LIVE) {
        check->conns++;
        check->found_apps += sig_check_weight(app);

    } else if (conn->members == 0) {
        return "closing connection without members";
    }

    if (conn->metadata != 0) {
        block = sig_block_node(r, conn->metadata);

        if (!sig_registry_is(r, conn->metadata, SIG_NODE_BLOCK)
            || block->owner != index || block->len != conn->metadata_len)
        {
            return "metadata of a connection";
        }

    } else if (conn->metadata_len != 0) {
        return "length of metadata that are not there";
    }

    n = 0;
    prev = 0;
    units = 0;

    for (mi = conn->members; mi != 0; mi = m->conn_next) {

        if (!sig_registry_is(r, mi, SIG_NODE_MEMBER)) {
            return "list of a connection's members";
        }

        m = sig_member_node(r, mi);

        if (m->conn != index || m->conn_prev != prev) {
            return "member in the list of a connection";
        }

        if (++n > r->store.limit) {
            return "list of a connection's members does not end";
        }

        units += (uint32_t) ((sig_store_node_size(&r->store, mi)
                              + sig_store_node_size(&r->store, m->room))
                             / SIG_UNIT);
        prev = mi;
    }

    check->owned += n;

    return units == conn->units ? NULL : "memory of a connection's members";
}


const char *
sig_check_room(sig_registry_t *r, uint32_t index, sig_node_t *node,
    sig_check_t *check)
{
    uint32_t       mi, n, prev;
    uint64_t       mask;
    sig_room_t    *room;
    sig_member_t  *m;

    if (node->type != SIG_NODE_ROOM) {
        return NULL;
    }

    room = sig_room_node(r, index);

    if (room->count == 0 && room->leaving == 0) {
        return "room without members";
    }

    if (!sig_check_in_chain(r, *sig_table_head(r, SIG_TABLE_ROOMS,
                                               room->hash), index))
    {
        return "room that is not found by its name";
    }

    check->nodes[SIG_TABLE_ROOMS]++;
    check->found_units += sig_check_units(r, room->app, index)
                          + sig_check_units(r, room->app, room->counts);
    check->rooms += room->count > 0;
    check->listed += room->count;
    check->counted += room->leaving;

    n = 0;
    prev = 0;
    mask = 0;

    for (mi = room->first; mi != 0; mi = m->room_next) {

        if (!sig_registry_is(r, mi, SIG_NODE_MEMBER)) {
            return "list of a room's members";
        }

        m = sig_member_node(r, mi);

        if (m->room != index || (prev != 0 && m->room_prev != prev)
            || m->node.state != SIG_NODE_LIVE)
        {
            return "member in the list of a room";
        }

        if (++n > room->count) {
            return "list of a room's members is too long";
        }

        mask |= sig_slot_bit(m->node.small);
        prev = mi;
    }

    if (n != room->count) {
        return "count of a room's members";
    }

    if (n > 0 && sig_member_node(r, room->first)->room_prev != prev) {
        return "last one of a room's members";
    }

    if (mask != room->mask) {
        return "mask of a room";
    }

    return sig_check_room_slots(r, index, room);
}


static const char *
sig_check_room_slots(sig_registry_t *r, uint32_t index, sig_room_t *room)
{
    uint32_t       mi, s, counts[SIG_SLOTS_MAX];
    sig_block_t   *block;
    sig_member_t  *m;

    if (room->counts == 0) {
        return room->count > SIG_ROOM_SCAN ? "slots that are not counted"
                                           : NULL;
    }

    block = sig_block_node(r, room->counts);

    if (!sig_registry_is(r, room->counts, SIG_NODE_BLOCK)
        || block->owner != index
        || block->len != r->nslots * sizeof(uint32_t))
    {
        return "counts of a room's slots";
    }

    memset(counts, 0, sizeof(counts));

    for (mi = room->first; mi != 0; mi = m->room_next) {
        m = sig_member_node(r, mi);

        if (m->node.small >= r->nslots) {
            return "slot of a member";
        }

        counts[m->node.small]++;
    }

    for (s = 0; s < r->nslots; s++) {
        if (*sig_block_count(block, s) != counts[s]) {
            return "count of a slot in a room";
        }
    }

    return NULL;
}


const char *
sig_check_member(sig_registry_t *r, uint32_t index, sig_node_t *node,
    sig_check_t *check)
{
    sig_conn_t    *conn;
    sig_member_t  *m;

    if (node->type != SIG_NODE_MEMBER) {
        return NULL;
    }

    m = sig_member_node(r, index);
    conn = sig_conn_node(r, m->conn);

    if (!sig_registry_is(r, m->room, SIG_NODE_ROOM)
        || !sig_registry_is(r, m->conn, SIG_NODE_CONN))
    {
        return "member without a room or without a connection";
    }

    check->found_units += sig_check_units(r, sig_room_node(r, m->room)->app,
                                          index);

    if (m->peer != conn->peer || m->metadata != (conn->metadata != 0)
        || node->small != conn->node.small)
    {
        return "member's copy of its connection";
    }

    if (node->state == SIG_NODE_LIVE) {
        check->members++;

        return sig_check_twins(r, index, m, check);
    }

    check->leaving++;

    return m->primary ? "leaving member that is primary" : NULL;
}


/* it stands in its chain once, and the most recent of its twins is primary */

static const char *
sig_check_twins(sig_registry_t *r, uint32_t index, sig_member_t *member,
    sig_check_t *check)
{
    uint32_t       mi, n, twins, hash, primaries;
    uint64_t       newest;
    sig_member_t  *m;

    n = 0;
    twins = 0;
    newest = 0;
    primaries = 0;
    hash = sig_member_hash(r, member->room, member->peer);

    for (mi = *sig_table_head(r, SIG_TABLE_MEMBERS, hash);
         mi != 0 && n < r->store.limit;
         mi = m->node.next, n++)
    {
        m = sig_member_node(r, mi);

        if (m->room != member->room || m->peer != member->peer) {
            continue;
        }

        twins += mi == index;
        primaries += m->primary;

        if (m->stamp > newest) {
            newest = m->stamp;
        }
    }

    if (twins != 1) {
        return "member that is not found once in its chain";
    }

    if (primaries != 1 || member->primary != (member->stamp == newest)) {
        return "primary that is not the most recent of its twins";
    }

    if (member->primary
        && sig_member_primary(r, member->room, member->peer) != index)
    {
        return "primary member that is not found";
    }

    check->nodes[SIG_TABLE_MEMBERS]++;

    return NULL;
}


const char *
sig_check_block(sig_registry_t *r, uint32_t index, sig_node_t *node,
    sig_check_t *check)
{
    uint32_t      i, n, owner;
    sig_block_t  *block;

    if (node->type != SIG_NODE_BLOCK) {
        return NULL;
    }

    owner = sig_block_node(r, index)->owner;

    if (owner == 0) {
        n = r->store.limit;

        for (i = sig_head(r)->keys; i != 0; i = block->node.next) {

            if (!sig_registry_is(r, i, SIG_NODE_BLOCK) || n-- == 0) {
                return "chain of the keys' text";
            }

            if (i == index) {
                return NULL;
            }

            block = sig_block_node(r, i);
        }

    } else if (sig_registry_is(r, owner, SIG_NODE_CONN)) {

        if (sig_conn_node(r, owner)->metadata == index) {
            return NULL;
        }

    } else if (sig_registry_is(r, owner, SIG_NODE_ROOM)) {

        if (sig_room_node(r, owner)->counts == index) {
            return NULL;
        }
    }

    return "block that nobody names";
}


static int
sig_check_in_chain(sig_registry_t *r, uint32_t head, uint32_t index)
{
    uint32_t     i, n;
    sig_node_t  *node;

    n = r->store.limit;

    for (i = head; i != 0 && n > 0; i = node->next, n--) {
        if (i == index) {
            return 1;
        }

        node = sig_store_node(&r->store, i);
    }

    return 0;
}
