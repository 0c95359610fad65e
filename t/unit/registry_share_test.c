
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of sig_registry: who may have how much of a region, and who is told
 * when it gets full.
 */


#include "registry_region.h"
#include "tap.h"

#include <stdlib.h>


#define SLOTS    4
#define PEERS    40000
#define APPS     20


/* those of one app who came, each with a room of its own, or with none */

typedef struct {
    uint32_t        app;
    uint32_t        n;
    sig_ref_t       conn[PEERS];
    sig_ref_t       member[PEERS];
} crowd_t;


static void fresh(size_t pages);
static void done(const char *text);
static int come(crowd_t *crowd, int join);
static uint32_t come_all(crowd_t *crowd, int join, int *rc);
static int enter_room(crowd_t *crowd, uint32_t i, const char *kind);
static uint32_t enter_all(crowd_t *crowd, int *rc);
static void go(crowd_t *crowd, uint32_t i);
static void go_all(crowd_t *crowd);
static uint32_t app(uint32_t n);
static sig_usage_t used(uint32_t number);
static uint32_t left(void);
static uint32_t units(void);
static int told(const char *who);
static void test_reserve(void);
static void test_rejoin(void);
static void test_restored(void);
static void test_keys(void);
static void test_fragments(void);
static void test_peer_rooms(void);
static void test_peer_connections(void);
static void test_two_apps(void);
static void test_flood(void);
static void test_new_app(void);
static void test_many_apps(void);
static void test_percent(void);
static void test_alarm(void);
static void test_alarm_apps(void);


static region_t         region;
static sig_registry_t   a, b;
static crowd_t          first, second;
static size_t           bytes;


/* a region of so many pages, with "default" in it, to which first belongs */

static void
fresh(size_t pages)
{
    size_t  size;

    size = sig_registry_min_size(SLOTS);

    for ( ;; ) {
        region_make(&region, size, SLOTS);
        worker(&region, &a, 100);

        if (a.store.npages >= pages) {
            break;
        }

        region_free(&region);
        size += SIG_PAGE;
    }

    worker(&region, &b, 200);

    memset(&first, 0, sizeof(first));
    memset(&second, 0, sizeof(second));
    first.app = region.app;

    bytes = counts(&a).bytes_free;
}


/* everybody goes, and nothing is left of them */

static void
done(const char *what)
{
    go_all(&first);
    go_all(&second);

    ok(counts(&a).bytes_free == bytes && counts(&a).connections == 0
       && sound(&a), what);

    region_free(&region);
}


static int
come(crowd_t *crowd, int join)
{
    int           rc;
    char          text[24];
    slice_t       id, none;
    uint32_t      n, i;
    sig_target_t  others[SIG_PEER_CONNECTIONS];

    i = crowd->n;

    if (i == PEERS) {
        abort();
    }

    (void) snprintf(text, sizeof(text), "peer-%u", i);
    id = text_slice(text);
    none = text_slice("");

    rc = sig_registry_connect(&a, crowd->app, &id, &none, 0, i,
                              &crowd->conn[i], others, &n);

    if (rc != SIG_REGISTRY_OK) {
        return rc;
    }

    crowd->member[i].gen = 0;
    crowd->n++;

    if (join) {
        rc = enter_room(crowd, i, "");

        if (rc != SIG_REGISTRY_OK) {
            go(crowd, i);
            crowd->n--;
        }
    }

    return rc;
}


static uint32_t
come_all(crowd_t *crowd, int join, int *rc)
{
    uint32_t  n;

    for (n = 0; /* void */ ; n++) {
        *rc = come(crowd, join);

        if (*rc != SIG_REGISTRY_OK) {
            return n;
        }
    }
}


static int
enter_room(crowd_t *crowd, uint32_t i, const char *kind)
{
    int           rc;
    char          text[64];
    slice_t       name;
    sig_change_t  change;

    (void) snprintf(text, sizeof(text), "room number %s%08u", kind, i);
    name = text_slice(text);

    rc = sig_registry_join(&a, crowd->conn[i], &name, &change, NULL, 0);

    if (rc == SIG_REGISTRY_OK) {
        crowd->member[i] = change.member;
    }

    return rc;
}


/* of those who are in no room, until there is no memory */

static uint32_t
enter_all(crowd_t *crowd, int *rc)
{
    uint32_t  i, n;

    n = 0;
    *rc = SIG_REGISTRY_OK;

    for (i = 0; i < crowd->n && *rc == SIG_REGISTRY_OK; i++) {

        if (crowd->member[i].gen == 0 && crowd->conn[i].gen != 0) {
            *rc = enter_room(crowd, i, "");
            n += *rc == SIG_REGISTRY_OK;
        }
    }

    return n;
}


