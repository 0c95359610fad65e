
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of sig_mailbox: the space of the arenas.
 */


#define _GNU_SOURCE

#include "mailbox_region.h"

#include <sys/mman.h>
#include <unistd.h>


#define ARENA       8192
#define RECORD_MAX  (ARENA / 4 - 16)
#define QUEUE       REGION_RING


/* what has been posted and not been read yet, of one pair */

typedef struct {
    uint32_t        number[QUEUE];
    size_t          len[QUEUE];
    unsigned        first;
    unsigned        n;
} queue_t;


static void test_full_arena(void);
static void test_share(void);
static void test_slow_receiver(void);
static void test_in_hand(void);
static void test_not_posted(void);
static void test_lengths(void);
static void test_longest(void);
static void test_wrap(void);
static int wrap_post(region_t *r, queue_t *queue, uint32_t number);
static int wrap_read(region_t *r, queue_t *queue, uint32_t dst);
static void test_untouched(void);


static unsigned  seed = 1;


static void
test_full_arena(void)
{
    int       i, pass, wake;
    u_char   *p;
    slice_t   record;
    uint32_t  src;
    region_t  r;

    region_make(&r, 4, ARENA);
    pass = 1;

    for (i = 0; i < 2; i++) {
        p = sig_mailbox_reserve(&r.mb[0], RECORD_MAX);
        pass &= (p != NULL);
        if (p != NULL) {
            pattern_write(p, RECORD_MAX, i);
            pass &= region_post(&r.mb[0], 1 + i, &wake)
                    == SIG_MAILBOX_OK;
        }
    }

    pass &= sig_mailbox_reserve(&r.mb[0], 8) == NULL
            && region_post(&r.mb[0], 1, &wake) == SIG_MAILBOX_BAD;

    ok(pass, "full arena: two quarters for two receivers, then NULL");

    sig_mailbox_begin(&r.mb[1], 0);
    pass = sig_mailbox_next(&r.mb[1], &src, &record)
           && pattern_is(&record, RECORD_MAX, 0)
           && sig_mailbox_reserve(&r.mb[0], 8) == NULL;
    sig_mailbox_end(&r.mb[1]);
    p = sig_mailbox_reserve(&r.mb[0], RECORD_MAX);
    pass &= (p != NULL);

    if (p != NULL) {
        pattern_write(p, RECORD_MAX, 3);
        pass &= region_post(&r.mb[0], 1, &wake) == SIG_MAILBOX_OK;
    }

    sig_mailbox_begin(&r.mb[1], 0);
    pass &= sig_mailbox_next(&r.mb[1], &src, &record)
            && pattern_is(&record, RECORD_MAX, 3);

    for (i = 1; i < 2; i++) {
        sig_mailbox_begin(&r.mb[i + 1], 0);
        pass &= sig_mailbox_next(&r.mb[i + 1], &src, &record)
                && pattern_is(&record, RECORD_MAX, i);
    }

    ok(pass, "full arena: space comes back when the record is given back");

    region_free(&r);
}


/* one receiver's quarter of the arena */

static void
test_share(void)
{
    int       i, pass, wake;
    slice_t   record;
    uint32_t  src;
    region_t  r;

    region_make(&r, 3, ARENA);
    pass = 1;

    for (i = 0; i < 2; i++) {
        pass &= sig_mailbox_reserve(&r.mb[0], RECORD_MAX / 2 - 24) != NULL
                && region_post(&r.mb[0], 1, &wake) == SIG_MAILBOX_OK;
    }

    pass &= send_byte(&r.mb[0], 1, 1, &wake) == SIG_MAILBOX_OK;
    pass &= send_byte(&r.mb[0], 1, 2, &wake) == SIG_MAILBOX_AGAIN;
    pass &= send_byte(&r.mb[0], 2, 3, &wake) == SIG_MAILBOX_OK;

    ok(pass, "share: a quarter of the arena, others have theirs");

    sig_mailbox_begin(&r.mb[1], 0);
    pass = sig_mailbox_next(&r.mb[1], &src, &record)
           && sig_mailbox_next(&r.mb[1], &src, &record)
           && send_byte(&r.mb[0], 1, 4, &wake) == SIG_MAILBOX_OK;

    for (i = 1; i < 5 && pass; i += 3) {
        pass = read_byte(&r.mb[1], &src) == i;
    }

    ok(pass && read_byte(&r.mb[1], &src) == -1,
       "share: comes back with what is read");

    /* its next sender knows what is unread, its next owner has all of it */

    (void) drain(&r.mb[2], 0);

    pass &= sig_mailbox_reserve(&r.mb[0], RECORD_MAX) != NULL
            && region_post(&r.mb[0], 1, &wake) == SIG_MAILBOX_OK
            && send_byte(&r.mb[0], 2, 3, &wake) == SIG_MAILBOX_OK;

    pass &= send_byte(&r.mb[0], 1, 5, &wake) == SIG_MAILBOX_AGAIN;
    sig_mailbox_open(&r.mb[0], 0);
    pass &= send_byte(&r.mb[0], 1, 5, &wake) == SIG_MAILBOX_AGAIN;
    sig_mailbox_close(&r.mb[1], 1);
    sig_mailbox_open(&r.mb[1], 1);
    pass &= send_byte(&r.mb[0], 1, 6, &wake) == SIG_MAILBOX_OK;

    ok(pass, "share: of the next owners");

    region_free(&r);
}


