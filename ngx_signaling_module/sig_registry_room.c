
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "sig_hash.h"
#include "sig_registry_node.h"


static int sig_join_room(sig_registry_t *r, uint32_t ci, sig_conn_t *conn,
    const slice_t *name, sig_change_t *change, sig_roster_t *roster,
    size_t metadata_max);
static uint32_t sig_room_hash(sig_registry_t *r, uint32_t app,
    const slice_t *name);
static uint32_t sig_room_find(sig_registry_t *r, uint32_t app, uint32_t hash,
    const slice_t *name);
static uint32_t sig_room_create(sig_registry_t *r, uint32_t app,
    uint32_t hash, const slice_t *name);
static int sig_room_count_slots(sig_registry_t *r, uint32_t ri,
    sig_room_t *room);
static uint64_t sig_room_bit_left(sig_registry_t *r, sig_room_t *room,
    uint32_t slot);


int
sig_registry_join(sig_registry_t *r, sig_ref_t conn, const slice_t *name,
    sig_change_t *change, sig_roster_t *roster, size_t metadata_max)
{
    int          rc;
    sig_conn_t  *c;

    memset(change, 0, sizeof(sig_change_t));

    if (name->len == 0 || name->len > SIG_ROOM_LEN) {
        return SIG_REGISTRY_FULL;
    }

    sig_registry_lock(r);

    c = sig_registry_find(r, conn, SIG_NODE_CONN);

    if (c == NULL || c->node.state != SIG_NODE_LIVE) {
        rc = SIG_REGISTRY_STALE;

    } else {
        rc = sig_join_room(r, conn.index, c, name, change, roster,
                           metadata_max);
    }

    sig_registry_unlock(r);

    return rc;
}


static int
sig_join_room(sig_registry_t *r, uint32_t ci, sig_conn_t *conn,
    const slice_t *name, sig_change_t *change, sig_roster_t *roster,
    size_t metadata_max)
{
    int            twins;
    uint32_t       ri, mi, app, hash, units;
    sig_room_t    *room;
    sig_member_t  *m;

    app = sig_peer_node(r, conn->peer)->app;
    hash = sig_room_hash(r, app, name);
    ri = sig_room_find(r, app, hash, name);

    units = SIG_MEMBER_UNITS
            + sig_store_units(sig_room_size(name->len));

    if (sig_share_peer(r, conn->peer, units) != SIG_REGISTRY_OK) {
        return SIG_REGISTRY_PEER_FULL;
    }

    if (roster != NULL
        && sig_roster_copy(r, ri, conn->peer, roster, metadata_max)
           != SIG_REGISTRY_OK)
    {
        return SIG_REGISTRY_SMALL;
    }

    mi = sig_share_alloc(r, app, SIG_FOR_MEMBER, sizeof(sig_member_t),
                         SIG_NODE_MEMBER);
    if (mi == 0) {
        return r->refusal;
    }

    if (ri == 0) {
        ri = sig_room_create(r, app, hash, name);
    }

    if (ri == 0
        || sig_room_count_slots(r, ri, sig_room_node(r, ri))
           != SIG_REGISTRY_OK)
    {
        sig_share_free(r, app, mi);
        return r->refusal;
    }

    room = sig_room_node(r, ri);
    m = sig_member_node(r, mi);

    m->node.small = conn->node.small;
    m->stamp = sig_registry_stamp(r);
    m->room = ri;
    m->conn = ci;

    sig_room_step(room);

    sig_fault();
    sig_store_commit(&m->node, SIG_NODE_LIVE);
    sig_fault();

    sig_member_attach(r, mi, m);
    twins = sig_member_link(r, mi, m);

    sig_share_watch(r, app);

    sig_member_change(r, mi, m, change);
    change->change = twins ? SIG_CHANGE_TAKEOVER : SIG_CHANGE_JOINED;

    return SIG_REGISTRY_OK;
}


