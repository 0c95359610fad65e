
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Random operations of several workers on the registry and on a plain model,
 * with workers that die between any two stores.
 *
 *     registry_model_test [operations [seed]]
 */


#include "registry_model_ops.h"
#include "tap.h"

#include <setjmp.h>
#include <stdlib.h>
#include <time.h>


#define PLACES    256                  /* where a worker may die */
#define ANYWHERE  PLACES


typedef struct {
    const char  *file;
    int          line;
    uint64_t     passed[2];            /* in an operation, in a rebuild */
    uint64_t     died[2];
} place_t;


static void aim(void);
static unsigned missed(int tell);
static const char *spawn(void);
static const char *bury(uint32_t slot);
static const char *step(op_t *op);
static uint32_t staff(uint32_t wanted);
static const char *clean(uint32_t slot);
static const char *run(uint64_t operations);
static const char *finish(void);
static void report(void);


model_t          model;
int              mortal;
int              armed;

static place_t   places[PLACES];
static unsigned  nplaces;
static unsigned  burying;              /* 1: in a rebuild */
static unsigned  target[2];
static unsigned  patience[2];
static jmp_buf   death;
static uint64_t  deaths;
static uint64_t  rebuild_deaths;
static uint64_t  state;
static uint32_t  pid;
static uint32_t  spawned;


/*
 * Whoever comes to the target dies there, the first time or some time later;
 * or somebody dies anywhere after so many places.
 */

void
sig_fault_at(const char *file, int line)
{
    place_t   *place;
    unsigned   i;

    for (i = 0; i < nplaces; i++) {
        if (places[i].line == line && places[i].file == file) {
            break;
        }
    }

    if (i == PLACES) {
        abort();
    }

    place = &places[i];

    if (i == nplaces) {
        place->file = file;
        place->line = line;
        nplaces++;
    }

    if (!armed) {
        return;
    }

    place->passed[burying]++;

    if ((target[burying] == ANYWHERE || target[burying] == i)
        && patience[burying]-- == 0)
    {
        place->died[burying]++;
        armed = 0;
        aim();
        longjmp(death, 1);
    }
}


/* somewhere, or where others have been and nobody or hardly anybody died */

static void
aim(void)
{
    unsigned  i, best;
    place_t  *place;

    if (chance(2)) {
        target[burying] = ANYWHERE;
        patience[burying] = chance(burying ? 2000 : 100);
        return;
    }

    best = chance(nplaces);

    for (i = 0; i < nplaces; i++) {
        place = &places[i];

        if (place->passed[burying] > 0
            && (places[best].passed[burying] == 0
                || place->died[burying] + chance(8)
                   < places[best].died[burying]))
        {
            best = i;
        }
    }

    target[burying] = best;
    patience[burying] = chance(2) ? 0 : chance(30);
}


/* how many places nobody died at */

static unsigned
missed(int tell)
{
    unsigned     i, k, n;
    const char  *file;

    n = 0;

    for (i = 0; i < nplaces; i++) {
        for (k = 0; k < 2; k++) {

            if (places[i].died[k] > 0 || places[i].passed[k] == 0) {
                continue;
            }

            n++;

            if (tell) {
                file = strrchr(places[i].file, '/');
                printf("# nobody died at %s:%d in %s, passed %llu times\n",
                       file ? file + 1 : places[i].file, places[i].line,
                       k ? "a rebuild" : "an operation",
                       (unsigned long long) places[i].passed[k]);
            }
        }
    }

    return n;
}


unsigned
chance(unsigned n)
{
    state = state * 6364136223846793005 + 1442695040888963407;

    return n == 0 ? 0 : (unsigned) ((state >> 33) % n);
}


