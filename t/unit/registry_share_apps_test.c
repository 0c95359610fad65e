
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of sig_registry: what one app leaves to the others.
 */


#include "registry_share.h"
#include "tap.h"


#define APPS  20


static void test_two_apps(void);
static void test_flood(void);
static void test_new_app(void);
static void test_many_apps(void);
static void test_alarm(void);


/* one of two fills what there is, and the other one comes to its quarter */

static void
test_two_apps(void)
{
    int       rc;
    size_t    share;
    uint32_t  n;

    share_fresh(64);
    second.app = share_app(1);
    share = (size_t) share_units() * SIG_UNIT / 4;

    n = share_come_all(&first, 0, &rc);

    ok(n > 1000 && rc == SIG_REGISTRY_APP_FULL
       && share_used(first.app).percent == 100
       && share_used(second.app).percent == 0,
       "two apps: one is refused, with room for the other");

    (void) share_enter_all(&first, &rc);

    ok(rc == SIG_REGISTRY_APP_FULL && sound(&a),
       "two apps: its members are in the end");

    (void) share_come_all(&second, 1, &rc);

    ok(rc == SIG_REGISTRY_FULL && sound(&a)
       && share_used(second.app).bytes >= share / 4 * 3 - 8 * SIG_UNIT,
       "two apps: the newcomers of the other come to three quarters of it");

    for (n = 0; n < second.n; n++) {
        if (share_enter(&second, n, "next ") != SIG_REGISTRY_OK) {
            break;
        }
    }

    ok(share_used(second.app).bytes >= share - 2 * SIG_PAGE
       && share_used(second.app).bytes <= share + 2 * SIG_PAGE
       && share_come(&first, 0) == SIG_REGISTRY_FULL && sound(&a),
       "two apps: and its members to all of it");

    /* the rooms that nobody remembers go with the region */

    region_free(&region);

    share_fresh(64);
    second.app = share_app(1);

    (void) share_come_all(&first, 1, &rc);
    n = share_come_all(&second, 1, &rc);
    share_go_all(&first);

    ok(rc == SIG_REGISTRY_FULL && share_come_all(&second, 1, &rc) > n
       && rc == SIG_REGISTRY_APP_FULL && share_used(first.app).bytes == 0
       && share_used(second.app).bytes > share * 2,
       "two apps: what the one gives back the other may have");

    ok(share_empty(), "two apps: nothing is left");
}


/* who had its place before the flood has it again and again */

static void
test_flood(void)
{
    int       rc, good;
    size_t    share;
    uint32_t  n, round, i;

    share_fresh(64);
    second.app = share_app(1);

    share = (size_t) share_units() * SIG_UNIT / 4;

    for (n = 0; share_used(second.app).bytes < share / 2; n++) {
        (void) share_come(&second, 1);
    }

    (void) share_come_all(&first, 0, &rc);
    good = rc == SIG_REGISTRY_APP_FULL;

    for (round = 0; round < 10; round++) {

        while (second.n > 0) {
            share_go(&second, --second.n);
            rc = share_come(&first, 1);
        }

        if (round % 2) {
            region_break(&region);
        }

        for (i = 0; i < n; i++) {
            good &= share_come(&second, 1) == SIG_REGISTRY_OK;
            rc = share_come(&first, 1);
        }

        good &= rc == SIG_REGISTRY_APP_FULL;
    }

    ok(good && sound(&a), "flood: of one app does not take another's place");

    ok(share_empty(), "flood: nothing is left");
}


/* the zone is full of an app that was alone */

static void
test_new_app(void)
{
    int       rc;
    uint32_t  n, i;

    share_fresh(64);

    n = share_come_all(&first, 1, &rc);
    ok(rc == SIG_REGISTRY_FULL, "new app: the first one was alone");

    second.app = share_app(1);
    i = share_come_all(&second, 1, &rc);

    ok(i * 15 >= SIG_RESERVE(a.store.npages) * SIG_PAGE_UNITS / 2 && sound(&a),
       "new app: gets of the reserve at once");

    while (first.n > n / 2) {
        share_go(&first, --first.n);
    }

    ok(share_come(&first, 1) == SIG_REGISTRY_OK
       && share_come_all(&second, 1, &rc) > i
       && share_used(second.app).bytes >= (size_t) share_units() * SIG_UNIT / 4
       && sound(&a),
       "new app: and its part when others go");

    ok(share_empty(), "new app: nothing is left");
}


static void
test_many_apps(void)
{
    int       rc, good;
    size_t    share;
    uint32_t  i;

    static crowd_t  others[APPS];

    share_fresh(64);
    memset(others, 0, sizeof(others));

    for (i = 1; i < APPS; i++) {
        others[i].app = share_app(i);
    }

    share = (size_t) share_units() * SIG_UNIT / 2 / APPS;

    (void) share_come_all(&first, 0, &rc);
    good = rc == SIG_REGISTRY_APP_FULL;
    (void) share_enter_all(&first, &rc);
    good &= rc == SIG_REGISTRY_APP_FULL;

    for (i = 1; i < APPS; i++) {
        (void) share_come_all(&others[i], 1, &rc);
        good &= share_used(others[i].app).bytes >= share / 4 * 3 - 8 * SIG_UNIT;
    }

    ok(good && sound(&a), "many apps: each comes to its part");

    for (i = 1; i < APPS; i++) {
        share_go_all(&others[i]);
    }

    ok(share_empty(), "many apps: nothing is left");
}


/* an app has all it may have, and the zone is not full */

static void
test_alarm(void)
{
    int     rc;
    u_char  name[SIG_APP_NAME];
    size_t  len;

    share_fresh(64);
    second.app = share_app(1);

    (void) share_come_all(&first, 1, &rc);

    ok(rc == SIG_REGISTRY_APP_FULL && counts(&a).percent < 80
       && share_told("default"),
       "alarm: of an app");

    (void) share_come_all(&second, 1, &rc);

    ok(rc == SIG_REGISTRY_FULL && counts(&a).percent >= 99,
       "alarm: then all is full");

    ok(sig_registry_alarm(&b, name, &len) && len == 0 && share_told("app-1"),
       "alarm: of the zone and of the other");

    ok(share_empty(), "alarm: nothing is left of apps");
}


int
main(void)
{
    test_two_apps();
    test_flood();
    test_new_app();
    test_many_apps();
    test_alarm();

    return tap_done();
}
