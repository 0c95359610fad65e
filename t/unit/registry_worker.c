
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "registry_worker.h"
#include "random.h"

#include <stdio.h>


#define IDS    30                      /* that several workers use */
#define ROOMS  20


static void reap_slot(sig_registry_t *r, ledger_t *ledger, uint32_t slot,
    uint32_t pid, uint32_t dead_reaper);
static void do_connect(worker_t *w);
static void do_disconnect(worker_t *w, conn_t *conn);
static void do_join(worker_t *w, conn_t *conn);
static void check_roster(worker_t *w, const sig_roster_t *roster,
    const char *id);
static void do_leave(worker_t *w, conn_t *conn);
static void do_retire(worker_t *w);
static void do_look(worker_t *w, conn_t *conn);
static void do_keys(worker_t *w);
static void do_message(worker_t *w);


/* a free slot, or none is free and the dead have to be reaped first */

void
worker_start(worker_t *w)
{
    while (sig_registry_claim(&w->r, (int32_t) w->index, 1)
           != SIG_REGISTRY_OK)
    {
        ledger_add(w->ledger->homeless, 1);
        worker_reap(&w->r, w->ledger, 0);

        if (__atomic_load_n(&w->ledger->phase, __ATOMIC_ACQUIRE)
            != PHASE_RUN)
        {
            return;
        }
    }

    sig_registry_open(&w->r);
    worker_reap(&w->r, w->ledger, 0);
}


void
worker_step(worker_t *w)
{
    conn_t    *conn;
    uint32_t   rebuilds;

    if (w->r.slot == SIG_NO_SLOT) {
        worker_start(w);
        return;
    }

    rebuilds = (uint32_t) w->r.rebuilds;
    sig_registry_clock(&w->r, w->ledger->now);
    do_message(w);

    conn = w->nconns ? &w->conn[worker_chance(w, w->nconns)] : NULL;

    switch (worker_chance(w, 16)) {

    case 0:
    case 1:
    case 2:
        do_connect(w);
        break;

    case 3:
    case 4:
        if (conn != NULL) {
            do_disconnect(w, conn);
        }

        break;

    case 5:
    case 6:
    case 7:
    case 8:
        if (conn != NULL) {
            do_join(w, conn);
        }

        break;

    case 9:
    case 10:
        if (conn != NULL) {
            do_leave(w, conn);
        }

        break;

    case 11:
        do_retire(w);
        break;

    case 12:
    case 13:
    case 14:
        if (conn != NULL) {
            do_look(w, conn);
        }

        break;

    default:
        if (worker_chance(w, 8) == 0) {
            do_keys(w);

        } else {
            worker_reap(&w->r, w->ledger, 0);
        }

        break;
    }

    ledger_add(w->ledger->rebuilds, w->r.rebuilds - rebuilds);
}


void
worker_finish(worker_t *w)
{
    while (w->nconns > 0) {
        do_disconnect(w, &w->conn[0]);
    }

    /* every other one leaves something to a reaper */

    if (w->index % 2 == 0) {
        do_retire(w);
    }

    sig_registry_release(&w->r);
}


uint32_t
worker_chance(worker_t *w, uint32_t n)
{
    return random_below(&w->state, n);
}


static void
do_connect(worker_t *w)
{
    int            rc;
    conn_t        *conn;
    slice_t        id, metadata;
    uint32_t       i, n;
    sig_target_t   others[SIG_PEER_CONNECTIONS];

    static _Thread_local char  data[600];

    if (w->nconns == WORKER_CONNS) {
        return;
    }

    conn = &w->conn[w->nconns];

    conn->nmembers = 0;
    conn->number = ++w->number;
    conn->shared = worker_chance(w, 3) == 0;

    if (conn->shared) {
        (void) snprintf(conn->id, sizeof(conn->id), "shared-%u",
                        worker_chance(w, IDS));

    } else {
        (void) snprintf(conn->id, sizeof(conn->id), "%u-%u", w->r.pid,
                        conn->number);
    }

    id.data = (u_char *) conn->id;
    id.len = strlen(conn->id);

    memset(data, 'd', sizeof(data));
    metadata.data = (u_char *) data;
    metadata.len = worker_chance(w, 2) ? 0 : worker_chance(w, sizeof(data));

    rc = sig_registry_connect(&w->r, w->ledger->app, &id, &metadata,
                              conn->shared, conn->number, &conn->ref, others,
                              &n);

    if (rc == SIG_REGISTRY_LIMIT) {
        ledger_add(w->ledger->limited, 1);
        return;
    }

    if (rc != SIG_REGISTRY_OK) {
        ledger_add(w->ledger->full, 1);
        return;
    }

    w->nconns++;

    for (i = 0; i < n; i++) {
        if (others[i].conn.index == conn->ref.index
            || others[i].slot >= WORKER_SLOTS)
        {
            worker_failure(w->ledger, "older connections of a peer");
        }
    }

    if (!conn->shared && n != 0) {
        worker_failure(w->ledger, "a peer that nobody else can be");
    }
}


