
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of sig_registry: slots and reaping.
 */


#include "registry_region.h"
#include "tap.h"


#define SLOTS  4


static void test_claim(void);
static void test_release(void);
static void test_condemn(void);
static void test_reap(void);
static void test_reap_leaving(void);
static void test_reap_twins(void);
static void test_reap_many(void);
static void test_reap_large(void);
static void test_same_pid(void);


static region_t         region;
static sig_registry_t   a, b;
static sig_change_t     change;
static sig_departure_t  gone[256];


static void
test_claim(void)
{
    uint32_t         i;
    sig_registry_t   w[SLOTS + 1];
    sig_slot_info_t  info;

    for (i = 0; i < SLOTS; i++) {
        handle(&region, &w[i], 50 + i);

        if (sig_registry_claim(&w[i], 7 + (int32_t) i, 3)
            != SIG_REGISTRY_OK)
        {
            break;
        }
    }

    handle(&region, &w[SLOTS], 60);

    ok(i == SLOTS && sig_registry_claim(&w[SLOTS], 0, 1) == SIG_REGISTRY_FULL
       && w[SLOTS].slot == SIG_NO_SLOT,
       "claim: every slot once");

    ok(sig_registry_slot_info(&w[0], 2, &info) == SIG_REGISTRY_OK
       && info.state == SIG_SLOT_STARTING && info.pid == 52
       && info.reaper == 0 && info.process_slot == 9 && info.generation == 3
       && info.incarnation == 1 && info.connections == 0,
       "claim: what is known of a slot");

    sig_registry_open(&w[2]);
    (void) sig_registry_slot_info(&w[0], 2, &info);
    ok(info.state == SIG_SLOT_LIVE && info.pid == 52, "claim: opened");

    ok(sig_registry_slot_info(&w[0], SLOTS, &info) == SIG_REGISTRY_BAD
       && info.state == SIG_SLOT_FREE && info.pid == 0,
       "claim: no such slot");

    sig_registry_release(&w[2]);
    (void) sig_registry_slot_info(&w[0], 2, &info);
    ok(info.state == SIG_SLOT_FREE && info.pid == 0
       && w[2].slot == SIG_NO_SLOT,
       "claim: given back");

    ok(sig_registry_claim(&w[SLOTS], -1, 4) == SIG_REGISTRY_OK
       && w[SLOTS].slot == 2
       && sig_registry_slot_info(&w[0], 2, &info) == SIG_REGISTRY_OK
       && info.incarnation == 2 && info.process_slot == -1 && sound(&a),
       "claim: taken again, another incarnation");

    /* without a slot: nothing happens */

    sig_registry_open(&w[2]);
    sig_registry_release(&w[2]);

    sig_registry_release(&w[SLOTS]);
    sig_registry_release(&w[0]);
    sig_registry_release(&w[1]);
    sig_registry_release(&w[3]);
}


static void
test_release(void)
{
    sig_ref_t        conn, m;
    sig_slot_info_t  info;

    worker(&region, &a, 100);
    conn = arrive(&region, &a, "anna", "");
    m = enter(&a, conn, "r", &change);

    (void) sig_registry_slot_info(&a, a.slot, &info);
    ok(info.connections == 1, "release: a slot with a connection");

    (void) sig_registry_leave(&a, m, 1, &change);
    (void) sig_registry_disconnect(&a, conn);

    (void) sig_registry_slot_info(&a, 0, &info);
    ok(info.connections == 0, "release: closing ones are not counted");

    sig_registry_release(&a);
    (void) sig_registry_slot_info(&b, 0, &info);

    ok(info.state == SIG_SLOT_DYING && info.pid == 100 && info.reaper == 0
       && a.slot == SIG_NO_SLOT && sound(&b),
       "release: a leaving member is left to a reaper");

    worker(&region, &b, 200);
    ok(b.slot == 1 && sig_registry_condemn(&b, 0, 100, 0) == SIG_REGISTRY_OK
       && sig_registry_reap(&b, 0, gone, 256) == 1
       && gone[0].change.member.gen == m.gen
       && gone[0].change.change == SIG_CHANGE_LEFT
       && gone[0].peer_len == 4 && memcmp(gone[0].peer, "anna", 4) == 0,
       "release: and found by it");

    sig_registry_retire(&b, &gone[0].change.member, 1);
    ok(sig_registry_reap(&b, 0, gone, 256) == 0
       && sig_registry_slot_info(&b, 0, &info) == SIG_REGISTRY_OK
       && info.state == SIG_SLOT_FREE && sound(&b),
       "release: then the slot is free");

    sig_registry_release(&b);
}