static void
test_slow_receiver(void)
{
    int       i, pass, wake;
    u_char   *p;
    slice_t   record;
    uint32_t  src;
    region_t  r;

    region_make(&r, 4, ARENA);

    /* slot 1 does not read, slots 2 and 3 do; some records are for two */

    pass = 1;

    for (i = 0; i < 40; i++) {
        pass &= (p = sig_mailbox_reserve(&r.mb[0], 20)) != NULL;
        if (p != NULL) {
            pattern_write(p, 20, i);
            pass &= region_post(&r.mb[0], 1, &wake) == SIG_MAILBOX_OK;
            pass &= i % 3
                    || region_post(&r.mb[0], 3, &wake)
                       == SIG_MAILBOX_OK;
        }

        pass &= send_byte(&r.mb[0], 2, 7, &wake) == SIG_MAILBOX_OK
                && drain(&r.mb[2], 0) == 1;
    }

    while (send_byte(&r.mb[0], 2, 7, &wake) == SIG_MAILBOX_OK) {
        pass &= drain(&r.mb[2], 0) == 1;
    }

    for (i = 1; i < SIG_MAILBOX_STALLED; i++) {
        pass &= send_byte(&r.mb[0], 2, 7, &wake) == SIG_MAILBOX_AGAIN;
        sig_mailbox_watch(&r.mb[0]);
    }

    pass &= send_byte(&r.mb[0], 2, 7, &wake) == SIG_MAILBOX_AGAIN;
    sig_mailbox_watch(&r.mb[0]);

    ok(pass, "slow receiver: its records are waited for, for a time");

    for (i = 0; i < 100 * ARENA / 24 && pass; i++) {
        pass &= send_byte(&r.mb[0], 2, 7, &wake) == SIG_MAILBOX_OK
                && drain(&r.mb[2], 0) == 1;
    }

    ok(pass && r.mb[0].position > 100 * ARENA,
       "slow receiver: others do not wait for it");

    pass = 1;
    sig_mailbox_begin(&r.mb[1], 0);
    sig_mailbox_begin(&r.mb[3], 0);

    for (i = 0; i < 40; i++) {
        pass &= sig_mailbox_next(&r.mb[1], &src, &record)
                && pattern_is(&record, 20, i);
        pass &= i % 3 || (sig_mailbox_next(&r.mb[3], &src, &record)
                          && pattern_is(&record, 20, i));
    }

    pass &= !sig_mailbox_next(&r.mb[1], &src, &record)
            && !sig_mailbox_next(&r.mb[3], &src, &record);

    ok(pass, "slow receiver: it is unhurt");

    region_free(&r);
}


/* what is being read is where it is, and bounds the arena */

static void
test_in_hand(void)
{
    int       i, pass, wake;
    u_char   *p;
    slice_t   record;
    uint32_t  src;
    region_t  r;

    region_make(&r, 3, ARENA);

    p = sig_mailbox_reserve(&r.mb[0], 40);
    pass = (p != NULL);

    if (p != NULL) {
        pattern_write(p, 40, 1);
        pass &= region_post(&r.mb[0], 1, &wake) == SIG_MAILBOX_OK;
    }

    sig_mailbox_begin(&r.mb[1], 0);
    pass &= sig_mailbox_next(&r.mb[1], &src, &record);

    for (i = 0; send_byte(&r.mb[0], 2, 7, &wake) == SIG_MAILBOX_OK; i++) {
        (void) drain(&r.mb[2], 0);

        if (i > 2 * ARENA) {
            break;
        }
    }

    ok(pass && i > ARENA / 72 && i < ARENA / 24
       && pattern_is(&record, 40, 1), "in hand: is not written over");

    sig_mailbox_end(&r.mb[1]);

    ok(send_byte(&r.mb[0], 2, 7, &wake) == SIG_MAILBOX_OK,
       "in hand: given back, the arena is free");

    /* of a dead receiver nothing is in hand */

    (void) drain(&r.mb[2], 0);
    (void) send_byte(&r.mb[0], 1, 42, &wake);
    sig_mailbox_begin(&r.mb[1], 0);
    pass = read_byte(&r.mb[1], &src) == 42;

    while (send_byte(&r.mb[0], 2, 7, &wake) == SIG_MAILBOX_OK) {
        (void) drain(&r.mb[2], 0);
    }

    sig_mailbox_close(&r.mb[0], 1);

    ok(pass && send_byte(&r.mb[0], 2, 7, &wake) == SIG_MAILBOX_OK,
       "in hand: a closed receiver holds no space");

    region_free(&r);
}


