
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of sig_mailbox: what its functions answer, whom they wake, in which
 * order records come.
 */


#include "mailbox_region.h"


#define ARENA       8192
#define RING_ARENA  (1024 * 1024)      /* more than the longest ring takes */
#define RECORD_MAX  (ARENA / 4 - 16)


static void test_size(void);
static void test_create(void);
static void test_attach(void);
static void test_not_open(void);
static void test_post(void);
static void test_wake(void);
static void test_full_ring(uint32_t size);
static void test_call(void);
static void test_several(void);
static void test_turns(void);
static void test_next_from(void);
static void test_close(void);
static void test_many_slots(void);


static void
test_size(void)
{
    ok(sig_mailbox_size(0, 64, 4096) == 0
       && sig_mailbox_size(257, 64, 4096) == 0
       && sig_mailbox_size(4, 0, 4096) == 0
       && sig_mailbox_size(4, 32, 4096) == 0
       && sig_mailbox_size(4, 65, 4096) == 0
       && sig_mailbox_size(4, 192, 4096) == 0
       && sig_mailbox_size(4, 8192, 4096) == 0
       && sig_mailbox_size(4, 64, 0) == 0
       && sig_mailbox_size(4, 64, 4095) == 0
       && sig_mailbox_size(4, 64, 4096 + 64) == 0
       && sig_mailbox_size(4, 64, ((size_t) 1 << 30) + 4096) == 0
       && sig_mailbox_size(4, 64, SIZE_MAX - 4095) == 0,
       "size: refused");

    ok(sig_mailbox_size(1, 64, 4096) == 64 + 192 + 640 + 4096
       && sig_mailbox_size(16, 512, 262144)
          == 64 + 16 * 192 + 256 * 4224 + 16 * 262144
       && sig_mailbox_size(256, 4096, 4096) > (size_t) 2 << 30,
       "size: given");
}


static void
test_create(void)
{
    size_t   size;
    u_char  *base;

    size = sig_mailbox_size(2, 64, 4096);

    if (posix_memalign((void **) &base, 64, size + 64) != 0) {
        abort();
    }

    memset(base, 0, size + 64);

    ok(sig_mailbox_create(NULL, size, 2, 64, 4096) == SIG_MAILBOX_BAD
       && sig_mailbox_create(base, size - 1, 2, 64, 4096) == SIG_MAILBOX_BAD
       && sig_mailbox_create(base + 8, size, 2, 64, 4096) == SIG_MAILBOX_BAD
       && sig_mailbox_create(base, size, 0, 64, 4096) == SIG_MAILBOX_BAD
       && sig_mailbox_create(base, size, 2, 64, 100) == SIG_MAILBOX_BAD
       && sig_mailbox_create(base, size, 2, 100, 4096) == SIG_MAILBOX_BAD
       && sig_mailbox_create(base, size, 2, 128, 4096) == SIG_MAILBOX_BAD,
       "create: refused");

    ok(sig_mailbox_create(base, size, 2, 64, 4096) == SIG_MAILBOX_OK,
       "create: given");

    free(base);
}


static void
test_attach(void)
{
    int                    pass;
    region_t               r;
    sig_mailbox_t          mb;
    sig_mailbox_header_t  *header;

    region_make(&r, 2, 4096);
    header = (void *) r.base;

    ok(sig_mailbox_attach(&mb, NULL, r.size) == SIG_MAILBOX_BAD
       && sig_mailbox_attach(&mb, r.base, 0) == SIG_MAILBOX_BAD
       && sig_mailbox_attach(&mb, r.base, r.size - 1) == SIG_MAILBOX_BAD
       && sig_mailbox_attach(&mb, r.base + 8, r.size - 8) == SIG_MAILBOX_BAD,
       "attach: refused");

    pass = sig_mailbox_attach(&mb, r.base, r.size) == SIG_MAILBOX_OK;

    header->nslots = 3;
    pass &= sig_mailbox_attach(&mb, r.base, r.size) == SIG_MAILBOX_BAD;
    header->nslots = ((uint64_t) 1 << 32) + 2;
    pass &= sig_mailbox_attach(&mb, r.base, r.size) == SIG_MAILBOX_BAD;
    header->nslots = 2;

    header->arena = 8192;
    pass &= sig_mailbox_attach(&mb, r.base, r.size) == SIG_MAILBOX_BAD;
    header->arena = UINT64_MAX - 4095;
    pass &= sig_mailbox_attach(&mb, r.base, r.size) == SIG_MAILBOX_BAD;
    header->arena = 4096;

    header->magic++;
    pass &= sig_mailbox_attach(&mb, r.base, r.size) == SIG_MAILBOX_BAD;

    ok(pass, "attach: a damaged header is refused");

    region_free(&r);
}


