
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "sig_registry_node.h"


static void sig_slot_disown(sig_registry_t *r);
static void sig_slot_free(sig_slot_t *slot);
static uint32_t sig_reap_step(sig_registry_t *r, sig_slot_t *slot,
    sig_departure_t *out, uint32_t max);
static uint32_t sig_reap_members(sig_registry_t *r, sig_conn_t *conn,
    sig_departure_t *out, uint32_t max);
static void sig_reap_describe(sig_registry_t *r, uint32_t mi,
    sig_departure_t *out);


int
sig_registry_claim(sig_registry_t *r, int32_t process_slot,
    uint64_t generation)
{
    int          rc;
    uint32_t     n;
    sig_slot_t  *slot;

    rc = SIG_REGISTRY_FULL;

    sig_registry_lock(r);

    sig_slot_disown(r);

    for (n = 0; n < r->nslots; n++) {
        slot = sig_registry_slot(r, n);

        if (slot->state != SIG_SLOT_FREE || slot->conns != 0) {
            continue;
        }

        __atomic_store_n(&slot->incarnation, slot->incarnation + 1,
                         __ATOMIC_RELAXED);
        __atomic_store_n(&slot->pid, r->pid, __ATOMIC_RELAXED);
        __atomic_store_n(&slot->reaper, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&slot->process_slot, process_slot, __ATOMIC_RELAXED);
        __atomic_store_n(&slot->generation, generation, __ATOMIC_RELAXED);

        sig_fault();
        __atomic_store_n(&slot->state, SIG_SLOT_STARTING, __ATOMIC_RELEASE);
        sig_fault();

        r->slot = (uint16_t) n;
        rc = SIG_REGISTRY_OK;
        break;
    }

    sig_registry_unlock(r);

    return rc;
}


/*
 * A process that has no slot yet finds its own pid in one: a predecessor had
 * the same pid and will for ever seem alive.
 */

static void
sig_slot_disown(sig_registry_t *r)
{
    uint32_t     n;
    sig_slot_t  *slot;

    for (n = 0; n < r->nslots; n++) {
        slot = sig_registry_slot(r, n);

        if (slot->state == SIG_SLOT_FREE || n == r->slot) {
            continue;
        }

        if (slot->reaper == r->pid) {
            __atomic_store_n(&slot->reaper, 0, __ATOMIC_RELAXED);
        }

        if (slot->pid == r->pid) {
            __atomic_store_n(&slot->state, SIG_SLOT_DYING, __ATOMIC_RELEASE);
        }
    }
}


void
sig_registry_open(sig_registry_t *r)
{
    sig_slot_t  *slot;

    if (r->slot >= r->nslots) {
        return;
    }

    sig_registry_lock(r);

    slot = sig_registry_slot(r, r->slot);

    if (slot->pid == r->pid && slot->state == SIG_SLOT_STARTING) {
        __atomic_store_n(&slot->state, SIG_SLOT_LIVE, __ATOMIC_RELEASE);
    }

    sig_registry_unlock(r);
}


void
sig_registry_release(sig_registry_t *r)
{
    sig_slot_t  *slot;

    if (r->slot >= r->nslots) {
        return;
    }

    sig_registry_lock(r);

    slot = sig_registry_slot(r, r->slot);

    if (slot->pid == r->pid && slot->state != SIG_SLOT_DYING) {

        if (slot->conns != 0) {
            __atomic_store_n(&slot->state, SIG_SLOT_DYING, __ATOMIC_RELEASE);

        } else {
            sig_slot_free(slot);
        }
    }

    sig_registry_unlock(r);

    r->slot = SIG_NO_SLOT;
}


static void
sig_slot_free(sig_slot_t *slot)
{
    sig_order();
    __atomic_store_n(&slot->state, SIG_SLOT_FREE, __ATOMIC_RELAXED);
    sig_order();

    sig_fault();

    __atomic_store_n(&slot->pid, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&slot->reaper, 0, __ATOMIC_RELAXED);
}


uint32_t
sig_registry_nslots(sig_registry_t *r)
{
    return r->nslots;
}


