
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "registry_model_ops.h"


static uint32_t pick_conn(uint32_t slot, state_e state);
static uint32_t pick_member(uint32_t slot, state_e state);
static const char *op_connect(uint32_t slot);
static const char *op_gather(uint32_t slot);
static const char *come(uint32_t slot);
static int admits(uint32_t app);
static const char *op_disconnect(uint32_t slot);
static const char *op_join(uint32_t slot);
static const char *joined(int rc, const sig_change_t *change,
    sig_roster_t *roster, size_t max);
static const char *op_leave(uint32_t slot);
static const char *left(uint32_t i, uint64_t mask, int was_live,
    const sig_change_t *change);
static const char *op_retire(uint32_t slot);
static const char *op_in_room(uint32_t slot);
static const char *op_release(uint32_t slot);
static const char *op_kill(uint32_t slot);
static const char *op_reap(uint32_t slot);
static const char *reaped(uint32_t dead, const sig_departure_t *d);
static const char *op_clear(uint32_t slot);


op_t  ops[] = {
    { "connect", op_connect, 40, 0, 0 },
    { "disconnect", op_disconnect, 20, 0, 0 },
    { "join", op_join, 80, 0, 0 },
    { "leave", op_leave, 40, 0, 0 },
    { "retire", op_retire, 20, 0, 0 },
    { "in_room", op_in_room, 10, 0, 0 },
    { "release", op_release, 1, 0, 0 },
    { "kill", op_kill, 1, 0, 0 },
    { "reap", op_reap, 20, 0, 0 },
    { "app", op_app, 1, 0, 0 },
    { "limits", op_limits, 2, 0, 0 },
    { "message", op_message, 20, 0, 0 },
    { "clock", op_clock, 2, 0, 0 },
    { "keys", op_keys, 3, 0, 0 },
    { "clear", op_clear, 1, 0, 0 },
    { "gather", op_gather, 1, 0, 0 }
};

unsigned  nops = sizeof(ops) / sizeof(ops[0]);
intent_t  intent;
uint64_t  full;
uint64_t  parts;
uint64_t  small;


/* one of this slot at random, or NONE */

static uint32_t
pick_conn(uint32_t slot, state_e wanted)
{
    uint32_t  i, n, at;

    at = chance(MODEL_CONNS);

    for (n = 0; n < MODEL_CONNS; n++) {
        i = (at + n) % MODEL_CONNS;

        if (model.conn[i].state == wanted && model.conn[i].slot == slot) {
            return i;
        }
    }

    return NONE;
}


static uint32_t
pick_member(uint32_t slot, state_e wanted)
{
    uint32_t  i, n, at;

    at = chance(MODEL_MEMBERS);

    for (n = 0; n < model.nmembers; n++) {
        i = (at + n) % model.nmembers;

        if (model.member[i].state == wanted
            && model.conn[model.member[i].conn].slot == slot)
        {
            return i;
        }
    }

    return NONE;
}


void
forget(void)
{
    memset(&intent, 0, sizeof(intent));

    intent.connect = NONE;
    intent.join = NONE;
    intent.leave = NONE;
    intent.close = NONE;
    intent.reap = NONE;
    intent.slot = NONE;
}


static const char *
op_connect(uint32_t slot)
{
    intent.app = chance(MODEL_APPS);
    intent.id = chance(4) ? chance(MODEL_IDS) : chance(4);
    intent.data = chance(MODEL_DATA);

    return come(slot);
}


/* one peer comes as often as it can, each time with the longest metadata */

static const char *
op_gather(uint32_t slot)
{
    uint32_t     n, app, id;
    uint64_t     refused;
    const char  *what;

    app = chance(MODEL_APPS);
    id = chance(MODEL_IDS);
    refused = parts + full;
    what = NULL;

    /* rarely: it makes the region full */

    if (chance(8)) {
        return NULL;
    }

    for (n = 0; n < SIG_PEER_CONNECTIONS && parts + full == refused; n++) {
        forget();
        intent.app = app;
        intent.id = id;
        intent.data = MODEL_DATA - 1;

        what = come(slot);

        if (what != NULL || admits(app) != SIG_REGISTRY_OK) {
            break;
        }
    }

    return what;
}