static void
test_not_open(void)
{
    int            wake;
    slice_t        record;
    uint32_t       src;
    region_t       r;
    sig_mailbox_t  mb;

    region_make(&r, 2, ARENA);

    if (sig_mailbox_attach(&mb, r.base, r.size) != SIG_MAILBOX_OK) {
        abort();
    }

    sig_mailbox_open(&mb, 2);
    sig_mailbox_close(&mb, 2);
    sig_mailbox_begin(&mb, 1);
    wake = 1;

    ok(sig_mailbox_reserve(&mb, 1) == NULL
       && region_post(&mb, 1, &wake) == SIG_MAILBOX_BAD && wake == 0
       && !sig_mailbox_next(&mb, &src, &record)
       && !sig_mailbox_next_from(&mb, 0, &record)
       && !sig_mailbox_is_open(&mb, 2)
       && !sig_mailbox_is_open(&mb, UINT32_MAX)
       && sig_mailbox_torn(&mb) == 0,
       "without a slot nothing can be sent or received");

    sig_mailbox_end(&mb);
    region_free(&r);
}


static void
test_post(void)
{
    int       wake;
    region_t  r;

    region_make(&r, 4, ARENA);
    sig_mailbox_close(&r.mb[0], 2);

    wake = 1;
    ok(region_post(&r.mb[0], 1, &wake) == SIG_MAILBOX_BAD && wake == 0,
       "post: nothing reserved");

    ok(send_byte(&r.mb[0], 2, 1, &wake) == SIG_MAILBOX_GONE && wake == 0
       && send_byte(&r.mb[0], 0, 1, &wake) == SIG_MAILBOX_GONE
       && send_byte(&r.mb[0], 4, 1, &wake) == SIG_MAILBOX_GONE
       && send_byte(&r.mb[0], UINT32_MAX, 1, &wake) == SIG_MAILBOX_GONE,
       "post: to a closed slot, to itself, to none");

    ok(send_byte(&r.mb[0], 1, 1, &wake) == SIG_MAILBOX_OK && wake == 1,
       "post: given");

    ok(sig_mailbox_reserve(&r.mb[0], RECORD_MAX + 1) == NULL
       && region_post(&r.mb[0], 1, &wake) == SIG_MAILBOX_BAD,
       "post: what was reserved before a refused record is forgotten");

    region_free(&r);
}


