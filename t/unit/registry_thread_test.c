
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of sig_registry: threads, each with a handle and a slot of its own,
 * that do at once what workers do, die with the lock or without, and are
 * reaped by each other, for ThreadSanitizer.  Two more are the master, who
 * counts configurations and changes limits, and somebody who only looks:
 * nothing of what they read without the lock goes back.
 */


#include "registry_region.h"
#include "registry_worker.h"
#include "sig_registry_node.h"
#include "tap.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>


#define THREADS  4
#define LIVES    30                    /* of each */
#define STEPS    400                   /* of a life */
#define SLOTS    12
#define NOW      1798761600            /* 2027, UTC */


typedef enum {
    END_LEAVES = 0,
    END_DIES,
    END_DIES_INSIDE,
    ENDS
} end_e;


static void *work(void *data);
static void *rule(void *data);
static void *look(void *data);
static void thread_handle(sig_registry_t *r, uint32_t pid);
static void thread_lock(void *ctx);
static void thread_unlock(void *ctx);
static void die_inside(sig_registry_t *r);
static void no_less(uint64_t *last, uint64_t now);


static region_t          region;
static ledger_t          ledger;
static pthread_mutex_t   lock = PTHREAD_MUTEX_INITIALIZER;
static uint32_t          living = THREADS;
static uint8_t           gone[THREADS * LIVES + 3];        /* by pid */


int
main(void)
{
    uint32_t              i;
    pthread_t             thread[THREADS + 2];
    const char           *wrong;
    sig_registry_t        r;
    sig_registry_stats_t  stats;

    static uint32_t  index[THREADS];

    region_make(&region, 4 * sig_registry_min_size(SLOTS), SLOTS);

    ledger.app = region.app;
    ledger.now = NOW;

    for (i = 0; i < THREADS; i++) {
        index[i] = i;

        if (pthread_create(&thread[i], NULL, work, &index[i]) != 0) {
            abort();
        }
    }

    if (pthread_create(&thread[THREADS], NULL, rule, NULL) != 0
        || pthread_create(&thread[THREADS + 1], NULL, look, NULL) != 0)
    {
        abort();
    }

    for (i = 0; i < THREADS + 2; i++) {
        (void) pthread_join(thread[i], NULL);
    }

    thread_handle(&r, THREADS * LIVES + 2);
    worker_reap(&r, &ledger, 1);

    sig_registry_stats(&r, &stats);
    wrong = sig_registry_check(&r);

    if (wrong != NULL) {
        printf("# %s\n", wrong);
    }

    printf("# %u operations, %u rebuilds, %u departures reaped\n",
           (uint32_t) ledger.operations, (uint32_t) stats.rebuilds,
           (uint32_t) ledger.reaped);

    ok(ledger.failures == 0, "each finds what is its own");
    /* who is reaped has nothing when the master was late to lift a limit */

    ok(stats.rebuilds != 0 && ledger.slots != 0, "some have died");
    ok(stats.connections == 0 && stats.members == 0 && stats.leaving == 0,
       "nobody is left");
    ok(wrong == NULL, "every invariant holds");

    region_free(&region);

    return tap_done();
}


/* one life after the other, and another end of each */

static void *
work(void *data)
{
    uint32_t *index = data;

    uint32_t   life, i, pid;
    worker_t  *w;

    w = malloc(sizeof(worker_t));

    if (w == NULL) {
        abort();
    }

    for (life = 0; life < LIVES; life++) {
        memset(w, 0, sizeof(worker_t));

        pid = *index * LIVES + life + 1;

        w->ledger = &ledger;
        w->index = *index;
        w->state = pid;

        thread_handle(&w->r, pid);
        worker_start(w);

        for (i = 0; i < STEPS; i++) {
            worker_step(w);
            ledger_add(ledger.operations, 1);
        }

        switch ((*index + life) % ENDS) {

        case END_LEAVES:
            worker_finish(w);
            break;

        case END_DIES:
            break;

        default:
            die_inside(&w->r);
            break;
        }

        __atomic_store_n(&gone[pid], 1, __ATOMIC_RELEASE);
    }

    free(w);

    (void) __atomic_sub_fetch(&living, 1, __ATOMIC_RELAXED);

    return NULL;
}


/* as a reload does */

static void *
rule(void *data)
{
    uint32_t        n;
    uint64_t        generation;
    sig_registry_t  r;

    thread_handle(&r, THREADS * LIVES + 1);

    for (n = 0; __atomic_load_n(&living, __ATOMIC_RELAXED) != 0; n++) {

        if (sig_registry_app_limits(&r, region.app, 50 + n % 50,
                                    1000000 + n, n % 16 == 0)
            != SIG_REGISTRY_OK)
        {
            worker_failure(&ledger, "limits");
        }

        generation = sig_registry_new_generation(&r);
        sig_registry_drain(&r, generation / 2);

        (void) sched_yield();
    }

    return NULL;
}


static void *
look(void *data)
{
    size_t           len;
    u_char           name[SIG_APP_NAME];
    uint32_t         slot;
    uint64_t         generation, drain, changes, rebuilds;
    sig_registry_t   r;
    sig_slot_info_t  info;

    sig_registry_stats_t  stats;

    thread_handle(&r, THREADS * LIVES + 2);

    generation = 0;
    drain = 0;
    changes = 0;
    rebuilds = 0;

    while (__atomic_load_n(&living, __ATOMIC_RELAXED) != 0) {

        no_less(&generation, sig_registry_generation(&r));
        no_less(&drain, sig_registry_drain_below(&r));
        no_less(&changes, sig_registry_key_changes(&r));

        (void) sig_registry_app_suspended(&r, region.app);
        (void) sig_registry_alarm(&r, name, &len);

        for (slot = 0; slot < SLOTS; slot++) {

            if (sig_registry_slot_info(&r, slot, &info) != SIG_REGISTRY_OK
                || info.state > SIG_SLOT_DYING
                || info.pid > THREADS * LIVES
                || info.connections > WORKER_CONNS)
            {
                worker_failure(&ledger, "a slot that can not be");
            }
        }

        sig_registry_stats(&r, &stats);
        no_less(&rebuilds, stats.rebuilds);

        (void) sched_yield();
    }

    return NULL;
}


static void
no_less(uint64_t *last, uint64_t now)
{
    if (now < *last) {
        worker_failure(&ledger, "a number goes back");
    }

    *last = now;
}


/* the master has freed the lock */

static void
die_inside(sig_registry_t *r)
{
    thread_lock(NULL);
    __atomic_store_n(&sig_head(r)->busy, r->pid, __ATOMIC_RELAXED);
    thread_unlock(NULL);
}


static void
thread_handle(sig_registry_t *r, uint32_t pid)
{
    handle(&region, r, pid);

    r->lock.lock = thread_lock;
    r->lock.unlock = thread_unlock;

    sig_registry_clock(r, NOW);
}


static void
thread_lock(void *ctx)
{
    (void) pthread_mutex_lock(&lock);
}


static void
thread_unlock(void *ctx)
{
    (void) pthread_mutex_unlock(&lock);
}


int
worker_is_gone(uint32_t pid)
{
    return pid == 0 || __atomic_load_n(&gone[pid], __ATOMIC_ACQUIRE);
}


void
worker_failure(ledger_t *l, const char *what)
{
    ledger_add(l->failures, 1);

    printf("# %s\n", what);
}
