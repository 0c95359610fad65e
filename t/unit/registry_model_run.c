
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "registry_model_run.h"

#include <setjmp.h>


static const char *bury(uint32_t slot);


model_t          model;
int              mortal;
int              armed;
uint64_t         deaths;
uint64_t         rebuild_deaths;
uint32_t         spawned;

static int       burying;              /* 1: in a rebuild */
static jmp_buf   death;
static uint32_t  pid;


void
model_begin(void)
{
    pid = 1000;
    keys_len = SIZE_MAX;
    keys_next = SIZE_MAX;

    model_make(&model);
}


/* called between any two stores of the registry */

void
sig_fault_at(const char *file, int line)
{
    if (armed && fatal(file, line, burying)) {
        armed = 0;
        longjmp(death, 1);
    }
}


const char *
model_spawn(void)
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
    aim(1);

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


const char *
model_step(op_t *op)
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

uint32_t
model_staff(uint32_t wanted)
{
    uint32_t  i, alive;

    alive = 0;

    for (i = 0; i < MODEL_SLOTS; i++) {
        alive += model.owner[i] == ALIVE;
    }

    for ( /* void */ ; alive > wanted; alive--) {

        for (i = chance(MODEL_SLOTS);
             model.owner[i] != ALIVE;
             i = (i + 1) % MODEL_SLOTS)
        {
            /* void */
        }

        model.owner[i] = DEAD;
    }

    return alive;
}


/* somebody without a slot reaps one that nobody reaps */

const char *
model_clean(uint32_t slot)
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

const char *
model_finish(void)
{
    uint32_t              slot;
    const char           *what;
    sig_registry_stats_t  stats;

    (void) model_staff(0);

    for (slot = 0; slot < MODEL_SLOTS; slot++) {
        what = model_clean(slot);

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
        || stats.bytes_total - stats.bytes_free
           != model.napps * sizeof(sig_app_t) + SIG_NODE_MIN)
    {
        return "something is left";
    }

    return NULL;
}