static void
test_wake(void)
{
    int       pass, wake;
    uint32_t  src;
    region_t  r;

    region_make(&r, 3, ARENA);

    pass = send_byte(&r.mb[0], 2, 1, &wake) == SIG_MAILBOX_OK && wake == 1;
    pass &= send_byte(&r.mb[0], 2, 2, &wake) == SIG_MAILBOX_OK && wake == 0;
    pass &= send_byte(&r.mb[1], 2, 3, &wake) == SIG_MAILBOX_OK && wake == 0;

    ok(pass, "wake: only who is not awake");

    /* posted after begin(): wakes, and is taken in the same turn or later */

    sig_mailbox_begin(&r.mb[2], 0);

    pass = read_byte(&r.mb[2], &src) == 1 && src == 0;
    pass &= send_byte(&r.mb[0], 2, 4, &wake) == SIG_MAILBOX_OK && wake == 1;
    pass &= send_byte(&r.mb[1], 2, 5, &wake) == SIG_MAILBOX_OK && wake == 0;
    pass &= read_byte(&r.mb[2], &src) == 3 && src == 1;
    pass &= read_byte(&r.mb[2], &src) == 2 && src == 0;
    pass &= read_byte(&r.mb[2], &src) == 5 && src == 1;
    pass &= read_byte(&r.mb[2], &src) == 4 && src == 0;
    pass &= read_byte(&r.mb[2], &src) == -1;

    ok(pass, "wake: again after begin()");

    /* nothing is left of the bits but that they were set */

    pass = drain(&r.mb[2], 0) == 0;
    pass &= send_byte(&r.mb[1], 2, 6, &wake) == SIG_MAILBOX_OK && wake == 1;
    pass &= read_byte(&r.mb[2], &src) == -1;
    sig_mailbox_begin(&r.mb[2], 0);
    pass &= read_byte(&r.mb[2], &src) == 6 && src == 1;

    ok(pass, "next: only senders that begin() has noted");

    /* a turn that ends early leaves the rest due */

    (void) send_byte(&r.mb[0], 2, 7, &wake);
    (void) send_byte(&r.mb[0], 2, 8, &wake);
    sig_mailbox_begin(&r.mb[2], 0);
    pass = read_byte(&r.mb[2], &src) == 7;
    sig_mailbox_end(&r.mb[2]);
    sig_mailbox_begin(&r.mb[2], 0);
    pass &= read_byte(&r.mb[2], &src) == 8;

    ok(pass, "next: who is not finished in a turn stays due");

    region_free(&r);
}


static void
test_full_ring(uint32_t size)
{
    int       pass, wake;
    uint32_t  i, src;
    region_t  r;

    region_make_rings(&r, 3, size, RING_ARENA);
    pass = 1;

    for (i = 0; i < size; i++) {
        pass &= send_byte(&r.mb[0], 1, (u_char) i, &wake) == SIG_MAILBOX_OK;
    }

    wake = 1;
    pass &= send_byte(&r.mb[0], 1, 99, &wake) == SIG_MAILBOX_AGAIN
            && wake == 0;

    printf("# rings of %u\n", size);

    ok(pass, "full ring: as many records as it has places, then AGAIN");

    ok(send_byte(&r.mb[0], 2, 1, &wake) == SIG_MAILBOX_OK
       && send_byte(&r.mb[2], 1, 1, &wake) == SIG_MAILBOX_OK,
       "full ring: other pairs go on");

    sig_mailbox_begin(&r.mb[1], 0);

    pass = read_byte(&r.mb[1], &src) == 0 && src == 0;
    pass &= send_byte(&r.mb[0], 1, 99, &wake) == SIG_MAILBOX_AGAIN;
    sig_mailbox_end(&r.mb[1]);
    pass &= send_byte(&r.mb[0], 1, (u_char) size, &wake) == SIG_MAILBOX_OK;
    pass &= send_byte(&r.mb[0], 1, 99, &wake) == SIG_MAILBOX_AGAIN;

    ok(pass, "full ring: a place is free when the record is given back");

    pass = read_byte(&r.mb[1], &src) == 1 && src == 2;

    for (i = 1; i <= size; i++) {
        pass &= read_byte(&r.mb[1], &src) == (u_char) i && src == 0;
    }

    pass &= read_byte(&r.mb[1], &src) == -1;

    ok(pass, "full ring: nothing was lost");

    region_free(&r);
}


