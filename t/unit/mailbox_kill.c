
/*
 * Copyright (C) The ngx_signaling authors
 */


#define _GNU_SOURCE

#include "mailbox_kill.h"
#include "mailbox_points.h"

#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>


#define TICK_MSEC      1000
#define DEADLINE_MSEC  60000
#define TURN           64              /* records read in one turn */
#define EVERYBODY      UINT32_MAX


_Static_assert(sizeof(head_t) == 64, "head");


static void worker_init(worker_t *w);
static void run(worker_t *w);
static void calm(worker_t *w);
static int end(worker_t *w);
static int burst(worker_t *w);
static int post(worker_t *w, uint32_t dst, size_t len, uint32_t token);
static void fill(worker_t *w, u_char *p, size_t len, uint32_t dst,
    uint32_t token);
static uint64_t now_msec(void);
static void disturb(void);


static uint32_t  disturb_seed;
static int       deadly;


int
kill_worker(ledger_t *ledger, u_char *region, size_t size, uint32_t nworkers,
    uint32_t slot, uint32_t inc, int *wake)
{
    worker_t  w;

    memset(&w, 0, sizeof(w));

    w.ledger = ledger;
    w.wake = wake;
    w.nworkers = nworkers;
    w.slot = slot;
    w.inc = inc;
    w.seed = slot * 7919 + inc;

    /* every other one is disturbed at every step, and may die by itself */

    disturb_seed = w.seed * 2654435761u + 1;
    deadly = (inc % 2 == 0);
    mailbox_point = deadly ? disturb : NULL;

    if (sig_mailbox_attach(&w.mb, region, size) != SIG_MAILBOX_OK) {
        return 4;
    }

    worker_init(&w);
    run(&w);

    mailbox_point = disturb;

    calm(&w);

    return end(&w);
}


static void
worker_init(worker_t *w)
{
    uint32_t            i;
    uint64_t            one;
    struct epoll_event  ee;

    w->ticket = atomic_fetch_add(&w->ledger->ticket, 1) + 1;
    atomic_store(&w->ledger->tickets[w->slot][w->inc], w->ticket);

    sig_mailbox_open(&w->mb, w->slot);

    w->opened = atomic_fetch_add(&w->ledger->ticket, 1) + 1;

    w->epoll = epoll_create1(EPOLL_CLOEXEC);

    memset(&ee, 0, sizeof(ee));
    ee.events = EPOLLIN|EPOLLET;

    if (w->epoll == -1
        || epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->wake[w->slot], &ee) == -1)
    {
        _exit(5);
    }

    /* whoever died may have owed a wake-up */

    one = 1;

    for (i = 0; i < w->nworkers; i++) {
        if (write(w->wake[i], &one, sizeof(one)) == -1) {
            _exit(6);
        }
    }
}


static void
run(worker_t *w)
{
    int       idle, more;
    uint32_t  phase;
    uint64_t  tick;

    tick = now_msec() + kill_chance(w, 100);
    more = 0;

    while ((phase = atomic_load(&w->ledger->phase)) <= PHASE_SETTLE) {

        if (phase == PHASE_SETTLE) {
            deadly = 0;
            atomic_store(&w->ledger->settled[w->slot], w->inc);
        }

        /* sometimes there is nothing to say, and it sleeps */

        idle = !burst(w) || kill_chance(w, 32) == 0;

        if (kill_sleep(w, (more || !idle) ? 0 : (int) kill_chance(w, 50))) {
            sig_mailbox_begin(&w->mb, 0);
            more = 1;
        }

        if (now_msec() >= tick) {
            kill_look(w);
            tick = now_msec() + kill_chance(w, 100);
        }

        if (more) {
            more = kill_receive(w, TURN);
        }
    }
}


/*
 * All live, and each record is the answer to another one: who is not woken
 * is missed.  So nothing may be found by a tick to which no wake-up belongs.
 */

static void
calm(worker_t *w)
{
    int       rc;
    size_t    len;
    uint32_t  i;

    w->tokens += 1;
    w->greet = ((1u << w->nworkers) - 1) & ~(1u << w->slot);

    sig_mailbox_begin(&w->mb, 1);
    (void) kill_receive(w, UINT32_MAX);

    while (atomic_load(&w->ledger->phase) == PHASE_CALM) {

        for (i = 0; i < w->nworkers; i++) {
            if (w->greet & 1u << i
                && post(w, i, sizeof(head_t), 0) == SIG_MAILBOX_OK)
            {
                w->greet &= ~(1u << i);
            }
        }

        while (w->tokens != 0) {
            len = sizeof(head_t) + kill_chance(w, 500);

            if (post(w, kill_other(w), len, 1) != SIG_MAILBOX_OK) {
                break;
            }

            w->tokens--;
            atomic_fetch_add(&w->ledger->hops, 1);
        }

        /* who could not post has to try again */

        if (kill_sleep(w, (w->tokens || w->greet) ? 1 : TICK_MSEC)) {
            sig_mailbox_begin(&w->mb, 0);
            (void) kill_receive(w, UINT32_MAX);
            continue;
        }

        sig_mailbox_begin(&w->mb, 1);
        rc = kill_receive(w, 1);
        (void) kill_receive(w, UINT32_MAX);

        if (rc && !kill_sleep(w, DEADLINE_MSEC)) {
            kill_fault(w, FAULT_ASLEEP, 0, "no wake-up for a record");
        }
    }
}


