
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of sig_mailbox: a region in which words are not what they should be.
 * What can not be is skipped and counted, nothing outside of an arena is ever
 * given out, and after it everything goes on.
 */


#include "mailbox_region.h"


#define ARENA       4096
#define RECORD_MAX  (ARENA / 4 - 16)
#define SLOTS       4
#define HEAD        sizeof(sig_mailbox_record_t)


typedef struct {
    const char  *text;
    void       (*damage)(sig_mailbox_ring_t *ring, sig_mailbox_record_t *rec);
} damage_t;


static void test_records(void);
static void damage_none(sig_mailbox_ring_t *ring, sig_mailbox_record_t *rec);
static void damage_alignment(sig_mailbox_ring_t *ring,
    sig_mailbox_record_t *rec);
static void damage_ahead(sig_mailbox_ring_t *ring, sig_mailbox_record_t *rec);
static void damage_behind(sig_mailbox_ring_t *ring, sig_mailbox_record_t *rec);
static void damage_other(sig_mailbox_ring_t *ring, sig_mailbox_record_t *rec);
static void damage_head(sig_mailbox_ring_t *ring, sig_mailbox_record_t *rec);
static void damage_len(sig_mailbox_ring_t *ring, sig_mailbox_record_t *rec);
static void damage_check(sig_mailbox_ring_t *ring, sig_mailbox_record_t *rec);
static void damage_zeros(sig_mailbox_ring_t *ring, sig_mailbox_record_t *rec);
static void forge_ahead(sig_mailbox_ring_t *ring, sig_mailbox_record_t *rec);
static void forge_behind(sig_mailbox_ring_t *ring, sig_mailbox_record_t *rec);
static void forge_written(sig_mailbox_ring_t *ring, sig_mailbox_record_t *rec);
static void forge_longest(sig_mailbox_ring_t *ring, sig_mailbox_record_t *rec);
static void forge_arena(sig_mailbox_ring_t *ring, sig_mailbox_record_t *rec);
static void forge(sig_mailbox_ring_t *ring, sig_mailbox_record_t *rec,
    uint64_t position, uint32_t len);
static void test_edge(void);
static void test_tail(void);
static void test_head(void);
static void test_position(void);
static void test_header(void);
static void test_random(void);
static void random_word(region_t *r);
static int random_call(region_t *r);
static int read_all(region_t *r, uint32_t slot, int all);
static int record_is_inside(region_t *r, uint32_t src, slice_t *record);
static int all_pairs_work(region_t *r);
static uint64_t random64(void);


static const damage_t  damages[] = {
    { "nothing", damage_none },
    { "position not aligned", damage_alignment },
    { "position ahead of the sender", damage_ahead },
    { "position longer ago than an arena", damage_behind },
    { "position within a record", damage_other },
    { "record of another position", damage_head },
    { "length of another record", damage_len },
    { "check", damage_check },
    { "zeros", damage_zeros },
    { "forged: ahead of the sender", forge_ahead },
    { "forged: longer ago than an arena", forge_behind },
    { "forged: longer than what is written", forge_written },
    { "forged: longer than any", forge_longest },
    { "forged: beyond the end of the arena", forge_arena }
};


static unsigned           seed = 1;
static volatile unsigned  bytes_read;


int
main(void)
{
    test_records();
    test_edge();
    test_tail();
    test_head();
    test_position();
    test_header();
    test_random();

    return plan();
}


/* the second of three records is damaged */