static void
do_disconnect(worker_t *w, conn_t *conn)
{
    sig_ref_t  ref;

    while (conn->nmembers > 0) {
        do_leave(w, conn);
    }

    ref = conn->ref;
    *conn = w->conn[--w->nconns];

    if (sig_registry_disconnect(&w->r, ref) != SIG_REGISTRY_OK) {
        worker_failure(w->ledger, "disconnect");
    }

    if (sig_registry_disconnect(&w->r, ref) != SIG_REGISTRY_STALE) {
        worker_failure(w->ledger, "disconnect twice");
    }
}


static void
do_join(worker_t *w, conn_t *conn)
{
    char           name[64];
    slice_t        room;
    uint32_t       i, n;
    sig_change_t   change;
    sig_roster_t   roster;

    static _Thread_local u_char  buf[262144];

    if (conn->nmembers == WORKER_MEMBERS) {
        return;
    }

    n = worker_chance(w, 3) ? worker_chance(w, ROOMS) : 0;

    for (i = 0; i < conn->nmembers; i++) {
        if (conn->name[i] == n) {
            return;
        }
    }

    (void) snprintf(name, sizeof(name), "room-%u", n);
    room.data = (u_char *) name;
    room.len = strlen(name);

    roster.data = buf;
    roster.size = sizeof(buf);

    if (sig_registry_join(&w->r, conn->ref, &room, &change, &roster, 50000)
        != SIG_REGISTRY_OK)
    {
        ledger_add(w->ledger->full, 1);
        return;
    }

    check_roster(w, &roster, conn->id);

    i = conn->nmembers++;
    conn->member[i] = change.member;
    conn->room[i] = change.room;
    conn->name[i] = n;

    if (!(change.mask & (uint64_t) 1 << w->r.slot % 64)
        || change.change == SIG_CHANGE_NONE || change.seq == 0
        || (change.change == SIG_CHANGE_TAKEOVER && !conn->shared))
    {
        worker_failure(w->ledger, "what a join did");
    }
}


static void
check_roster(worker_t *w, const sig_roster_t *roster, const char *id)
{
    size_t              pos, len;
    uint32_t            i;
    sig_roster_entry_t  entry;

    pos = 0;
    len = strlen(id);

    for (i = 0; i < roster->count; i++) {

        if (roster->used - pos < sizeof(entry)) {
            break;
        }

        memcpy(&entry, roster->data + pos, sizeof(entry));
        pos += sizeof(entry);

        if (entry.peer_len == 0 || entry.peer_len > 31
            || entry.metadata_len > 600
            || (size_t) entry.peer_len + entry.metadata_len
               > roster->used - pos
            || (entry.peer_len == len
                && memcmp(roster->data + pos, id, len) == 0))
        {
            break;
        }

        pos += entry.peer_len;

        while (entry.metadata_len-- > 0) {
            if (roster->data[pos++] != 'd') {
                worker_failure(w->ledger, "metadata in a roster");
                return;
            }
        }
    }

    if (i != roster->count || pos != roster->used) {
        worker_failure(w->ledger, "roster");
    }
}


static void
do_leave(worker_t *w, conn_t *conn)
{
    int           last;
    uint32_t      i, k, n;
    sig_ref_t     member;
    sig_change_t  change;

    if (w->nleaving == WORKER_LEAVING) {
        do_retire(w);
    }

    if (conn->nmembers == 0) {
        return;
    }

    n = --conn->nmembers;
    member = conn->member[n];
    last = 1;

    for (i = 0; i < w->nconns; i++) {
        for (k = 0; k < w->conn[i].nmembers; k++) {
            last &= w->conn[i].name[k] != conn->name[n];
        }
    }

    if (sig_registry_leave(&w->r, member, last, &change) != SIG_REGISTRY_OK
        || change.room.gen != conn->room[n].gen
        || !(change.mask & (uint64_t) 1 << w->r.slot % 64)
        || (change.change != SIG_CHANGE_LEFT && !conn->shared))
    {
        worker_failure(w->ledger, "leave");
    }

    if (sig_registry_leave(&w->r, member, last, &change)
        != SIG_REGISTRY_STALE)
    {
        worker_failure(w->ledger, "leave twice");
    }

    w->leaving[w->nleaving++] = member;
}


