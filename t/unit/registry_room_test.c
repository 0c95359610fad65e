
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of sig_registry: peers with several connections, leaving in two
 * steps, masks, and references that name nothing any more.
 */


#include "registry_region.h"
#include "sig_registry_node.h"
#include "tap.h"


#define SLOTS  130

#define is(got, want)  (strcmp(got, want) == 0)


static void test_metadata_max(void);
static void test_takeover(void);
static void test_primary(void);
static void test_leaving(void);
static void test_closing(void);
static void test_rejoin(void);
static void test_mask(void);
static void test_mask_shared(void);
static void test_mask_large(void);
static void test_orphans(void);
static void test_in_room(void);
static void test_apps(void);
static void test_stale(void);
static void test_generations(void);


static region_t        region;
static sig_registry_t  a, b, c, d;
static sig_change_t    change;


static void
test_metadata_max(void)
{
    int              good;
    size_t           max;
    u_char           buf[256];
    slice_t          name;
    uint32_t         i;
    uint64_t         seq;
    sig_ref_t        conn[4], nobody;
    sig_roster_t     roster;
    sig_audience_t   audience;
    sig_departure_t  gone[4];

    static const char  *want[] = {
        "a,b,c,d", "a,b,c,d", "a,b,c,d", "a=333,b,c,d", "a=333,b,c,d",
        "a=333,b,c=22,d", "a=333,b,c=22,d=1"
    };

    nobody.index = 0;
    nobody.gen = 0;

    conn[0] = arrive(&region, &d, "a", "333");
    conn[1] = arrive(&region, &d, "b", "");
    conn[2] = arrive(&region, &d, "c", "22");
    conn[3] = arrive(&region, &d, "d", "1");

    for (i = 0; i < 4; i++) {
        (void) enter(&d, conn[i], "r", &change);
    }

    good = 1;
    name = text("r");

    for (max = 0; max < 7; max++) {
        roster.data = buf;
        roster.size = sizeof(buf);

        good &= sig_registry_roster(&a, change.room, nobody, &roster, max,
                                    &seq)
                == SIG_REGISTRY_OK
                && is(roster_text(&roster), want[max]);
    }

    ok(good, "metadata: dropped from the end, and not picked for size");

    for (i = 0; i < 4; i++) {
        (void) sig_registry_disconnect(&d, conn[i]);
    }

    ok(counts(&a).members == 4 && counts(&a).connections == 0 && sound(&a),
       "metadata: connections close before their members have left");

    /* as a worker that dies now: the next one has to find them */

    sig_registry_release(&d);
    (void) sig_registry_condemn(&a, 2, 300, 0);

    good = sig_registry_reap(&a, 2, gone, 4) == 4;

    for (i = 0; i < 4; i++) {
        sig_registry_retire(&a, &gone[i].change.member, 1);
    }

    ok(good && sig_registry_reap(&a, 2, gone, 4) == 0
       && sig_registry_find_room(&a, region.app, &name, &nobody, &audience)
       == SIG_REGISTRY_STALE && counts(&a).leaving == 0 && sound(&a),
       "metadata: all reaped");
}