static const char *
spawn(void)
{
    int              rc;
    uint32_t         n;
    sig_registry_t   r;
    sig_slot_info_t  info;

    handle(&model.region, &r, ++pid);
    forget();

    if (setjmp(death) != 0) {
        deaths++;
        model.region.locked = 0;

        for (n = 0; n < MODEL_SLOTS; n++) {
            (void) sig_registry_slot_info(&model.observer, n, &info);

            if (info.state != SIG_SLOT_FREE && info.pid == pid) {
                model.owner[n] = DEAD;
            }
        }

        return model_sync(&model, &intent);
    }

    call(rc, sig_registry_claim(&r, (int32_t) pid, 1));

    if (rc == SIG_REGISTRY_OK) {

        if (model.owner[r.slot] != NOBODY) {
            return "claim: somebody's slot";
        }

        armed = mortal;
        sig_registry_open(&r);
        armed = 0;

        model.worker[r.slot] = r;
        model.owner[r.slot] = ALIVE;
        spawned++;

        return NULL;
    }

    for (n = 0; n < MODEL_SLOTS; n++) {
        if (model.owner[n] == NOBODY) {
            return "claim: full";
        }
    }

    return NULL;
}


/* a worker died inside; sometimes the one who finds out dies too */

static const char *
bury(uint32_t slot)
{
    const char       *what;
    sig_registry_t    r;
    sig_slot_info_t   info;

    deaths++;
    model.region.locked = 0;
    model.owner[slot] = DEAD;

    burying = 1;
    aim();

    while (chance(3) == 0) {
        handle(&model.region, &r, ++pid);

        if (setjmp(death) != 0) {
            rebuild_deaths++;
            model.region.locked = 0;
            continue;
        }

        armed = 1;
        (void) counts(&r);
        armed = 0;

        region_break(&model.region);
    }

    burying = 0;

    what = model_sync(&model, &intent);

    if (what == NULL && keys_next != keys_len) {
        what = keys_are(keys_len, keys_next);

        /* or none, between two that do not fit together */

        if (keys_len == SIZE_MAX && keys_tight) {
            what = NULL;
        }

        keys_next = keys_len;
    }

    (void) sig_registry_slot_info(&model.observer, slot, &info);

    if (info.state == SIG_SLOT_FREE) {
        model.owner[slot] = NOBODY;
    }

    if (intent.reap != NONE) {
        (void) sig_registry_slot_info(&model.observer, intent.reap, &info);

        if (info.state == SIG_SLOT_FREE) {
            model.owner[intent.reap] = NOBODY;
        }
    }

    return what;
}


static const char *
step(op_t *op)
{
    static uint32_t  slot;

    for (slot = chance(MODEL_SLOTS);
         model.owner[slot] != ALIVE;
         slot = (slot + 1) % MODEL_SLOTS)
    {
        /* void */
    }

    forget();
    op->done++;

    if (setjmp(death) == 0) {
        return op->op(slot);
    }

    op->deaths++;

    return bury(slot);
}


/* as many living workers as wanted; returns how many there are */

static uint32_t
staff(uint32_t wanted)
{
    uint32_t  i, alive;

    alive = 0;

    for (i = 0; i < MODEL_SLOTS; i++) {
        alive += model.owner[i] == ALIVE;
    }

    while (alive > wanted) {
        i = chance(MODEL_SLOTS);

        if (model.owner[i] == ALIVE) {
            model.owner[i] = DEAD;
            alive--;
        }
    }

    return alive;
}


static const char *
run(uint64_t operations)
{
    op_t        *op;
    unsigned     total, k;
    uint32_t     wanted, alive;
    uint64_t     n, before;
    const char  *what;

    static const uint32_t  crowds[] = { 1, 3, 8, MODEL_SLOTS };

    total = 0;
    wanted = 0;

    for (k = 0; k < nops; k++) {
        total += ops[k].weight;
    }

    /* a place that is hardly ever come to needs more of them */

    for (n = 0; n < operations || missed(0); n++) {

        if (n == 20 * operations) {
            break;
        }

        before = deaths;
        mortal = chance(2) == 0;

        if (n % 100 == 0) {
            aim();
        }

        if (n % 2000 == 0) {
            wanted = crowds[chance(4)];
        }

        alive = staff(wanted);

        if (alive < wanted) {
            what = spawn();
            alive = staff(wanted);

            if (what == NULL && alive == 0 && deaths == before) {
                what = clean(chance(MODEL_SLOTS));
            }

            if (what != NULL) {
                printf("# after a start\n");
                return what;
            }

            if (alive == 0) {
                continue;
            }
        }

        k = chance(total);

        for (op = ops; k >= op->weight; op++) {
            k -= op->weight;
        }

        what = step(op);

        if (what == NULL && (n % 16 == 0 || deaths != before)) {
            what = model_compare(&model);
        }

        if (what != NULL) {
            printf("# after %s\n", op->name);
            return what;
        }
    }

    return NULL;
}


