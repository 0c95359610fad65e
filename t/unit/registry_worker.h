
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * A worker of sig_registry that does anything that a worker does, at random,
 * and checks what it can know: for tests in which several of them live and
 * die at once.  The ledger is what they share beside the region.
 */


#ifndef _REGISTRY_WORKER_H_INCLUDED_
#define _REGISTRY_WORKER_H_INCLUDED_


#include "sig_registry.h"


#define WORKERS_MAX     16
#define WORKER_SLOTS    40             /* dead ones wait for a reaper */
#define WORKER_CONNS    40             /* of one worker */
#define WORKER_MEMBERS  8              /* of one connection */
#define WORKER_LEAVING  100            /* not retired yet */


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
    uint32_t         paused[WORKERS_MAX];  /* the pause, or 0 */
    uint32_t         conns[WORKERS_MAX];   /* when it paused */
    uint32_t         members[WORKERS_MAX];
    uint32_t         leaving[WORKERS_MAX];
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


typedef struct {
    sig_ref_t        ref;
    uint32_t         number;
    uint32_t         nmembers;
    sig_ref_t        member[WORKER_MEMBERS];
    sig_ref_t        room[WORKER_MEMBERS];
    uint32_t         name[WORKER_MEMBERS];
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
    uint64_t         state;            /* of the dice */
    conn_t           conn[WORKER_CONNS];
    sig_ref_t        leaving[WORKER_LEAVING];
} worker_t;


/*
 * The handle is attached before.  start() takes a slot, and waits for one as
 * long as it is PHASE_RUN; finish() leaves all, though some of it to a reaper.
 */
void worker_start(worker_t *w);
void worker_step(worker_t *w);
void worker_finish(worker_t *w);

/* 0 to n - 1 */
uint32_t worker_chance(worker_t *w, uint32_t n);

/*
 * Reaps the slots of the dead, as far as nobody else does; with alone there
 * is nobody else who could.
 */
void worker_reap(sig_registry_t *r, ledger_t *ledger, int alone);


/* of the test: whether that process is dead; what is wrong */

int worker_is_gone(uint32_t pid);
void worker_failure(ledger_t *ledger, const char *what);


#endif /* _REGISTRY_WORKER_H_INCLUDED_ */
