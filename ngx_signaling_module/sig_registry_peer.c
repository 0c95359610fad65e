
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "sig_hash.h"
#include "sig_registry_node.h"


static int sig_conn_create(sig_registry_t *r, uint32_t pi,
    const sig_peer_name_t *name, const slice_t *metadata, uint32_t *index);
static int sig_peer_admits(sig_registry_t *r, uint32_t pi,
    const slice_t *metadata);
static uint32_t sig_peer_create(sig_registry_t *r,
    const sig_peer_name_t *name);
static void sig_peer_free(sig_registry_t *r, uint32_t pi, sig_peer_t *peer);
static uint32_t sig_peer_targets(sig_registry_t *r, uint32_t pi,
    sig_target_t *targets);
static int sig_peer_owns_slot(sig_registry_t *r);


int
sig_registry_connect(sig_registry_t *r, uint32_t app, const slice_t *peer,
    const slice_t *metadata, int shared_id, uint32_t number, sig_ref_t *conn,
    sig_target_t *others, uint32_t *nothers)
{
    int               rc;
    uint32_t          pi, ci;
    sig_conn_t       *c;
    sig_peer_name_t   name;

    conn->index = 0;
    conn->gen = 0;
    *nothers = 0;

    if (peer->len == 0 || peer->len > SIG_PEER_LEN
        || metadata->len > SIG_METADATA_LEN)
    {
        return SIG_REGISTRY_FULL;
    }

    ci = 0;
    sig_peer_name(r, app, peer, &name);

    sig_registry_lock(r);

    rc = sig_app_admits(r, app);

    if (rc == SIG_REGISTRY_OK) {
        pi = sig_peer_find(r, &name);

        if (pi != 0) {
            *nothers = sig_peer_targets(r, pi, others);
        }

        rc = sig_conn_create(r, pi, &name, metadata, &ci);
    }

    if (rc == SIG_REGISTRY_OK) {
        c = sig_conn_node(r, ci);

        c->number = number;
        c->shared_id = (uint16_t) (shared_id != 0);

        sig_fault();
        sig_store_commit(&c->node, SIG_NODE_LIVE);
        sig_fault();

        sig_conn_link(r, ci, c);

        conn->index = ci;
        conn->gen = c->node.gen;

        sig_share_watch(r, app);
    }

    sig_registry_unlock(r);

    return rc;
}


/* all but the commit; a peer and a block made here are orphans until then */

static int
sig_conn_create(sig_registry_t *r, uint32_t pi, const sig_peer_name_t *name,
    const slice_t *metadata, uint32_t *index)
{
    uint32_t     ci, bi, app;
    sig_conn_t  *conn;

    if (!sig_peer_owns_slot(r)) {
        return SIG_REGISTRY_FULL;
    }

    if (pi != 0 && sig_peer_admits(r, pi, metadata) != SIG_REGISTRY_OK) {
        return SIG_REGISTRY_PEER_FULL;
    }

    app = name->app;
    ci = sig_share_alloc(r, app, SIG_FOR_NEWCOMER, sizeof(sig_conn_t),
                         SIG_NODE_CONN);
    if (ci == 0) {
        return r->refusal;
    }

    bi = 0;

    if (metadata->len > 0) {
        bi = sig_block_create(r, app, SIG_FOR_NEWCOMER, ci, metadata->data,
                              metadata->len);
        if (bi == 0) {
            sig_share_free(r, app, ci);
            return r->refusal;
        }
    }

    if (pi == 0) {
        pi = sig_peer_create(r, name);

        if (pi == 0) {
            if (bi != 0) {
                sig_share_free(r, app, bi);
            }

            sig_share_free(r, app, ci);
            return r->refusal;
        }
    }

    conn = sig_conn_node(r, ci);

    conn->node.small = r->slot;
    conn->peer = pi;
    conn->metadata = bi;
    conn->metadata_len = (uint16_t) metadata->len;
    conn->members = 0;
    conn->units = 0;

    *index = ci;

    return SIG_REGISTRY_OK;
}


/* whether the peer may have one connection more */

static int
sig_peer_admits(sig_registry_t *r, uint32_t pi, const slice_t *metadata)
{
    uint32_t     units;
    sig_peer_t  *p;

    p = sig_peer_node(r, pi);

    if (p->nlive >= SIG_PEER_CONNECTIONS || p->nclosing >= SIG_PEER_CLOSING) {
        return SIG_REGISTRY_PEER_FULL;
    }

    units = SIG_CONN_UNITS;

    if (metadata->len > 0) {
        units += sig_store_units(sizeof(sig_block_t) + metadata->len);
    }

    return sig_share_peer(r, pi, units);
}