static void
test_condemn(void)
{
    int              rc;
    sig_ref_t        conn;
    sig_registry_t   r;
    sig_slot_info_t  info;

    worker(&region, &a, 100);
    worker(&region, &b, 200);
    handle(&region, &r, 300);

    (void) arrive(&region, &a, "anna", "");

    ok(sig_registry_condemn(&b, 0, 99, 0) == SIG_REGISTRY_STALE
       && sig_registry_condemn(&b, 2, 0, 0) == SIG_REGISTRY_STALE
       && sig_registry_condemn(&b, SLOTS, 100, 0) == SIG_REGISTRY_STALE
       && sig_registry_reap(&b, 0, gone, 256) == 0
       && sig_registry_reap(&b, SLOTS, gone, 256) == 0
       && present(&region, &b, "anna") == 1,
       "condemn: not that one");

    rc = sig_registry_condemn(&b, 0, 100, 0);

    ok(rc == SIG_REGISTRY_OK
       && sig_registry_condemn(&b, 0, 100, 0) == SIG_REGISTRY_OK
       && sig_registry_slot_info(&b, 0, &info) == SIG_REGISTRY_OK
       && info.state == SIG_SLOT_DYING && info.reaper == 200,
       "condemn: for oneself, and once more");

    conn = arrive(&region, &a, "bert", "");
    ok(conn.gen == 0 && present(&region, &b, "bert") == 0 && sound(&b),
       "condemn: nothing new for the owner if it is alive after all");

    sig_registry_release(&a);
    ok(sig_registry_slot_info(&b, 0, &info) == SIG_REGISTRY_OK
       && info.state == SIG_SLOT_DYING && info.reaper == 200,
       "condemn: the owner can not give it back either");

    ok(sig_registry_condemn(&r, 0, 100, 0) == SIG_REGISTRY_BUSY
       && sig_registry_condemn(&r, 0, 100, 201) == SIG_REGISTRY_BUSY
       && sig_registry_reap(&r, 0, gone, 256) == 0
       && present(&region, &r, "anna") == 1,
       "condemn: somebody else does it");

    ok(sig_registry_condemn(&r, 0, 100, 200) == SIG_REGISTRY_OK
       && sig_registry_condemn(&b, 0, 100, 0) == SIG_REGISTRY_BUSY
       && sig_registry_reap(&r, 0, gone, 256) == 0
       && present(&region, &r, "anna") == 0
       && sig_registry_condemn(&r, 0, 100, 0) == SIG_REGISTRY_STALE
       && sound(&b),
       "condemn: taken over from a reaper that died");

    sig_registry_release(&b);
}


static void
test_reap(void)
{
    int        good;
    char       id[16];
    uint32_t   i, k, n, total;
    sig_ref_t  cb, mb, conn[10];

    worker(&region, &a, 100);
    worker(&region, &b, 200);

    cb = arrive(&region, &b, "bert", "");
    mb = enter(&b, cb, "r3", &change);

    for (i = 0; i < 10; i++) {
        (void) snprintf(id, sizeof(id), "peer-%u", i);
        conn[i] = arrive(&region, &a, id, "{}");

        for (k = 0; k < i; k++) {
            (void) snprintf(id, sizeof(id), "r%u", k);
            (void) enter(&a, conn[i], id, &change);
        }
    }

    (void) sig_registry_condemn(&b, 0, 100, 0);

    ok(sig_registry_reap(&b, 0, gone, 0) == 0 && counts(&b).members == 46,
       "reap: none wanted");

    good = 1;
    total = 0;

    for ( ;; ) {
        n = sig_registry_reap(&b, 0, gone, 7);

        if (n == 0) {
            break;
        }

        good &= n <= 7 && sound(&b);
        total += n;

        for (i = 0; i < n; i++) {
            good &= gone[i].change.change == SIG_CHANGE_LEFT
                    && gone[i].change.shared_id
                    && gone[i].change.seq > 0
                    && (gone[i].change.mask & 1u << a.slot);
            sig_registry_retire(&b, &gone[i].change.member, 1);
        }

        good &= sound(&b);
    }

    ok(good && total == 45, "reap: every member, a few at a time");

    ok(counts(&b).connections == 1 && counts(&b).members == 1
       && counts(&b).leaving == 0 && counts(&b).rooms == 1
       && room_bits(&region, &b, "r3") == 1u << b.slot
       && strcmp(room_text(&region, &b, "r3"), "bert") == 0 && sound(&b),
       "reap: who lives stays");

    (void) depart(&b, mb, 1, &change);
    (void) sig_registry_disconnect(&b, cb);
    sig_registry_release(&b);
}


