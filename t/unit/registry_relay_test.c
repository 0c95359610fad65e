
/*
 * Copyright (C) The ngx_signaling authors
 *
 * What is read without the lock, by those who relay: the workers of a room
 * and the number of its last change; also while somebody rebuilds.
 */


#include <string.h>

#include "registry_region.h"
#include "tap.h"


#define SLOTS    5
#define MEMBERS  40


static void watch(void);
static void test_seq(void);
static void test_rebuild(void);


static region_t        region;
static sig_registry_t  workers[SLOTS];

static sig_ref_t       room;
static uint64_t        mask;
static uint64_t        seq;
static unsigned        looked;
static unsigned        wrong;
static int             watching;


void
sig_fault_at(const char *file, int line)
{
    if (watching) {
        watch();
    }
}


static void
watch(void)
{
    looked++;

    if ((sig_registry_room_mask(&workers[0], room) & mask) != mask
        || sig_registry_room_seq(&workers[0], room) != seq)
    {
        wrong++;
    }
}


static void
test_seq(void)
{
    int           good;
    sig_ref_t     conn, other, m, n, bad;
    sig_change_t  change;

    conn = arrive(&region, &workers[0], "anna", "");
    other = arrive(&region, &workers[1], "bert", "");

    m = enter(&workers[0], conn, "r", &change);
    room = change.room;

    good = sig_registry_room_seq(&workers[0], room) == change.seq;

    n = enter(&workers[1], other, "r", &change);
    seq = change.seq;

    good &= sig_registry_room_seq(&workers[0], room) == seq;

    good &= depart(&workers[1], n, 1, &change) && change.seq > seq
            && sig_registry_room_seq(&workers[0], room) == change.seq;

    ok(good, "seq: that of the last change");

    bad = room;
    bad.gen++;
    good = sig_registry_room_seq(&workers[0], bad) == 0;

    bad.gen = 0;
    good &= sig_registry_room_seq(&workers[0], bad) == 0;

    bad.gen = 1;
    bad.index = UINT32_MAX;
    good &= sig_registry_room_seq(&workers[0], bad) == 0
            && sig_registry_room_seq(&workers[0], conn) == 0;

    (void) depart(&workers[0], m, 1, &change);
    good &= sig_registry_room_seq(&workers[0], room) == 0;

    ok(good, "seq: of nothing that is there");

    (void) sig_registry_disconnect(&workers[0], conn);
    (void) sig_registry_disconnect(&workers[1], other);
}


/* with few members, and with so many that they are counted */

static void
test_rebuild(void)
{
    char           name[16];
    uint32_t       i;
    sig_ref_t      conns[MEMBERS], members[MEMBERS];
    sig_change_t   change;

    watching = 0;
    looked = 0;
    wrong = 0;

    for (i = 0; i < MEMBERS; i++) {

        (void) snprintf(name, sizeof(name), "peer %u", i);

        conns[i] = arrive(&region, &workers[i % SLOTS], name, "");
        members[i] = enter(&workers[i % SLOTS], conns[i], "r", &change);

        room = change.room;
        seq = change.seq;
        mask = change.mask;

        region_break(&region);
        watching = 1;
        (void) sound(&workers[SLOTS - 1]);
        watching = 0;
    }

    ok(looked > MEMBERS && wrong == 0,
       "rebuild: nobody is left out meanwhile");
    ok(sig_registry_room_mask(&workers[0], room) == mask
       && mask == (1 << SLOTS) - 1, "rebuild: the mask is as it was");

    for (i = 0; i < MEMBERS; i++) {
        (void) depart(&workers[i % SLOTS], members[i], i + SLOTS >= MEMBERS,
                      &change);
        (void) sig_registry_disconnect(&workers[i % SLOTS], conns[i]);
    }

    ok(sound(&workers[0]), "rebuild: nothing is left");
}


int
main(void)
{
    uint32_t  i;

    region_make(&region, sig_registry_min_size(SLOTS), SLOTS);

    for (i = 0; i < SLOTS; i++) {
        worker(&region, &workers[i], 100 + i);
    }

    test_seq();
    test_rebuild();

    region_free(&region);

    return tap_done();
}
