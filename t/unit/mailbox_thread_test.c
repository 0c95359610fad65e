
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of sig_mailbox: threads as owners of slots, for ThreadSanitizer.  Two
 * threads live throughout, the third one's slot changes its owner again and
 * again.  Nobody looks without being woken; so a wake-up that is missing ends
 * in the deadline.  Every now and then one rests with a record in its hand,
 * until others take it for stalled and move what it has not read.
 */


#include "mailbox_region.h"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>


#define SLOTS         3
#define ARENA         16384
#define RECORDS       40000            /* of a thread that lives throughout */
#define LIFE          400              /* of the others */
#define REST          2000             /* records from one rest to the next */
#define DEADLINE_SEC  300


typedef struct {
    uint32_t          slot;
    uint32_t          life;
    uint32_t          number[SLOTS];   /* posted to each of the others */
    uint32_t          heard[SLOTS];    /* the last one of each */
    uint32_t          heard_life;      /* of the third slot */
    uint32_t          rested;
    uint32_t          stalls;          /* of others, when it was full */
    unsigned          seed;
    sig_mailbox_t     mb;
} thread_t;


typedef struct {
    uint32_t          life;
    uint32_t          number;
} head_t;


static void *live(void *data);
static int say(thread_t *t);
static void watch(thread_t *t);
static void listen(thread_t *t);
static void rest(void);
static void hear(thread_t *t, uint32_t src, slice_t *record);
static void wrong(const char *text);


static region_t          region;
static _Atomic uint32_t  event[SLOTS];
static _Atomic uint32_t  heard_all;    /* threads that have heard the other */
static _Atomic uint32_t  watches;
static _Atomic uint32_t  faults;


int
main(void)
{
    uint32_t         i, lives;
    uint64_t         torn;
    pthread_t        id[SLOTS];
    static thread_t  threads[SLOTS];

    /* bounds a hang, decides nothing else */
    (void) alarm(DEADLINE_SEC);

    region_make(&region, SLOTS, ARENA);
    sig_mailbox_close(&region.mb[2], 2);

    for (i = 0; i < 2; i++) {
        threads[i].slot = i;
        threads[i].mb = region.mb[i];

        if (pthread_create(&id[i], NULL, live, &threads[i]) != 0) {
            abort();
        }
    }

    lives = 0;
    torn = 0;

    while (atomic_load(&heard_all) != 2) {

        memset(&threads[2], 0, sizeof(thread_t));
        threads[2].slot = 2;
        threads[2].life = ++lives;

        if (sig_mailbox_attach(&threads[2].mb, region.base, region.size)
            != SIG_MAILBOX_OK
            || pthread_create(&id[2], NULL, live, &threads[2]) != 0)
        {
            abort();
        }

        (void) pthread_join(id[2], NULL);

        if (lives % 2) {
            sig_mailbox_close(&region.mb[0], 2);
        }
    }

    for (i = 0; i < SLOTS; i++) {
        if (i != 2) {
            (void) pthread_join(id[i], NULL);
        }

        torn += sig_mailbox_torn(&threads[i].mb);
    }

    printf("# %u owners of the third slot, %u and %u times stalled\n", lives,
           threads[0].stalls, threads[1].stalls);

    ok(lives > 5, "the third slot has changed its owner");
    ok(torn == 0, "no record was torn");
    ok(faults == 0, "records came whole, once and in order");
    ok(threads[0].heard[1] == RECORDS && threads[1].heard[0] == RECORDS,
       "all came between the threads that lived");

    region_free(&region);

    return plan();
}


static void *
live(void *data)
{
    int        done, reported;
    uint32_t   i;
    thread_t  *t = data;

    t->seed = t->slot * 100 + t->life;

    /* the others are open before anybody posts */

    if (t->slot == 2) {
        sig_mailbox_open(&t->mb, 2);
    }

    /* whoever was here may have owed a wake-up */

    for (i = 0; i < SLOTS; i++) {
        atomic_store(&event[i], 1);
    }

    done = 0;
    reported = 0;

    while (!done) {

        if (!say(t)) {
            (void) sched_yield();
        }

        if (atomic_exchange(&event[t->slot], 0)) {
            listen(t);
        }

        if (t->slot == 2) {
            done = t->number[0] + t->number[1] >= LIFE;
            done |= (atomic_load(&heard_all) == 2);
            continue;
        }

        if (!reported && t->heard[1 - t->slot] == RECORDS) {
            reported = 1;
            atomic_fetch_add(&heard_all, 1);
        }

        done = (atomic_load(&heard_all) == 2);
    }

    return NULL;
}


/* posts to both or to one; returns whether it could */

static int
say(thread_t *t)
{
    int       wake;
    size_t    len;
    u_char   *p;
    head_t    head;
    uint32_t  dst;

    dst = (t->slot + 1 + (uint32_t) rand_r(&t->seed) % 2) % SLOTS;

    if (dst != 2 && t->slot != 2 && t->number[dst] == RECORDS) {
        return 0;
    }

    len = sizeof(head_t) + (size_t) rand_r(&t->seed) % 700;
    p = sig_mailbox_reserve(&t->mb, len);

    if (p == NULL) {
        watch(t);
        return 0;
    }

    head.life = t->life;
    head.number = t->number[dst] + 1;

    pattern_write(p, len, head.number);
    memcpy(p, &head, sizeof(head_t));

    if (region_post(&t->mb, dst, &wake) != SIG_MAILBOX_OK) {
        watch(t);
        return 0;
    }

    t->number[dst]++;

    if (wake) {
        atomic_store(&event[dst], 1);
    }

    return 1;
}


static void
watch(thread_t *t)
{
    sig_mailbox_watch(&t->mb);
    t->stalls += (t->mb.stalled != 0);

    (void) atomic_fetch_add(&watches, 1);
}


static void
listen(thread_t *t)
{
    slice_t   record;
    uint32_t  src;

    sig_mailbox_begin(&t->mb, 0);

    while (sig_mailbox_next(&t->mb, &src, &record)) {

        if (t->slot != 2 && ++t->rested % REST == 0) {
            rest();
        }

        hear(t, src, &record);
    }
}


/* as if stopped; not for ever, since others may have nothing to say */

static void
rest(void)
{
    int       i;
    uint32_t  before;

    before = atomic_load(&watches);

    for (i = 0; i < 10000; i++) {

        if (atomic_load(&watches) - before > 4 * SIG_MAILBOX_STALLED) {
            break;
        }

        (void) sched_yield();
    }
}


static void
hear(thread_t *t, uint32_t src, slice_t *record)
{
    size_t  i;
    head_t  head;

    if (record->len < sizeof(head_t)) {
        wrong("a short record");
        return;
    }

    memcpy(&head, record->data, sizeof(head_t));

    for (i = sizeof(head_t); i < record->len; i++) {
        if (record->data[i] != pattern_byte(head.number, i)) {
            wrong("not whole");
            return;
        }
    }

    if (src == 2 && head.life != t->heard_life) {
        if (head.life < t->heard_life || head.number != 1) {
            wrong("a new owner");
        }

        t->heard_life = head.life;
        t->heard[src] = head.number;
        return;
    }

    /* who came later does not know where the others are */

    if (head.number != t->heard[src] + 1
        && (t->slot != 2 || t->heard[src] != 0))
    {
        wrong("number");
    }

    t->heard[src] = head.number;
}


static void
wrong(const char *text)
{
    if (atomic_fetch_add(&faults, 1) < 5) {
        printf("# %s\n", text);
    }
}
