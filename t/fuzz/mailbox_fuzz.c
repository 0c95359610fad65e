
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Fuzzes the mailbox.  The input is a sequence of choices, a byte or two each:
 * who posts what to whom, who reads how much and keeps what in its hand, who
 * watches, who dies before which atomic operation, whose slot is closed and
 * opened again.  Lists of what was posted say what has to be read: each record
 * once, in order and whole, by the owner to whom it was posted; and when all
 * has been read there is room again.
 *
 * One choice is to write anything anywhere into the region.  From then on
 * nothing is expected, but that nobody reads or writes outside, comes to no
 * end, or is given a record that is not in the region.
 */


#include <setjmp.h>

#include "fuzz_choice.h"
#include "mailbox_points.h"
#include "mailbox_region.h"


#define FUZZ_SLOTS    4
#define FUZZ_ARENA    4096
#define FUZZ_RECORD   (FUZZ_ARENA / 4 - 16)     /* the longest */
#define FUZZ_STEPS    600
#define FUZZ_RECORDS  256                     /* of one pair, no more fit */


typedef enum {
    FUZZ_OPEN = 0,
    FUZZ_DEAD,                         /* and its slot is open still */
    FUZZ_CLOSED
} fuzz_owner_e;


typedef struct {
    uint32_t        number;
    size_t          len;
} fuzz_record_t;


/* what was posted by one slot to another and has not been read */

typedef struct {
    fuzz_record_t   records[FUZZ_RECORDS];
    uint32_t        n;
} fuzz_list_t;


static void fuzz_step(void);
static void fuzz_post(uint32_t src);
static int fuzz_post_to(uint32_t src, uint32_t dst, size_t len);
static int fuzz_unread(uint32_t dst, uint32_t src);
static void fuzz_read(uint32_t slot);
static void fuzz_take(uint32_t dst, uint32_t src, slice_t *record);
static void fuzz_inside(const slice_t *record);
static void fuzz_watch(uint32_t slot);
static void fuzz_reap(uint32_t slot);
static void fuzz_damage(void);
static void fuzz_died(uint32_t slot);
static void fuzz_hear_all(void);
static void fuzz_look(uint32_t slot);
static void fuzz_point(void);


static region_t         region;
static fuzz_owner_e     owner[FUZZ_SLOTS];
static fuzz_list_t      lists[FUZZ_SLOTS][FUZZ_SLOTS];  /* to, from */
static int              event[FUZZ_SLOTS];     /* the eventfd is readable */
static int              unwoken[FUZZ_SLOTS];   /* somebody died before it */
static fuzz_list_t     *posting;       /* its last one may not be there */
static uint32_t         posting_to;
static uint64_t         posting_tail;  /* of the ring, before */
static uint32_t         number;
static int              damaged;
static unsigned         patience;      /* atomic operations before a death */
static jmp_buf          death;


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t  n;

    fuzz_begin(data, size);

    memset(owner, 0, sizeof(owner));
    memset(lists, 0, sizeof(lists));
    memset(event, 0, sizeof(event));
    memset(unwoken, 0, sizeof(unwoken));

    number = 0;
    damaged = 0;
    posting = NULL;
    mailbox_point = fuzz_point;
    patience = 0;

    region_make_rings(&region, FUZZ_SLOTS, REGION_RING << fuzz_chance(2),
                      FUZZ_ARENA);

    for (n = 0; n < FUZZ_STEPS && fuzz_left > 0; n++) {
        fuzz_step();
    }

    fuzz_hear_all();

    region_free(&region);

    return 0;
}


static void
fuzz_step(void)
{
    unsigned         choice;
    static uint32_t  slot;           /* after a death too */

    choice = fuzz_chance(256);
    slot = choice % FUZZ_SLOTS;
    choice /= FUZZ_SLOTS;

    if (choice == 63) {
        fuzz_damage();
        return;
    }

    if (owner[slot] != FUZZ_OPEN) {
        fuzz_reap(slot);
        return;
    }

    if (choice >= 56) {

        /* somebody else has found it dead, or it has left */

        fuzz_died(slot);
        return;
    }

    patience = choice & 8 ? 1 + fuzz_chance(64) : 0;

    if (setjmp(death) != 0) {
        fuzz_died(slot);
        return;
    }

    switch (choice & 7) {

    case 0:
    case 1:
    case 2:
    case 3:
        fuzz_post(slot);
        break;

    case 7:
        fuzz_watch(slot);
        break;

    default:
        fuzz_read(slot);
    }

    patience = 0;
}


/* one record to some of the others */