static void
test_takeover(void)
{
    u_char        buf[256];
    slice_t       name;
    sig_ref_t     c0, c1, c2, m0, m1, m2;
    sig_roster_t  roster;

    name = text("r");
    roster.data = buf;
    roster.size = sizeof(buf);

    c0 = arrive(&region, &a, "zoe", "");
    c1 = arrive(&region, &a, "anna", "1");
    c2 = arrive(&region, &b, "anna", "2");

    m0 = enter(&a, c0, "r", &change);
    m1 = enter(&a, c1, "r", &change);

    ok(sig_registry_join(&b, c2, &name, &change, &roster, 100)
       == SIG_REGISTRY_OK
       && change.change == SIG_CHANGE_TAKEOVER && change.seq == 3
       && change.mask == (1u << a.slot | 1u << b.slot)
       && is(roster_text(&roster), "zoe") && sound(&a),
       "takeover: without its own peer in the roster");

    m2 = change.member;

    ok(is(room_text(&region, &a, "r"), "zoe,anna=2")
       && counts(&a).members == 3 && counts(&a).peers == 2,
       "takeover: the most recent one is seen");

    ok(depart(&a, m1, 0, &change) && change.change == SIG_CHANGE_NONE
       && change.seq == 3 && is(room_text(&region, &a, "r"), "zoe,anna=2")
       && sound(&a),
       "takeover: the older one goes in silence");

    ok(depart(&b, m2, 1, &change) && change.change == SIG_CHANGE_LEFT
       && change.seq == 4 && is(room_text(&region, &a, "r"), "zoe")
       && sound(&a),
       "takeover: the last one goes");

    (void) depart(&a, m0, 1, &change);
    (void) sig_registry_disconnect(&a, c0);
    (void) sig_registry_disconnect(&a, c1);
    (void) sig_registry_disconnect(&b, c2);
}


static void
test_primary(void)
{
    int        good;
    uint32_t   i;
    sig_ref_t  conn[4], m[4];

    static const char  *id[] = { "1", "2", "3", "4" };

    good = 1;

    for (i = 0; i < 4; i++) {
        conn[i] = arrive(&region, i % 2 ? &a : &b, "anna", id[i]);
        m[i] = enter(i % 2 ? &a : &b, conn[i], "r", &change);
        good &= change.change
                == (i ? SIG_CHANGE_TAKEOVER : SIG_CHANGE_JOINED);
    }

    ok(good && is(room_text(&region, &a, "r"), "anna=4") && sound(&a),
       "primary: the last of four");

    ok(depart(&b, m[2], 0, &change) && change.change == SIG_CHANGE_NONE
       && is(room_text(&region, &a, "r"), "anna=4") && sound(&a),
       "primary: one in the middle goes");

    ok(depart(&a, m[3], 0, &change) && change.change == SIG_CHANGE_NONE
       && is(room_text(&region, &a, "r"), "anna=2") && sound(&a),
       "primary: passes to the most recent of those who stay");

    region_break(&region);

    ok(is(room_text(&region, &a, "r"), "anna=2") && sound(&a),
       "primary: the same after a rebuild");

    ok(depart(&b, m[0], 1, &change) && change.change == SIG_CHANGE_NONE
       && depart(&a, m[1], 1, &change) && change.change == SIG_CHANGE_LEFT
       && is(room_text(&region, &a, "r"), "-") && sound(&a),
       "primary: the last one goes");

    for (i = 0; i < 4; i++) {
        (void) sig_registry_disconnect(&a, conn[i]);
    }
}


static void
test_leaving(void)
{
    sig_ref_t  c1, c2, m1, m2;

    c1 = arrive(&region, &a, "anna", "");
    c2 = arrive(&region, &b, "bert", "");
    m1 = enter(&a, c1, "r", &change);
    m2 = enter(&b, c2, "r", &change);

    ok(sig_registry_leave(&a, m1, 1, &change) == SIG_REGISTRY_OK
       && change.member.gen == m1.gen && change.room.gen != 0
       && sig_registry_leave(&a, m1, 1, &change) == SIG_REGISTRY_STALE
       && counts(&a).members == 1 && counts(&a).leaving == 1
       && is(room_text(&region, &a, "r"), "bert") && sound(&a),
       "leaving: once, and not seen from then on");

    ok(sig_registry_leave(&b, m2, 1, &change) == SIG_REGISTRY_OK
       && counts(&a).rooms == 0 && counts(&a).leaving == 2
       && is(room_text(&region, &a, "r"), "-") && sound(&a),
       "leaving: a room of nobody but them is not found");

    region_break(&region);
    ok(counts(&a).leaving == 2 && sound(&a), "leaving: through a rebuild");

    sig_registry_retire(&a, &m1, 1);
    sig_registry_retire(&a, &m1, 1);
    ok(counts(&a).leaving == 1 && sound(&a), "leaving: retired once");

    m1 = enter(&a, c1, "r", &change);
    ok(change.seq == 5 && change.change == SIG_CHANGE_JOINED
       && change.mask == 1u << a.slot && sound(&a),
       "leaving: the room goes on for who comes in time");

    sig_registry_retire(&a, &m1, 1);
    ok(counts(&a).members == 1, "leaving: who has not left is not retired");

    sig_registry_retire(&b, &m2, 1);
    (void) depart(&a, m1, 1, &change);
    (void) sig_registry_disconnect(&a, c1);
    (void) sig_registry_disconnect(&b, c2);

    ok(counts(&a).leaving == 0 && counts(&a).peers == 0 && sound(&a),
       "leaving: done");
}


