
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "sig_registry_node.h"


static void sig_roster_entry(sig_registry_t *r, sig_member_t *m,
    sig_peer_t *peer, size_t metadata_len, u_char *p);
static size_t sig_metadata_len(sig_registry_t *r, sig_member_t *m);
static void sig_metadata_copy(sig_registry_t *r, sig_member_t *m, u_char *p,
    size_t len);


int
sig_registry_roster(sig_registry_t *r, sig_ref_t room, sig_ref_t conn,
    sig_roster_t *roster, size_t metadata_max, uint64_t *seq)
{
    int          rc;
    uint32_t     peer;
    sig_conn_t  *c;
    sig_room_t  *rm;

    *seq = 0;
    rc = SIG_REGISTRY_STALE;

    sig_registry_lock(r);

    rm = sig_registry_find(r, room, SIG_NODE_ROOM);

    if (rm != NULL) {
        c = sig_registry_find(r, conn, SIG_NODE_CONN);
        peer = c != NULL ? c->peer : 0;

        rc = sig_roster_copy(r, room.index, peer, roster, metadata_max);
        *seq = rm->seq;
    }

    sig_registry_unlock(r);

    return rc;
}


/* the primaries of a room (0: an empty one) but for those of one peer */

int
sig_roster_copy(sig_registry_t *r, uint32_t ri, uint32_t skip,
    sig_roster_t *roster, size_t metadata_max)
{
    size_t         len, used, metadata;
    uint32_t       mi, n;
    sig_room_t    *room;
    sig_peer_t    *peer;
    sig_member_t  *m;

    used = 0;
    roster->used = 0;
    roster->count = 0;

    if (ri == 0) {
        return SIG_REGISTRY_OK;
    }

    room = sig_room_node(r, ri);
    n = sig_bound(r, room->count);

    for (mi = room->first; mi != 0 && n > 0; mi = m->room_next, n--) {
        m = sig_member_node(r, mi);

        __builtin_prefetch(sig_member_node(r, m->room_next));

        if (!m->primary || m->peer == skip) {
            continue;
        }

        metadata = sig_metadata_len(r, m);

        if (metadata > metadata_max) {
            metadata = 0;
            metadata_max = 0;
        }

        metadata_max -= metadata;

        peer = sig_peer_node(r, m->peer);
        len = sizeof(sig_roster_entry_t) + sig_peer_id_len(peer) + metadata;

        /* what does not fit is still counted */

        if (used <= roster->size && len <= roster->size - used) {
            sig_roster_entry(r, m, peer, metadata, roster->data + used);
            roster->count++;
        }

        used += len;
    }

    roster->used = used;

    return used > roster->size ? SIG_REGISTRY_SMALL : SIG_REGISTRY_OK;
}


static void
sig_roster_entry(sig_registry_t *r, sig_member_t *m, sig_peer_t *peer,
    size_t metadata_len, u_char *p)
{
    sig_roster_entry_t  entry;

    entry.peer_len = (uint16_t) sig_peer_id_len(peer);
    entry.metadata_len = (uint16_t) metadata_len;

    memcpy(p, &entry, sizeof(sig_roster_entry_t));
    p += sizeof(sig_roster_entry_t);

    p += sig_peer_id(peer, p);

    if (metadata_len > 0) {
        sig_metadata_copy(r, m, p, metadata_len);
    }
}


/* most have none, and their connection is not looked at */

static size_t
sig_metadata_len(sig_registry_t *r, sig_member_t *m)
{
    size_t  len;

    if (!m->metadata) {
        return 0;
    }

    len = sig_conn_node(r, m->conn)->metadata_len;

    return len < SIG_METADATA_LEN ? len : SIG_METADATA_LEN;
}


static void
sig_metadata_copy(sig_registry_t *r, sig_member_t *m, u_char *p, size_t len)
{
    uint32_t  bi;

    bi = sig_conn_node(r, m->conn)->metadata;

    memcpy(p, sig_block_node(r, bi)->bytes, len);
}


int
sig_registry_in_room(sig_registry_t *r, sig_ref_t room, const slice_t *peer,
    slice_t *metadata)
{
    uint32_t          pi, mi;
    sig_room_t       *rm;
    sig_member_t     *m;
    sig_peer_name_t   name;

    mi = 0;

    if (peer->len == 0 || peer->len > SIG_PEER_LEN) {
        return 0;
    }

    sig_registry_lock(r);

    rm = sig_registry_find(r, room, SIG_NODE_ROOM);

    if (rm != NULL) {
        sig_peer_name(r, rm->app, peer, &name);
        pi = sig_peer_find(r, &name);

        if (pi != 0) {
            mi = sig_member_primary(r, room.index, pi);
        }
    }

    if (mi != 0 && metadata != NULL) {
        m = sig_member_node(r, mi);

        metadata->len = sig_metadata_len(r, m);
        sig_metadata_copy(r, m, metadata->data, metadata->len);
    }

    sig_registry_unlock(r);

    return mi != 0;
}
