
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "registry_model.h"

#include <stdio.h>
#include <stdlib.h>


void
model_make(model_t *model)
{
    uint32_t  i;
    slice_t   name;

    memset(model, 0, sizeof(model_t));

    region_make(&model->region, sig_registry_min_size(MODEL_SLOTS),
                MODEL_SLOTS);
    handle(&model->region, &model->observer, 1);

    for (i = 0; i < MODEL_APPS; i++) {
        name = model_app(i);

        if (sig_registry_app(&model->observer, &name, &model->app[i])
            != SIG_REGISTRY_OK)
        {
            abort();
        }
    }

    model->napps = MODEL_APPS;
    model->now = MODEL_NOW;
}


slice_t
model_app(uint32_t app)
{
    static char  buf[16];

    (void) snprintf(buf, sizeof(buf), "app-%u", app % 1000);

    return text(app ? buf : "default");
}


slice_t
model_id(uint32_t id)
{
    static char  buf[129];

    if (id % 3 == 2) {
        (void) snprintf(buf, sizeof(buf), "%08u-0000-4000-8000-0123456789ab",
                        id);
        return text(buf);
    }

    memset(buf, 'p', sizeof(buf));
    (void) snprintf(buf, 8, "%u", id);
    buf[strlen(buf)] = '-';
    buf[5 + id * 11 % 124] = '\0';

    return text(buf);
}


slice_t
model_room(uint32_t room)
{
    static char  buf[769];

    memset(buf, 'r', sizeof(buf));
    (void) snprintf(buf, 8, "%u", room);
    buf[strlen(buf)] = '-';
    buf[5 + room * 151 % 764] = '\0';

    return text(buf);
}


slice_t
model_data(uint32_t data)
{
    static char  buf[4097];

    static const size_t  len[MODEL_DATA] = {
        0, 0, 0, 2, 30, 41, 100, 200, 0, 700, 20, 4096
    };

    memset(buf, 'a' + (int) data, sizeof(buf));
    buf[len[data]] = '\0';

    return text(buf);
}


uint32_t
model_new_conn(model_t *model)
{
    uint32_t  i;

    for (i = 0; i < MODEL_CONNS; i++) {
        if (model->conn[i].state == GONE) {
            return i;
        }
    }

    return NONE;
}


uint32_t
model_new_member(model_t *model)
{
    uint32_t  i;

    for (i = 0; i < MODEL_MEMBERS; i++) {
        if (model->member[i].state == GONE) {

            if (i >= model->nmembers) {
                model->nmembers = i + 1;
            }

            return i;
        }
    }

    return NONE;
}


uint32_t
model_app_of(model_t *model, uint32_t member)
{
    return model->conn[model->member[member].conn].app;
}


uint32_t
model_present(model_t *model, uint32_t app, uint32_t id)
{
    uint32_t  i, n;

    n = 0;

    for (i = 0; i < MODEL_CONNS; i++) {
        n += model->conn[i].state == LIVE && model->conn[i].app == app
             && model->conn[i].id == id;
    }

    return n;
}


uint32_t
model_primary(model_t *model, uint32_t app, uint32_t room, uint32_t id)
{
    uint32_t  primary[MODEL_IDS];

    model_primaries(model, app, room, primary);

    return primary[id];
}


void
model_primaries(model_t *model, uint32_t app, uint32_t room,
    uint32_t *primary)
{
    conn_t    *conn;
    uint32_t   i, *best;
    member_t  *m;

    for (i = 0; i < MODEL_IDS; i++) {
        primary[i] = NONE;
    }

    for (i = 0; i < model->nmembers; i++) {
        m = &model->member[i];
        conn = &model->conn[m->conn];
        best = &primary[conn->id];

        if (m->state == LIVE && m->room == room && conn->app == app
            && (*best == NONE || m->stamp > model->member[*best].stamp))
        {
            *best = i;
        }
    }
}


uint64_t
model_mask(model_t *model, uint32_t app, uint32_t room)
{
    uint32_t   i;
    uint64_t   mask;
    member_t  *m;

    mask = 0;

    for (i = 0; i < model->nmembers; i++) {
        m = &model->member[i];

        if (m->state == LIVE && m->room == room
            && model->conn[m->conn].app == app)
        {
            mask |= (uint64_t) 1 << model->conn[m->conn].slot % 64;
        }
    }

    return mask;
}


int
model_local(model_t *model, uint32_t member)
{
    conn_t    *conn;
    uint32_t   i;
    member_t  *m;

    conn = &model->conn[model->member[member].conn];

    for (i = 0; i < model->nmembers; i++) {
        m = &model->member[i];

        if (i != member && m->state == LIVE
            && m->room == model->member[member].room
            && model->conn[m->conn].app == conn->app
            && model->conn[m->conn].slot == conn->slot)
        {
            return 1;
        }
    }

    return 0;
}


/* a member is gone; with the last one of a room, so are its numbers */

void
model_retired(model_t *model, uint32_t member)
{
    uint32_t  i, app, room;

    app = model_app_of(model, member);
    room = model->member[member].room;

    model->member[member].state = GONE;

    for (i = 0; i < model->nmembers; i++) {
        if (model->member[i].state != GONE && model->member[i].room == room
            && model_app_of(model, i) == app)
        {
            break;
        }
    }

    if (i == model->nmembers) {
        model->seq[app][room] = 0;
    }

    i = model->member[member].conn;

    if (model->conn[i].state == LEAVING) {
        model_closed(model, i);
    }
}


void
model_closed(model_t *model, uint32_t conn)
{
    uint32_t  i;

    for (i = 0; i < model->nmembers; i++) {
        if (model->member[i].state != GONE && model->member[i].conn == conn) {
            model->conn[conn].state = LEAVING;
            return;
        }
    }

    model->conn[conn].state = GONE;
}
