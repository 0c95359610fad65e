
/*
 * Copyright (C) The ngx_signaling authors
 */


#define _GNU_SOURCE

#include "registry_kill.h"
#include "registry_worker.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>


static void kill_lock(void *ctx);
static void kill_unlock(void *ctx);
static void take_pause(worker_t *w);


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
worker_failure(ledger_t *ledger, const char *what)
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
        life = 1 + worker_chance(&w, worker_chance(&w, 3) ? 20000 : 100);
    }

    sig_registry_clock(&w.r, ledger->now);

    worker_start(&w);

    while (__atomic_load_n(&ledger->phase, __ATOMIC_ACQUIRE) != PHASE_END) {

        if (__atomic_load_n(&ledger->phase, __ATOMIC_ACQUIRE)
            == PHASE_PAUSE)
        {
            take_pause(&w);
            continue;
        }

        worker_step(&w);
        ledger_add(ledger->operations, 1);
    }

    life = 0;
    worker_finish(&w);

    return 0;
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


int
worker_is_gone(uint32_t pid)
{
    return pid == 0 || (kill((pid_t) pid, 0) == -1 && errno == ESRCH);
}
