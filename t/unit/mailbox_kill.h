
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The worker of mailbox_kill_test, and the ledger that it shares with its
 * parent and the other workers.  Every word of the ledger has one writer, or
 * is a counter.
 */


#ifndef _MAILBOX_KILL_H_INCLUDED_
#define _MAILBOX_KILL_H_INCLUDED_


#include "mailbox_region.h"


#define KILL_WORKERS_MAX   8
#define KILL_INCARNATIONS  32768
#define KILL_RING          128
#define KILL_ARENA         65536
#define KILL_RECORD        (KILL_ARENA / 4 - 16)      /* the longest */


typedef enum {
    PHASE_RUN = 0,                     /* full speed, deaths */
    PHASE_SETTLE,                      /* full speed, no more deaths */
    PHASE_CALM,                        /* tokens only */
    PHASE_END                          /* nothing is posted any more */
} phase_e;


typedef enum {
    FAULT_TORN = 0,
    FAULT_FOREIGN,
    FAULT_TWICE,
    FAULT_LOST,
    FAULT_LEFT,
    FAULT_ASLEEP,
    FAULT_LAST
} fault_e;


typedef struct {
    _Atomic uint32_t  phase;
    _Atomic uint32_t  ticket;
    _Atomic uint32_t  inc[KILL_WORKERS_MAX];
    _Atomic uint32_t  settled[KILL_WORKERS_MAX];  /* the incarnation */
    _Atomic uint32_t  ended[KILL_WORKERS_MAX];

    _Atomic uint64_t  posts;
    _Atomic uint64_t  gone;
    _Atomic uint64_t  full;
    _Atomic uint64_t  wakes;
    _Atomic uint64_t  received;
    _Atomic uint64_t  rescued;
    _Atomic uint64_t  hops;
    _Atomic uint64_t  faults[FAULT_LAST];

    /* taken by an incarnation before it opens its slot; 0: it never did */
    _Atomic uint32_t  tickets[KILL_WORKERS_MAX][KILL_INCARNATIONS];

    /* how many an incarnation has posted to a slot, one less at the most */
    _Atomic uint32_t  sent[KILL_WORKERS_MAX][KILL_INCARNATIONS]
                          [KILL_WORKERS_MAX];
} ledger_t;


/*
 * Long records begin with this head.  Shorter ones have the low byte of their
 * number and a pattern; the first record to a slot is always a long one.
 */

typedef struct {
    uint32_t        src;
    uint32_t        inc;
    uint32_t        ticket;
    uint32_t        token;
    uint32_t        number[KILL_WORKERS_MAX];     /* for each destination */
    uint32_t        to;                /* bit for each destination */
    uint32_t        len;
    uint64_t        sum;
} head_t;


/* what is known of a sender's slot */

typedef struct {
    uint32_t        inc;               /* 0: nothing */
    uint32_t        number;            /* that is expected next */
    uint32_t        expected_inc;      /* at the last look at everybody */
    uint32_t        expected_number;
} sender_t;


typedef struct {
    sig_mailbox_t   mb;
    ledger_t       *ledger;
    int            *wake;
    int             epoll;
    uint32_t        nworkers;
    uint32_t        slot;
    uint32_t        inc;
    uint32_t        ticket;            /* before the slot was opened */
    uint32_t        opened;            /* and after */
    uint32_t        number[KILL_WORKERS_MAX];
    sender_t        sender[KILL_WORKERS_MAX];
    unsigned        seed;
    unsigned        tokens;            /* to be passed on */
    unsigned        greet;             /* not greeted yet in this calm */
} worker_t;


/* what a process does from fork to exit; wake: an eventfd for each slot */
int kill_worker(ledger_t *ledger, u_char *region, size_t size,
    uint32_t nworkers, uint32_t slot, uint32_t inc, int *wake);

/* reads and checks up to max records; returns whether it was stopped by max */
int kill_receive(worker_t *w, unsigned max);

/* reads from all, and checks that nothing stays behind */
void kill_look(worker_t *w);

/* of all but the last word of the head, where it is kept */
uint64_t kill_sum(const u_char *p, size_t len);

/* counts a fault and, of the first ones, tells */
void kill_fault(worker_t *w, fault_e what, uint32_t src, const char *text);

/* returns 1 when woken */
int kill_sleep(worker_t *w, int msec);

/* another slot than the own one; a number from 0 to n - 1 */
uint32_t kill_other(worker_t *w);
unsigned kill_chance(worker_t *w, unsigned n);


#endif /* _MAILBOX_KILL_H_INCLUDED_ */
