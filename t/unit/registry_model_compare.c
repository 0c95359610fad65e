
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Whether the registry is as the model: everything in it, and single answers.
 */


#include "registry_model.h"

#include <stdio.h>
#include <stdlib.h>


static const char *compare_counts(model_t *model);
static const char *compare_room(model_t *model, uint32_t app, uint32_t room);
static const char *compare_peer(model_t *model, uint32_t app, uint32_t id);
static uint32_t model_members(model_t *model, uint32_t app, uint32_t room);


const char *
model_compare(model_t *model)
{
    uint32_t     app, i;
    const char  *what;

    what = sig_registry_check(&model->observer);

    if (what == NULL) {
        what = compare_counts(model);
    }

    if (what == NULL) {
        what = model_usage(model);
    }

    for (app = 0; app < MODEL_APPS; app++) {

        for (i = 0; what == NULL && i < MODEL_ROOMS; i++) {
            what = compare_room(model, app, i);
        }

        for (i = 0; what == NULL && i < MODEL_IDS; i++) {
            what = compare_peer(model, app, i);
        }
    }

    return what;
}


static const char *
compare_counts(model_t *model)
{
    uint32_t              app, i, conns, peers, rooms, members, leaving;
    sig_registry_stats_t  stats;

    conns = 0;
    peers = 0;
    rooms = 0;
    members = 0;
    leaving = 0;

    for (i = 0; i < MODEL_CONNS; i++) {
        conns += model->conn[i].state == LIVE;
    }

    for (i = 0; i < model->nmembers; i++) {
        members += model->member[i].state == LIVE;
        leaving += model->member[i].state == LEAVING;
    }

    for (app = 0; app < MODEL_APPS; app++) {

        for (i = 0; i < MODEL_IDS; i++) {
            peers += model_present(model, app, i) > 0;
        }

        for (i = 0; i < MODEL_ROOMS; i++) {
            rooms += model_mask(model, app, i) != 0;
        }
    }

    sig_registry_stats(&model->observer, &stats);

    if (stats.connections != conns || stats.peers != peers
        || stats.rooms != rooms || stats.members != members
        || stats.leaving != leaving || stats.apps != model->napps)
    {
        printf("# connections %u %u, peers %u %u, rooms %u %u, "
               "members %u %u, leaving %u %u\n",
               stats.connections, conns, stats.peers, peers, stats.rooms,
               rooms, stats.members, members, stats.leaving, leaving);

        return "counts";
    }

    return NULL;
}


static const char *
compare_room(model_t *model, uint32_t app, uint32_t room)
{
    int              rc;
    slice_t          name;
    uint64_t         seq;
    sig_ref_t        ref, nobody;
    const char      *what;
    sig_roster_t     roster;
    sig_audience_t   audience;

    static u_char  buf[MODEL_IDS * 4300];

    name = model_room(room);
    rc = sig_registry_find_room(&model->observer, model->app[app], &name,
                                &ref, &audience);

    if (audience.mask != model_mask(model, app, room)
        || sig_registry_room_mask(&model->observer, ref) != audience.mask)
    {
        return "mask of a room";
    }

    if (audience.members != model_members(model, app, room)) {
        return "number of members of a room";
    }

    if ((rc == SIG_REGISTRY_OK) != (audience.mask != 0)) {
        return "room that is not found, or is";
    }

    if (rc != SIG_REGISTRY_OK) {
        return NULL;
    }

    nobody.index = 0;
    nobody.gen = 0;
    roster.data = buf;
    roster.size = sizeof(buf);

    rc = sig_registry_roster(&model->observer, ref, nobody, &roster,
                             SIZE_MAX, &seq);

    if (rc != SIG_REGISTRY_OK) {
        return "roster that is not given";
    }

    what = model_roster(model, app, room, NONE, &roster);

    if (what == NULL
        && (seq != model->seq[app][room] || audience.seq != seq))
    {
        what = "number of changes of a room";
    }

    return what;
}


static const char *
compare_peer(model_t *model, uint32_t app, uint32_t id)
{
    slice_t       name;
    uint32_t      n;
    sig_target_t  targets[SIG_PEER_CONNECTIONS];

    name = model_id(id);
    n = sig_registry_find_peer(&model->observer, model->app[app], &name,
                               targets);

    return model_targets(model, app, id, targets, n, NONE);
}


static uint32_t
model_members(model_t *model, uint32_t app, uint32_t room)
{
    uint32_t   i, n;
    member_t  *m;

    n = 0;

    for (i = 0; i < model->nmembers; i++) {
        m = &model->member[i];

        n += (m->state == LIVE && m->room == room
              && model->conn[m->conn].app == app);
    }

    return n;
}


size_t
model_roster_size(model_t *model, uint32_t app, uint32_t room, uint32_t skip)
{
    size_t    size;
    uint32_t  id, i, primary[MODEL_IDS];

    size = 0;
    model_primaries(model, app, room, primary);

    for (id = 0; id < MODEL_IDS; id++) {
        i = primary[id];

        if (i == NONE || id == skip) {
            continue;
        }

        size += sizeof(sig_roster_entry_t) + model_id(id).len
                + model_data(model->conn[model->member[i].conn].data).len;
    }

    return size;
}


/* every entry is somebody who is there, and there are as many */

const char *
model_roster(model_t *model, uint32_t app, uint32_t room, uint32_t skip,
    const sig_roster_t *roster)
{
    char                 seen[MODEL_IDS];
    size_t               pos;
    slice_t              id, data;
    uint32_t             i, n, m, primary[MODEL_IDS];
    const u_char        *p;
    sig_roster_entry_t   entry;

    memset(seen, 0, sizeof(seen));
    pos = 0;
    model_primaries(model, app, room, primary);

    if (roster->used != model_roster_size(model, app, room, skip)) {
        return "length of a roster";
    }

    for (n = 0; n < roster->count; n++) {
        p = roster->data + pos;
        memcpy(&entry, p, sizeof(entry));
        p += sizeof(entry);

        i = (uint32_t) strtoul((const char *) p, NULL, 10);

        if (i >= MODEL_IDS || i == skip || seen[i]++) {
            return "peer in a roster";
        }

        id = model_id(i);
        m = primary[i];

        if (m == NONE || entry.peer_len != id.len
            || memcmp(p, id.data, id.len) != 0)
        {
            return "peer ID in a roster";
        }

        p += id.len;
        data = model_data(model->conn[model->member[m].conn].data);

        if (entry.metadata_len != data.len
            || memcmp(p, data.data, data.len) != 0)
        {
            return "metadata in a roster";
        }

        pos += sizeof(entry) + id.len + data.len;
    }

    return pos == roster->used ? NULL : "end of a roster";
}


/* but: a connection that is not among them, or NONE */

const char *
model_targets(model_t *model, uint32_t app, uint32_t id,
    const sig_target_t *targets, uint32_t n, uint32_t but)
{
    conn_t    *conn;
    uint32_t   i, k, found;

    found = 0;

    for (i = 0; i < MODEL_CONNS; i++) {
        conn = &model->conn[i];

        if (conn->state != LIVE || conn->app != app || conn->id != id
            || i == but)
        {
            continue;
        }

        for (k = 0; k < n; k++) {
            if (targets[k].number == conn->number) {
                break;
            }
        }

        if (k == n || targets[k].slot != conn->slot
            || targets[k].conn.index != conn->ref.index
            || targets[k].conn.gen != conn->ref.gen)
        {
            return "connection of a peer is not found";
        }

        found++;
    }

    return found == n ? NULL : "connection of a peer that is not there";
}