static void
test_closing(void)
{
    size_t     bytes;
    sig_ref_t  conn, m[2];

    bytes = counts(&a).bytes_free;

    conn = arrive(&region, &a, "anna", "{}");
    m[0] = enter(&a, conn, "r1", &change);
    m[1] = enter(&a, conn, "r2", &change);

    (void) sig_registry_leave(&a, m[0], 1, &change);
    (void) sig_registry_leave(&a, m[1], 1, &change);

    ok(sig_registry_disconnect(&a, conn) == SIG_REGISTRY_OK
       && sig_registry_disconnect(&a, conn) == SIG_REGISTRY_STALE
       && present(&region, &a, "anna") == 0 && counts(&a).connections == 0
       && counts(&a).peers == 0 && counts(&a).leaving == 2
       && enter(&a, conn, "r1", &change).gen == 0 && sound(&a),
       "closing: not found while its members are leaving");

    region_break(&region);
    ok(present(&region, &a, "anna") == 0 && counts(&a).leaving == 2
       && sound(&a),
       "closing: through a rebuild");

    sig_registry_retire(&a, m, 1);
    ok(counts(&a).leaving == 1 && counts(&a).bytes_free < bytes && sound(&a),
       "closing: one retired");

    sig_registry_retire(&a, m, 2);
    ok(counts(&a).leaving == 0 && counts(&a).bytes_free == bytes
       && sound(&a),
       "closing: goes with the last one");
}


static void
test_rejoin(void)
{
    sig_ref_t  c1, c2, m1, m2;

    c1 = arrive(&region, &a, "anna", "1");
    m1 = enter(&a, c1, "r", &change);

    (void) sig_registry_leave(&a, m1, 1, &change);
    (void) sig_registry_disconnect(&a, c1);

    c2 = arrive(&region, &b, "anna", "2");
    m2 = enter(&b, c2, "r", &change);

    ok(change.change == SIG_CHANGE_JOINED && change.seq == 3
       && change.mask == 1u << b.slot
       && is(room_text(&region, &a, "r"), "anna=2")
       && present(&region, &a, "anna") == 1 && sound(&a),
       "rejoin: while the older one is leaving");

    sig_registry_retire(&a, &m1, 1);
    ok(is(room_text(&region, &a, "r"), "anna=2")
       && present(&region, &a, "anna") == 1 && sound(&a),
       "rejoin: the older one is retired");

    (void) depart(&b, m2, 1, &change);
    (void) sig_registry_disconnect(&b, c2);
}