static void
do_retire(worker_t *w)
{
    sig_registry_retire(&w->r, w->leaving, w->nleaving);
    w->nleaving = 0;
}


/* what is one's own is there, whoever else has died */

static void
do_look(worker_t *w, conn_t *conn)
{
    slice_t        id, metadata;
    uint32_t       n, i;
    sig_target_t   targets[SIG_PEER_CONNECTIONS];

    static _Thread_local u_char  buf[4096];

    id.data = (u_char *) conn->id;
    id.len = strlen(conn->id);

    n = sig_registry_find_peer(&w->r, w->ledger->app, &id, targets);

    for (i = 0; i < n; i++) {
        if (targets[i].conn.index == conn->ref.index
            && targets[i].conn.gen == conn->ref.gen
            && targets[i].number == conn->number
            && targets[i].slot == w->r.slot)
        {
            break;
        }
    }

    if (i == n || (n > 1 && !conn->shared)) {
        worker_failure(w->ledger, "own connection is not found");
    }

    for (i = 0; i < conn->nmembers; i++) {
        metadata.data = buf;

        if (sig_registry_room_seq(&w->r, conn->room[i]) == 0) {
            worker_failure(w->ledger, "own room has no changes");
        }

        if (!(sig_registry_room_mask(&w->r, conn->room[i])
              & (uint64_t) 1 << w->r.slot % 64))
        {
            worker_failure(w->ledger, "own slot is not in the mask");
        }

        if (!sig_registry_in_room(&w->r, conn->room[i], &id, &metadata)) {
            worker_failure(w->ledger, "own peer is not in the room");
        }
    }
}


static void
do_keys(worker_t *w)
{
    int       rc;
    size_t    len, i;
    uint64_t  changes;

    static _Thread_local u_char  text[20000];

    if (worker_chance(w, 2)) {
        len = worker_chance(w, sizeof(text));
        memset(text, 'a' + (int) worker_chance(w, 26), len);

        if (sig_registry_publish_keys(&w->r,
                                      sig_registry_generation(&w->r), text,
                                      len)
            != SIG_REGISTRY_OK)
        {
            ledger_add(w->ledger->full, 1);
        }
    }

    len = sizeof(text);
    rc = sig_registry_read_keys(&w->r, text, &len, &changes);

    if (rc == SIG_REGISTRY_SMALL || (rc == SIG_REGISTRY_OK && changes == 0)) {
        worker_failure(w->ledger, "keys");
    }

    for (i = 1; rc == SIG_REGISTRY_OK && i < len; i++) {
        if (text[i] != text[0]) {
            worker_failure(w->ledger, "text of the keys is mixed");
            break;
        }
    }
}


/* who dies between the two has sent one that is not in the ledger */

static void
do_message(worker_t *w)
{
    (void) sig_registry_message(&w->r, w->ledger->app, w->ledger->now);
    ledger_add(w->ledger->messages, 1);
}


void
worker_reap(sig_registry_t *r, ledger_t *ledger, int alone)
{
    uint32_t         slot, dead_reaper;
    sig_slot_info_t  info;

    for (slot = 0; slot < WORKER_SLOTS; slot++) {

        (void) sig_registry_slot_info(r, slot, &info);

        if (info.state == SIG_SLOT_FREE || slot == r->slot) {
            continue;
        }

        dead_reaper = 0;

        if (info.state == SIG_SLOT_DYING) {

            if (info.reaper != 0 && !alone && !worker_is_gone(info.reaper)) {
                continue;
            }

            dead_reaper = info.reaper;

        } else if (!worker_is_gone(info.pid)) {
            continue;
        }

        reap_slot(r, ledger, slot, info.pid, dead_reaper);
    }
}


static void
reap_slot(sig_registry_t *r, ledger_t *ledger, uint32_t slot, uint32_t pid,
    uint32_t dead_reaper)
{
    uint32_t         i, n;
    sig_ref_t        refs[20];
    sig_departure_t  d[20];

    if (sig_registry_condemn(r, slot, pid, dead_reaper) != SIG_REGISTRY_OK) {
        return;
    }

    for ( ;; ) {
        n = sig_registry_reap(r, slot, d, 20);

        if (n == 0) {
            break;
        }

        for (i = 0; i < n; i++) {
            refs[i] = d[i].change.member;

            if (d[i].peer_len == 0 || d[i].peer_len > 31
                || d[i].change.room.gen == 0 || d[i].change.seq == 0)
            {
                worker_failure(ledger, "departure");
            }
        }

        sig_registry_retire(r, refs, n);
        ledger_add(ledger->reaped, n);
    }

    ledger_add(ledger->slots, 1);
}