/* what the dead one had begun, and what the dead reaper had */

static void
test_reap_leaving(void)
{
    sig_ref_t       cb, mb, c1, m1, m2;
    sig_registry_t  r;

    worker(&region, &a, 100);
    worker(&region, &b, 200);
    handle(&region, &r, 300);

    cb = arrive(&region, &b, "bert", "");
    mb = enter(&b, cb, "r", &change);

    c1 = arrive(&region, &a, "anna", "");
    m1 = enter(&a, c1, "r", &change);
    m2 = enter(&a, c1, "s", &change);

    (void) sig_registry_leave(&a, m1, 1, &change);
    ok(change.seq == 3, "reap: one was leaving");

    (void) sig_registry_condemn(&r, 0, 100, 0);
    ok(sig_registry_reap(&r, 0, gone, 256) == 2
       && counts(&b).leaving == 2 && sound(&b),
       "reap: both are described");

    region_break(&region);

    (void) sig_registry_condemn(&b, 0, 100, 300);
    ok(sig_registry_reap(&b, 0, gone, 256) == 2 && sound(&b),
       "reap: by the next one again");

    if (gone[0].change.member.gen != m1.gen) {
        gone[0] = gone[1];
    }

    ok(gone[0].change.member.index == m1.index
       && gone[0].change.change == SIG_CHANGE_LEFT
       && gone[0].change.seq == 5
       && gone[0].change.mask == 1u << b.slot,
       "reap: as changes of their own");

    sig_registry_retire(&b, &m1, 1);
    sig_registry_retire(&b, &m2, 1);
    ok(sig_registry_reap(&b, 0, gone, 256) == 0
       && counts(&b).leaving == 0 && sound(&b),
       "reap: done");

    (void) depart(&b, mb, 1, &change);
    (void) sig_registry_disconnect(&b, cb);
    sig_registry_release(&b);
}


/* a peer that has another connection elsewhere has not left */

static void
test_reap_twins(void)
{
    sig_ref_t  c1, c2, m1, m2;

    static const char  uuid[] = "919108f7-52d1-4320-9bac-f847db4148a8";

    worker(&region, &a, 100);
    worker(&region, &b, 200);

    c1 = arrive(&region, &b, uuid, "1");
    c2 = arrive(&region, &a, uuid, "2");
    m1 = enter(&b, c1, "r", &change);
    m2 = enter(&a, c2, "r", &change);

    (void) sig_registry_condemn(&b, 0, 100, 0);
    ok(sig_registry_reap(&b, 0, gone, 256) == 1
       && gone[0].change.member.gen == m2.gen
       && gone[0].change.change == SIG_CHANGE_NONE
       && gone[0].peer_len == strlen(uuid)
       && memcmp(gone[0].peer, uuid, gone[0].peer_len) == 0
       && strncmp(room_text(&region, &b, "r"), uuid, strlen(uuid)) == 0
       && strcmp(room_text(&region, &b, "r") + strlen(uuid), "=1") == 0
       && sound(&b),
       "reap: the peer is still there");

    ok(sig_registry_reap(&b, 0, gone, 256) == 1
       && gone[0].change.change == SIG_CHANGE_NONE,
       "reap: described again as that");

    (void) sig_registry_leave(&b, m1, 1, &change);
    ok(change.change == SIG_CHANGE_LEFT
       && sig_registry_reap(&b, 0, gone, 256) == 1
       && gone[0].change.change == SIG_CHANGE_LEFT,
       "reap: and as having left when it has");

    sig_registry_retire(&b, &m1, 1);
    sig_registry_retire(&b, &m2, 1);
    (void) sig_registry_disconnect(&b, c1);
    ok(sig_registry_reap(&b, 0, gone, 256) == 0 && counts(&b).peers == 0
       && sound(&b),
       "reap: done with both");

    sig_registry_release(&b);
}


