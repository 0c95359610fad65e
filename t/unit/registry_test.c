
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of sig_registry: the region, connections, rooms, rosters.
 */


#include "registry_region.h"
#include "tap.h"

#include <stdlib.h>


#define SLOTS  4

#define is(got, want)  (strcmp(got, want) == 0)


static void test_create(void);
static void test_attach(void);
static void test_app(void);
static void test_connect(void);
static void test_connect_refused(void);
static void test_connections(void);
static void test_names(void);
static void test_uuids(void);
static void test_join(void);
static void test_roster(void);
static void test_roster_size(void);


static region_t        region;
static sig_registry_t  a, b;
static sig_change_t    change;


static void
test_create(void)
{
    size_t   size;
    u_char  *base;

    size = sig_registry_min_size(SLOTS);

    if (posix_memalign((void **) &base, 64, size) != 0) {
        abort();
    }

    memset(base, 0, size);

    ok(sig_registry_create(base, size - 4096, SLOTS, base)
       == SIG_REGISTRY_SMALL
       && sig_registry_create(base, size, 0, base) == SIG_REGISTRY_SMALL
       && sig_registry_create(base, size, SIG_SLOTS_MAX + 1, base)
          == SIG_REGISTRY_SMALL
       && sig_registry_create(base, size, SIG_SLOTS_MAX, base)
          == SIG_REGISTRY_SMALL,
       "create: refused");

    ok(sig_registry_create(base, size, SLOTS, base) == SIG_REGISTRY_OK,
       "create: the smallest");

    ok(sig_registry_capacity(size - 4096, SLOTS) == 0
       && sig_registry_capacity(size, SLOTS) > 1000
       && sig_registry_capacity(61 << 20, 16) >= 100000
       && sig_registry_capacity(61 << 20, 256) >= 100000,
       "create: capacities");

    free(base);
}


static void
test_attach(void)
{
    u_char          *base, byte;
    size_t           size;
    sig_registry_t   r;

    size = sig_registry_min_size(SLOTS);

    if (posix_memalign((void **) &base, 64, size) != 0) {
        abort();
    }

    memset(base, 0, size);
    memset(&r, 0, sizeof(r));

    ok(sig_registry_attach(&r, base, size) == SIG_REGISTRY_BAD,
       "attach: nothing is there");

    if (sig_registry_create(base, size, SLOTS, base) != SIG_REGISTRY_OK) {
        abort();
    }

    ok(sig_registry_attach(&r, base, size - 64) == SIG_REGISTRY_BAD
       && sig_registry_attach(&r, base, 16) == SIG_REGISTRY_BAD,
       "attach: another size");

    byte = base[0];
    base[0]++;

    ok(sig_registry_attach(&r, base, size) == SIG_REGISTRY_BAD,
       "attach: somebody else's");

    base[0] = byte;

    ok(sig_registry_attach(&r, base, size) == SIG_REGISTRY_OK
       && sig_registry_nslots(&r) == SLOTS && r.slot == SIG_NO_SLOT
       && r.pid != 0,
       "attach");

    free(base);
}


static void
test_app(void)
{
    char      name[66];
    slice_t   s;
    uint32_t  first, second, third;

    memset(name, 'x', 65);
    name[65] = '\0';

    s = text(name);
    ok(sig_registry_app(&a, &s, &first) == SIG_REGISTRY_FULL
       && first == SIG_NO_APP,
       "app: name too long");

    s = text("");
    ok(sig_registry_app(&a, &s, &first) == SIG_REGISTRY_FULL,
       "app: no name");

    name[64] = '\0';
    s = text(name);

    ok(sig_registry_app(&a, &s, &first) == SIG_REGISTRY_OK
       && sig_registry_app(&b, &s, &second) == SIG_REGISTRY_OK
       && first == second && first != region.app,
       "app: the longest name, the same again");

    name[63] = 'y';

    ok(sig_registry_app(&a, &s, &third) == SIG_REGISTRY_OK && third != first
       && counts(&a).apps == 3 && sound(&a),
       "app: another one");
}


