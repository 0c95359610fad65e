
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "registry_model.h"
#include "sig_registry_node.h"

#include <stdio.h>
#include <stdlib.h>


static const char *compare_counts(model_t *model);
static const char *compare_room(model_t *model, uint32_t app, uint32_t room);
static const char *compare_peer(model_t *model, uint32_t app, uint32_t id);
static uint32_t model_members(model_t *model, uint32_t app, uint32_t room);
static uint32_t model_units(size_t size);
static uint32_t model_room_units(uint32_t room);
static uint32_t model_conn_units(uint32_t data);
static uint32_t model_peer_units(model_t *model, uint32_t app, uint32_t id);


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


uint32_t
model_pages(model_t *model)
{
    uint32_t           n, pages;
    sig_store_head_t  *head;

    head = model->observer.store.head;
    pages = model->observer.store.npages - head->touched;

    for (n = head->free_page; n != 0; n = model->observer.store.pages[n - 1]
                                          .next)
    {
        pages++;
    }

    return pages;
}


int
model_full(model_t *model, uint32_t app, int newcomer)
{
    uint32_t     left, units;
    sig_app_t   *a;
    sig_head_t  *head;

    /* the third page it did not get */

    left = 3 * SIG_PAGE_UNITS;

    if (app != NONE) {
        head = sig_head(&model->observer);
        a = sig_app_node(&model->observer, model->app[app]);
        units = a->units < head->guarantee ? head->guarantee - a->units : 0;

        left += SIG_RESERVE(model->observer.store.npages) * SIG_PAGE_UNITS
                / (newcomer ? 1 : 2)
                + head->need - units;
    }

    return model_pages(model) * SIG_PAGE_UNITS < left;
}


static uint32_t
model_units(size_t size)
{
    uint32_t  i;

    static const uint32_t  units[] = {
        3, 4, 6, 8, 12, 16, 32, 68, 132, 260
    };

    for (i = 0; units[i] * (size_t) SIG_UNIT < size; i++) {
        /* void */
    }

    return units[i];
}


static uint32_t
model_room_units(uint32_t room)
{
    return SIG_MEMBER_UNITS
           + model_units(sig_room_size(model_room(room).len));
}


static uint32_t
model_conn_units(uint32_t data)
{
    size_t  len;

    len = model_data(data).len;

    return SIG_CONN_UNITS
           + (len > 0 ? model_units(sizeof(sig_block_t) + len) : 0);
}


static uint32_t
model_peer_units(model_t *model, uint32_t app, uint32_t id)
{
    conn_t    *conn;
    uint32_t   i, units;

    units = 0;

    for (i = 0; i < MODEL_CONNS; i++) {
        conn = &model->conn[i];

        if (conn->state == LIVE && conn->app == app && conn->id == id) {
            units += model_conn_units(conn->data);
        }
    }

    for (i = 0; i < model->nmembers; i++) {
        conn = &model->conn[model->member[i].conn];

        if (model->member[i].state != GONE && conn->state == LIVE
            && conn->app == app && conn->id == id)
        {
            units += model_room_units(model->member[i].room);
        }
    }

    return units;
}


int
model_peer_full(model_t *model, uint32_t app, uint32_t id, uint32_t data)
{
    uint32_t  n;

    n = model_present(model, app, id);

    return n == SIG_PEER_CONNECTIONS
           || (n > 0 && model_peer_units(model, app, id)
                        + model_conn_units(data)
                        > model->observer.store.npages * SIG_PAGE_UNITS / 8);
}


int
model_peer_joined(model_t *model, uint32_t app, uint32_t id, uint32_t room)
{
    return model_peer_units(model, app, id) + model_room_units(room)
           > model->observer.store.npages * SIG_PAGE_UNITS / 8;
}
