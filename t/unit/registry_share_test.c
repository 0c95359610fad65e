
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of sig_registry: what newcomers leave to those who are in, what one
 * peer may have, and who is told when a region gets full.
 */


#include "registry_share.h"
#include "tap.h"

#include <stdlib.h>


static void test_reserve(void);
static void test_rejoin(void);
static void test_restored(void);
static void test_keys(void);
static void test_fragments(void);
static void test_peer_rooms(void);
static void test_peer_connections(void);
static void test_percent(void);
static void test_alarm(void);


static void
test_reserve(void)
{
    int       rc;
    uint32_t  n, reserve;

    share_fresh(0);

    reserve = SIG_RESERVE(a.store.npages) * SIG_PAGE_UNITS;
    n = share_come_all(&first, 0, &rc);

    ok(n > 1000 && rc == SIG_REGISTRY_FULL, "reserve: newcomers are refused");

    ok(share_left() >= reserve && share_left() - reserve <= SIG_MEMBER_UNITS
       && counts(&a).bytes_reserve == (size_t) reserve * SIG_UNIT,
       "reserve: all of it is left");

    n = share_enter_all(&first, &rc);

    ok(n >= SIG_PAGE / 96 * 2 && sound(&a),
       "reserve: those who are in go on subscribing");

    ok(rc == SIG_REGISTRY_FULL && share_left() <= reserve / 4 + SIG_PAGE_UNITS
       && a.store.npages - a.store.head->taken == reserve / 4 / SIG_PAGE_UNITS,
       "reserve: but for a quarter of it");

    region_break(&region);

    ok(share_come(&first, 0) == SIG_REGISTRY_FULL
       && share_enter(&first, first.n - 1, "") == SIG_REGISTRY_FULL
       && sound(&a),
       "reserve: the same after a rebuild");

    ok(share_empty(), "reserve: all of it comes back");
}


/* from one room into another, while nobody else gets anything */

static void
test_rejoin(void)
{
    int           rc, good;
    char          kind[16];
    uint32_t      i, n;
    sig_change_t  change;

    share_fresh(0);

    (void) share_come_all(&first, 0, &rc);
    n = share_enter_all(&first, &rc);
    good = 1;

    for (i = 0; i < 5 * n; i++) {
        (void) snprintf(kind, sizeof(kind), "%u of ", i / n);

        good &= depart(&a, first.member[i % n], 1, &change)
                && share_come(&first, 0) == SIG_REGISTRY_FULL
                && share_enter(&first, i % n, kind) == SIG_REGISTRY_OK;
    }

    ok(good && sound(&a), "rejoin: as often as they like");

    ok(share_empty(), "rejoin: nothing is left");
}


/* what members give back goes to the reserve first */

static void
test_restored(void)
{
    int           rc, good;
    uint32_t      i, n, reserve;
    sig_change_t  change;

    share_fresh(0);

    reserve = SIG_RESERVE(a.store.npages) * SIG_PAGE_UNITS;

    (void) share_come_all(&first, 0, &rc);
    n = share_enter_all(&first, &rc);
    good = 1;

    for (i = 0; i < n; i++) {
        good &= share_left() <= reserve + SIG_MEMBER_UNITS
                && share_come(&first, 0) == SIG_REGISTRY_FULL;

        (void) depart(&a, first.member[i], 1, &change);
        first.member[i].gen = 0;
    }

    ok(good && share_left() >= reserve
       && share_left() - reserve <= SIG_MEMBER_UNITS
       && share_come(&first, 0) == SIG_REGISTRY_FULL,
       "restored: newcomers wait until it is full again");

    share_go(&first, n);

    ok(share_come(&first, 0) == SIG_REGISTRY_OK
       && share_come(&first, 0) == SIG_REGISTRY_FULL
       && share_left() - reserve <= SIG_MEMBER_UNITS,
       "restored: then one comes for each who goes");

    ok(share_empty(), "restored: nothing is left");
}