static void
go(crowd_t *crowd, uint32_t i)
{
    sig_change_t  change;

    if (crowd->member[i].gen != 0) {
        (void) depart(&a, crowd->member[i], 1, &change);
        crowd->member[i].gen = 0;
    }

    (void) sig_registry_disconnect(&a, crowd->conn[i]);
    crowd->conn[i].gen = 0;
}


static void
go_all(crowd_t *crowd)
{
    while (crowd->n > 0) {
        go(crowd, --crowd->n);
    }
}


static uint32_t
app(uint32_t n)
{
    char      text[24];
    slice_t   name;
    uint32_t  number;

    (void) snprintf(text, sizeof(text), "app-%u", n);
    name = text_slice(text);

    if (sig_registry_app(&a, &name, &number) != SIG_REGISTRY_OK) {
        abort();
    }

    bytes -= sizeof(sig_app_t);

    return number;
}


static sig_usage_t
used(uint32_t number)
{
    sig_usage_t  usage;

    sig_registry_usage(&a, number, 0, &usage);

    return usage;
}


/* units: that newcomers look at, and all of them */

static uint32_t
left(void)
{
    return sig_store_left(&a.store);
}


static uint32_t
units(void)
{
    return a.store.npages * SIG_PAGE_UNITS;
}


/* what is to be told, by whoever asks: "" for the zone, NULL for nothing */

static int
told(const char *who)
{
    int     more;
    u_char  name[SIG_APP_NAME];
    size_t  len;

    more = sig_registry_alarm(&b, name, &len);

    if (who == NULL) {
        return !more && !sig_registry_alarm(&a, name, &len);
    }

    return more && len == strlen(who) && memcmp(name, who, len) == 0
           && !sig_registry_alarm(&a, name, &len);
}


static void
test_reserve(void)
{
    int       rc;
    uint32_t  n, reserve;

    fresh(0);

    reserve = SIG_RESERVE(a.store.npages) * SIG_PAGE_UNITS;
    n = come_all(&first, 0, &rc);

    ok(n > 1000 && rc == SIG_REGISTRY_FULL, "reserve: newcomers are refused");

    ok(left() == reserve && counts(&a).bytes_reserve == reserve * SIG_UNIT,
       "reserve: all of it is left");

    n = enter_all(&first, &rc);

    ok(n >= (reserve - reserve / 4) / 3 - SIG_PAGE_UNITS && sound(&a),
       "reserve: those who are in go on subscribing");

    ok(rc == SIG_REGISTRY_FULL && left() <= reserve / 4 + SIG_PAGE_UNITS
       && a.store.npages - a.store.head->taken == reserve / 4 / SIG_PAGE_UNITS,
       "reserve: but for a quarter of it");

    region_break(&region);

    ok(come(&first, 0) == SIG_REGISTRY_FULL
       && enter_room(&first, first.n - 1, "") == SIG_REGISTRY_FULL
       && sound(&a),
       "reserve: the same after a rebuild");

    done("reserve: all of it comes back");
}


/* from one room into another, while nobody else gets anything */

static void
test_rejoin(void)
{
    int           rc, good;
    char          kind[16];
    uint32_t      i, n;
    sig_change_t  change;

    fresh(0);

    (void) come_all(&first, 0, &rc);
    n = enter_all(&first, &rc);
    good = 1;

    for (i = 0; i < 5 * n; i++) {
        (void) snprintf(kind, sizeof(kind), "%u of ", i / n);

        good &= depart(&a, first.member[i % n], 1, &change)
                && come(&first, 0) == SIG_REGISTRY_FULL
                && enter_room(&first, i % n, kind) == SIG_REGISTRY_OK;
    }

    ok(good && sound(&a), "rejoin: as often as they like");

    done("rejoin: nothing is left");
}


/* what members give back goes to the reserve first */

static void
test_restored(void)
{
    int           rc, good;
    uint32_t      i, n, reserve;
    sig_change_t  change;

    fresh(0);

    reserve = SIG_RESERVE(a.store.npages) * SIG_PAGE_UNITS;

    (void) come_all(&first, 0, &rc);
    n = enter_all(&first, &rc);
    good = 1;

    for (i = 0; i < n; i++) {
        good &= left() < reserve && come(&first, 0) == SIG_REGISTRY_FULL;

        (void) depart(&a, first.member[i], 1, &change);
        first.member[i].gen = 0;
    }

    ok(good && left() == reserve && come(&first, 0) == SIG_REGISTRY_FULL,
       "restored: newcomers wait until it is full again");

    go(&first, n);

    ok(come(&first, 0) == SIG_REGISTRY_OK
       && come(&first, 0) == SIG_REGISTRY_FULL && left() == reserve,
       "restored: then one comes for each who goes");

    done("restored: nothing is left");
}


