
/*
 * Copyright (C) The ngx_signaling authors
 */


#define _GNU_SOURCE

#include "registry_kill.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>


#define IDS    30                      /* that several workers use */
#define ROOMS  20


typedef struct {
    sig_ref_t        ref;
    uint32_t         number;
    uint32_t         nmembers;
    sig_ref_t        member[KILL_MEMBERS];
    sig_ref_t        room[KILL_MEMBERS];
    uint32_t         name[KILL_MEMBERS];
    char             id[32];
    int              shared;
} conn_t;


typedef struct {
    sig_registry_t   r;
    ledger_t        *ledger;
    uint32_t         index;
    uint32_t         number;
    uint32_t         nconns;
    uint32_t         nleaving;
    uint64_t         state;
    conn_t           conn[KILL_CONNS];
    sig_ref_t        leaving[KILL_LEAVING];
} worker_t;


static void kill_lock(void *ctx);
static void kill_unlock(void *ctx);
static int gone(uint32_t pid);
static void reap_slot(sig_registry_t *r, ledger_t *ledger, uint32_t slot,
    uint32_t pid, uint32_t dead_reaper);
static uint32_t chance(worker_t *w, uint32_t n);
static void start(worker_t *w);
static void step(worker_t *w);
static void take_pause(worker_t *w);
static void finish(worker_t *w);
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


static int64_t   life;                 /* places to pass before death */
static uint64_t *faults;


/* as if by the parent: at once, with the lock */

void
sig_fault_at(const char *file, int line)
{
    if (life > 0 && --life == 0) {
        ledger_add(*faults, 1);
        (void) kill(getpid(), SIGKILL);
    }
}


int
kill_attach(sig_registry_t *r, ledger_t *ledger, u_char *region, size_t size)
{
    memset(r, 0, sizeof(sig_registry_t));

    r->lock.lock = kill_lock;
    r->lock.unlock = kill_unlock;
    r->lock.ctx = ledger;

    return sig_registry_attach(r, region, size);
}


static void
kill_lock(void *ctx)
{
    ledger_t  *ledger = ctx;

    unsigned   n;
    uint32_t   nobody, pid;

    pid = (uint32_t) getpid();

    for (n = 0; ; n++) {
        nobody = 0;

        if (__atomic_compare_exchange_n(&ledger->lock, &nobody, pid, 0,
                                        __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        {
            return;
        }

        if (n % 16 == 15) {
            (void) sched_yield();
        }
    }
}


static void
kill_unlock(void *ctx)
{
    ledger_t  *ledger = ctx;

    __atomic_store_n(&ledger->lock, 0, __ATOMIC_RELEASE);
}


void
kill_failure(ledger_t *ledger, const char *what)
{
    ledger_add(ledger->failures, 1);

    printf("# %d: %s\n", (int) getpid(), what);
    (void) fflush(stdout);
}


int
kill_worker(ledger_t *ledger, u_char *region, size_t size, uint32_t index,
    uint64_t seed, int faulty)
{
    static worker_t  w;

    memset(&w, 0, sizeof(w));

    w.ledger = ledger;
    w.index = index;
    w.state = seed;
    faults = &ledger->faults;

    if (kill_attach(&w.r, ledger, region, size) != SIG_REGISTRY_OK) {
        return 4;
    }

    /* some die in their first steps or in a rebuild, others later */

    if (faulty) {
        life = 1 + chance(&w, chance(&w, 3) ? 20000 : 100);
    }

    sig_registry_clock(&w.r, ledger->now);

    start(&w);

    while (__atomic_load_n(&ledger->phase, __ATOMIC_ACQUIRE) != PHASE_END) {

        if (__atomic_load_n(&ledger->phase, __ATOMIC_ACQUIRE)
            == PHASE_PAUSE)
        {
            take_pause(&w);
            continue;
        }

        step(&w);
        ledger_add(ledger->operations, 1);
    }

    life = 0;
    finish(&w);

    return 0;
}


/* a free slot, or none is free and the dead have to be reaped first */

static void
start(worker_t *w)
{
    while (sig_registry_claim(&w->r, (int32_t) w->index, 1)
           != SIG_REGISTRY_OK)
    {
        ledger_add(w->ledger->homeless, 1);
        kill_reap(&w->r, w->ledger, 0);

        if (__atomic_load_n(&w->ledger->phase, __ATOMIC_ACQUIRE)
            != PHASE_RUN)
        {
            return;
        }
    }

    sig_registry_open(&w->r);
    kill_reap(&w->r, w->ledger, 0);
}


static uint32_t
chance(worker_t *w, uint32_t n)
{
    w->state = w->state * 6364136223846793005 + 1442695040888963407;

    return n == 0 ? 0 : (uint32_t) ((w->state >> 33) % n);
}


static void
step(worker_t *w)
{
    conn_t    *conn;
    uint32_t   rebuilds;

    if (w->r.slot == SIG_NO_SLOT) {
        start(w);
        return;
    }

    rebuilds = (uint32_t) w->r.rebuilds;
    sig_registry_clock(&w->r, w->ledger->now);
    do_message(w);

    conn = w->nconns ? &w->conn[chance(w, w->nconns)] : NULL;

    switch (chance(w, 16)) {

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
        if (chance(w, 8) == 0) {
            do_keys(w);

        } else {
            kill_reap(&w->r, w->ledger, 0);
        }

        break;
    }

    ledger_add(w->ledger->rebuilds, w->r.rebuilds - rebuilds);
}


static void
take_pause(worker_t *w)
{
    uint32_t         i, members, generation;
    ledger_t        *ledger;
    struct timespec  ts;

    ledger = w->ledger;
    generation = __atomic_load_n(&ledger->generation, __ATOMIC_ACQUIRE);
    members = 0;

    for (i = 0; i < w->nconns; i++) {
        members += w->conn[i].nmembers;
    }

    ledger->conns[w->index] = w->nconns;
    ledger->members[w->index] = members;
    ledger->leaving[w->index] = w->nleaving;

    __atomic_store_n(&ledger->paused[w->index], generation, __ATOMIC_RELEASE);

    ts.tv_sec = 0;
    ts.tv_nsec = 200000;

    /* the next pause may come before this one's end is noticed */

    while (__atomic_load_n(&ledger->phase, __ATOMIC_ACQUIRE) == PHASE_PAUSE
           && __atomic_load_n(&ledger->generation, __ATOMIC_ACQUIRE)
              == generation)
    {
        (void) nanosleep(&ts, NULL);
    }
}


static void
finish(worker_t *w)
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


static void
do_connect(worker_t *w)
{
    int            rc;
    conn_t        *conn;
    slice_t        id, metadata;
    uint32_t       i, n;
    sig_target_t   others[SIG_PEER_CONNECTIONS];

    static char  data[600];

    if (w->nconns == KILL_CONNS) {
        return;
    }

    conn = &w->conn[w->nconns];

    conn->nmembers = 0;
    conn->number = ++w->number;
    conn->shared = chance(w, 3) == 0;

    if (conn->shared) {
        (void) snprintf(conn->id, sizeof(conn->id), "shared-%u",
                        chance(w, IDS));

    } else {
        (void) snprintf(conn->id, sizeof(conn->id), "%d-%u", (int) getpid(),
                        conn->number);
    }

    id.data = (u_char *) conn->id;
    id.len = strlen(conn->id);

    memset(data, 'd', sizeof(data));
    metadata.data = (u_char *) data;
    metadata.len = chance(w, 2) ? 0 : chance(w, sizeof(data));

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
            || others[i].slot >= KILL_SLOTS)
        {
            kill_failure(w->ledger, "older connections of a peer");
        }
    }

    if (!conn->shared && n != 0) {
        kill_failure(w->ledger, "a peer that nobody else can be");
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
        kill_failure(w->ledger, "disconnect");
    }

    if (sig_registry_disconnect(&w->r, ref) != SIG_REGISTRY_STALE) {
        kill_failure(w->ledger, "disconnect twice");
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

    static u_char  buf[262144];

    if (conn->nmembers == KILL_MEMBERS) {
        return;
    }

    n = chance(w, 3) ? chance(w, ROOMS) : 0;

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
        kill_failure(w->ledger, "what a join did");
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
                kill_failure(w->ledger, "metadata in a roster");
                return;
            }
        }
    }

    if (i != roster->count || pos != roster->used) {
        kill_failure(w->ledger, "roster");
    }
}