int
sig_registry_find_room(sig_registry_t *r, uint32_t app, const slice_t *name,
    sig_ref_t *room, sig_audience_t *audience)
{
    int          rc;
    uint32_t     ri, hash;
    sig_room_t  *rm;

    room->index = 0;
    room->gen = 0;

    memset(audience, 0, sizeof(sig_audience_t));

    if (name->len == 0 || name->len > SIG_ROOM_LEN) {
        return SIG_REGISTRY_STALE;
    }

    rc = SIG_REGISTRY_STALE;
    hash = sig_room_hash(r, app, name);

    sig_registry_lock(r);

    ri = sig_room_find(r, app, hash, name);
    rm = sig_room_node(r, ri);

    if (ri != 0 && rm->count > 0) {
        room->index = ri;
        room->gen = rm->node.gen;

        audience->seq = rm->seq;
        audience->mask = rm->mask;
        audience->members = rm->count;

        rc = SIG_REGISTRY_OK;
    }

    sig_registry_unlock(r);

    return rc;
}


/*
 * Whoever allocates the node anew stores the generation before any field, so
 * a mask that belongs to something else comes with another generation behind
 * it.
 */

uint64_t
sig_registry_room_mask(sig_registry_t *r, sig_ref_t ref)
{
    uint64_t     mask;
    sig_room_t  *room;

    room = sig_registry_peek(r, ref, SIG_NODE_ROOM);

    if (room == NULL) {
        return 0;
    }

    mask = __atomic_load_n(&room->mask, __ATOMIC_ACQUIRE);

    return sig_registry_peek(r, ref, SIG_NODE_ROOM) ? mask : 0;
}


uint64_t
sig_registry_room_seq(sig_registry_t *r, sig_ref_t ref)
{
    uint64_t     seq;
    sig_room_t  *room;

    room = sig_registry_peek(r, ref, SIG_NODE_ROOM);

    if (room == NULL) {
        return 0;
    }

    seq = __atomic_load_n(&room->seq, __ATOMIC_ACQUIRE);

    return sig_registry_peek(r, ref, SIG_NODE_ROOM) ? seq : 0;
}


/* one change more */

void
sig_room_step(sig_room_t *room)
{
    __atomic_store_n(&room->seq, room->seq + 1, __ATOMIC_RELAXED);
}


static uint32_t
sig_room_hash(sig_registry_t *r, uint32_t app, const slice_t *name)
{
    return (uint32_t) sig_hash(sig_head(r)->seed, app, name->data, name->len);
}


static uint32_t
sig_room_find(sig_registry_t *r, uint32_t app, uint32_t hash,
    const slice_t *name)
{
    uint32_t     i, n;
    sig_room_t  *room;

    n = r->store.limit;

    for (i = *sig_table_head(r, SIG_TABLE_ROOMS, hash);
         i != 0 && n > 0;
         i = room->node.next, n--)
    {
        room = sig_room_node(r, i);

        if (room->hash == hash && room->app == app
            && room->node.small == name->len
            && memcmp(room->name, name->data, name->len) == 0)
        {
            return i;
        }
    }

    return 0;
}


static uint32_t
sig_room_create(sig_registry_t *r, uint32_t app, uint32_t hash,
    const slice_t *name)
{
    uint32_t     i;
    sig_room_t  *room;

    i = sig_share_alloc(r, app, SIG_FOR_MEMBER, sig_room_size(name->len),
                        SIG_NODE_ROOM);
    if (i == 0) {
        return 0;
    }

    room = sig_room_node(r, i);

    room->node.small = (uint16_t) name->len;
    room->hash = hash;
    room->seq = 0;
    __atomic_store_n(&room->mask, 0, __ATOMIC_RELAXED);
    room->app = app;
    room->first = 0;
    room->count = 0;
    room->leaving = 0;
    room->counts = 0;
    memcpy(room->name, name->data, name->len);

    sig_fault();
    sig_store_commit(&room->node, SIG_NODE_LIVE);
    sig_fault();

    sig_table_insert(r, SIG_TABLE_ROOMS, hash, i);

    return i;
}


/*
 * In a room of many members nobody looks through them to find out whether a
 * slot still has one: they are counted by slot from here on.
 */