static void
test_connect(void)
{
    slice_t       peer, data;
    uint32_t      n;
    sig_ref_t     c1, c2;
    sig_target_t  others[SIG_PEER_CONNECTIONS], found[SIG_PEER_CONNECTIONS];

    peer = text("anna");
    data = text("");

    ok(sig_registry_connect(&a, region.app, &peer, &data, 1, 77, &c1, others,
                            &n)
       == SIG_REGISTRY_OK && c1.gen != 0 && n == 0,
       "connect");

    ok(sig_registry_connect(&b, region.app, &peer, &data, 1, 88, &c2, others,
                            &n)
       == SIG_REGISTRY_OK && n == 1
       && others[0].conn.index == c1.index && others[0].conn.gen == c1.gen
       && others[0].number == 77 && others[0].slot == a.slot,
       "connect: a second time, told of the first");

    n = sig_registry_find_peer(&a, region.app, &peer, found);

    ok(n == 2 && found[0].conn.gen != found[1].conn.gen
       && found[0].number + found[1].number == 77 + 88
       && found[0].shared_id + found[1].shared_id == 2
       && sig_registry_is_live(&a, c1) && sig_registry_is_live(&b, c2)
       && counts(&a).peers == 1 && counts(&a).connections == 2 && sound(&a),
       "connect: both are found");

    ok(sig_registry_disconnect(&a, c1) == SIG_REGISTRY_OK
       && sig_registry_disconnect(&a, c1) == SIG_REGISTRY_STALE
       && sig_registry_find_peer(&a, region.app, &peer, found) == 1
       && found[0].number == 88 && found[0].slot == b.slot && sound(&a)
       && !sig_registry_is_live(&b, c1) && sig_registry_is_live(&a, c2),
       "connect: one has gone");

    ok(sig_registry_disconnect(&a, c2) == SIG_REGISTRY_OK
       && present(&region, &a, "anna") == 0
       && !sig_registry_is_live(&a, c2)
       && counts(&a).peers == 0 && counts(&a).connections == 0 && sound(&a),
       "connect: both have gone");
}


static void
test_connect_refused(void)
{
    char             id[130], data[4098];
    size_t           bytes;
    sig_registry_t   r;

    memset(id, 'p', 129);
    id[129] = '\0';
    memset(data, 'm', 4097);
    data[4097] = '\0';

    bytes = counts(&a).bytes_free;
    handle(&region, &r, 9);

    ok(arrive(&region, &a, "", "").gen == 0
       && arrive(&region, &a, id, "").gen == 0
       && arrive(&region, &a, "x", data).gen == 0,
       "connect: refused for its lengths");

    ok(arrive(&region, &r, "x", "").gen == 0, "connect: refused, no slot");

    ok(present(&region, &a, "") == 0 && present(&region, &a, id) == 0
       && counts(&a).bytes_free == bytes && sound(&a),
       "connect: refused without a trace");
}


static void
test_connections(void)
{
    int        refused;
    size_t     bytes;
    uint32_t   i;
    sig_ref_t  conn[SIG_PEER_CONNECTIONS + 1];

    bytes = counts(&a).bytes_free;

    for (i = 0; i < SIG_PEER_CONNECTIONS; i++) {
        conn[i] = arrive(&region, i % 2 ? &a : &b, "many", "{\"n\":1}");
    }

    refused = arrive(&region, &a, "many", "").gen == 0;

    ok(refused && present(&region, &a, "many") == SIG_PEER_CONNECTIONS
       && sound(&a),
       "connections: as many as there may be");

    (void) sig_registry_disconnect(&a, conn[17]);
    conn[17] = arrive(&region, &b, "many", "");

    ok(conn[17].gen != 0 && sound(&a), "connections: another one for one");

    for (i = 0; i < SIG_PEER_CONNECTIONS; i++) {
        (void) sig_registry_disconnect(&b, conn[(i * 29) % 64]);
    }

    ok(present(&region, &a, "many") == 0 && counts(&a).bytes_free == bytes
       && sound(&a),
       "connections: all gone");
}


/* names and metadata of every length that a node's size may depend on */

static void
test_names(void)
{
    int             good;
    char            id[129], data[4097], room[769];
    size_t          bytes, i;
    u_char          buf[4096];
    slice_t         s, now;
    sig_ref_t       conn, ref, m;
    sig_audience_t  audience;

    static const size_t  data_len[] = {
        0, 1, 24, 25, 40, 41, 72, 73, 104, 105, 168, 169, 232, 233, 488, 489,
        1064, 1065, 2088, 2089, 4095, 4096
    };

    bytes = counts(&a).bytes_free;
    good = 1;

    for (i = 1; i <= 768; i++) {
        memset(id, 'a' + (int) (i % 26), sizeof(id));
        id[(i - 1) % 128 + 1] = '\0';

        memset(room, 'A' + (int) (i % 26), sizeof(room));
        room[i] = '\0';

        memset(data, '0' + (int) (i % 10), sizeof(data));
        data[data_len[i % 22]] = '\0';

        conn = arrive(&region, &a, id, data);
        m = enter(&a, conn, room, &change);

        s = text(room);
        good &= sig_registry_find_room(&a, region.app, &s, &ref, &audience)
                == SIG_REGISTRY_OK
                && audience.members == 1 && audience.seq == change.seq
                && ref.index == change.room.index
                && ref.gen == change.room.gen;

        s = text(id);
        now.data = buf;
        good &= present(&region, &a, id) == 1
                && sig_registry_in_room(&a, ref, &s, &now)
                && now.len == strlen(data)
                && memcmp(buf, data, now.len) == 0;

        region_break(&region);

        good &= m.gen != 0 && strlen(room_text(&region, &a, room))
                              == strlen(id) + strlen(data) + (*data != '\0');

        good &= depart(&a, m, 1, &change)
                && sig_registry_disconnect(&a, conn) == SIG_REGISTRY_OK;
    }

    ok(good && counts(&a).bytes_free == bytes && sound(&a),
       "names: of every length, before and after a rebuild");
}