static void
do_leave(worker_t *w, conn_t *conn)
{
    int           last;
    uint32_t      i, k, n;
    sig_ref_t     member;
    sig_change_t  change;

    if (w->nleaving == KILL_LEAVING) {
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
        kill_failure(w->ledger, "leave");
    }

    if (sig_registry_leave(&w->r, member, last, &change)
        != SIG_REGISTRY_STALE)
    {
        kill_failure(w->ledger, "leave twice");
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

    static u_char  buf[4096];

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
        kill_failure(w->ledger, "own connection is not found");
    }

    for (i = 0; i < conn->nmembers; i++) {
        metadata.data = buf;

        if (!(sig_registry_room_mask(&w->r, conn->room[i])
              & (uint64_t) 1 << w->r.slot % 64))
        {
            kill_failure(w->ledger, "own slot is not in the mask");
        }

        if (!sig_registry_in_room(&w->r, conn->room[i], &id, &metadata)) {
            kill_failure(w->ledger, "own peer is not in the room");
        }
    }
}


static void
do_keys(worker_t *w)
{
    int       rc;
    size_t    len, i;
    uint64_t  changes;

    static u_char  text[20000];

    if (chance(w, 2)) {
        len = chance(w, sizeof(text));
        memset(text, 'a' + (int) chance(w, 26), len);

        if (sig_registry_publish_keys(&w->r, 0, text, len)
            != SIG_REGISTRY_OK)
        {
            ledger_add(w->ledger->full, 1);
        }
    }

    len = sizeof(text);
    rc = sig_registry_read_keys(&w->r, text, &len, &changes);

    if (rc == SIG_REGISTRY_SMALL || (rc == SIG_REGISTRY_OK && changes == 0)) {
        kill_failure(w->ledger, "keys");
    }

    for (i = 1; rc == SIG_REGISTRY_OK && i < len; i++) {
        if (text[i] != text[0]) {
            kill_failure(w->ledger, "text of the keys is mixed");
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


static int
gone(uint32_t pid)
{
    return pid == 0 || (kill((pid_t) pid, 0) == -1 && errno == ESRCH);
}


void
kill_reap(sig_registry_t *r, ledger_t *ledger, int alone)
{
    uint32_t         slot, dead_reaper;
    sig_slot_info_t  info;

    for (slot = 0; slot < KILL_SLOTS; slot++) {

        (void) sig_registry_slot_info(r, slot, &info);

        if (info.state == SIG_SLOT_FREE || slot == r->slot) {
            continue;
        }

        dead_reaper = 0;

        if (info.state == SIG_SLOT_DYING) {

            if (info.reaper != 0 && !alone && !gone(info.reaper)) {
                continue;
            }

            dead_reaper = info.reaper;

        } else if (!gone(info.pid)) {
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
                kill_failure(ledger, "departure");
            }
        }

        sig_registry_retire(r, refs, n);
        ledger_add(ledger->reaped, n);
    }

    ledger_add(ledger->slots, 1);
}