static void
fuzz_post(uint32_t src)
{
    int             rc, unread;
    size_t          len;
    u_char         *p;
    unsigned        to;
    uint32_t        dst;
    sig_mailbox_t  *mb;

    mb = &region.mb[src];
    to = fuzz_chance(1 << FUZZ_SLOTS);
    len = fuzz_chance(3) ? fuzz_chance(200) : fuzz_chance(FUZZ_RECORD + 2);

    p = sig_mailbox_reserve(mb, len);

    if (p == NULL) {
        unread = 0;

        for (dst = 0; dst < FUZZ_SLOTS; dst++) {
            unread |= fuzz_unread(dst, src);
        }

        fuzz_check(damaged || len > FUZZ_RECORD || unread);
        return;
    }

    fuzz_check(damaged || len <= FUZZ_RECORD);

    pattern_write(p, len, ++number);

    for (dst = 0; dst < FUZZ_SLOTS; dst++) {
        if ((to & 1u << dst) == 0) {
            continue;
        }

        rc = fuzz_post_to(src, dst, len);

        if (damaged) {
            continue;
        }

        switch (rc) {

        case SIG_MAILBOX_OK:
            break;

        case SIG_MAILBOX_GONE:
            fuzz_check(dst == src || owner[dst] == FUZZ_CLOSED);
            break;

        case SIG_MAILBOX_AGAIN:
            fuzz_check(fuzz_unread(dst, src));
            break;

        default:
            fuzz_check(0);
        }
    }
}


static int
fuzz_post_to(uint32_t src, uint32_t dst, size_t len)
{
    int             rc, wake;
    fuzz_list_t    *list;
    fuzz_record_t  *record;

    list = &lists[dst][src];

    if (!damaged) {

        /* before it is posted, as its sender may not come back */

        fuzz_check(list->n < FUZZ_RECORDS);

        record = &list->records[list->n++];
        record->number = number;
        record->len = len;

        posting = list;
        posting_to = dst;
        posting_tail = sig_mailbox_ring(&region.mb[src], dst, src)->tail;
    }

    rc = region_post(&region.mb[src], dst, &wake);

    posting = NULL;

    if (rc == SIG_MAILBOX_OK && wake) {
        event[dst] = 1;
    }

    if (!damaged && rc != SIG_MAILBOX_OK) {
        list->n--;
    }

    return rc;
}


/*
 * Whether something is posted and not given back; of one that died nobody
 * knows, it may have died before it had skipped what is not for it.
 */

static int
fuzz_unread(uint32_t dst, uint32_t src)
{
    return owner[dst] == FUZZ_DEAD
           || (owner[dst] == FUZZ_OPEN
               && (lists[dst][src].n > 0 || region.mb[dst].held == src));
}


static void
fuzz_read(uint32_t slot)
{
    slice_t         record;
    uint32_t        src, n, max;
    sig_mailbox_t  *mb;

    mb = &region.mb[slot];
    max = fuzz_chance(16);

    if (max == 15) {
        src = fuzz_chance(FUZZ_SLOTS + 1);

        if (sig_mailbox_next_from(mb, src, &record)) {
            fuzz_take(slot, src, &record);
        }

        return;
    }

    if (fuzz_chance(4) == 0) {
        sig_mailbox_begin(mb, 1);
        unwoken[slot] = 0;

    } else if (event[slot]) {
        event[slot] = 0;
        sig_mailbox_begin(mb, 0);
    }

    for (n = 0; n < max && sig_mailbox_next(mb, &src, &record); n++) {
        fuzz_take(slot, src, &record);
    }

    if (fuzz_chance(2)) {
        sig_mailbox_end(mb);
    }
}


static void
fuzz_take(uint32_t dst, uint32_t src, slice_t *record)
{
    fuzz_list_t  *list;

    fuzz_inside(record);

    if (damaged) {
        return;
    }

    fuzz_check(src < FUZZ_SLOTS && src != dst);

    list = &lists[dst][src];

    fuzz_check(list->n > 0
               && pattern_is(record, list->records[0].len,
                             list->records[0].number));

    list->n--;
    memmove(list->records, list->records + 1,
            list->n * sizeof(fuzz_record_t));
}


static void
fuzz_inside(const slice_t *record)
{
    u_char  *arenas;

    /* who has attached to a damaged header looks for them somewhere else */

    arenas = region.base;

    if (!damaged) {
        arenas += region.size - (size_t) FUZZ_SLOTS * FUZZ_ARENA;
    }

    fuzz_check(record->data >= arenas
               && record->data <= region.base + region.size
               && record->len <= (size_t) (region.base + region.size
                                           - record->data)
               && (damaged || record->len <= FUZZ_RECORD));
}