/* kept as its bytes, a UUID is nobody else's ID */

static void
test_uuids(void)
{
    int        good;
    size_t     bytes, i;
    sig_ref_t  conn[4], m[4];

    static const char *const  ids[] = {
        "30313233-3435-3637-6162-636465666768", "01234567abcdefgh",
        "30313233-3435-3637-6162-63646566676A",
        "30313233-3435-3637-6162-63646566676g"
    };

    bytes = counts(&a).bytes_free;
    good = 1;

    for (i = 0; i < 4; i++) {
        good &= present(&region, &a, ids[i]) == 0;

        conn[i] = arrive(&region, &a, ids[i], "");
        m[i] = enter(&a, conn[i], "r", &change);

        good &= m[i].gen != 0 && change.change == SIG_CHANGE_JOINED;
    }

    region_break(&region);

    for (i = 0; i < 4; i++) {
        good &= present(&region, &a, ids[i]) == 1;
    }

    ok(good && counts(&a).peers == 4
       && strcmp(room_text(&region, &a, "r"),
                 "30313233-3435-3637-6162-636465666768,01234567abcdefgh,"
                 "30313233-3435-3637-6162-63646566676A,"
                 "30313233-3435-3637-6162-63646566676g")
          == 0
       && sound(&a),
       "uuids: as they came, and of nobody else");

    for (i = 0; i < 4; i++) {
        good &= depart(&a, m[i], 1, &change)
                && sig_registry_disconnect(&a, conn[i]) == SIG_REGISTRY_OK;
    }

    ok(good && counts(&a).bytes_free == bytes, "uuids: nothing is left");
}


static void
test_join(void)
{
    char            name[770];
    slice_t         s;
    sig_ref_t       ca, cb, ma, mb, room;
    sig_audience_t  audience;

    ca = arrive(&region, &a, "anna", "{\"a\":1}");
    cb = arrive(&region, &b, "bert", "");

    ma = enter(&a, ca, "lobby", &change);
    room = change.room;

    ok(ma.gen != 0 && change.seq == 1 && change.change == SIG_CHANGE_JOINED
       && change.mask == 1u << a.slot && change.shared_id && sound(&a),
       "join: the first");

    mb = enter(&b, cb, "lobby", &change);

    ok(mb.gen != 0 && change.seq == 2 && change.change == SIG_CHANGE_JOINED
       && change.mask == (1u << a.slot | 1u << b.slot)
       && change.room.index == room.index && change.room.gen == room.gen
       && counts(&a).rooms == 1 && counts(&a).members == 2 && sound(&a),
       "join: the second");

    ok(is(room_text(&region, &a, "lobby"), "anna={\"a\":1},bert"),
       "join: both are there");

    ok(depart(&a, ma, 1, &change) && change.change == SIG_CHANGE_LEFT
       && change.seq == 3 && change.mask == (1u << a.slot | 1u << b.slot)
       && is(room_text(&region, &a, "lobby"), "bert")
       && room_bits(&region, &a, "lobby") == 1u << b.slot && sound(&a),
       "join: one has left");

    ok(depart(&b, mb, 1, &change) && change.seq == 4
       && is(room_text(&region, &a, "lobby"), "-")
       && sig_registry_room_mask(&a, room) == 0
       && counts(&a).rooms == 0 && counts(&a).members == 0 && sound(&a),
       "join: the room has gone");

    memset(name, 'n', 769);
    name[769] = '\0';
    s = text(name);

    ok(enter(&a, ca, "", &change).gen == 0
       && enter(&a, ca, name, &change).gen == 0
       && sig_registry_find_room(&a, region.app, &s, &room, &audience)
          == SIG_REGISTRY_STALE
       && room.gen == 0 && audience.mask == 0 && audience.members == 0,
       "join: refused for the length of the name");

    (void) sig_registry_disconnect(&a, ca);
    (void) sig_registry_disconnect(&b, cb);

    ok(enter(&a, ca, "lobby", &change).gen == 0 && sound(&a),
       "join: with a connection that has gone");
}