int
sig_registry_slot_info(sig_registry_t *r, uint32_t n, sig_slot_info_t *info)
{
    sig_slot_t  *slot;

    memset(info, 0, sizeof(sig_slot_info_t));

    if (n >= r->nslots) {
        return SIG_REGISTRY_BAD;
    }

    slot = sig_registry_slot(r, n);

    info->state = (sig_slot_state_e) __atomic_load_n(&slot->state,
                                                     __ATOMIC_ACQUIRE);
    info->pid = __atomic_load_n(&slot->pid, __ATOMIC_RELAXED);
    info->reaper = __atomic_load_n(&slot->reaper, __ATOMIC_RELAXED);
    info->process_slot = __atomic_load_n(&slot->process_slot,
                                         __ATOMIC_RELAXED);
    info->incarnation = __atomic_load_n(&slot->incarnation, __ATOMIC_RELAXED);
    info->generation = __atomic_load_n(&slot->generation, __ATOMIC_RELAXED);
    info->connections = __atomic_load_n(&slot->nconns, __ATOMIC_RELAXED);

    return SIG_REGISTRY_OK;
}


int
sig_registry_condemn(sig_registry_t *r, uint32_t n, uint32_t pid,
    uint32_t dead_reaper)
{
    int          rc;
    sig_slot_t  *slot;

    if (n >= r->nslots) {
        return SIG_REGISTRY_STALE;
    }

    sig_registry_lock(r);

    slot = sig_registry_slot(r, n);

    if (slot->state == SIG_SLOT_FREE || slot->pid != pid) {
        rc = SIG_REGISTRY_STALE;

    } else if (slot->state == SIG_SLOT_DYING && slot->reaper != 0
               && slot->reaper != r->pid && slot->reaper != dead_reaper)
    {
        rc = SIG_REGISTRY_BUSY;

    } else {
        __atomic_store_n(&slot->reaper, r->pid, __ATOMIC_RELAXED);

        sig_fault();
        __atomic_store_n(&slot->state, SIG_SLOT_DYING, __ATOMIC_RELEASE);
        sig_fault();

        rc = SIG_REGISTRY_OK;
    }

    sig_registry_unlock(r);

    return rc;
}


uint32_t
sig_registry_reap(sig_registry_t *r, uint32_t n, sig_departure_t *out,
    uint32_t max)
{
    uint32_t     found, rounds;
    sig_slot_t  *slot;

    if (n >= r->nslots || max == 0) {
        return 0;
    }

    slot = sig_registry_slot(r, n);

    /*
     * Connections without members give nothing to describe, and it goes on;
     * but not for ever, whatever is in the region.
     */

    for (rounds = r->store.limit; rounds > 0; rounds--) {
        sig_registry_lock(r);

        if (slot->state != SIG_SLOT_DYING || slot->reaper != r->pid) {
            sig_registry_unlock(r);
            return 0;
        }

        found = sig_reap_step(r, slot, out, max);

        if (slot->conns == 0) {
            sig_slot_free(slot);
            sig_registry_unlock(r);
            return 0;
        }

        sig_registry_unlock(r);

        if (found > 0) {
            return found;
        }
    }

    return 0;
}


/*
 * Every member described and every connection looked at costs one of the
 * nodes that may be handled under the lock at once.
 */

static uint32_t
sig_reap_step(sig_registry_t *r, sig_slot_t *slot, sig_departure_t *out,
    uint32_t max)
{
    uint32_t     ci, next, found, nodes, room;
    sig_conn_t  *conn;

    found = 0;
    nodes = SIG_LOCK_NODES;

    for (ci = slot->conns; ci != 0 && nodes > 0 && found < max; ci = next) {
        conn = sig_conn_node(r, ci);
        next = conn->slot_next;
        nodes--;

        if (conn->node.state == SIG_NODE_LIVE) {
            sig_conn_close(r, ci, conn);
        }

        if (conn->members == 0) {
            sig_conn_free(r, ci, conn);
            continue;
        }

        room = max - found < nodes + 1 ? max - found : nodes + 1;
        room = sig_reap_members(r, conn, out + found, room);

        found += room;
        nodes -= room > nodes ? nodes : room;
    }

    return found;
}


static uint32_t
sig_reap_members(sig_registry_t *r, sig_conn_t *conn, sig_departure_t *out,
    uint32_t max)
{
    uint32_t       mi, n;
    sig_member_t  *m;

    n = 0;

    for (mi = conn->members; mi != 0 && n < max; mi = m->conn_next) {
        m = sig_member_node(r, mi);

        if (m->node.state == SIG_NODE_LIVE) {
            sig_member_leave(r, mi, m, 1, &out[n].change);

        } else {
            sig_member_describe(r, mi, m, &out[n].change);
        }

        sig_reap_describe(r, mi, &out[n]);
        n++;
    }

    return n;
}


static void
sig_reap_describe(sig_registry_t *r, uint32_t mi, sig_departure_t *out)
{
    sig_peer_t  *peer;

    peer = sig_peer_node(r, sig_member_node(r, mi)->peer);

    out->peer_len = (uint32_t) sig_peer_id(peer, out->peer);
}
