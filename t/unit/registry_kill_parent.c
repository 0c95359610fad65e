
/*
 * Copyright (C) The ngx_signaling authors
 */


#define _GNU_SOURCE

#include "random.h"
#include "registry_check.h"
#include "registry_kill.h"
#include "sig_registry_node.h"
#include "tap.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>


#define SIZE           ((size_t) 2 << 20)
#define CHECK          400             /* deaths from one look to the next */
#define DEADLINE_SEC   120             /* without any progress */
#define DECEMBER       1796083200      /* 2026, UTC */
#define PLACES         60              /* for connections, in some months */


static void make(void);
static void *shared(size_t size);
static uint32_t chance(uint32_t n);
static void spawn(uint32_t index);
static void wait_children(long nsec);
static void buried(pid_t dead, int status);
static void run(void);
static void murder(void);
static void look(void);
static void look_at_usage(void);
static int all_paused(void);
static void end(void);
static void report(void);


static u_char          *region;
static ledger_t        *ledger;
static sig_registry_t   master;
static sigset_t         chld;
static pid_t            pids[WORKERS_MAX];
static uint32_t         nworkers;
static uint32_t         nrunning;
static uint32_t         wanted;
static uint32_t         deaths;
static uint32_t         inside;
static uint32_t         looks;
static uint32_t         unsound;
static uint32_t         miscounted;
static uint32_t         month_deaths;  /* before this month */
static uint32_t         places;        /* in this month, or 0 */
static uint32_t         crashed;
static uint32_t         touched;
static uint64_t         state;
static size_t           empty;
static int              ending;


static void
make(void)
{
    int            rc;
    u_char         seed[16];
    slice_t        name;

    region = shared(SIZE);
    ledger = shared(sizeof(ledger_t));

    memset(seed, 's', sizeof(seed));
    name.data = (u_char *) "default";
    name.len = 7;

    rc = sig_registry_create(region, SIZE, WORKER_SLOTS, seed);

    if (rc != SIG_REGISTRY_OK
        || kill_attach(&master, ledger, region, SIZE) != SIG_REGISTRY_OK
        || sig_registry_app(&master, &name, &ledger->app)
           != SIG_REGISTRY_OK)
    {
        abort();
    }

    ledger->now = DECEMBER;
    empty = sig_store_bytes_free(&master.store);
}


static void *
shared(size_t size)
{
    void  *p;

    p = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1,
             0);

    if (p == MAP_FAILED) {
        abort();
    }

    return p;
}


static uint32_t
chance(uint32_t n)
{
    return random_below(&state, n);
}


static void
spawn(uint32_t index)
{
    int    faulty;
    pid_t  pid;

    faulty = chance(2) == 0;
    ledger->paused[index] = 0;

    (void) fflush(stdout);
    pid = fork();

    if (pid == -1) {
        abort();
    }

    if (pid == 0) {
        (void) sigprocmask(SIG_UNBLOCK, &chld, NULL);
        _exit(kill_worker(ledger, region, SIZE, index,
                          state ^ (uint64_t) getpid() << 20, faulty));
    }

    pids[index] = pid;
    nrunning++;
}


/* as the master of nginx: sees who has died, frees his lock, starts another */

static void
wait_children(long nsec)
{
    int              status;
    pid_t            pid;
    struct timespec  ts;

    ts.tv_sec = nsec / 1000000000;
    ts.tv_nsec = nsec % 1000000000;

    (void) sigtimedwait(&chld, NULL, &ts);

    for ( ;; ) {
        pid = waitpid(-1, &status, WNOHANG);

        if (pid <= 0) {
            return;
        }

        buried(pid, status);
    }
}


static void
buried(pid_t dead, int status)
{
    uint32_t  i, owner;

    owner = (uint32_t) dead;

    inside += sig_head(&master)->busy == owner;

    (void) __atomic_compare_exchange_n(&ledger->lock, &owner, 0, 0,
                                       __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);

    for (i = 0; i < nworkers; i++) {
        if (pids[i] == dead) {
            pids[i] = 0;
            nrunning--;
            break;
        }
    }

    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
        deaths++;

    } else if (!ending || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        crashed++;
        printf("# worker %u ended with status %d\n", i, status);
    }

    if (!ending) {
        spawn(i);
    }
}