/* a configuration is put in force when members are refused too */

static void
test_keys(void)
{
    int       rc;
    size_t    len;
    u_char   *text, *copy;
    uint64_t  changes;

    share_fresh(0);

    len = (size_t) SIG_RESERVE(a.store.npages) / 4 * 12000;
    text = calloc(1, len);
    copy = calloc(1, len);

    if (text == NULL || copy == NULL) {
        abort();
    }

    memset(text, 'k', len);

    (void) share_come_all(&first, 0, &rc);
    (void) share_enter_all(&first, &rc);

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

    bytes -= SIG_NODE_MIN;
    ok(share_empty(), "keys: nothing else is left");
}


/* pages with few nodes in them keep nobody out */

static void
test_fragments(void)
{
    int       rc;
    uint32_t  i, n;

    share_fresh(0);

    n = share_come_all(&first, 1, &rc);

    for (i = 0; i < n; i++) {
        if (i % 10) {
            share_go(&first, i);
        }
    }

    second.app = first.app;
    second.n = first.n;

    i = share_come_all(&second, 1, &rc);

    ok(i >= n * 8 / 10 && sound(&a),
       "fragments: what is free in pages is for newcomers");

    for (i = n; i < second.n; i++) {
        share_go(&second, i);
    }

    second.n = 0;

    ok(share_empty(), "fragments: nothing is left");
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

    share_fresh(0);

    part = share_units() / 8;
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

    ok(rc == SIG_REGISTRY_PEER_FULL
       && n == (part - SIG_CONN_UNITS) / (SIG_MEMBER_UNITS + 68)
       && sound(&a),
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

    share_fresh(0);

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

    ok(rc == SIG_REGISTRY_PEER_FULL
       && i == share_units() / 8 / (SIG_CONN_UNITS + 260)
       && n == i
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


static void
test_percent(void)
{
    int       good;
    uint32_t  percent;

    share_fresh(64);

    percent = counts(&a).percent;
    good = percent < 10;

    while (share_come(&first, 1) == SIG_REGISTRY_OK) {
        good &= counts(&a).percent >= percent
                && counts(&a).percent <= percent + 3
                && share_used(first.app).percent <= counts(&a).percent;
        percent = counts(&a).percent;
    }

    ok(good && percent >= 99 && share_used(first.app).percent >= 99,
       "percent: from nothing to all");

    ok(share_empty(), "percent: nothing is left");
}


static void
test_alarm(void)
{
    int       rc, good;
    uint32_t  n, i;

    share_fresh(64);
    good = share_told(NULL);

    while (counts(&a).percent < 79) {
        good &= share_come(&first, 1) == SIG_REGISTRY_OK && share_told(NULL);
    }

    while (counts(&a).percent < 80) {
        (void) share_come(&first, 1);
    }

    n = first.n;
    (void) share_come(&first, 1);

    ok(good && share_told(""), "alarm: told once at 80 percent");

    (void) share_come_all(&first, 1, &rc);
    good = share_told(NULL);

    for (i = 0; i < 5; i++) {
        while (counts(&a).percent > 72) {
            share_go(&first, --first.n);
        }

        region_break(&region);
        (void) share_come_all(&first, 1, &rc);
        good &= share_told(NULL);
    }

    ok(good, "alarm: not again while it stays near");

    while (first.n > n / 10) {
        share_go(&first, --first.n);
    }

    (void) share_come(&first, 1);
    good = share_told(NULL);
    (void) share_come_all(&first, 1, &rc);

    ok(good && share_told(""), "alarm: again after it was away");

    /* nobody has heard of it, and it is over */

    share_go_all(&first);
    (void) share_come_all(&first, 0, &rc);
    share_go_all(&first);
    (void) share_come(&first, 1);

    ok(share_told(NULL), "alarm: not told when it is over");

    ok(share_empty(), "alarm: nothing is left");
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
    test_percent();
    test_alarm();

    return tap_done();
}