static void
test_not_posted(void)
{
    int        i, pass, wake;
    uint32_t   src;
    region_t   r;

    region_make(&r, 3, ARENA);
    sig_mailbox_close(&r.mb[0], 2);
    pass = 1;

    for (i = 0; i < 100; i++) {
        pass &= sig_mailbox_reserve(&r.mb[0], RECORD_MAX) != NULL;
        pass &= region_post(&r.mb[0], 2, &wake) == SIG_MAILBOX_GONE;
    }

    pass &= (r.mb[0].boxes[0].position == 0);

    ok(pass, "what was never posted takes no space");

    pass = send_byte(&r.mb[0], 1, 1, &wake) == SIG_MAILBOX_OK;
    pass &= sig_mailbox_reserve(&r.mb[0], 1) != NULL;
    pass &= send_byte(&r.mb[0], 1, 2, &wake) == SIG_MAILBOX_OK;

    sig_mailbox_begin(&r.mb[1], 0);

    pass &= read_byte(&r.mb[1], &src) == 1;
    pass &= read_byte(&r.mb[1], &src) == 2;
    pass &= read_byte(&r.mb[1], &src) == -1;

    ok(pass, "what was never posted is never read");

    region_free(&r);
}


static void
test_lengths(void)
{
    int       pass, wake;
    size_t    len;
    u_char   *p;
    slice_t   record;
    uint32_t  src;
    region_t  r;

    region_make(&r, 2, ARENA);
    pass = (sig_mailbox_record_max(&r.mb[0]) == RECORD_MAX);

    for (len = 0; len <= RECORD_MAX; len++) {
        p = sig_mailbox_reserve(&r.mb[0], len);

        if (p == NULL || (uintptr_t) p % 8 != 0) {
            pass = 0;
            break;
        }

        pattern_write(p, len, (uint32_t) len);
        pass &= region_post(&r.mb[0], 1, &wake) == SIG_MAILBOX_OK;

        sig_mailbox_begin(&r.mb[1], 0);
        pass &= sig_mailbox_next(&r.mb[1], &src, &record)
                && pattern_is(&record, len, (uint32_t) len);
        sig_mailbox_end(&r.mb[1]);
    }

    ok(pass, "lengths: every one from 0 to the longest");

    ok(sig_mailbox_reserve(&r.mb[0], RECORD_MAX + 1) == NULL
       && sig_mailbox_reserve(&r.mb[0], SIZE_MAX) == NULL
       && sig_mailbox_reserve(&r.mb[0], (size_t) 1 << 32) == NULL,
       "lengths: longer ones are refused");

    region_free(&r);
}


/* wherever the last record has ended, and in the smallest arena for it */

static void
test_longest(void)
{
    int       pass, wake;
    size_t    len;
    uint32_t  i;
    region_t  r;

    region_make(&r, 2, ARENA);
    pass = 1;

    for (i = 0; i < ARENA / 8; i++) {
        pass &= sig_mailbox_reserve(&r.mb[0], i % 3 * 8) != NULL
                && region_post(&r.mb[0], 1, &wake) == SIG_MAILBOX_OK
                && drain(&r.mb[1], 0) == 1
                && sig_mailbox_reserve(&r.mb[0], RECORD_MAX) != NULL;
    }

    ok(pass, "lengths: the longest has room in an empty arena");

    region_free(&r);

    pass = 1;

    for (len = 1; len < 20000; len += 13) {
        region_make(&r, 1, sig_mailbox_arena(len));
        pass &= sig_mailbox_record_max(&r.mb[0]) >= len;
        region_free(&r);
    }

    ok(pass && sig_mailbox_arena(4096 - 16) == 4 * 4096
       && sig_mailbox_arena(4096 - 15) == 8 * 4096,
       "lengths: the smallest arena for a record");
}


/* random lengths and random readers against a plain queue for each pair */