static void
run(void)
{
    time_t    last;
    uint32_t  i, next, before;

    for (i = 0; i < nworkers; i++) {
        spawn(i);
    }

    next = CHECK;
    last = time(NULL);

    while (deaths < wanted && crashed == 0 && ledger->failures == 0
           && unsound == 0 && miscounted == 0)
    {
        before = deaths;
        wait_children(chance(4000000));

        if (chance(3) == 0) {
            murder();
        }

        if (deaths != before) {
            last = time(NULL);

        } else if (time(NULL) - last > DEADLINE_SEC) {
            printf("# nobody dies any more\n");
            crashed++;
        }

        if (deaths >= next) {
            look();
            next = deaths + CHECK;
        }
    }
}


/* at any moment, or of those when somebody has the lock */

static void
murder(void)
{
    uint32_t  i, n, owner;

    if (chance(3) == 0) {
        (void) kill(pids[chance(nworkers)], SIGKILL);
        return;
    }

    for (n = 0; n < 100000; n++) {
        owner = __atomic_load_n(&ledger->lock, __ATOMIC_RELAXED);

        for (i = 0; i < nworkers; i++) {
            if ((uint32_t) pids[i] == owner) {
                (void) kill(pids[i], SIGKILL);
                return;
            }
        }
    }
}


/* all stop between two operations, the dead are reaped, and it is counted */

static void
look(void)
{
    time_t                 last;
    uint32_t               i, conns, members, leaving;
    const char            *what;
    sig_registry_stats_t   stats;

    __atomic_store_n(&ledger->generation, ledger->generation + 1,
                     __ATOMIC_RELEASE);
    __atomic_store_n(&ledger->phase, PHASE_PAUSE, __ATOMIC_RELEASE);

    last = time(NULL);

    while (!all_paused()) {
        wait_children(200000);

        if (time(NULL) - last > DEADLINE_SEC) {
            printf("# somebody does not stop\n");
            crashed++;
            return;
        }
    }

    looks++;

    what = sig_registry_check(&master);

    if (what == NULL) {
        worker_reap(&master, ledger, 1);
        what = sig_registry_check(&master);
    }

    if (what != NULL) {
        printf("# %s\n", what);
        unsound++;
    }

    conns = 0;
    members = 0;
    leaving = 0;

    for (i = 0; i < nworkers; i++) {
        conns += ledger->conns[i];
        members += ledger->members[i];
        leaving += ledger->leaving[i];
    }

    sig_registry_stats(&master, &stats);

    if (stats.connections != conns || stats.members != members
        || stats.leaving != leaving)
    {
        printf("# connections %u of %u, members %u of %u, "
               "leaving %u of %u\n",
               stats.connections, conns, stats.members, members,
               stats.leaving, leaving);
        miscounted++;
    }

    look_at_usage();

    if (looks == 2) {
        touched = master.store.head->touched;
    }

    __atomic_store_n(&ledger->phase, PHASE_RUN, __ATOMIC_RELEASE);
}


/* the month's usage; then another one begins, in which it may be limited */

static void
look_at_usage(void)
{
    uint64_t      more;
    sig_usage_t   usage;

    sig_registry_usage(&master, ledger->app, ledger->now, &usage);

    more = usage.messages - ledger->messages;

    if (more > deaths - month_deaths || usage.peak < usage.connections
        || (places != 0 && usage.peak > places))
    {
        printf("# messages %llu of %llu, deaths %u, connections %u, peak %u "
               "of %u\n",
               (unsigned long long) usage.messages,
               (unsigned long long) ledger->messages, deaths - month_deaths,
               usage.connections, usage.peak, places);
        miscounted++;
    }

    ledger->now = usage.period_end;
    ledger->messages = 0;
    month_deaths = deaths;
    places = usage.connections <= PLACES && looks % 2 ? PLACES : 0;

    if (sig_registry_app_limits(&master, ledger->app, places, 1000, 0)
        != SIG_REGISTRY_OK)
    {
        miscounted++;
    }
}


