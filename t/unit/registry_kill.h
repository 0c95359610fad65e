
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Parent and worker of registry_kill_test and registry_sigkill_test, and what
 * they share beside the region of the registry.  The lock is as nginx's: it
 * holds the pid of its owner, and the parent frees it when it learns that the
 * owner is dead.
 */


#ifndef _REGISTRY_KILL_H_INCLUDED_
#define _REGISTRY_KILL_H_INCLUDED_


#include "sig_registry.h"


#define KILL_WORKERS_MAX  16
#define KILL_SLOTS        40           /* dead ones wait for a reaper */
#define KILL_CONNS        40           /* of one worker */
#define KILL_MEMBERS      8            /* of one connection */
#define KILL_LEAVING      100          /* not retired yet */


typedef enum {
    PHASE_RUN = 0,
    PHASE_PAUSE,                       /* stop between two operations */
    PHASE_END                          /* leave and exit */
} phase_e;


/* each word has one writer at a time, but for the counters */

typedef struct {
    uint32_t         lock              __attribute__((aligned(64)));
    uint32_t         phase             __attribute__((aligned(64)));
    uint32_t         app;
    uint32_t         generation;       /* of the pause */
    uint32_t         paused[KILL_WORKERS_MAX];  /* the pause, or 0 */
    uint32_t         conns[KILL_WORKERS_MAX];   /* when it paused */
    uint32_t         members[KILL_WORKERS_MAX];
    uint32_t         leaving[KILL_WORKERS_MAX];
    int64_t          now;              /* of all; only when they paused */
    uint64_t         operations        __attribute__((aligned(64)));
    uint64_t         rebuilds;
    uint64_t         reaped;           /* departures */
    uint64_t         slots;            /* set free by a reaper */
    uint64_t         homeless;         /* starts without a free slot */
    uint64_t         full;
    uint64_t         limited;          /* connections over the limit */
    uint64_t         messages;         /* of this month */
    uint64_t         faults;           /* deaths at a place for it */
    uint64_t         failures;         /* of a worker's checks */
} ledger_t;


#define ledger_add(word, n)                                                   \
    (void) __atomic_fetch_add(&(word), n, __ATOMIC_RELAXED)


/*
 * The whole test; usual: deaths when argv says nothing.  Returns the status
 * to exit with.
 */
int kill_parent(int argc, char **argv, uint32_t usual);

/* a handle that takes the lock in the ledger */
int kill_attach(sig_registry_t *r, ledger_t *ledger, u_char *region,
    size_t size);

/*
 * What a process does from fork to exit; returns its status.  With faulty it
 * dies by itself after some time.
 */
int kill_worker(ledger_t *ledger, u_char *region, size_t size, uint32_t index,
    uint64_t seed, int faulty);

/*
 * Reaps the slots of the dead, as far as nobody else does; with alone there
 * is nobody else who could.
 */
void kill_reap(sig_registry_t *r, ledger_t *ledger, int alone);

void kill_failure(ledger_t *ledger, const char *what);


#endif /* _REGISTRY_KILL_H_INCLUDED_ */