static void
test_wrap(void)
{
    int       pass;
    queue_t   queue[2];
    region_t  r;
    uint32_t  i, full, dst;

    region_make(&r, 3, ARENA);
    memset(queue, 0, sizeof(queue));

    pass = 1;
    full = 0;

    for (i = 0; i < 200000 && pass; i++) {
        full += !wrap_post(&r, queue, i);

        dst = 1 + (uint32_t) rand_r(&seed) % 2;

        while (queue[dst - 1].n != 0 && rand_r(&seed) % 3 != 0 && pass) {
            pass = wrap_read(&r, queue, dst);
        }
    }

    for (dst = 1; dst <= 2; dst++) {
        while (queue[dst - 1].n != 0 && pass) {
            pass = wrap_read(&r, queue, dst);
        }

        pass &= drain(&r.mb[dst], 1) == 0;
        pass &= sig_mailbox_torn(&r.mb[dst]) == 0;
    }

    pass &= (r.mb[0].position > (uint64_t) 1000 * ARENA);

    ok(pass, "wrap: every record once, whole and in order");
    ok(full > 1000, "wrap: there was no space at times");

    region_free(&r);
}


/* posts to one receiver or to both; returns 0 when one has no space */

static int
wrap_post(region_t *r, queue_t *queue, uint32_t number)
{
    int        posted, wake;
    size_t     len;
    u_char    *p;
    unsigned   k, last;

    len = (rand_r(&seed) % 4 == 0) ? (size_t) rand_r(&seed) % (RECORD_MAX + 1)
                            : (size_t) rand_r(&seed) % 100;

    p = sig_mailbox_reserve(&r->mb[0], len);
    if (p == NULL) {
        return 0;
    }

    pattern_write(p, len, number);

    posted = 1;

    for (k = 0; k < 2; k++) {
        if (number % 3 == k) {
            continue;
        }

        if (region_post(&r->mb[0], k + 1, &wake) != SIG_MAILBOX_OK) {
            posted = 0;
            continue;
        }

        last = (queue[k].first + queue[k].n++) % QUEUE;
        queue[k].number[last] = number;
        queue[k].len[last] = len;
    }

    return posted;
}


static int
wrap_read(region_t *r, queue_t *queue, uint32_t dst)
{
    int            pass;
    queue_t       *q;
    slice_t        record;
    uint32_t       src;
    sig_mailbox_t *mb;

    mb = &r->mb[dst];
    q = &queue[dst - 1];

    sig_mailbox_begin(mb, 0);

    pass = sig_mailbox_next(mb, &src, &record)
           && src == 0
           && record.data >= r->base
           && record.data + record.len <= r->base + r->size
           && pattern_is(&record, q->len[q->first], q->number[q->first]);

    q->first = (q->first + 1) % QUEUE;
    q->n--;

    sig_mailbox_end(mb);

    return pass;
}


/* pages that nobody has used take no memory, whatever is called */

static void
test_untouched(void)
{
    int             wake;
    size_t          i, page, pages, used, size, arena;
    u_char         *base, *resident;
    uint32_t        n, nslots;
    sig_mailbox_t   mb[2];

    nslots = 64;
    arena = 262144;
    page = (size_t) sysconf(_SC_PAGESIZE);
    size = sig_mailbox_size(nslots, REGION_RING, arena);
    pages = (size + page - 1) / page;

    base = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_ANON|MAP_SHARED, -1, 0);
    resident = malloc(pages);

    if (base == MAP_FAILED || resident == NULL
        || sig_mailbox_create(base, size, nslots, REGION_RING, arena)
           != SIG_MAILBOX_OK)
    {
        abort();
    }

    for (n = 0; n < 2; n++) {
        if (sig_mailbox_attach(&mb[n], base, size) != SIG_MAILBOX_OK) {
            abort();
        }

        sig_mailbox_open(&mb[n], 10 + n);
    }

    (void) send_byte(&mb[0], 11, 1, &wake);
    (void) send_byte(&mb[1], 10, 1, &wake);
    (void) drain(&mb[0], 1);
    (void) drain(&mb[1], 1);

    if (mincore(base, size, resident) != 0) {
        abort();
    }

    for (used = 0, i = 0; i < pages; i++) {
        used += resident[i] & 1;
    }

    printf("# %zu of %zu pages are used\n", used, pages);

    /* header and boxes 4, a ring may lie across two pages, two arenas */

    ok(used <= 4 + 2 * 2 + 2, "pages of unused slots are untouched");

    free(resident);
    (void) munmap(base, size);
}


int
main(void)
{
    test_full_arena();
    test_share();
    test_slow_receiver();
    test_in_hand();
    test_not_posted();
    test_lengths();
    test_longest();
    test_wrap();
    test_untouched();

    return plan();
}