static int
all_paused(void)
{
    uint32_t  i;

    for (i = 0; i < nworkers; i++) {
        if (__atomic_load_n(&ledger->paused[i], __ATOMIC_ACQUIRE)
            != ledger->generation)
        {
            return 0;
        }
    }

    return 1;
}


static void
end(void)
{
    time_t                 last;
    uint32_t               i;
    sig_registry_stats_t   stats;

    if (crashed == 0) {
        look();
    }

    ending = 1;
    last = time(NULL);
    __atomic_store_n(&ledger->phase, PHASE_END, __ATOMIC_RELEASE);

    while (nrunning > 0 && time(NULL) - last <= DEADLINE_SEC) {
        wait_children(1000000);
    }

    ok(nrunning == 0, "who lives comes to an end");

    for (i = 0; i < nworkers; i++) {
        if (pids[i] > 0) {
            (void) kill(pids[i], SIGKILL);
        }
    }

    while (nrunning > 0) {
        wait_children(1000000);
    }

    worker_reap(&master, ledger, 1);
    (void) sig_registry_publish_keys(&master, 0, NULL, 0);
    sig_registry_stats(&master, &stats);

    ok(sig_registry_check(&master) == NULL, "sound in the end");

    ok(stats.peers == 0 && stats.connections == 0 && stats.rooms == 0
       && stats.members == 0 && stats.leaving == 0
       && stats.bytes_free == empty - SIG_NODE_MIN,
       "nothing is left in the end");

    for (i = 0; i < WORKER_SLOTS; i++) {
        if (sig_registry_slot(&master, i)->state != SIG_SLOT_FREE) {
            break;
        }
    }

    ok(i == WORKER_SLOTS, "every slot is free in the end");
}


static void
report(void)
{
    printf("# %u deaths, %u with the lock, %llu of them at a chosen place; "
           "%llu rebuilds by workers\n",
           deaths, inside, (unsigned long long) ledger->faults,
           (unsigned long long) ledger->rebuilds);

    printf("# %llu operations, %llu slots reaped, %llu departures, "
           "%llu starts without a slot, full %llu times, "
           "at the limit %llu times\n",
           (unsigned long long) ledger->operations,
           (unsigned long long) ledger->slots,
           (unsigned long long) ledger->reaped,
           (unsigned long long) ledger->homeless,
           (unsigned long long) ledger->full,
           (unsigned long long) ledger->limited);

    printf("# %u looks; pages touched: %u at the second, %u in the end, "
           "of %u\n",
           looks, touched, master.store.head->touched, master.store.npages);
}


int
kill_parent(int argc, char **argv, uint32_t usual)
{
    wanted = argc > 1 ? (uint32_t) strtoul(argv[1], NULL, 10) : usual;
    nworkers = argc > 2 ? (uint32_t) strtoul(argv[2], NULL, 10) : 4;
    state = argc > 3 ? strtoull(argv[3], NULL, 10) : (uint64_t) time(NULL);

    if (nworkers == 0 || nworkers > WORKERS_MAX) {
        return 2;
    }

    printf("# seed %llu\n", (unsigned long long) state);

    (void) sigemptyset(&chld);
    (void) sigaddset(&chld, SIGCHLD);
    (void) sigprocmask(SIG_BLOCK, &chld, NULL);

    make();
    run();

    ok(deaths >= wanted, "as many deaths as wanted");
    ok(inside > deaths / 100, "many of them with the lock");
    ok(crashed == 0, "nobody ended in any other way");
    ok(ledger->failures == 0, "everybody always found what was his own");

    end();

    ok(unsound == 0 && looks > 1, "sound whenever somebody looked");
    ok(miscounted == 0, "nothing was lost and nothing was left by the dead");
    ok(crashed == 0 && master.store.head->touched <= touched + touched / 4,
       "no more pages than in the beginning");

    report();

    return tap_done();
}