static int
sig_room_count_slots(sig_registry_t *r, uint32_t ri, sig_room_t *room)
{
    uint32_t       i, mi, n;
    sig_block_t   *block;
    sig_member_t  *m;

    if (room->count < SIG_ROOM_SCAN || room->counts != 0) {
        return SIG_REGISTRY_OK;
    }

    i = sig_block_create(r, room->app, SIG_FOR_MEMBER, ri, NULL,
                         r->nslots * sizeof(uint32_t));

    if (i == 0) {
        return SIG_REGISTRY_FULL;
    }

    block = sig_block_node(r, i);
    n = sig_bound(r, room->count);

    for (mi = room->first; mi != 0 && n > 0; mi = m->room_next, n--) {
        m = sig_member_node(r, mi);
        (*sig_block_count(block, m->node.small))++;
    }

    sig_order();
    room->counts = i;
    sig_fault();

    return SIG_REGISTRY_OK;
}


void
sig_room_free(sig_registry_t *r, uint32_t ri, sig_room_t *room)
{
    uint32_t  bi, app;

    bi = room->counts;
    app = room->app;

    sig_table_remove(r, SIG_TABLE_ROOMS, room->hash, ri);
    sig_fault();

    sig_share_free(r, app, ri);
    sig_fault();

    if (bi != 0) {
        sig_share_free(r, app, bi);
    }
}


/* the bit of the slot if a live member still has it, or 0 */

static uint64_t
sig_room_bit_left(sig_registry_t *r, sig_room_t *room, uint32_t slot)
{
    uint32_t       mi, n, s;
    sig_block_t   *block;
    sig_member_t  *m;

    if (room->counts != 0) {
        block = sig_block_node(r, room->counts);

        for (s = slot % 64; s < r->nslots; s += 64) {
            if (*sig_block_count(block, s) > 0) {
                return sig_slot_bit(slot);
            }
        }

        return 0;
    }

    n = sig_bound(r, room->count);

    for (mi = room->first; mi != 0 && n > 0; mi = m->room_next, n--) {
        m = sig_member_node(r, mi);

        if (m->node.small % 64 == slot % 64) {
            return sig_slot_bit(slot);
        }
    }

    return 0;
}


/* the room's part of a live member: list, counts, mask */

void
sig_room_add(sig_registry_t *r, uint32_t mi, sig_member_t *m)
{
    sig_room_t    *room;
    sig_block_t   *block;
    sig_member_t  *first;

    room = sig_room_node(r, m->room);

    m->room_next = 0;

    if (room->first != 0) {
        first = sig_member_node(r, room->first);

        m->room_prev = first->room_prev;
        sig_member_node(r, first->room_prev)->room_next = mi;

        sig_fault();
        first->room_prev = mi;

    } else {
        m->room_prev = mi;
        room->first = mi;
    }

    sig_fault();

    if (room->count++ == 0) {
        sig_head(r)->nrooms++;
    }

    if (room->counts != 0) {
        block = sig_block_node(r, room->counts);
        (*sig_block_count(block, m->node.small))++;
    }

    sig_fault();
    __atomic_store_n(&room->mask, room->mask | sig_slot_bit(m->node.small),
                     __ATOMIC_RELEASE);

    sig_head(r)->nmembers++;
}


void
sig_room_remove(sig_registry_t *r, uint32_t mi, sig_member_t *m,
    int last_local)
{
    uint32_t      slot, next;
    uint64_t      bit;
    sig_room_t   *room;
    sig_block_t  *block;

    room = sig_room_node(r, m->room);
    slot = m->node.small;

    if (room->first == mi) {
        room->first = m->room_next;

    } else {
        sig_member_node(r, m->room_prev)->room_next = m->room_next;
    }

    sig_fault();

    /* who follows, or the first one behind the last one */

    next = m->room_next != 0 ? m->room_next : room->first;

    if (next != 0) {
        sig_member_node(r, next)->room_prev = m->room_prev;
    }

    if (--room->count == 0) {
        sig_head(r)->nrooms--;
    }

    if (room->counts != 0) {
        block = sig_block_node(r, room->counts);
        (*sig_block_count(block, slot))--;
        last_local = 1;
    }

    sig_fault();

    if (last_local) {
        bit = sig_room_bit_left(r, room, slot);

        __atomic_store_n(&room->mask, (room->mask & ~sig_slot_bit(slot)) | bit,
                         __ATOMIC_RELEASE);
    }

    sig_head(r)->nmembers--;
}