static void
test_records(void)
{
    int                    pass, wake;
    u_char                *p;
    size_t                 i;
    slice_t                record;
    uint32_t               n, src;
    region_t               r;
    sig_mailbox_record_t  *rec;

    for (i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {

        region_make(&r, SLOTS, ARENA);

        /* the arena has been written once */

        for (n = 0; n < 8; n++) {
            (void) sig_mailbox_reserve(&r.mb[0], 600);
            (void) region_post(&r.mb[0], 1, &wake);
            (void) drain(&r.mb[1], 0);
        }

        rec = NULL;

        for (n = 0; n < 3; n++) {
            p = sig_mailbox_reserve(&r.mb[0], 100);

            if (p == NULL
                || region_post(&r.mb[0], 1, &wake) != SIG_MAILBOX_OK)
            {
                abort();
            }

            pattern_write(p, 100, n);

            if (n == 1) {
                rec = (void *) (p - HEAD);
            }
        }

        damages[i].damage(sig_mailbox_ring(&r.mb[1], 1, 0), rec);

        sig_mailbox_begin(&r.mb[1], 0);

        pass = sig_mailbox_next(&r.mb[1], &src, &record)
               && pattern_is(&record, 100, 0);

        if (damages[i].damage == damage_none) {
            pass &= sig_mailbox_next(&r.mb[1], &src, &record)
                    && pattern_is(&record, 100, 1)
                    && sig_mailbox_torn(&r.mb[1]) == 0;

        } else {
            pass &= sig_mailbox_next(&r.mb[1], &src, &record)
                    && pattern_is(&record, 100, 2)
                    && sig_mailbox_torn(&r.mb[1]) == 1;
            sig_mailbox_end(&r.mb[1]);
        }

        pass &= drain(&r.mb[1], 1) == (damages[i].damage == damage_none);
        pass &= all_pairs_work(&r);

        ok(pass, damages[i].text);

        region_free(&r);
    }
}


static void
damage_none(sig_mailbox_ring_t *ring, sig_mailbox_record_t *rec)
{
    /* the test tells good from bad */
}


static void
damage_alignment(sig_mailbox_ring_t *ring, sig_mailbox_record_t *rec)
{
    ring->positions[(ring->tail - 2) % REGION_RING] += 4;
}


static void
damage_ahead(sig_mailbox_ring_t *ring, sig_mailbox_record_t *rec)
{
    ring->positions[(ring->tail - 2) % REGION_RING] += ARENA;
}


static void
damage_behind(sig_mailbox_ring_t *ring, sig_mailbox_record_t *rec)
{
    ring->positions[(ring->tail - 2) % REGION_RING] -= ARENA;
}


static void
damage_other(sig_mailbox_ring_t *ring, sig_mailbox_record_t *rec)
{
    ring->positions[(ring->tail - 2) % REGION_RING] += HEAD;
}


static void
damage_head(sig_mailbox_ring_t *ring, sig_mailbox_record_t *rec)
{
    rec->position -= 8;
}


static void
damage_len(sig_mailbox_ring_t *ring, sig_mailbox_record_t *rec)
{
    rec->len += 8;
}


static void
damage_check(sig_mailbox_ring_t *ring, sig_mailbox_record_t *rec)
{
    rec->check ^= 0x80000000;
}


static void
damage_zeros(sig_mailbox_ring_t *ring, sig_mailbox_record_t *rec)
{
    rec->position = 0;
    rec->len = 0;
    rec->check = 0;
}


/* heads in good order, of records that can not be */

static void
forge_ahead(sig_mailbox_ring_t *ring, sig_mailbox_record_t *rec)
{
    forge(ring, rec, rec->position + ARENA, 100);
}


static void
forge_behind(sig_mailbox_ring_t *ring, sig_mailbox_record_t *rec)
{
    forge(ring, rec, rec->position - ARENA, 100);
}


static void
forge_written(sig_mailbox_ring_t *ring, sig_mailbox_record_t *rec)
{
    forge(ring, rec, rec->position, 240 - HEAD + 1);
}


static void
forge_longest(sig_mailbox_ring_t *ring, sig_mailbox_record_t *rec)
{
    forge(ring, rec, rec->position / ARENA * ARENA, RECORD_MAX + 8);
}


static void
forge_arena(sig_mailbox_ring_t *ring, sig_mailbox_record_t *rec)
{
    forge(ring, rec, rec->position / ARENA * ARENA - 208, 300);
}


static void
forge(sig_mailbox_ring_t *ring, sig_mailbox_record_t *rec, uint64_t position,
    uint32_t len)
{
    u_char  *arena;

    arena = (u_char *) rec - rec->position % ARENA;
    rec = (void *) (arena + position % ARENA);

    rec->position = position;
    rec->len = len;
    rec->check = sig_mailbox_check(position, len);

    ring->positions[(ring->tail - 2) % REGION_RING] = position;
}


/* a position so near to the end of the arena that no head fits */

static void
test_edge(void)
{
    int                  pass, wake;
    uint32_t             n, src;
    region_t             r;
    sig_mailbox_ring_t  *ring;

    region_make(&r, SLOTS, ARENA);

    ring = sig_mailbox_ring(&r.mb[0], SLOTS - 2, SLOTS - 1);
    pass = 1;

    /* of the last arena, where the region ends */

    for (n = 0; n < 300; n++) {
        pass &= send_byte(&r.mb[SLOTS - 1], SLOTS - 2, 1, &wake)
                == SIG_MAILBOX_OK;

        if (n % 2 == 1) {
            ring->positions[(ring->tail - 1) % REGION_RING] =
                r.mb[0].boxes[SLOTS - 1].position / ARENA * ARENA - 8;
        }

        sig_mailbox_begin(&r.mb[SLOTS - 2], 0);
        pass &= read_byte(&r.mb[SLOTS - 2], &src) == ((n % 2) ? -1 : 1);
        pass &= read_byte(&r.mb[SLOTS - 2], &src) == -1;
    }

    pass &= sig_mailbox_torn(&r.mb[SLOTS - 2]) == 150;

    ok(pass && all_pairs_work(&r), "position at the edge of the arena");

    region_free(&r);
}


static void
test_tail(void)
{
    int                  pass, wake;
    uint32_t             src;
    region_t             r;
    sig_mailbox_ring_t  *ring;

    region_make(&r, SLOTS, ARENA);
    ring = sig_mailbox_ring(&r.mb[1], 1, 0);

    (void) send_byte(&r.mb[0], 1, 1, &wake);
    ring->tail = 65;

    pass = send_byte(&r.mb[0], 1, 2, &wake) == SIG_MAILBOX_AGAIN;
    sig_mailbox_begin(&r.mb[1], 1);
    pass &= read_byte(&r.mb[1], &src) == -1;
    pass &= sig_mailbox_torn(&r.mb[1]) == 1;
    pass &= send_byte(&r.mb[0], 1, 2, &wake) == SIG_MAILBOX_OK;
    sig_mailbox_begin(&r.mb[1], 0);
    pass &= read_byte(&r.mb[1], &src) == 2;

    ok(pass && all_pairs_work(&r), "tail too far ahead");

    /* left behind by a dead sender, met by a new receiver */

    ring->tail = UINT64_MAX - 3;
    sig_mailbox_open(&r.mb[1], 1);
    sig_mailbox_open(&r.mb[0], 0);
    pass = drain(&r.mb[1], 1) == 0;
    pass &= sig_mailbox_torn(&r.mb[1]) == 1;

    ok(pass && all_pairs_work(&r) && all_pairs_work(&r)
       && all_pairs_work(&r) && all_pairs_work(&r) && all_pairs_work(&r),
       "tail anywhere when a slot is opened; it may also wrap");

    region_free(&r);
}


static void
test_head(void)
{
    int       n, pass, wake;
    region_t  r;

    region_make(&r, SLOTS, ARENA);

    (void) send_byte(&r.mb[0], 1, 1, &wake);
    (void) drain(&r.mb[1], 0);

    pass = 1;

    for (n = 0; n < 600; n++) {
        pass &= send_byte(&r.mb[0], 2, 1, &wake) == SIG_MAILBOX_OK
                && drain(&r.mb[2], 0) == 1;

        if (n == 300) {
            sig_mailbox_ring(&r.mb[1], 1, 0)->head = 100;
        }
    }

    pass &= send_byte(&r.mb[0], 1, 3, &wake) == SIG_MAILBOX_AGAIN;
    pass &= drain(&r.mb[1], 1) == 0;
    pass &= sig_mailbox_torn(&r.mb[1]) == 1;

    ok(pass && all_pairs_work(&r), "head ahead of the tail");

    region_free(&r);
}


/* what the next owner finds as the position of its arena */

static void
test_position(void)
{
    int       pass;
    region_t  r;

    region_make(&r, SLOTS, ARENA);

    r.mb[0].boxes[0].position = UINT64_MAX;
    sig_mailbox_open(&r.mb[0], 0);
    pass = all_pairs_work(&r);

    r.mb[0].boxes[0].position = ARENA + 3;
    sig_mailbox_open(&r.mb[0], 0);
    pass &= all_pairs_work(&r);

    r.mb[0].boxes[0].position = INT64_MAX - 7;
    sig_mailbox_open(&r.mb[0], 0);
    pass &= all_pairs_work(&r);

    ok(pass, "position of the arena");

    region_free(&r);
}


static void
test_header(void)
{
    int                    pass;
    uint32_t               n;
    region_t               r;
    sig_mailbox_t          mb;
    sig_mailbox_header_t  *header;

    region_make(&r, SLOTS, ARENA);
    header = (void *) r.base;
    pass = 1;

    for (n = 0; n < 100000; n++) {
        header->nslots = random64() >> random64() % 64;
        header->ring = (uint64_t) 1 << random64() % 64;
        header->arena = random64() >> random64() % 64;
        header->arena &= ~(uint64_t) 4095;

        if (sig_mailbox_attach(&mb, r.base, r.size) == SIG_MAILBOX_OK) {
            pass &= sig_mailbox_size(mb.nslots, mb.ring, mb.arena)
                    <= r.size;
        }
    }

    ok(pass, "sizes in the header: never more than the region has");

    region_free(&r);
}


static void
test_random(void)
{
    int       pass, round, i;
    region_t  r;

    pass = 1;

    for (round = 0; round < 5000 && pass; round++) {
        region_make(&r, SLOTS, ARENA);

        for (i = 0; i < 60 && pass; i++) {
            pass = random_call(&r);
        }

        for (i = 0; i < 60 && pass; i++) {

            if (i % 8 == 0) {
                random_word(&r);
            }

            pass = random_call(&r);
        }

        for (i = 0; i < SLOTS; i++) {
            r.mb[i].boxes[i].open = 1;
        }

        for (i = 0; i < 2 * SLOTS; i++) {
            pass &= read_all(&r, i % SLOTS, 1);
        }

        pass &= all_pairs_work(&r);

        region_free(&r);
    }

    ok(pass, "any word, any value: nothing from outside, and it goes on");
}


static void
random_word(region_t *r)
{
    size_t     n, fixed;
    uint64_t  *words;

    fixed = r->size - (size_t) SLOTS * ARENA - SIG_MAILBOX_LINE;
    words = (void *) (r->base + SIG_MAILBOX_LINE);

    /* boxes and rings, or anything */

    n = (rand_r(&seed) % 4) ? fixed : r->size - SIG_MAILBOX_LINE;
    words += random64() % (n / 8);

    switch (rand_r(&seed) % 5) {

    case 0:
        *words = random64();
        break;

    case 1:
        *words = random64() % 200;
        break;

    case 2:
        *words += random64() % 129 - 64;
        break;

    case 3:
        *words ^= (uint64_t) 1 << rand_r(&seed) % 64;
        break;

    default:
        *words = *(uint64_t *) (void *) (r->base + SIG_MAILBOX_LINE
                                         + random64() % (n / 8) * 8);
        break;
    }
}


static int
random_call(region_t *r)
{
    int             wake;
    size_t          len;
    u_char         *p;
    slice_t         record;
    uint32_t        slot, src;
    sig_mailbox_t  *mb;

    slot = (uint32_t) rand_r(&seed) % SLOTS;
    mb = &r->mb[slot];

    switch (rand_r(&seed) % 12) {

    case 0:
        return read_all(r, slot, rand_r(&seed) % 2);

    case 1:
        src = (uint32_t) rand_r(&seed) % (SLOTS + 1);
        return !sig_mailbox_next_from(mb, src, &record)
               || record_is_inside(r, src, &record);

    case 2:
        return !sig_mailbox_next(mb, &src, &record)
               || record_is_inside(r, src, &record);

    case 3:
        if (rand_r(&seed) % 8 == 0) {
            sig_mailbox_close(mb, slot);
            sig_mailbox_open(mb, slot);
        }

        return 1;

    default:
        len = (size_t) rand_r(&seed) % (RECORD_MAX + 1);
        len >>= rand_r(&seed) % 8;
        p = sig_mailbox_reserve(mb, len);

        if (p != NULL) {
            if (p < r->base || p + len > r->base + r->size) {
                printf("# reserved outside\n");
                return 0;
            }

            memset(p, 0xff, len);
            (void) region_post(mb, (uint32_t) rand_r(&seed) % SLOTS,
                                    &wake);
        }

        return 1;
    }
}


static int
read_all(region_t *r, uint32_t slot, int all)
{
    slice_t   record;
    uint32_t  src;
    unsigned  n;

    sig_mailbox_begin(&r->mb[slot], all);

    for (n = 0; sig_mailbox_next(&r->mb[slot], &src, &record); n++) {

        if (n > SLOTS * REGION_RING) {
            printf("# more records than fit\n");
            return 0;
        }

        if (!record_is_inside(r, src, &record)) {
            return 0;
        }
    }

    return 1;
}


static int
record_is_inside(region_t *r, uint32_t src, slice_t *record)
{
    size_t   i;
    u_char  *arena;

    arena = r->base + r->size - (size_t) (SLOTS - src) * ARENA;

    if (src >= SLOTS || record->len > RECORD_MAX || record->data < arena
        || record->data + record->len > arena + ARENA)
    {
        printf("# a record outside of the arena\n");
        return 0;
    }

    for (i = 0; i < record->len; i++) {
        bytes_read += record->data[i];
    }

    return 1;
}


static int
all_pairs_work(region_t *r)
{
    int       pass, wake;
    uint32_t  i, k, src;

    pass = 1;

    for (i = 0; i < SLOTS; i++) {
        for (k = 0; k < SLOTS; k++) {
            if (i == k) {
                continue;
            }

            pass &= send_byte(&r->mb[i], k, (int) (i * 16 + k), &wake)
                    == SIG_MAILBOX_OK;
            sig_mailbox_begin(&r->mb[k], 0);
            pass &= read_byte(&r->mb[k], &src) == (int) (i * 16 + k)
                    && src == i;
            pass &= read_byte(&r->mb[k], &src) == -1;
        }
    }

    if (!pass) {
        printf("# a pair does not work\n");
    }

    return pass;
}


static uint64_t
random64(void)
{
    uint64_t  high;

    high = (uint64_t) rand_r(&seed) << 42;

    return high ^ (uint64_t) rand_r(&seed) << 21 ^ (uint64_t) rand_r(&seed);
}