static void
test_call(void)
{
    int       i, pass, wake;
    u_char   *p;
    uint32_t  src;
    region_t  r;

    region_make(&r, 3, ARENA);
    pass = 1;

    for (i = 0; i < 5; i++) {
        p = sig_mailbox_reserve(&r.mb[0], 1);
        pass &= p != NULL;

        if (p != NULL) {
            *p = (u_char) i;
            pass &= sig_mailbox_post(&r.mb[0], 1) == SIG_MAILBOX_OK;
        }
    }

    pass &= !sig_mailbox_called(&r.mb[1]);
    sig_mailbox_begin(&r.mb[1], 0);
    pass &= read_byte(&r.mb[1], &src) == -1;

    ok(pass, "call: who is not called finds nothing");

    pass = sig_mailbox_call(&r.mb[0], 1) == 1
           && sig_mailbox_called(&r.mb[1])
           && !sig_mailbox_called(&r.mb[0])
           && !sig_mailbox_called(&r.mb[2])
           && sig_mailbox_call(&r.mb[0], 1) == 0
           && sig_mailbox_call(&r.mb[2], 1) == 0;

    ok(pass, "call: the first one wakes, until the receiver begins");

    sig_mailbox_begin(&r.mb[1], 0);
    pass = !sig_mailbox_called(&r.mb[1]);

    for (i = 0; i < 5; i++) {
        pass &= read_byte(&r.mb[1], &src) == i && src == 0;
    }

    pass &= send_byte(&r.mb[0], 1, 9, &wake) == SIG_MAILBOX_OK && wake == 1;

    ok(pass, "call: one of them for five records");

    sig_mailbox_close(&r.mb[0], 0);
    sig_mailbox_begin(&r.mb[1], 1);

    ok(read_byte(&r.mb[1], &src) == 9 && src == 0,
       "call: who looks at all needs none");

    ok(sig_mailbox_call(&r.mb[1], 3) == 0, "call: nobody has that slot");

    region_free(&r);
}


static void
test_several(void)
{
    int       pass, wake;
    u_char   *p;
    slice_t   record;
    uint32_t  i, src;
    region_t  r;

    region_make(&r, 5, ARENA);

    p = sig_mailbox_reserve(&r.mb[2], 100);
    pass = (p != NULL);

    if (p != NULL) {
        pattern_write(p, 100, 5);
    }

    for (i = 0; i < 5; i++) {
        pass &= region_post(&r.mb[2], i, &wake)
                == ((i == 2) ? SIG_MAILBOX_GONE : SIG_MAILBOX_OK);
    }

    pass &= (r.mb[2].boxes[2].position == 16 + 104);

    for (i = 0; i < 5; i++) {
        sig_mailbox_begin(&r.mb[i], 0);

        if (i != 2) {
            pass &= sig_mailbox_next(&r.mb[i], &src, &record)
                    && src == 2 && pattern_is(&record, 100, 5);
        }

        pass &= !sig_mailbox_next(&r.mb[i], &src, &record);
    }

    ok(pass, "one record to several is written once");

    region_free(&r);
}


static void
test_turns(void)
{
    int       pass, wake;
    uint32_t  i, round, src;
    region_t  r;

    region_make(&r, 8, ARENA);

    /* sender i has i records */

    for (i = 1; i < 8; i++) {
        for (round = 1; round <= i; round++) {
            (void) send_byte(&r.mb[i], 0, (int) round, &wake);
        }
    }

    sig_mailbox_begin(&r.mb[0], 0);
    pass = 1;

    for (round = 1; round < 8; round++) {
        for (i = round; i < 8; i++) {
            pass &= read_byte(&r.mb[0], &src) == (int) round && src == i;
        }
    }

    pass &= read_byte(&r.mb[0], &src) == -1;

    ok(pass, "next: one record of each sender in turn");

    region_free(&r);
}