static void
test_mask(void)
{
    sig_ref_t  conn[3], m[3];

    conn[0] = arrive(&region, &a, "anna", "");
    conn[1] = arrive(&region, &a, "bert", "");
    conn[2] = arrive(&region, &b, "carl", "");

    m[0] = enter(&a, conn[0], "r", &change);
    m[1] = enter(&a, conn[1], "r", &change);
    m[2] = enter(&b, conn[2], "r", &change);

    ok(room_bits(&region, &a, "r") == (1u << a.slot | 1u << b.slot),
       "mask: of two slots");

    (void) depart(&a, m[0], 1, &change);
    ok(room_bits(&region, &a, "r") == (1u << a.slot | 1u << b.slot)
       && sound(&a),
       "mask: not cleared for a caller who is mistaken");

    (void) depart(&b, m[2], 1, &change);
    ok(change.mask == (1u << a.slot | 1u << b.slot)
       && room_bits(&region, &a, "r") == 1u << a.slot && sound(&a),
       "mask: cleared with the last one of a slot");

    (void) depart(&a, m[1], 1, &change);
    (void) sig_registry_disconnect(&a, conn[0]);
    (void) sig_registry_disconnect(&a, conn[1]);
    (void) sig_registry_disconnect(&b, conn[2]);
}


/* slots 1 and 129 have the same bit */

static void
test_mask_shared(void)
{
    sig_ref_t  c1, c2, m1, m2;

    c1 = arrive(&region, &b, "anna", "");
    c2 = arrive(&region, &c, "bert", "");
    m1 = enter(&b, c1, "r", &change);
    m2 = enter(&c, c2, "r", &change);

    ok(b.slot % 64 == c.slot % 64 && b.slot != c.slot
       && change.mask == 1u << b.slot && sound(&a),
       "mask: one bit for two slots");

    (void) depart(&c, m2, 1, &change);
    ok(room_bits(&region, &a, "r") == 1u << b.slot && sound(&a),
       "mask: stays for the other slot");

    (void) depart(&b, m1, 1, &change);
    ok(room_bits(&region, &a, "r") == 0 && sound(&a),
       "mask: gone with the room");

    (void) sig_registry_disconnect(&b, c1);
    (void) sig_registry_disconnect(&c, c2);
}


/* rooms in which members are counted by slot */

static void
test_mask_large(void)
{
    int              good;
    char             id[16];
    size_t           bytes;
    uint32_t         i;
    sig_ref_t        conn[200], m[200];
    sig_registry_t  *w[3];

    w[0] = &a;
    w[1] = &b;
    w[2] = &c;
    good = 1;
    bytes = counts(&a).bytes_free;

    for (i = 0; i < 200; i++) {
        (void) snprintf(id, sizeof(id), "peer-%u", i);

        conn[i] = arrive(&region, w[i % 3], id, "");
        m[i] = enter(w[i % 3], conn[i], "large", &change);
        good &= m[i].gen != 0 && sound(&a);
    }

    ok(good, "mask: of a large room");

    region_break(&region);
    good = sound(&a);

    /* all of b go, then all of c, who have the same bit, then a */

    for (i = 1; i < 200; i += 3) {
        good &= depart(&b, m[i], 0, &change) && sound(&a);
    }

    good &= room_bits(&region, &a, "large") == (1u << a.slot | 1u << b.slot);

    for (i = 2; i < 200; i += 3) {
        good &= depart(&c, m[i], 0, &change) && sound(&a);
    }

    good &= room_bits(&region, &a, "large") == 1u << a.slot;
    ok(good, "mask: of a large room follows who leaves");

    for (i = 0; i < 200; i += 3) {
        good &= depart(&a, m[i], 0, &change) && sound(&a);
    }

    for (i = 0; i < 200; i++) {
        (void) sig_registry_disconnect(&a, conn[i]);
    }

    ok(good && counts(&a).bytes_free == bytes && sound(&a),
       "mask: of a large room, all gone");
}


/* as if who retired the last member of a large room had died just then */