/* connections alone are nothing to describe; no lock is held for all */

static void
test_reap_many(void)
{
    char             id[16];
    uint32_t         i, n;
    sig_ref_t        conn;
    sig_slot_info_t  info;

    worker(&region, &a, 100);
    worker(&region, &b, 200);

    for (i = 0; i < 1000; i++) {
        (void) snprintf(id, sizeof(id), "peer-%u", i);
        conn = arrive(&region, &a, id, "");

        if (i == 10) {
            (void) enter(&a, conn, "r", &change);
        }
    }

    (void) sig_registry_condemn(&b, 0, 100, 0);
    n = sig_registry_reap(&b, 0, gone, 256);

    ok(n == 1 && gone[0].change.member.gen == change.member.gen && sound(&b),
       "reap: the one who was in a room");

    sig_registry_retire(&b, &gone[0].change.member, 1);

    ok(sig_registry_reap(&b, 0, gone, 256) == 0
       && sig_registry_slot_info(&b, 0, &info) == SIG_REGISTRY_OK
       && info.state == SIG_SLOT_FREE && counts(&b).connections == 0
       && sound(&b),
       "reap: a thousand connections");

    sig_registry_release(&b);
}


/* nobody says which member is a slot's last one in a room */

static void
test_reap_large(void)
{
    int        good;
    char       id[16];
    uint32_t   i, n, total;
    sig_ref_t  conn[300], m[300];

    worker(&region, &a, 100);
    worker(&region, &b, 200);

    for (i = 0; i < 300; i++) {
        (void) snprintf(id, sizeof(id), "peer-%u", i);
        conn[i] = arrive(&region, i % 2 ? &a : &b, id, "");
        m[i] = enter(i % 2 ? &a : &b, conn[i], "large", &change);
    }

    (void) sig_registry_condemn(&b, 0, 100, 0);

    good = 1;
    total = 0;

    for ( ;; ) {
        n = sig_registry_reap(&b, 0, gone, 256);

        if (n == 0) {
            break;
        }

        good &= n <= 64 && sound(&b);
        total += n;

        for (i = 0; i < n; i++) {
            sig_registry_retire(&b, &gone[i].change.member, 1);
        }
    }

    ok(good && total == 150
       && room_bits(&region, &b, "large") == 1u << b.slot && sound(&b),
       "reap: half of a large room");

    for (i = 0; i < 300; i += 2) {
        (void) depart(&b, m[i], i == 298, &change);
        (void) sig_registry_disconnect(&b, conn[i]);
    }

    sig_registry_release(&b);
}


/* a new process with the number of a dead one, owner or reaper */

static void
test_same_pid(void)
{
    sig_registry_t   r;
    sig_slot_info_t  info;

    worker(&region, &a, 100);
    worker(&region, &b, 200);
    (void) arrive(&region, &a, "anna", "");
    (void) sig_registry_condemn(&b, 0, 100, 0);

    worker(&region, &r, 200);
    (void) sig_registry_slot_info(&r, 0, &info);
    ok(r.slot == 2 && info.state == SIG_SLOT_DYING && info.reaper == 0,
       "same pid: is not the reaper that it succeeds");

    (void) sig_registry_slot_info(&r, 1, &info);
    ok(info.state == SIG_SLOT_DYING && info.reaper == 0 && sound(&r),
       "same pid: is not the owner that it succeeds");

    ok(sig_registry_condemn(&r, 0, 100, 0) == SIG_REGISTRY_OK
       && sig_registry_reap(&r, 0, gone, 256) == 0
       && sig_registry_condemn(&r, 1, 200, 0) == SIG_REGISTRY_OK
       && sig_registry_reap(&r, 1, gone, 256) == 0
       && counts(&r).connections == 0 && sound(&r),
       "same pid: both are reaped");

    sig_registry_release(&r);
}


int
main(void)
{
    region_make(&region, sig_registry_min_size(SLOTS), SLOTS);
    handle(&region, &a, 100);
    handle(&region, &b, 200);

    test_claim();
    test_release();
    test_condemn();
    test_reap();
    test_reap_leaving();
    test_reap_twins();
    test_reap_many();
    test_reap_large();
    test_same_pid();

    handle(&region, &a, 100);
    ok(counts(&a).peers == 0 && counts(&a).leaving == 0 && sound(&a),
       "nothing is left");

    region_free(&region);


    return tap_done();
}
