
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "registry_model_ops.h"


static const char *reaped(uint32_t dead, const sig_departure_t *d);


const char *
op_release(uint32_t slot)
{
    uint32_t  i;

    armed = mortal;
    sig_registry_release(&model.worker[slot]);
    armed = 0;

    model.owner[slot] = NOBODY;

    for (i = 0; i < MODEL_CONNS; i++) {
        if (model.conn[i].state != GONE && model.conn[i].slot == slot) {
            model.owner[slot] = DEAD;
        }
    }

    return NULL;
}


const char *
op_kill(uint32_t slot)
{
    model.owner[slot] = DEAD;

    return NULL;
}


const char *
op_reap(uint32_t slot)
{
    int              rc;
    uint32_t         dead, i, n;
    sig_ref_t        refs[REAP];
    const char      *what;
    sig_departure_t  gone[REAP];
    sig_slot_info_t  info;

    for (dead = 0; dead < MODEL_SLOTS; dead++) {
        if (model.owner[dead] == DEAD && chance(2)) {
            break;
        }
    }

    if (dead == MODEL_SLOTS) {
        return NULL;
    }

    /* whoever reaped it before is dead, or it is oneself */

    (void) sig_registry_slot_info(&model.observer, dead, &info);

    call(rc, sig_registry_condemn(&model.worker[slot], dead, info.pid,
                                  info.reaper));

    if (rc != SIG_REGISTRY_OK) {
        return "condemn";
    }

    intent.reap = dead;
    call(n, sig_registry_reap(&model.worker[slot], dead, gone,
                              1 + chance(REAP)));

    if (n == 0) {
        model.owner[dead] = NOBODY;

        for (i = 0; i < MODEL_CONNS; i++) {
            if (model.conn[i].slot == dead && model.conn[i].state != GONE) {
                model_closed(&model, i);

                if (model.conn[i].state != GONE) {
                    return "reap: something was forgotten";
                }
            }
        }

        return NULL;
    }

    /* the model does what was done, in the same order */

    for (i = 0; i < n; i++) {
        refs[i] = gone[i].change.member;
        what = reaped(dead, &gone[i]);

        if (what != NULL) {
            return what;
        }
    }

    forget();
    intent.reap = dead;

    what = model_sync(&model, &intent);

    if (what != NULL || chance(3) == 0) {
        return what;
    }

    intent.retire = 1;

    armed = mortal;
    sig_registry_retire(&model.worker[slot], refs, n);
    armed = 0;

    return model_sync(&model, &intent);
}


static const char *
reaped(uint32_t dead, const sig_departure_t *d)
{
    int          was_live;
    conn_t      *conn;
    slice_t      id;
    uint32_t     i;
    uint64_t     before;
    member_t    *m;

    for (i = 0; i < model.nmembers; i++) {
        m = &model.member[i];

        if (m->state != GONE && m->ref.index == d->change.member.index
            && m->ref.gen == d->change.member.gen)
        {
            break;
        }
    }

    if (i == model.nmembers) {
        return "reap: nobody knows that member";
    }

    m = &model.member[i];
    conn = &model.conn[m->conn];
    id = model_id(conn->id);

    if (conn->slot != dead || d->peer_len != id.len
        || memcmp(d->peer, id.data, id.len) != 0)
    {
        return "reap: somebody else's member";
    }

    was_live = m->state == LIVE;
    before = model_mask(&model, conn->app, m->room);
    m->state = LEAVING;

    return left(i, before, was_live, &d->change);
}