static void
test_orphans(void)
{
    char       id[16];
    size_t     bytes;
    uint32_t   i;
    sig_ref_t  conn[100], m[100], room;

    bytes = counts(&a).bytes_free;

    for (i = 0; i < 100; i++) {
        (void) snprintf(id, sizeof(id), "peer-%u", i);
        conn[i] = arrive(&region, &a, id, "");
        m[i] = enter(&a, conn[i], "large", &change);
    }

    room = change.room;

    for (i = 0; i < 99; i++) {
        (void) depart(&a, m[i], 0, &change);
        (void) sig_registry_disconnect(&a, conn[i]);
    }

    (void) sig_registry_leave(&a, m[99], 1, &change);

    sig_store_commit(&sig_member_node(&a, m[99].index)->node, SIG_NODE_FREE);
    region_break(&region);

    ok(sound(&a) && counts(&a).leaving == 0 && counts(&a).connections == 1
       && sig_registry_find(&a, room, SIG_NODE_ROOM) == NULL,
       "orphans: a large room without members, with its counts");

    (void) sig_registry_disconnect(&a, conn[99]);
    ok(counts(&a).bytes_free == bytes && sound(&a), "orphans: all gone");
}


static void
test_in_room(void)
{
    int        good;
    u_char     buf[64];
    slice_t    anna, bert, data;
    sig_ref_t  c1, c2, m1, room;

    anna = text("anna");
    bert = text("bert");
    data.data = buf;
    data.len = 99;

    c1 = arrive(&region, &a, "anna", "{\"x\":1}");
    c2 = arrive(&region, &b, "bert", "");
    m1 = enter(&a, c1, "r", &change);
    room = change.room;

    good = sig_registry_in_room(&b, room, &anna, &data) == 1;
    ok(good && data.len == 7 && memcmp(buf, "{\"x\":1}", 7) == 0,
       "in room: with metadata");

    ok(sig_registry_in_room(&b, room, &anna, NULL) == 1
       && sig_registry_in_room(&b, room, &bert, &data) == 0,
       "in room: somebody else is not");

    (void) sig_registry_leave(&a, m1, 1, &change);
    ok(sig_registry_in_room(&b, room, &anna, &data) == 0,
       "in room: who is leaving is not");

    sig_registry_retire(&a, &m1, 1);
    ok(sig_registry_in_room(&b, room, &anna, &data) == 0,
       "in room: of a room that has gone");

    (void) sig_registry_disconnect(&a, c1);
    (void) sig_registry_disconnect(&a, c2);
}


static void
test_apps(void)
{
    slice_t         name, peer, none;
    uint32_t        other, n;
    sig_ref_t       c1, c2, m1, m2, room;
    sig_target_t    targets[SIG_PEER_CONNECTIONS];
    sig_audience_t  audience;

    name = text("other");
    peer = text("anna");
    none = text("");

    (void) sig_registry_app(&a, &name, &other);

    c1 = arrive(&region, &a, "anna", "");
    (void) sig_registry_connect(&a, other, &peer, &none, 0, 1, &c2, targets,
                                &n);
    ok(n == 0 && counts(&a).peers == 2
       && sig_registry_find_peer(&a, other, &peer, targets) == 1
       && targets[0].conn.gen == c2.gen,
       "apps: the same ID is another peer");

    m1 = enter(&a, c1, "r", &change);
    m2 = enter(&a, c2, "r", &change);
    name = text("r");

    ok(change.change == SIG_CHANGE_JOINED && change.seq == 1
       && !change.shared_id
       && counts(&a).rooms == 2
       && sig_registry_find_room(&a, other, &name, &room, &audience)
          == SIG_REGISTRY_OK
       && room.gen == change.room.gen && audience.members == 1 && sound(&a),
       "apps: the same name is another room");

    (void) depart(&a, m1, 1, &change);
    (void) depart(&a, m2, 1, &change);
    (void) sig_registry_disconnect(&a, c1);
    (void) sig_registry_disconnect(&a, c2);
}


