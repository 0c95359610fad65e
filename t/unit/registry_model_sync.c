
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "registry_model.h"
#include "sig_registry_node.h"


static state_e actual(model_t *model, sig_ref_t ref, sig_node_type_e type);
static const char *sync_conn(model_t *model, uint32_t i,
    const intent_t *intent);
static const char *sync_member(model_t *model, uint32_t i,
    const intent_t *intent);
static const char *sync_app(model_t *model);
static const char *sync_connect(model_t *model, const intent_t *intent);
static const char *sync_join(model_t *model, const intent_t *intent);
static const char *sync_rooms(model_t *model, const intent_t *intent);


const char *
model_sync(model_t *model, const intent_t *intent)
{
    uint32_t     i;
    const char  *what;

    /* the rebuild */

    what = sig_registry_check(&model->observer);

    if (what == NULL && intent->new_app) {
        what = sync_app(model);
    }

    if (what == NULL) {
        what = sync_connect(model, intent);
    }

    if (what == NULL) {
        what = sync_join(model, intent);
    }

    for (i = 0; what == NULL && i < model->nmembers; i++) {
        if (model->member[i].state != GONE) {
            what = sync_member(model, i, intent);
        }
    }

    for (i = 0; what == NULL && i < MODEL_CONNS; i++) {
        if (model->conn[i].state != GONE) {
            what = sync_conn(model, i, intent);
        }
    }

    return what ? what : sync_rooms(model, intent);
}


static state_e
actual(model_t *model, sig_ref_t ref, sig_node_type_e type)
{
    sig_node_t  *node;

    node = sig_registry_find(&model->observer, ref, type);

    if (node == NULL) {
        return GONE;
    }

    return node->state == SIG_NODE_LIVE ? LIVE : LEAVING;
}


static const char *
sync_conn(model_t *model, uint32_t i, const intent_t *intent)
{
    conn_t   *conn;
    state_e   state;

    conn = &model->conn[i];
    state = actual(model, conn->ref, SIG_NODE_CONN);

    if (state == conn->state) {
        return NULL;
    }

    if (conn->state == LIVE && i != intent->close
        && conn->slot != intent->reap)
    {
        return "connection that closed by itself";
    }

    if (conn->state == LEAVING && state == LIVE) {
        return "connection that opened again";
    }

    conn->state = LEAVING;
    model_closed(model, i);

    return conn->state == state ? NULL : "connection that is still there";
}


static const char *
sync_member(model_t *model, uint32_t i, const intent_t *intent)
{
    state_e    state;
    member_t  *m;

    m = &model->member[i];
    state = actual(model, m->ref, SIG_NODE_MEMBER);

    if (state == m->state) {
        return NULL;
    }

    if (m->state == LIVE && state == LEAVING
        && (i == intent->leave
            || model->conn[m->conn].slot == intent->reap))
    {
        m->state = LEAVING;
        return NULL;
    }

    if (m->state == LEAVING && state == GONE && intent->retire) {
        m->state = GONE;
        return NULL;
    }

    return "member that changed by itself";
}


/* whether it was made is seen from the number of all */

static const char *
sync_app(model_t *model)
{
    slice_t   name;
    uint32_t  napps;

    napps = counts(&model->observer).apps;

    if (napps == model->napps) {
        return NULL;
    }

    name = model_app(model->napps);

    if (sig_registry_app(&model->observer, &name, &model->app[model->napps])
        != SIG_REGISTRY_OK)
    {
        return "app that was made is not found";
    }

    model->napps++;

    return counts(&model->observer).apps == napps ? NULL
                                                  : "app that was made twice";
}


static const char *
sync_connect(model_t *model, const intent_t *intent)
{
    conn_t        *conn;
    slice_t        name;
    uint32_t       n;
    sig_target_t   targets[SIG_PEER_CONNECTIONS];

    if (intent->connect == NONE) {
        return NULL;
    }

    name = model_id(intent->id);
    n = sig_registry_find_peer(&model->observer, model->app[intent->app],
                               &name, targets);

    while (n-- > 0) {
        if (targets[n].number == intent->connect) {
            conn = &model->conn[model_new_conn(model)];

            conn->state = LIVE;
            conn->ref = targets[n].conn;
            conn->app = intent->app;
            conn->id = intent->id;
            conn->data = intent->data;
            conn->shared = intent->shared;
            conn->slot = intent->slot;
            conn->number = intent->connect;

            return targets[n].slot == intent->slot ? NULL : "slot";
        }
    }

    return NULL;
}


static const char *
sync_join(model_t *model, const intent_t *intent)
{
    uint32_t       i, mi;
    member_t      *m;
    sig_member_t  *node;

    if (intent->join == NONE) {
        return NULL;
    }

    /* the members of the connection that the model does not know */

    mi = sig_conn_node(&model->observer,
                       model->conn[intent->join].ref.index)->members;

    for ( /* void */ ; mi != 0; mi = node->conn_next) {
        node = sig_member_node(&model->observer, mi);

        for (i = 0; i < model->nmembers; i++) {
            m = &model->member[i];

            if (m->state != GONE && m->ref.index == mi
                && m->ref.gen == node->node.gen)
            {
                break;
            }
        }

        if (i < model->nmembers) {
            continue;
        }

        m = &model->member[model_new_member(model)];

        m->state = LIVE;
        m->ref.index = mi;
        m->ref.gen = node->node.gen;
        m->conn = intent->join;
        m->room = intent->room;
        m->stamp = ++model->stamp;
    }

    return NULL;
}


/* numbers of changes that nobody was told of */

static const char *
sync_rooms(model_t *model, const intent_t *intent)
{
    uint32_t       i, app;
    uint64_t       seq[MODEL_APPS][MODEL_ROOMS], more;
    member_t      *m;
    sig_member_t  *node;

    memset(seq, 0, sizeof(seq));

    for (i = 0; i < model->nmembers; i++) {
        m = &model->member[i];

        if (m->state != GONE) {
            node = sig_member_node(&model->observer, m->ref.index);
            seq[model_app_of(model, i)][m->room]
                = sig_room_node(&model->observer, node->room)->seq;
        }
    }

    for (app = 0; app < MODEL_APPS; app++) {
        for (i = 0; i < MODEL_ROOMS; i++) {
            more = seq[app][i] - model->seq[app][i];

            if (seq[app][i] != 0
                && more > (intent->reap != NONE ? SIG_LOCK_NODES + 1u : 1u))
            {
                return "number of changes of a room";
            }

            model->seq[app][i] = seq[app][i];
        }
    }

    return NULL;
}
