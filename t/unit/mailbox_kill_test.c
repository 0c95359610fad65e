
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of sig_mailbox: processes that send to each other at full speed while
 * a parent kills them at random moments, stops them and starts new ones in
 * their slots.  Every other one is slowed down between two steps of the
 * mailbox, and may die there.
 *
 *     mailbox_kill_test [deaths [workers [seed]]]
 *
 * Each process is one incarnation of its slot.  It numbers what it posts to
 * each destination, and writes into a ledger in shared memory how many it has
 * posted.  A receiver expects from an incarnation consecutive numbers: from 0
 * when it was there before the sender, from anywhere when it came later.
 * When a later incarnation appears, or at the end, it must have had all that
 * the ledger tells.
 */


#define _GNU_SOURCE

#include "mailbox_kill.h"

#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>


#define DEATHS        3000
#define WORKERS       5
#define CALM_HOPS     20000
#define DEADLINE_SEC  300


typedef struct {
    ledger_t       *ledger;
    u_char         *region;
    size_t          size;
    uint32_t        nworkers;
    int             wake[KILL_WORKERS_MAX];
    pid_t           pid[KILL_WORKERS_MAX];
    unsigned        stopped;           /* bit for each worker */
    unsigned        seed;
    unsigned        crashes;
    unsigned        suicides;
    sig_mailbox_t   mb;                /* to reap with */
} parent_t;


static void parent_init(parent_t *p);
static void spawn(parent_t *p, uint32_t slot);
static void kill_one(parent_t *p);
static int find_dead(parent_t *p, uint32_t *slot);
static void check_status(parent_t *p, uint32_t slot, int status);
static void stop_or_continue(parent_t *p);
static void nap(parent_t *p, unsigned usec_max);
static int wait_settled(parent_t *p);
static int wait_calm(parent_t *p);
static void set_phase(parent_t *p, uint32_t phase);
static void collect(parent_t *p);
static void report(parent_t *p, unsigned deaths);
static time_t now_sec(void);


int
main(int argc, char **argv)
{
    int          calm, settled;
    time_t       end;
    unsigned     deaths, n;
    parent_t     p;
    uint32_t     slot;

    memset(&p, 0, sizeof(p));

    deaths = (argc > 1) ? (unsigned) strtoul(argv[1], NULL, 10) : DEATHS;
    p.nworkers = (argc > 2) ? (uint32_t) strtoul(argv[2], NULL, 10) : WORKERS;
    p.seed = (argc > 3) ? (unsigned) strtoul(argv[3], NULL, 10) : 1;

    if (p.nworkers < 2 || p.nworkers > KILL_WORKERS_MAX
        || deaths >= KILL_INCARNATIONS)
    {
        fprintf(stderr, "2 to %d workers, less than %d deaths\n",
                KILL_WORKERS_MAX, KILL_INCARNATIONS);
        return 2;
    }

    parent_init(&p);

    for (slot = 0; slot < p.nworkers; slot++) {
        spawn(&p, slot);
    }

    end = now_sec() + DEADLINE_SEC + deaths / 10;

    for (n = 0; n < deaths && now_sec() < end; n++) {
        stop_or_continue(&p);
        kill_one(&p);
    }

    set_phase(&p, PHASE_SETTLE);
    settled = wait_settled(&p);
    set_phase(&p, PHASE_CALM);
    calm = settled && wait_calm(&p);
    set_phase(&p, PHASE_END);
    collect(&p);

    ok(n == deaths, "as many deaths as asked for");
    ok(settled, "the last generation comes up");
    ok(calm, "tokens go round between sleeping workers");
    report(&p, n);

    return plan();
}


