
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "registry_model_ops.h"


static const char *op_connect(uint32_t slot);
static const char *op_gather(uint32_t slot);
static const char *come(uint32_t slot);
static int admits(uint32_t app);
static const char *op_disconnect(uint32_t slot);
static const char *op_in_room(uint32_t slot);
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


uint32_t
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


uint32_t
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
