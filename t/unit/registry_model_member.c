
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "registry_model_ops.h"


static const char *joined(int rc, const sig_change_t *change,
    sig_roster_t *roster, size_t max);


const char *
op_join(uint32_t slot)
{
    int           rc;
    size_t        max;
    slice_t       name;
    uint32_t      i;
    sig_change_t  change;
    sig_roster_t  roster;

    static u_char  buf[MODEL_IDS * 4300];

    intent.join = pick_conn(slot, LIVE);
    intent.room = chance(3) ? chance(MODEL_ROOMS) : 0;
    intent.slot = slot;

    if (intent.join == NONE || model_new_member(&model) == NONE) {
        return NULL;
    }

    for (i = 0; i < model.nmembers; i++) {
        if (model.member[i].state == LIVE
            && model.member[i].conn == intent.join
            && model.member[i].room == intent.room)
        {
            return NULL;
        }
    }

    name = model_room(intent.room);
    max = chance(5) ? sizeof(buf) : chance(2000);

    roster.data = buf;
    roster.size = max;

    call(rc, sig_registry_join(&model.worker[slot],
                               model.conn[intent.join].ref, &name, &change,
                               &roster, SIZE_MAX));

    return joined(rc, &change, &roster, max);
}


static const char *
joined(int rc, const sig_change_t *change, sig_roster_t *roster,
    size_t max)
{
    conn_t      *conn;
    size_t       size;
    uint32_t     before;
    member_t    *m;
    const char  *what;

    conn = &model.conn[intent.join];
    size = model_roster_size(&model, conn->app, intent.room, conn->id);

    if (model_peer_joined(&model, conn->app, conn->id, intent.room)) {
        parts++;
        return rc == SIG_REGISTRY_PEER_FULL ? NULL : "join: peer full";
    }

    if (rc == SIG_REGISTRY_FULL || rc == SIG_REGISTRY_APP_FULL) {
        full++;
        return model_full(&model, conn->app, 0) ? NULL : "join: full";
    }

    if (rc == SIG_REGISTRY_SMALL) {
        small++;
        return size > max && roster->used == size ? NULL : "join: small";
    }

    if (rc != SIG_REGISTRY_OK || size > max) {
        return "join";
    }

    what = model_roster(&model, conn->app, intent.room, conn->id, roster);

    if (what != NULL) {
        return what;
    }

    before = model_primary(&model, conn->app, intent.room, conn->id);

    m = &model.member[model_new_member(&model)];
    m->state = LIVE;
    m->ref = change->member;
    m->conn = intent.join;
    m->room = intent.room;
    m->stamp = ++model.stamp;

    if (change->seq != ++model.seq[conn->app][intent.room]
        || change->mask != model_mask(&model, conn->app, intent.room)
        || change->shared_id != (unsigned) conn->shared
        || change->change != (before == NONE ? SIG_CHANGE_JOINED
                                             : SIG_CHANGE_TAKEOVER))
    {
        return "join: what it did";
    }

    return NULL;
}


const char *
op_leave(uint32_t slot)
{
    int           rc, local;
    uint32_t      i;
    uint64_t      mask;
    sig_change_t  change;

    i = pick_member(slot, LIVE);

    if (i == NONE) {
        return NULL;
    }

    intent.leave = i;
    local = model_local(&model, i);
    mask = model_mask(&model, model_app_of(&model, i), model.member[i].room);

    call(rc, sig_registry_leave(&model.worker[slot], model.member[i].ref,
                                !local, &change));

    model.member[i].state = LEAVING;

    return rc == SIG_REGISTRY_OK ? left(i, mask, 1, &change) : "leave";
}


const char *
left(uint32_t i, uint64_t mask, int was_live, const sig_change_t *change)
{
    int        gone;
    conn_t    *conn;
    uint64_t  *seq;
    member_t  *m;

    m = &model.member[i];
    conn = &model.conn[m->conn];
    seq = &model.seq[conn->app][m->room];

    gone = model_primary(&model, conn->app, m->room, conn->id) == NONE;
    *seq += (uint64_t) gone;

    if (change->change != (gone ? SIG_CHANGE_LEFT : SIG_CHANGE_NONE)
        || change->seq != *seq || change->mask != mask
        || change->shared_id != (unsigned) conn->shared
        || change->member.index != m->ref.index
        || change->member.gen != m->ref.gen)
    {
        return was_live ? "leave: what it did" : "leave: what it says again";
    }

    return NULL;
}


const char *
op_retire(uint32_t slot)
{
    uint32_t   i, n, nleaving, max;
    sig_ref_t  refs[100];

    n = 0;
    max = chance(100);

    for (i = 0; i < model.nmembers && n < max; i++) {
        if (model.member[i].state == LEAVING
            && model.conn[model.member[i].conn].slot == slot)
        {
            refs[n++] = model.member[i].ref;
        }
    }

    nleaving = n;

    /* and one that has not left, to which nothing happens */

    i = pick_member(slot, LIVE);

    if (i != NONE && n < max) {
        refs[n++] = model.member[i].ref;
    }

    intent.retire = 1;

    armed = mortal;
    sig_registry_retire(&model.worker[slot], refs, n);
    armed = 0;

    for (i = 0; i < model.nmembers && nleaving > 0; i++) {
        if (model.member[i].state == LEAVING
            && model.conn[model.member[i].conn].slot == slot)
        {
            model_retired(&model, i);
            nleaving--;
        }
    }

    return NULL;
}