static void
parent_init(parent_t *p)
{
    uint32_t  i;

    p->size = sig_mailbox_size(p->nworkers, KILL_RING, KILL_ARENA);
    p->region = mmap(NULL, p->size, PROT_READ|PROT_WRITE,
                     MAP_ANON|MAP_SHARED, -1, 0);
    p->ledger = mmap(NULL, sizeof(ledger_t), PROT_READ|PROT_WRITE,
                     MAP_ANON|MAP_SHARED, -1, 0);

    if (p->region == MAP_FAILED || p->ledger == MAP_FAILED
        || sig_mailbox_create(p->region, p->size, p->nworkers, KILL_RING,
                              KILL_ARENA)
           != SIG_MAILBOX_OK
        || sig_mailbox_attach(&p->mb, p->region, p->size) != SIG_MAILBOX_OK)
    {
        perror("shared memory");
        exit(2);
    }

    for (i = 0; i < p->nworkers; i++) {
        p->wake[i] = eventfd(0, EFD_NONBLOCK|EFD_CLOEXEC);
        if (p->wake[i] == -1) {
            perror("eventfd");
            exit(2);
        }
    }
}


static void
spawn(parent_t *p, uint32_t slot)
{
    pid_t     pid, parent;
    uint32_t  inc;

    inc = atomic_fetch_add(&p->ledger->inc[slot], 1) + 1;
    parent = getpid();

    fflush(stdout);

    pid = fork();

    if (pid == -1) {
        perror("fork");
        exit(2);
    }

    if (pid == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1 || getppid() != parent) {
            _exit(3);
        }

        _exit(kill_worker(p->ledger, p->region, p->size, p->nworkers, slot,
                          inc, p->wake));
    }

    p->pid[slot] = pid;
}


static void
kill_one(parent_t *p)
{
    int       status;
    uint32_t  slot;

    if (!find_dead(p, &slot)) {
        slot = (uint32_t) rand_r(&p->seed) % p->nworkers;

        if (kill(p->pid[slot], SIGKILL) == -1
            || waitpid(p->pid[slot], &status, 0) == -1)
        {
            perror("kill");
            exit(2);
        }

        check_status(p, slot, status);
    }

    /*
     * A slot is taken over at once, or it is reaped first; and now and then
     * the next owner dies while it is opening it.
     */

    if (rand_r(&p->seed) % 2 == 0) {
        sig_mailbox_close(&p->mb, slot);
        nap(p, 1000);
    }

    spawn(p, slot);

    switch (rand_r(&p->seed) % 64) {

    case 0:
        nap(p, 200000);
        break;

    case 1: case 2: case 3: case 4: case 5: case 6: case 7: case 8:
        break;

    default:
        nap(p, 4000);
        break;
    }
}


/* one that has died by itself */

static int
find_dead(parent_t *p, uint32_t *slot)
{
    int    status;
    pid_t  pid;

    pid = waitpid(-1, &status, WNOHANG);

    for (*slot = 0; *slot < p->nworkers; (*slot)++) {
        if (pid > 0 && p->pid[*slot] == pid) {
            p->suicides++;
            check_status(p, *slot, status);
            return 1;
        }
    }

    return 0;
}


static void
check_status(parent_t *p, uint32_t slot, int status)
{
    p->stopped &= ~(1u << slot);

    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
        printf("# worker %u: status 0x%x\n", slot, (unsigned) status);
        p->crashes++;
    }
}


static void
stop_or_continue(parent_t *p)
{
    uint32_t  slot;

    slot = (uint32_t) rand_r(&p->seed) % p->nworkers;

    if (p->stopped & 1u << slot) {
        (void) kill(p->pid[slot], SIGCONT);
        p->stopped &= ~(1u << slot);
        return;
    }

    if (rand_r(&p->seed) % 8 == 0) {
        (void) kill(p->pid[slot], SIGSTOP);
        p->stopped |= 1u << slot;
    }
}


static void
nap(parent_t *p, unsigned usec_max)
{
    struct timespec  ts;

    ts.tv_sec = 0;
    ts.tv_nsec = (long) (rand_r(&p->seed) % usec_max) * 1000;

    (void) nanosleep(&ts, NULL);
}


/* until all are awake and none is going to die by itself any more */