/* a configuration is put in force when members are refused too */

static void
test_keys(void)
{
    int       rc;
    size_t    len;
    u_char   *text, *copy;
    uint64_t  changes;

    fresh(0);

    len = (size_t) SIG_RESERVE(a.store.npages) / 4 * 12000;
    text = calloc(1, len);
    copy = calloc(1, len);

    if (text == NULL || copy == NULL) {
        abort();
    }

    memset(text, 'k', len);

    (void) come_all(&first, 0, &rc);
    (void) enter_all(&first, &rc);

    ok(rc == SIG_REGISTRY_FULL
       && sig_registry_publish_keys(&a, 0, text, len) == SIG_REGISTRY_OK
       && sig_registry_read_keys(&b, copy, &len, &changes)
          == SIG_REGISTRY_OK
       && memcmp(text, copy, len) == 0,
       "keys: have room when members have none");

    (void) sig_registry_publish_keys(&a, 0, text, 0);

    free(text);
    free(copy);

    /* an empty text takes a node as well */

    bytes -= SIG_UNIT;
    done("keys: nothing else is left");
}


/* pages with few nodes in them keep nobody out */

static void
test_fragments(void)
{
    int       rc;
    uint32_t  i, n;

    fresh(0);

    n = come_all(&first, 1, &rc);

    for (i = 0; i < n; i++) {
        if (i % 10) {
            go(&first, i);
        }
    }

    second.app = first.app;
    second.n = first.n;

    i = come_all(&second, 1, &rc);

    ok(i >= n * 8 / 10 && sound(&a),
       "fragments: what is free in pages is for newcomers");

    for (i = n; i < second.n; i++) {
        go(&second, i);
    }

    second.n = 0;

    done("fragments: nothing is left");
}


/* long names, to come to the end sooner */

static void
test_peer_rooms(void)
{
    int           rc;
    char          kind[701];
    slice_t       name;
    uint32_t      n, k, part;
    sig_ref_t     conn, last;
    sig_change_t  change;

    fresh(0);

    part = units() / 8;
    conn = arrive(&region, &a, "greedy", "");
    name = text_slice(kind);
    memset(kind, 'r', sizeof(kind));
    kind[700] = '\0';
    name.len = 700;
    last.gen = 0;

    for (n = 0; /* void */ ; n++) {
        kind[0] = (char) ('a' + n / 50);
        kind[1] = (char) ('a' + n % 50);

        rc = sig_registry_join(&a, conn, &name, &change, NULL, 0);

        if (rc != SIG_REGISTRY_OK) {
            break;
        }

        last = change.member;
    }

    ok(rc == SIG_REGISTRY_PEER_FULL && n == (part - 1) / 18 && sound(&a),
       "peer: rooms up to an eighth of the region");

    ok(enter(&a, arrive(&region, &a, "greedy", ""), "a", &change).gen == 0
       || sig_registry_join(&a, conn, &name, &change, NULL, 0)
          == SIG_REGISTRY_PEER_FULL,
       "peer: of all its connections");

    ok(enter(&a, arrive(&region, &a, "modest", ""), kind, &change).gen != 0,
       "peer: others are not concerned");

    region_break(&region);

    (void) sig_registry_leave(&a, last, 1, &change);

    ok(sig_registry_join(&a, conn, &name, &change, NULL, 0)
       == SIG_REGISTRY_PEER_FULL && sound(&a),
       "peer: a room counts until its departure is told");

    sig_registry_retire(&a, &last, 1);

    for (k = 0; k < 2; k++) {
        rc = sig_registry_join(&a, conn, &name, &change, NULL, 0);

        if (rc != SIG_REGISTRY_OK) {
            break;
        }

        kind[1]++;
    }

    ok(rc == SIG_REGISTRY_PEER_FULL && k <= 1 && sound(&a),
       "peer: and one is left for another one");

    region_free(&region);
}