static int
end(worker_t *w)
{
    uint32_t  i, src;
    uint64_t  deadline;

    atomic_store(&w->ledger->ended[w->slot], 1);
    deadline = now_msec() + DEADLINE_MSEC;

    for (i = 0; i < w->nworkers; i++) {
        while (!atomic_load(&w->ledger->ended[i])) {
            (void) kill_receive(w, UINT32_MAX);
            (void) sched_yield();

            if (now_msec() > deadline) {
                return 7;
            }
        }
    }

    /* nobody posts any more: one look has to be enough */

    sig_mailbox_begin(&w->mb, 1);
    (void) kill_receive(w, UINT32_MAX);

    for (src = 0; src < w->nworkers; src++) {
        if (src == w->slot) {
            continue;
        }

        if (w->sender[src].inc != atomic_load(&w->ledger->inc[src])) {
            kill_fault(w, FAULT_LOST, src, "nothing from the last incarnation");
            continue;
        }

        if (w->sender[src].number
            != atomic_load(&w->ledger->sent[src][w->sender[src].inc][w->slot]))
        {
            kill_fault(w, FAULT_LOST, src, "not all at the end");
        }
    }

    if (sig_mailbox_torn(&w->mb) != 0) {
        kill_fault(w, FAULT_TORN, w->slot, "refused by the mailbox");
    }

    return 0;
}


/* posts until something is full; returns whether anything was posted */

static int
burst(worker_t *w)
{
    int       n;
    size_t    len;
    uint32_t  dst;

    for (n = 0; n < 32; n++) {

        len = 1 + kill_chance(w, 1000);

        if (kill_chance(w, 4) == 0) {
            len = 1 + kill_chance(w, KILL_RECORD);

        } else if (kill_chance(w, 64) == 0) {
            len = KILL_RECORD;
        }

        dst = (kill_chance(w, 4) == 0) ? EVERYBODY : kill_other(w);

        if (post(w, dst, len, 0) == SIG_MAILBOX_AGAIN) {
            break;
        }
    }

    return n != 0;
}


/*
 * Posts a record to one slot or to everybody.  AGAIN when there is no space,
 * or when the only destination is full or closed.
 */

static int
post(worker_t *w, uint32_t dst, size_t len, uint32_t token)
{
    int        rc, wake;
    u_char    *p;
    uint32_t   i, posted;
    uint64_t   one;

    one = 1;
    posted = 0;

    if (len < sizeof(head_t) && (dst == EVERYBODY || w->number[dst] == 0)) {
        len = sizeof(head_t);
    }

    p = sig_mailbox_reserve(&w->mb, len);
    if (p == NULL) {
        atomic_fetch_add(&w->ledger->full, 1);
        return SIG_MAILBOX_AGAIN;
    }

    fill(w, p, len, dst, token);

    for (i = 0; i < w->nworkers; i++) {

        if (i == w->slot || (dst != EVERYBODY && i != dst)) {
            continue;
        }

        rc = region_post(&w->mb, i, &wake);

        if (rc != SIG_MAILBOX_OK) {
            atomic_fetch_add((rc == SIG_MAILBOX_GONE) ? &w->ledger->gone
                                                      : &w->ledger->full, 1);
            continue;
        }

        atomic_store(&w->ledger->sent[w->slot][w->inc][i], ++w->number[i]);
        posted++;

        if (wake) {
            if (write(w->wake[i], &one, sizeof(one)) == -1) {
                _exit(6);
            }

            atomic_fetch_add(&w->ledger->wakes, 1);
        }
    }

    atomic_fetch_add(&w->ledger->posts, posted);

    return posted ? SIG_MAILBOX_OK : SIG_MAILBOX_AGAIN;
}


static void
fill(worker_t *w, u_char *p, size_t len, uint32_t dst, uint32_t token)
{
    size_t    i;
    head_t   *head;
    uint64_t  word;

    if (len < sizeof(head_t)) {
        p[0] = (u_char) w->number[dst];

        for (i = 1; i < len; i++) {
            p[i] = (u_char) (p[0] * 3 + w->slot * 64 + i);
        }

        return;
    }

    word = ((uint64_t) rand_r(&w->seed) << 32) + w->inc;

    for (i = sizeof(head_t); i + 8 <= len; i += 8) {
        word = word * 0x5851f42d4c957f2dULL + 1;
        memcpy(p + i, &word, 8);
    }

    for ( /* void */ ; i < len; i++) {
        p[i] = (u_char) i;
    }

    head = (void *) p;

    head->src = w->slot;
    head->inc = w->inc;
    head->ticket = w->ticket;
    head->token = token;
    memcpy(head->number, w->number, sizeof(head->number));
    head->to = (dst == EVERYBODY) ? EVERYBODY : 1u << dst;
    head->len = (uint32_t) len;
    head->sum = 0;
    head->sum = kill_sum(p, len);
}


int
kill_sleep(worker_t *w, int msec)
{
    struct epoll_event  ee;

    return epoll_wait(w->epoll, &ee, 1, msec) == 1;
}


uint32_t
kill_other(worker_t *w)
{
    return (w->slot + 1 + kill_chance(w, w->nworkers - 1)) % w->nworkers;
}


unsigned
kill_chance(worker_t *w, unsigned n)
{
    return (unsigned) rand_r(&w->seed) % n;
}


static uint64_t
now_msec(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}


/* between two steps of the mailbox */

static void
disturb(void)
{
    struct timespec  ts;

    disturb_seed ^= disturb_seed << 13;
    disturb_seed ^= disturb_seed >> 17;
    disturb_seed ^= disturb_seed << 5;

    if (disturb_seed % 1000 == 0) {
        (void) sched_yield();

    } else if (disturb_seed % 20000 == 1) {
        ts.tv_sec = 0;
        ts.tv_nsec = 200000;
        (void) nanosleep(&ts, NULL);

    } else if (deadly && disturb_seed % 50000 == 2) {
        (void) raise(SIGKILL);
    }
}