/* somebody without a slot reaps one that nobody reaps */

static const char *
clean(uint32_t slot)
{
    uint32_t         i, n;
    sig_departure_t  gone[REAP];
    sig_slot_info_t  info;

    (void) sig_registry_slot_info(&model.observer, slot, &info);

    if (model.owner[slot] != DEAD) {
        return NULL;
    }

    if (sig_registry_condemn(&model.observer, slot, info.pid, info.reaper)
        != SIG_REGISTRY_OK)
    {
        return "condemn";
    }

    do {
        n = sig_registry_reap(&model.observer, slot, gone, REAP);

        for (i = 0; i < n; i++) {
            sig_registry_retire(&model.observer, &gone[i].change.member, 1);
        }

    } while (n > 0);

    model.owner[slot] = NOBODY;

    forget();
    intent.reap = slot;
    intent.retire = 1;

    for (i = 0; i < model.nmembers; i++) {
        if (model.member[i].state == LIVE
            && model.conn[model.member[i].conn].slot == slot)
        {
            model.member[i].state = LEAVING;
        }
    }

    return model_sync(&model, &intent);
}


/* everybody dies, and nothing is left but the apps */

static const char *
finish(void)
{
    uint32_t              slot;
    const char           *what;
    sig_registry_stats_t  stats;

    (void) staff(0);

    for (slot = 0; slot < MODEL_SLOTS; slot++) {
        what = clean(slot);

        if (what == NULL) {
            what = model_compare(&model);
        }

        if (what != NULL) {
            return what;
        }
    }

    if (sig_registry_publish_keys(&model.observer, 0, keys_text, 0)
        != SIG_REGISTRY_OK)
    {
        return "keys";
    }

    stats = counts(&model.observer);

    if (stats.connections != 0 || stats.peers != 0 || stats.rooms != 0
        || stats.members != 0 || stats.leaving != 0
        || stats.bytes_total - stats.bytes_free != model.napps * 128 + 64)
    {
        return "something is left";
    }

    return NULL;
}


static void
report(void)
{
    unsigned  i;
    uint64_t  n;

    n = 0;

    for (i = 0; i < nops; i++) {
        n += ops[i].done;
        printf("# %-12s %10llu, deaths %8llu\n", ops[i].name,
               (unsigned long long) ops[i].done,
               (unsigned long long) ops[i].deaths);
    }

    printf("# %llu operations, %llu deaths, %llu of them in a rebuild, "
           "%u workers, full %llu times, small %llu times\n",
           (unsigned long long) n,
           (unsigned long long) deaths + (unsigned long long) rebuild_deaths,
           (unsigned long long) rebuild_deaths, spawned,
           (unsigned long long) full, (unsigned long long) small);

    printf("# places to die: %u\n", nplaces);
}


int
main(int argc, char **argv)
{
    size_t       i;
    uint64_t     operations;
    const char  *what;

    operations = argc > 1 ? strtoull(argv[1], NULL, 10) : 60000;
    state = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t) time(NULL);

    printf("# seed %llu\n", (unsigned long long) state);

    for (i = 0; i < KEYS_MAX; i++) {
        keys_text[i] = (u_char) (i * 2654435761u >> 16);
    }

    pid = 1000;

    model_make(&model);

    what = run(operations);

    if (what != NULL) {
        printf("# %s\n", what);
    }

    ok(what == NULL, "registry and model are the same all the time");

    what = what == NULL ? finish() : "not tried";

    if (what != NULL) {
        printf("# %s\n", what);
    }

    ok(what == NULL, "and nothing is left in the end");

    ok(missed(1) == 0, "somebody died at every place");

    report();

    region_free(&model.region);

    return tap_done();
}
