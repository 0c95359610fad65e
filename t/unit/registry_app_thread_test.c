
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of sig_registry: threads, each with a handle of its own, that send
 * messages and connect at once, up to a limit and through the turn of a
 * month, for ThreadSanitizer.
 */


#include "registry_region.h"
#include "tap.h"

#include <pthread.h>
#include <stdlib.h>


#define THREADS   4
#define MONTHS    24
#define MESSAGES  2000                 /* of each in a month */
#define QUOTA     5000                 /* of all in a month */
#define CONNS     40                   /* of each in a month */
#define PLACES    100                  /* for all */
#define JANUARY   1798761600           /* 2027, UTC */


typedef struct {
    sig_registry_t     r;
    uint32_t           passed;         /* messages, of one month */
    uint32_t           admitted;
    uint32_t           wrong;
    sig_ref_t          conn[CONNS];
    uint32_t           conns;
} thread_t;


static void *live(void *data);
static void month(thread_t *t, int64_t now);
static void look(uint32_t n, int64_t now);
static int64_t first_of(uint32_t n);
static void thread_lock(void *ctx);
static void thread_unlock(void *ctx);


static region_t           region;
static thread_t           threads[THREADS];
static pthread_mutex_t    lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t  barrier;
static uint32_t           faults;


/* months of 2027 and 2028 */

static int64_t
first_of(uint32_t n)
{
    int64_t       now;
    uint32_t      i;
    sig_period_t  period;

    now = JANUARY;

    for (i = 0; i < n; i++) {
        sig_period_at(&period, now);
        now = period.end;
    }

    return now;
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


/* all begin a month at once, and look at it when all have done with it */

static void *
live(void *data)
{
    thread_t *t = data;

    uint32_t  n;

    for (n = 0; n < MONTHS; n++) {
        (void) pthread_barrier_wait(&barrier);

        month(t, first_of(n));

        (void) pthread_barrier_wait(&barrier);

        if (t == threads) {
            look(n, first_of(n));
        }

        (void) pthread_barrier_wait(&barrier);

        while (t->conns > 0) {
            if (sig_registry_disconnect(&t->r, t->conn[--t->conns])
                != SIG_REGISTRY_OK)
            {
                t->wrong++;
            }
        }
    }

    return NULL;
}


static void
month(thread_t *t, int64_t now)
{
    int           rc;
    char          name[32];
    slice_t       id, none;
    uint32_t      i, n;
    sig_target_t  others[SIG_PEER_CONNECTIONS];

    t->passed = 0;
    t->admitted = 0;
    none = text("");

    for (i = 0; i < MESSAGES; i++) {
        rc = sig_registry_message(&t->r, region.app, now);

        t->passed += rc == SIG_REGISTRY_OK;
        t->wrong += rc != SIG_REGISTRY_OK && rc != SIG_REGISTRY_LIMIT;

        if (i >= CONNS) {
            continue;
        }

        (void) snprintf(name, sizeof(name), "%u-%u", t->r.pid, i);
        id = text(name);

        rc = sig_registry_connect(&t->r, region.app, &id, &none, 0, i,
                                  &t->conn[t->conns], others, &n);

        t->wrong += rc != SIG_REGISTRY_OK && rc != SIG_REGISTRY_LIMIT;

        if (rc == SIG_REGISTRY_OK) {
            t->admitted++;
            t->conns++;
        }
    }
}


static void
look(uint32_t n, int64_t now)
{
    uint32_t     i, passed, admitted;
    sig_usage_t  usage;

    passed = 0;
    admitted = 0;

    for (i = 0; i < THREADS; i++) {
        passed += threads[i].passed;
        admitted += threads[i].admitted;
    }

    sig_registry_usage(&threads[0].r, region.app, now, &usage);

    if (usage.messages != THREADS * MESSAGES || passed != QUOTA
        || usage.connections != PLACES || admitted != PLACES
        || usage.peak != PLACES
        || sig_registry_check(&threads[0].r) != NULL)
    {
        printf("# month %u: %u of %u messages, %u connections of %u, "
               "peak %u\n", n, passed, (uint32_t) usage.messages,
               usage.connections, admitted, usage.peak);
        faults++;
    }
}


int
main(void)
{
    uint32_t   i, wrong;
    pthread_t  thread[THREADS];

    region_make(&region, sig_registry_min_size(THREADS), THREADS);

    if (pthread_barrier_init(&barrier, NULL, THREADS) != 0) {
        abort();
    }

    for (i = 0; i < THREADS; i++) {
        worker(&region, &threads[i].r, i + 1);

        threads[i].r.lock.lock = thread_lock;
        threads[i].r.lock.unlock = thread_unlock;
    }

    if (sig_registry_app_limits(&threads[0].r, region.app, PLACES, QUOTA, 0)
        != SIG_REGISTRY_OK)
    {
        abort();
    }

    for (i = 0; i < THREADS; i++) {
        if (pthread_create(&thread[i], NULL, live, &threads[i]) != 0) {
            abort();
        }
    }

    wrong = 0;

    for (i = 0; i < THREADS; i++) {
        (void) pthread_join(thread[i], NULL);
        wrong += threads[i].wrong;
    }

    ok(faults == 0, "every month has exactly its messages and connections");
    ok(wrong == 0, "nothing else was in the way");

    region_free(&region);

    return tap_done();
}