static int
wait_settled(parent_t *p)
{
    time_t    end;
    uint32_t  slot, dead;

    end = now_sec() + DEADLINE_SEC;

    for (slot = 0; slot < p->nworkers; slot++) {
        (void) kill(p->pid[slot], SIGCONT);
    }

    for (slot = 0; slot < p->nworkers; slot++) {

        while (atomic_load(&p->ledger->settled[slot])
               != atomic_load(&p->ledger->inc[slot]))
        {
            if (now_sec() > end) {
                return 0;
            }

            if (find_dead(p, &dead)) {
                spawn(p, dead);
            }

            nap(p, 1000);
        }
    }

    return 1;
}


static int
wait_calm(parent_t *p)
{
    time_t  end;

    end = now_sec() + DEADLINE_SEC;

    while (atomic_load(&p->ledger->hops) < CALM_HOPS) {

        if (now_sec() > end) {
            return 0;
        }

        nap(p, 10000);
    }

    return 1;
}


static void
set_phase(parent_t *p, uint32_t phase)
{
    uint32_t  slot;
    uint64_t  one;

    one = 1;
    atomic_store(&p->ledger->phase, phase);

    for (slot = 0; slot < p->nworkers; slot++) {
        if (write(p->wake[slot], &one, sizeof(one)) == -1) {
            perror("write to an eventfd");
        }
    }
}


static void
collect(parent_t *p)
{
    int       status;
    time_t    end;
    pid_t     pid;
    uint32_t  slot;

    end = now_sec() + DEADLINE_SEC;

    for (slot = 0; slot < p->nworkers; slot++) {

        do {
            nap(p, 1000);
            pid = waitpid(p->pid[slot], &status, WNOHANG);
        } while (pid == 0 && now_sec() < end);

        if (pid == 0) {
            printf("# worker %u does not end\n", slot);
            (void) kill(p->pid[slot], SIGKILL);
            (void) waitpid(p->pid[slot], &status, 0);
            p->crashes++;

        } else if (pid == -1 || status != 0) {
            printf("# worker %u: status 0x%x\n", slot, (unsigned) status);
            p->crashes++;
        }
    }
}


static void
report(parent_t *p, unsigned deaths)
{
    ledger_t  *l;

    l = p->ledger;

    printf("# %u deaths, %u of them within the mailbox\n"
           "# records: %llu posted, %llu read; %llu times nobody was there,\n"
           "# %llu times full; %llu wakes, %llu times only a tick found any\n",
           deaths, p->suicides,
           (unsigned long long) atomic_load(&l->posts),
           (unsigned long long) atomic_load(&l->received),
           (unsigned long long) atomic_load(&l->gone),
           (unsigned long long) atomic_load(&l->full),
           (unsigned long long) atomic_load(&l->wakes),
           (unsigned long long) atomic_load(&l->rescued));

    ok(p->crashes == 0, "nobody died but by the parent's hand");
    ok(atomic_load(&l->received) > 10ull * deaths, "records were read");
    ok(deaths < 500 || (atomic_load(&l->gone) && atomic_load(&l->full)),
       "slots were found closed, rings and arenas full");
    ok(deaths < 500 || p->suicides != 0, "some died within the mailbox");

    ok(atomic_load(&l->faults[FAULT_TORN]) == 0, "no record was torn");
    ok(atomic_load(&l->faults[FAULT_FOREIGN]) == 0,
       "no record was somebody else's");
    ok(atomic_load(&l->faults[FAULT_TWICE]) == 0, "no record came twice");
    ok(atomic_load(&l->faults[FAULT_LOST]) == 0,
       "no record was lost between workers that lived");
    ok(atomic_load(&l->faults[FAULT_LEFT]) == 0,
       "a look at everybody leaves nothing behind");
    ok(atomic_load(&l->faults[FAULT_ASLEEP]) == 0,
       "nobody sleeps over a record when all live");
}


static time_t
now_sec(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return ts.tv_sec;
}