static void
test_peer_connections(void)
{
    int            rc;
    char           data[4097];
    slice_t        id, metadata, none;
    uint32_t       i, n;
    sig_ref_t      conn, small;
    sig_target_t   others[SIG_PEER_CONNECTIONS];

    fresh(0);

    memset(data, 'd', sizeof(data));
    data[4096] = '\0';

    id = text_slice("many");
    metadata = text_slice(data);
    none = text_slice("");

    for (i = 0; /* void */ ; i++) {
        rc = sig_registry_connect(&a, region.app, &id, &metadata, 1, i, &conn,
                                  others, &n);
        if (rc != SIG_REGISTRY_OK) {
            break;
        }
    }

    ok(rc == SIG_REGISTRY_PEER_FULL && i == units() / 8 / 66 && n == i
       && sound(&a),
       "peer: connections with metadata up to an eighth of the region");

    ok(sig_registry_connect(&a, region.app, &id, &none, 1, i, &small, others,
                            &n) == SIG_REGISTRY_OK,
       "peer: less than that still fits");

    id = text_slice("64");

    for (i = 0; /* void */ ; i++) {
        rc = sig_registry_connect(&a, region.app, &id, &none, 1, i, &conn,
                                  others, &n);
        if (rc != SIG_REGISTRY_OK) {
            break;
        }
    }

    ok(rc == SIG_REGISTRY_PEER_FULL && i == SIG_PEER_CONNECTIONS && n == i,
       "peer: 64 connections");

    region_free(&region);
}


/* one of two fills what there is, and the other one comes to its quarter */

static void
test_two_apps(void)
{
    int       rc;
    size_t    share;
    uint32_t  n;

    fresh(64);
    second.app = app(1);
    share = (size_t) units() * SIG_UNIT / 4;

    n = come_all(&first, 0, &rc);

    ok(n > 1000 && rc == SIG_REGISTRY_APP_FULL && used(first.app).percent
       == 100 && used(second.app).percent == 0,
       "two apps: one is refused, with room for the other");

    (void) enter_all(&first, &rc);

    ok(rc == SIG_REGISTRY_APP_FULL && sound(&a),
       "two apps: its members are in the end");

    (void) come_all(&second, 1, &rc);

    ok(rc == SIG_REGISTRY_FULL && sound(&a)
       && used(second.app).bytes >= share / 4 * 3 - 8 * SIG_UNIT,
       "two apps: the newcomers of the other come to three quarters of it");

    for (n = 0; n < second.n; n++) {
        if (enter_room(&second, n, "next ") != SIG_REGISTRY_OK) {
            break;
        }
    }

    ok(used(second.app).bytes >= share - 2 * SIG_PAGE
       && used(second.app).bytes <= share + 2 * SIG_PAGE
       && come(&first, 0) == SIG_REGISTRY_FULL && sound(&a),
       "two apps: and its members to all of it");

    /* the rooms that nobody remembers go with the region */

    region_free(&region);

    fresh(64);
    second.app = app(1);

    (void) come_all(&first, 1, &rc);
    n = come_all(&second, 1, &rc);
    go_all(&first);

    ok(rc == SIG_REGISTRY_FULL && come_all(&second, 1, &rc) > n
       && rc == SIG_REGISTRY_APP_FULL && used(first.app).bytes == 0
       && used(second.app).bytes > share * 2,
       "two apps: what the one gives back the other may have");

    done("two apps: nothing is left");
}


/* who had its place before the flood has it again and again */

static void
test_flood(void)
{
    int       rc, good;
    uint32_t  n, round, i;

    fresh(64);
    second.app = app(1);

    for (n = 0; used(second.app).bytes < (size_t) units() * SIG_UNIT / 8; n++)
    {
        (void) come(&second, 1);
    }

    (void) come_all(&first, 0, &rc);
    good = rc == SIG_REGISTRY_APP_FULL;

    for (round = 0; round < 10; round++) {

        while (second.n > 0) {
            go(&second, --second.n);
            rc = come(&first, 1);
        }

        if (round % 2) {
            region_break(&region);
        }

        for (i = 0; i < n; i++) {
            good &= come(&second, 1) == SIG_REGISTRY_OK;
            rc = come(&first, 1);
        }

        good &= rc == SIG_REGISTRY_APP_FULL;
    }

    ok(good && sound(&a), "flood: of one app does not take another's place");

    done("flood: nothing is left");
}


/* the zone is full of an app that was alone */