static void
test_roster(void)
{
    int           rc;
    u_char        buf[256];
    slice_t       name;
    uint64_t      seq;
    sig_ref_t     c[3], m[3], nobody;
    sig_roster_t  roster;

    nobody.index = 0;
    nobody.gen = 0;

    c[0] = arrive(&region, &a, "anna", "1");
    c[1] = arrive(&region, &b, "bert", "");
    c[2] = arrive(&region, &a, "carl", "22");

    name = text("r");
    roster.data = buf;
    roster.size = sizeof(buf);

    rc = sig_registry_join(&a, c[0], &name, &change, &roster, 100);
    m[0] = change.member;
    ok(rc == SIG_REGISTRY_OK && roster.count == 0 && roster.used == 0,
       "roster: empty for the first");

    rc = sig_registry_join(&b, c[1], &name, &change, &roster, 100);
    m[1] = change.member;
    ok(rc == SIG_REGISTRY_OK && is(roster_text(&roster), "anna=1"),
       "roster: of the second");

    rc = sig_registry_join(&a, c[2], &name, &change, &roster, 100);
    m[2] = change.member;
    ok(rc == SIG_REGISTRY_OK && roster.count == 2
       && is(roster_text(&roster), "anna=1,bert"),
       "roster: of the third");

    rc = sig_registry_roster(&a, change.room, c[1], &roster, 100, &seq);
    ok(rc == SIG_REGISTRY_OK && seq == 3
       && is(roster_text(&roster), "anna=1,carl=22"),
       "roster: again, without oneself");

    rc = sig_registry_roster(&a, change.room, nobody, &roster, 100, &seq);
    ok(rc == SIG_REGISTRY_OK
       && is(roster_text(&roster), "anna=1,bert,carl=22"),
       "roster: for nobody");

    (void) depart(&b, m[1], 1, &change);
    (void) depart(&a, m[0], 0, &change);
    ok(is(room_text(&region, &a, "r"), "carl=22") && sound(&a),
       "roster: of those who stay");

    (void) depart(&a, m[2], 1, &change);

    rc = sig_registry_roster(&a, change.room, nobody, &roster, 100, &seq);
    ok(rc == SIG_REGISTRY_STALE && seq == 0, "roster: of no room");

    (void) sig_registry_disconnect(&a, c[0]);
    (void) sig_registry_disconnect(&a, c[1]);
    (void) sig_registry_disconnect(&a, c[2]);
}


static void
test_roster_size(void)
{
    int           rc, good;
    u_char       *buf;
    size_t        size;
    slice_t       name;
    uint64_t      seq;
    sig_ref_t     c1, c2, m1;
    sig_roster_t  roster;

    c1 = arrive(&region, &a, "anna", "12345");
    c2 = arrive(&region, &b, "bert", "");
    m1 = enter(&a, c1, "r", &change);
    name = text("r");
    good = 1;

    for (size = 0; size < 13; size++) {
        buf = malloc(size + 1);

        if (buf == NULL) {
            abort();
        }

        roster.data = buf;
        roster.size = size;
        rc = sig_registry_join(&b, c2, &name, &change, &roster, 100);

        good &= rc == SIG_REGISTRY_SMALL && roster.used == 13;

        free(buf);
    }

    ok(good && is(room_text(&region, &a, "r"), "anna=12345")
       && counts(&a).members == 1 && sound(&a),
       "roster: too small for it, and nothing was done");

    buf = malloc(13);

    if (buf == NULL) {
        abort();
    }

    roster.data = buf;
    roster.size = 13;
    rc = sig_registry_join(&b, c2, &name, &change, &roster, 100);

    ok(rc == SIG_REGISTRY_OK && change.seq == 2
       && is(roster_text(&roster), "anna=12345"),
       "roster: just large enough");

    roster.size = 12;
    rc = sig_registry_roster(&b, change.room, c2, &roster, 100, &seq);
    ok(rc == SIG_REGISTRY_SMALL && roster.used == 13,
       "roster: too small for it again");

    free(buf);

    (void) depart(&a, m1, 1, &change);
    (void) depart(&b, change.member, 1, &change);
    (void) sig_registry_disconnect(&a, c1);
    (void) sig_registry_disconnect(&b, c2);
}


int
main(void)
{
    test_create();
    test_attach();

    region_make(&region, sig_registry_min_size(SLOTS), SLOTS);
    worker(&region, &a, 100);
    worker(&region, &b, 200);

    test_app();
    test_connect();
    test_connect_refused();
    test_connections();
    test_names();
    test_uuids();
    test_join();
    test_roster();
    test_roster_size();

    ok(counts(&a).peers == 0 && counts(&a).leaving == 0 && sound(&a),
       "nothing is left");

    region_free(&region);

    return tap_done();
}