int
sig_registry_disconnect(sig_registry_t *r, sig_ref_t conn)
{
    int          rc;
    sig_conn_t  *c;

    rc = SIG_REGISTRY_STALE;

    sig_registry_lock(r);

    c = sig_registry_find(r, conn, SIG_NODE_CONN);

    if (c != NULL && c->node.state == SIG_NODE_LIVE) {
        sig_conn_close(r, conn.index, c);

        if (c->members == 0) {
            sig_conn_free(r, conn.index, c);
        }

        rc = SIG_REGISTRY_OK;
    }

    sig_registry_unlock(r);

    return rc;
}


uint32_t
sig_registry_find_peer(sig_registry_t *r, uint32_t app, const slice_t *peer,
    sig_target_t *targets)
{
    uint32_t         pi, n;
    sig_peer_name_t  name;

    if (peer->len == 0 || peer->len > SIG_PEER_LEN) {
        return 0;
    }

    sig_peer_name(r, app, peer, &name);

    sig_registry_lock(r);

    pi = sig_peer_find(r, &name);
    n = pi != 0 ? sig_peer_targets(r, pi, targets) : 0;

    sig_registry_unlock(r);

    return n;
}


int
sig_registry_is_live(sig_registry_t *r, sig_ref_t conn)
{
    return sig_registry_peek(r, conn, SIG_NODE_CONN) != NULL;
}


static uint32_t
sig_peer_targets(sig_registry_t *r, uint32_t pi, sig_target_t *targets)
{
    uint32_t     ci, n;
    sig_conn_t  *conn;

    n = 0;

    for (ci = sig_peer_node(r, pi)->conns;
         ci != 0 && n < SIG_PEER_CONNECTIONS;
         ci = conn->node.next)
    {
        conn = sig_conn_node(r, ci);

        targets[n].conn.index = ci;
        targets[n].conn.gen = conn->node.gen;
        targets[n].number = conn->number;
        targets[n].slot = conn->node.small;
        targets[n].shared_id = conn->shared_id;
        n++;
    }

    return n;
}


void
sig_peer_name(sig_registry_t *r, uint32_t app, const slice_t *id,
    sig_peer_name_t *name)
{
    name->app = app;

    if (access_uuid_read(name->uuid, id)) {
        name->small = SIG_PEER_UUID;
        name->len = ACCESS_UUID_BYTES;
        name->bytes = name->uuid;

    } else {
        name->small = (uint16_t) id->len;
        name->len = name->small;
        name->bytes = id->data;
    }

    name->hash = (uint32_t) sig_hash(sig_head(r)->seed, app, name->bytes,
                                     name->len);
}


size_t
sig_peer_id_len(const sig_peer_t *peer)
{
    if (peer->node.small == SIG_PEER_UUID) {
        return ACCESS_UUID_LEN;
    }

    return peer->node.small < SIG_PEER_LEN ? peer->node.small : SIG_PEER_LEN;
}


size_t
sig_peer_id(const sig_peer_t *peer, u_char *p)
{
    size_t  len;

    if (peer->node.small == SIG_PEER_UUID) {
        access_uuid_write(p, peer->id);

        return ACCESS_UUID_LEN;
    }

    len = sig_peer_id_len(peer);
    memcpy(p, peer->id, len);

    return len;
}


uint32_t
sig_peer_find(sig_registry_t *r, const sig_peer_name_t *name)
{
    uint32_t     i, n;
    sig_peer_t  *peer;

    n = r->store.limit;

    for (i = *sig_table_head(r, SIG_TABLE_PEERS, name->hash);
         i != 0 && n > 0;
         i = peer->node.next, n--)
    {
        peer = sig_peer_node(r, i);

        if (peer->hash == name->hash && peer->app == name->app
            && peer->node.small == name->small
            && memcmp(peer->id, name->bytes, name->len) == 0)
        {
            return i;
        }
    }

    return 0;
}


static uint32_t
sig_peer_create(sig_registry_t *r, const sig_peer_name_t *name)
{
    uint32_t     i;
    sig_peer_t  *peer;

    i = sig_share_alloc(r, name->app, SIG_FOR_NEWCOMER,
                        sig_peer_size(name->len), SIG_NODE_PEER);
    if (i == 0) {
        return 0;
    }

    peer = sig_peer_node(r, i);

    peer->node.small = name->small;
    peer->app = name->app;
    peer->hash = name->hash;
    peer->conns = 0;
    peer->nlive = 0;
    peer->nclosing = 0;
    memcpy(peer->id, name->bytes, name->len);

    sig_fault();
    sig_store_commit(&peer->node, SIG_NODE_LIVE);
    sig_fault();

    sig_table_insert(r, SIG_TABLE_PEERS, name->hash, i);

    return i;
}