static void
test_next_from(void)
{
    int       pass, wake;
    slice_t   record;
    uint32_t  src;
    region_t  r;

    region_make(&r, 3, ARENA);

    (void) send_byte(&r.mb[0], 2, 1, &wake);
    (void) send_byte(&r.mb[0], 2, 2, &wake);
    (void) send_byte(&r.mb[0], 2, 3, &wake);
    (void) send_byte(&r.mb[1], 2, 11, &wake);
    (void) send_byte(&r.mb[1], 2, 12, &wake);

    /* not noted yet */

    pass = sig_mailbox_next_from(&r.mb[2], 1, &record)
           && record.data[0] == 11;

    sig_mailbox_begin(&r.mb[2], 0);

    pass &= read_byte(&r.mb[2], &src) == 1 && src == 0;
    pass &= sig_mailbox_next_from(&r.mb[2], 0, &record)
            && record.data[0] == 2;
    pass &= sig_mailbox_next_from(&r.mb[2], 0, &record)
            && record.data[0] == 3;
    pass &= !sig_mailbox_next_from(&r.mb[2], 0, &record);
    pass &= read_byte(&r.mb[2], &src) == 12 && src == 1;
    pass &= read_byte(&r.mb[2], &src) == -1;

    ok(pass, "next_from: in the middle of next");

    ok(!sig_mailbox_next_from(&r.mb[2], 2, &record)
       && !sig_mailbox_next_from(&r.mb[2], 3, &record)
       && !sig_mailbox_next_from(&r.mb[2], UINT32_MAX, &record),
       "next_from: nothing from itself, from none");

    region_free(&r);
}


static void
test_close(void)
{
    int       pass, wake;
    slice_t   record;
    uint32_t  src;
    region_t  r;

    region_make(&r, 3, ARENA);

    (void) send_byte(&r.mb[0], 1, 1, &wake);
    (void) send_byte(&r.mb[0], 1, 2, &wake);
    (void) send_byte(&r.mb[1], 2, 3, &wake);

    sig_mailbox_begin(&r.mb[1], 0);
    pass = read_byte(&r.mb[1], &src) == 1;
    pass &= sig_mailbox_is_open(&r.mb[0], 1);
    sig_mailbox_close(&r.mb[1], 1);
    pass &= !sig_mailbox_is_open(&r.mb[0], 1);

    pass &= sig_mailbox_ring(&r.mb[1], 1, 0)->head == 1;
    pass &= !sig_mailbox_next(&r.mb[1], &src, &record);
    pass &= !sig_mailbox_next_from(&r.mb[1], 0, &record);
    sig_mailbox_begin(&r.mb[1], 1);
    pass &= !sig_mailbox_next(&r.mb[1], &src, &record);

    ok(pass, "close: the owner reads no more");

    sig_mailbox_begin(&r.mb[2], 0);

    ok(read_byte(&r.mb[2], &src) == 3 && src == 1,
       "close: what the owner has posted can still be read");

    region_free(&r);
}


static void
test_many_slots(void)
{
    int              pass, wake;
    uint32_t         i, src, dst;
    static region_t  r;

    region_make(&r, SIG_MAILBOX_SLOTS_MAX, 4096);
    pass = 1;

    for (i = 0; i < SIG_MAILBOX_SLOTS_MAX; i++) {
        for (dst = 3; dst < SIG_MAILBOX_SLOTS_MAX; dst += 63) {
            pass &= send_byte(&r.mb[i], dst, (int) (i ^ dst), &wake)
                    == ((i == dst) ? SIG_MAILBOX_GONE : SIG_MAILBOX_OK);
        }
    }

    ok(pass, "256 slots: posted");

    pass = 1;

    for (dst = 3; dst < SIG_MAILBOX_SLOTS_MAX; dst += 63) {
        sig_mailbox_begin(&r.mb[dst], 0);

        for (i = 0; i < SIG_MAILBOX_SLOTS_MAX; i++) {
            if (i == dst) {
                continue;
            }

            pass &= read_byte(&r.mb[dst], &src) == (int) (i ^ dst)
                    && src == i;
        }

        pass &= read_byte(&r.mb[dst], &src) == -1;
    }

    ok(pass, "256 slots: each read once, in turn");

    region_free(&r);
}


int
main(void)
{
    test_size();
    test_create();
    test_attach();
    test_not_open();
    test_post();
    test_wake();
    test_full_ring(SIG_MAILBOX_RING_MIN);
    test_full_ring(512);
    test_full_ring(SIG_MAILBOX_RING_MAX);
    test_call();
    test_several();
    test_turns();
    test_next_from();
    test_close();
    test_many_slots();

    return plan();
}