static const char *
come(uint32_t slot)
{
    int           rc;
    conn_t       *conn;
    slice_t       id, data;
    uint32_t      i, n;
    sig_ref_t     ref;
    const char   *what;
    sig_target_t  others[SIG_PEER_CONNECTIONS];

    static u_char  name[128];

    i = model_new_conn(&model);

    if (i == NONE) {
        return NULL;
    }

    intent.shared = (int) chance(2);
    intent.slot = slot;
    intent.connect = ++model.number;

    id = model_id(intent.id);
    memcpy(name, id.data, id.len);
    id.data = name;
    data = model_data(intent.data);

    sig_registry_clock(&model.worker[slot], model.now);

    call(rc, sig_registry_connect(&model.worker[slot], model.app[intent.app],
                                  &id, &data, intent.shared, intent.connect,
                                  &ref, others, &n));

    if (admits(intent.app) != SIG_REGISTRY_OK) {
        return rc == admits(intent.app) ? NULL : "connect: not admitted";
    }

    if (model_peer_full(&model, intent.app, intent.id, intent.data)) {
        parts++;
        return rc == SIG_REGISTRY_PEER_FULL ? NULL : "connect: peer full";
    }

    if (rc == SIG_REGISTRY_FULL || rc == SIG_REGISTRY_APP_FULL) {
        full++;
        return model_full(&model, intent.app, 1) ? NULL : "connect: full";
    }

    conn = &model.conn[i];

    conn->ref = ref;
    conn->app = intent.app;
    conn->id = intent.id;
    conn->data = intent.data;
    conn->slot = slot;
    conn->number = intent.connect;
    conn->shared = intent.shared;

    what = model_targets(&model, conn->app, conn->id, others, n, i);
    conn->state = LIVE;

    model_peaks(&model);

    return what ? what : rc == SIG_REGISTRY_OK ? NULL : "connect";
}


static int
admits(uint32_t app)
{
    quota_t  *quota;

    quota = &model.quota[app];

    if (quota->suspended) {
        return SIG_REGISTRY_SUSPENDED;
    }

    return quota->max_connections != 0
           && model_connected(&model, app) >= quota->max_connections
           ? SIG_REGISTRY_LIMIT : SIG_REGISTRY_OK;
}


static const char *
op_disconnect(uint32_t slot)
{
    int       rc;
    uint32_t  i, k;

    i = pick_conn(slot, LIVE);

    if (i == NONE) {
        return NULL;
    }

    /* mostly as a worker does it, with its members leaving first */

    if (chance(8)) {

        for (k = 0; k < model.nmembers; k++) {
            if (model.member[k].state == LIVE && model.member[k].conn == i) {
                return NULL;
            }
        }
    }

    intent.close = i;

    call(rc, sig_registry_disconnect(&model.worker[slot], model.conn[i].ref));

    model_closed(&model, i);

    return rc == SIG_REGISTRY_OK ? NULL : "disconnect";
}


static const char *
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


static const char *
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


/* what a member's departure says; in the model it is leaving already */

static const char *
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


static const char *
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


static const char *
op_in_room(uint32_t slot)
{
    int              rc;
    slice_t          id, data, now_data;
    uint32_t         i, app, who, found;
    sig_ref_t        ref;
    sig_audience_t   audience;

    static u_char  buf[4096];

    i = pick_member(slot, LIVE);

    if (i == NONE) {
        return NULL;
    }

    app = model_app_of(&model, i);
    who = chance(MODEL_IDS);

    data = model_room(model.member[i].room);

    if (sig_registry_find_room(&model.observer, model.app[app], &data, &ref,
                               &audience)
        != SIG_REGISTRY_OK)
    {
        return "room of a member is not found";
    }

    id = model_id(who);
    now_data.data = buf;

    call(rc, sig_registry_in_room(&model.worker[slot], ref, &id, &now_data));

    found = model_primary(&model, app, model.member[i].room, who);

    if (rc != (found != NONE)) {
        return "in_room";
    }

    if (rc) {
        data = model_data(model.conn[model.member[found].conn].data);

        if (!slice_eq(&data, &now_data)) {
            return "in_room: metadata";
        }
    }

    return NULL;
}


static const char *
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


static const char *
op_kill(uint32_t slot)
{
    model.owner[slot] = DEAD;

    return NULL;
}


static const char *
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


/* all of this worker's leave, so that rooms and pages become empty */

static const char *
op_clear(uint32_t slot)
{
    uint32_t     n;
    const char  *what;

    for (n = 0; n < MODEL_MEMBERS + MODEL_CONNS; n++) {
        forget();
        what = op_leave(slot);

        if (what == NULL && intent.leave == NONE) {
            forget();
            what = op_disconnect(slot);

            if (what == NULL && pick_conn(slot, LIVE) == NONE) {
                break;
            }
        }

        if (what != NULL) {
            return what;
        }
    }

    return NULL;
}