static void
fuzz_watch(uint32_t slot)
{
    unsigned  n;

    for (n = fuzz_chance(SIG_MAILBOX_STALLED + 2); n > 0; n--) {
        sig_mailbox_watch(&region.mb[slot]);
    }
}


/* somebody without a slot closes it, then the next owner opens it */

static void
fuzz_reap(uint32_t slot)
{
    uint32_t       i;
    sig_mailbox_t  reaper, *mb;

    mb = &region.mb[slot];

    if (sig_mailbox_attach(&reaper, region.base, region.size)
        != SIG_MAILBOX_OK)
    {
        fuzz_check(damaged);
        return;
    }

    if (owner[slot] == FUZZ_DEAD) {
        sig_mailbox_close(&reaper, slot);
        owner[slot] = FUZZ_CLOSED;

        /* what was for it is for nobody */

        for (i = 0; i < FUZZ_SLOTS; i++) {
            lists[slot][i].n = 0;
        }

        return;
    }

    *mb = reaper;

    event[slot] = 0;
    unwoken[slot] = 0;

    patience = fuzz_chance(8) ? 0 : 1 + fuzz_chance(40);

    if (setjmp(death) != 0) {

        /* before it was open, or after that */

        fuzz_died(slot);

        if (!sig_mailbox_is_open(mb, slot)) {
            owner[slot] = FUZZ_CLOSED;
        }

        return;
    }

    sig_mailbox_open(mb, slot);

    patience = 0;
    owner[slot] = FUZZ_OPEN;
}


static void
fuzz_damage(void)
{
    size_t     at;
    uint64_t   word;
    u_char    *p;

    damaged = 1;

    at = (size_t) fuzz_chance(65536) % (region.size / 8);
    p = region.base + at * 8;

    memcpy(&word, p, 8);

    switch (fuzz_chance(8)) {

    case 0:
        word = 0;
        break;

    case 1:
        word = UINT64_MAX;
        break;

    case 2:
        word = INT64_MAX - fuzz_chance(256);
        break;

    case 3:
        word = (uint64_t) fuzz_chance(256) << 8 * fuzz_chance(8);
        break;

    case 4:
        word -= 1 + fuzz_chance(256);
        break;

    default:
        word += 1 + fuzz_chance(65536);
    }

    memcpy(p, &word, 8);
}


/* what it was posting is there if the tail has moved; nobody may be woken */

static void
fuzz_died(uint32_t slot)
{
    patience = 0;
    owner[slot] = FUZZ_DEAD;

    if (posting != NULL) {
        unwoken[posting_to] = 1;

        posting->n -= (sig_mailbox_ring(&region.mb[slot], posting_to,
                                        slot)->tail == posting_tail);
        posting = NULL;
    }
}


/* who was woken reads; then nothing is left, and the arenas are free */

static void
fuzz_hear_all(void)
{
    uint32_t  slot;

    patience = 0;

    for (slot = 0; slot < FUZZ_SLOTS; slot++) {

        while (owner[slot] != FUZZ_OPEN) {
            fuzz_begin(NULL, 0);
            fuzz_reap(slot);

            if (damaged && owner[slot] != FUZZ_OPEN) {
                return;
            }
        }
    }

    for (slot = 0; slot < FUZZ_SLOTS; slot++) {
        fuzz_look(slot);
    }

    for (slot = 0; !damaged && slot < FUZZ_SLOTS; slot++) {
        fuzz_check(sig_mailbox_torn(&region.mb[slot]) == 0);
        fuzz_check(sig_mailbox_reserve(&region.mb[slot], FUZZ_RECORD)
                   != NULL);
    }
}


static void
fuzz_look(uint32_t slot)
{
    slice_t         record;
    uint32_t        src;
    sig_mailbox_t  *mb;

    mb = &region.mb[slot];

    if (unwoken[slot]) {
        sig_mailbox_begin(mb, 1);

    } else if (event[slot]) {
        sig_mailbox_begin(mb, 0);
    }

    while (sig_mailbox_next(mb, &src, &record)) {
        fuzz_take(slot, src, &record);
    }

    for (src = 0; !damaged && src < FUZZ_SLOTS; src++) {
        fuzz_check(lists[slot][src].n == 0);
    }
}


static void
fuzz_point(void)
{
    if (patience != 0 && --patience == 0) {
        longjmp(death, 1);
    }
}