static void
sig_peer_free(sig_registry_t *r, uint32_t pi, sig_peer_t *peer)
{
    sig_table_remove(r, SIG_TABLE_PEERS, peer->hash, pi);
    sig_fault();

    sig_share_free(r, peer->app, pi);
}


/*
 * A slot that was taken from its owner, because somebody had found it dead,
 * gets nothing new.
 */

static int
sig_peer_owns_slot(sig_registry_t *r)
{
    sig_slot_t  *slot;

    if (r->slot >= r->nslots) {
        return 0;
    }

    slot = sig_registry_slot(r, r->slot);

    return slot->pid == r->pid
           && (slot->state == SIG_SLOT_STARTING
               || slot->state == SIG_SLOT_LIVE);
}


/* puts a connection where its state says */

void
sig_conn_link(sig_registry_t *r, uint32_t ci, sig_conn_t *conn)
{
    sig_head_t  *head;
    sig_peer_t  *peer;
    sig_slot_t  *slot;

    head = sig_head(r);
    slot = sig_registry_slot(r, conn->node.small);
    peer = sig_peer_node(r, conn->peer);

    conn->slot_prev = 0;
    conn->slot_next = slot->conns;

    if (slot->conns != 0) {
        sig_conn_node(r, slot->conns)->slot_prev = ci;
    }

    sig_fault();
    slot->conns = ci;

    if (conn->node.state != SIG_NODE_LIVE) {
        peer->nclosing++;
        return;
    }

    conn->prev = 0;
    conn->node.next = peer->conns;

    if (peer->conns != 0) {
        sig_conn_node(r, peer->conns)->prev = ci;
    }

    sig_fault();
    peer->conns = ci;

    if (peer->nlive++ == 0) {
        head->npeers++;
    }

    sig_fault();
    __atomic_store_n(&slot->nconns, slot->nconns + 1, __ATOMIC_RELAXED);
    head->nconns++;
    sig_app_add(r, peer->app);
}


/* the connection is no longer found by its peer's ID */

void
sig_conn_close(sig_registry_t *r, uint32_t ci, sig_conn_t *conn)
{
    sig_head_t  *head;
    sig_peer_t  *peer;
    sig_slot_t  *slot;

    head = sig_head(r);
    slot = sig_registry_slot(r, conn->node.small);
    peer = sig_peer_node(r, conn->peer);

    sig_store_commit(&conn->node, SIG_NODE_LEAVING);
    sig_fault();

    if (conn->prev != 0) {
        sig_conn_node(r, conn->prev)->node.next = conn->node.next;

    } else {
        peer->conns = conn->node.next;
    }

    if (conn->node.next != 0) {
        sig_conn_node(r, conn->node.next)->prev = conn->prev;
    }

    sig_fault();

    peer->nclosing++;

    if (--peer->nlive == 0) {
        head->npeers--;
    }

    __atomic_store_n(&slot->nconns, slot->nconns - 1, __ATOMIC_RELAXED);
    head->nconns--;
    sig_app_remove(r, peer->app);
    sig_fault();
}


/* a closing connection without members goes, and its peer if it was the last */

void
sig_conn_free(sig_registry_t *r, uint32_t ci, sig_conn_t *conn)
{
    uint32_t     pi, bi;
    sig_peer_t  *peer;
    sig_slot_t  *slot;

    pi = conn->peer;
    bi = conn->metadata;

    peer = sig_peer_node(r, pi);
    slot = sig_registry_slot(r, conn->node.small);

    if (conn->slot_prev != 0) {
        sig_conn_node(r, conn->slot_prev)->slot_next = conn->slot_next;

    } else {
        slot->conns = conn->slot_next;
    }

    sig_fault();

    if (conn->slot_next != 0) {
        sig_conn_node(r, conn->slot_next)->slot_prev = conn->slot_prev;
    }

    sig_fault();
    sig_share_free(r, peer->app, ci);
    sig_fault();

    if (bi != 0) {
        sig_share_free(r, peer->app, bi);
        sig_fault();
    }

    peer->nclosing--;

    if (peer->nlive == 0 && peer->nclosing == 0) {
        sig_peer_free(r, pi, peer);
    }
}