static void
test_stale(void)
{
    int           good;
    uint32_t      i;
    uint64_t      seq;
    sig_ref_t     bad, conn, m, room;
    sig_roster_t  roster;

    static const uint32_t  indexes[] = {
        0, 1, 2, 17, 100, 4095, 8191, 65536, 0x7fffffff, 0xffffffff
    };

    conn = arrive(&region, &a, "anna", "");
    m = enter(&a, conn, "r", &change);
    room = change.room;

    memset(&roster, 0, sizeof(roster));
    good = 1;

    for (i = 0; i < sizeof(indexes) / sizeof(indexes[0]); i++) {
        bad.index = indexes[i];
        bad.gen = conn.gen;

        good &= sig_registry_disconnect(&a, bad) == SIG_REGISTRY_STALE
                && sig_registry_leave(&a, bad, 1, &change)
                   == SIG_REGISTRY_STALE
                && enter(&a, bad, "x", &change).gen == 0
                && sig_registry_room_mask(&a, bad) == 0
                && sig_registry_roster(&a, bad, bad, &roster, 0, &seq)
                   == SIG_REGISTRY_STALE;
        sig_registry_retire(&a, &bad, 1);
    }

    ok(good && sound(&a), "stale: no node has that index");

    ok(sig_registry_disconnect(&a, m) == SIG_REGISTRY_STALE
       && sig_registry_leave(&a, conn, 1, &change) == SIG_REGISTRY_STALE
       && sig_registry_leave(&a, room, 1, &change) == SIG_REGISTRY_STALE
       && sig_registry_room_mask(&a, m) == 0
       && enter(&a, room, "x", &change).gen == 0 && sound(&a),
       "stale: a node of another kind");

    bad = conn;
    bad.gen++;
    good = sig_registry_disconnect(&a, bad) == SIG_REGISTRY_STALE;
    bad.gen = 0;
    good &= sig_registry_disconnect(&a, bad) == SIG_REGISTRY_STALE;

    ok(good && present(&region, &a, "anna") == 1,
       "stale: another generation");

    (void) depart(&a, m, 1, &change);
    (void) sig_registry_disconnect(&a, conn);
}


/* what was freed is not recognized, whatever takes its place */

static void
test_generations(void)
{
    int        good;
    uint32_t   i, same;
    sig_ref_t  old, conn, oldm, m, oldroom;

    old = arrive(&region, &a, "anna", "");
    oldm = enter(&a, old, "r", &change);
    oldroom = change.room;

    (void) depart(&a, oldm, 1, &change);
    (void) sig_registry_disconnect(&a, old);

    good = 1;
    same = 0;

    for (i = 0; i < 1000; i++) {
        conn = arrive(&region, &a, "anna", i % 2 ? "x" : "");
        m = enter(&a, conn, i % 3 ? "r" : "another room", &change);

        same += conn.index == old.index || m.index == oldm.index;
        good &= sig_registry_disconnect(&a, old) == SIG_REGISTRY_STALE
                && sig_registry_leave(&a, oldm, 1, &change)
                   == SIG_REGISTRY_STALE
                && sig_registry_room_mask(&a, oldroom) == 0;

        good &= depart(&a, m, 1, &change)
                && sig_registry_disconnect(&a, conn) == SIG_REGISTRY_OK;
    }

    ok(good && same > 100, "generations: the same place is another node");
}


int
main(void)
{
    uint32_t        i;
    sig_registry_t  r;

    region_make(&region, sig_registry_min_size(SLOTS), SLOTS);

    worker(&region, &a, 100);
    worker(&region, &b, 200);

    worker(&region, &d, 300);

    for (i = 3; i < 129; i++) {
        worker(&region, &r, 300 + i);
    }

    worker(&region, &c, 900);

    test_metadata_max();
    test_takeover();
    test_primary();
    test_leaving();
    test_closing();
    test_rejoin();
    test_mask();
    test_mask_shared();
    test_mask_large();
    test_orphans();
    test_in_room();
    test_apps();
    test_stale();
    test_generations();

    ok(counts(&a).peers == 0 && counts(&a).leaving == 0 && sound(&a),
       "nothing is left");

    region_free(&region);

    return tap_done();
}