static void
test_new_app(void)
{
    int       rc;
    uint32_t  n, i;

    fresh(64);

    n = come_all(&first, 1, &rc);
    ok(rc == SIG_REGISTRY_FULL, "new app: the first one was alone");

    second.app = app(1);
    i = come_all(&second, 1, &rc);

    ok(i * 5 >= SIG_RESERVE(a.store.npages) * SIG_PAGE_UNITS / 2 && sound(&a),
       "new app: gets of the reserve at once");

    while (first.n > n / 2) {
        go(&first, --first.n);
    }

    ok(come(&first, 1) == SIG_REGISTRY_OK
       && come_all(&second, 1, &rc) > i
       && used(second.app).bytes >= (size_t) units() * SIG_UNIT / 4
       && sound(&a),
       "new app: and its part when others go");

    done("new app: nothing is left");
}


static void
test_many_apps(void)
{
    int       rc, good;
    size_t    share;
    uint32_t  i;

    static crowd_t  others[APPS];

    fresh(64);
    memset(others, 0, sizeof(others));

    for (i = 1; i < APPS; i++) {
        others[i].app = app(i);
    }

    share = (size_t) units() * SIG_UNIT / 2 / APPS;

    (void) come_all(&first, 0, &rc);
    good = rc == SIG_REGISTRY_APP_FULL;
    (void) enter_all(&first, &rc);
    good &= rc == SIG_REGISTRY_APP_FULL;

    for (i = 1; i < APPS; i++) {
        (void) come_all(&others[i], 1, &rc);
        good &= used(others[i].app).bytes >= share / 4 * 3 - 8 * SIG_UNIT;
    }

    ok(good && sound(&a), "many apps: each comes to its part");

    for (i = 1; i < APPS; i++) {
        go_all(&others[i]);
    }

    done("many apps: nothing is left");
}


static void
test_percent(void)
{
    int       good;
    uint32_t  percent;

    fresh(64);

    percent = counts(&a).percent;
    good = percent < 10;

    while (come(&first, 1) == SIG_REGISTRY_OK) {
        good &= counts(&a).percent >= percent
                && counts(&a).percent <= percent + 3
                && used(first.app).percent <= counts(&a).percent;
        percent = counts(&a).percent;
    }

    ok(good && percent >= 99 && used(first.app).percent >= 99,
       "percent: from nothing to all");

    done("percent: nothing is left");
}


static void
test_alarm(void)
{
    int       rc, good;
    uint32_t  n, i;

    fresh(64);
    good = told(NULL);

    while (counts(&a).percent < 79) {
        good &= come(&first, 1) == SIG_REGISTRY_OK && told(NULL);
    }

    while (counts(&a).percent < 80) {
        (void) come(&first, 1);
    }

    n = first.n;
    (void) come(&first, 1);

    ok(good && told(""), "alarm: told once at 80 percent");

    (void) come_all(&first, 1, &rc);
    good = told(NULL);

    for (i = 0; i < 5; i++) {
        while (counts(&a).percent > 72) {
            go(&first, --first.n);
        }

        region_break(&region);
        (void) come_all(&first, 1, &rc);
        good &= told(NULL);
    }

    ok(good, "alarm: not again while it stays near");

    while (first.n > n / 10) {
        go(&first, --first.n);
    }

    (void) come(&first, 1);
    good = told(NULL);
    (void) come_all(&first, 1, &rc);

    ok(good && told(""), "alarm: again after it was away");

    /* nobody has heard of it, and it is over */

    go_all(&first);
    (void) come_all(&first, 0, &rc);
    go_all(&first);
    (void) come(&first, 1);

    ok(told(NULL), "alarm: not told when it is over");

    done("alarm: nothing is left");
}


/* an app has all it may have, and the zone is not full */

static void
test_alarm_apps(void)
{
    int     rc;
    u_char  name[SIG_APP_NAME];
    size_t  len;

    fresh(64);
    second.app = app(1);

    (void) come_all(&first, 1, &rc);

    ok(rc == SIG_REGISTRY_APP_FULL && counts(&a).percent < 80
       && told("default"),
       "alarm: of an app");

    (void) come_all(&second, 1, &rc);

    ok(rc == SIG_REGISTRY_FULL && counts(&a).percent >= 99,
       "alarm: then all is full");

    ok(sig_registry_alarm(&b, name, &len) && len == 0 && told("app-1"),
       "alarm: of the zone and of the other");

    done("alarm: nothing is left of apps");
}


int
main(void)
{
    test_reserve();
    test_rejoin();
    test_restored();
    test_keys();
    test_fragments();
    test_peer_rooms();
    test_peer_connections();
    test_two_apps();
    test_flood();
    test_new_app();
    test_many_apps();
    test_percent();
    test_alarm();
    test_alarm_apps();

    return tap_done();
}
