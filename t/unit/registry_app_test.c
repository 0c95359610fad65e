
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of sig_registry: what an app uses, what it may use, and its months.
 */


#include "registry_region.h"
#include "tap.h"

#include <stdlib.h>


#define SLOTS     4
#define DECEMBER  1796083200           /* 2026, UTC */
#define JANUARY   1798761600
#define FEBRUARY  1801440000
#define MAY       1809129600


static void test_unused(void);
static void test_connections(void);
static void test_max_connections(void);
static void test_suspended(void);
static void test_apart(void);
static void test_messages(void);
static void test_max_messages(void);
static void test_month(void);
static void test_month_of_others(void);
static void test_clock_set_right(void);
static void test_rebuild(void);
static void test_next(void);
static int refused(sig_registry_t *r, const char *peer);
static sig_usage_t used(sig_registry_t *r, int64_t now);
static void fresh(void);
static void done(void);


static region_t        region;
static sig_registry_t  a, b;


static void
fresh(void)
{
    region_make(&region, sig_registry_min_size(SLOTS), SLOTS);
    worker(&region, &a, 1);
    worker(&region, &b, 2);
}


static void
done(void)
{
    ok(sound(&a), "sound");
    region_free(&region);
}


static sig_usage_t
used(sig_registry_t *r, int64_t now)
{
    sig_usage_t  usage;

    sig_registry_usage(r, region.app, now, &usage);

    return usage;
}


/* what sig_registry_connect() returns; nothing is left of a refusal */

static int
refused(sig_registry_t *r, const char *peer)
{
    int           rc;
    size_t        bytes;
    slice_t       id, data;
    uint32_t      n;
    sig_ref_t     conn;
    sig_target_t  others[SIG_PEER_CONNECTIONS];

    bytes = counts(r).bytes_free;
    id = text(peer);
    data = text("{}");

    rc = sig_registry_connect(r, region.app, &id, &data, 1, 1, &conn, others,
                              &n);

    if (conn.gen != 0 || n != 0 || counts(r).bytes_free != bytes) {
        return SIG_REGISTRY_BAD;
    }

    return rc;
}


static void
test_unused(void)
{
    sig_usage_t  usage;

    fresh();

    usage = used(&a, JANUARY - 1);

    ok(usage.connections == 0 && usage.peak == 0 && usage.messages == 0
       && usage.max_connections == 0 && usage.max_messages == 0
       && !usage.suspended,
       "nothing is used, and nothing is limited");

    ok(usage.period_start == DECEMBER && usage.period_end == JANUARY,
       "the period is a calendar month");

    sig_registry_usage(&a, SIG_NO_APP, DECEMBER, &usage);

    ok(usage.connections == 0 && usage.period_start == DECEMBER,
       "an app that is not there uses nothing");

    ok(sig_registry_app_limits(&a, SIG_NO_APP, 1, 1, 1) == SIG_REGISTRY_STALE
       && sig_registry_app_limits(&a, 0, 1, 1, 1) == SIG_REGISTRY_STALE
       && !sig_registry_app_suspended(&a, SIG_NO_APP),
       "and has no limits");

    done();
}


static void
test_connections(void)
{
    sig_ref_t     c1, c2;
    sig_change_t  change;

    fresh();

    c1 = arrive(&region, &a, "anna", "");
    c2 = arrive(&region, &b, "anna", "");

    ok(used(&a, DECEMBER).connections == 2 && used(&b, DECEMBER).peak == 2,
       "connections are counted, not peers");

    (void) sig_registry_disconnect(&a, c1);

    ok(used(&a, DECEMBER).connections == 1 && used(&a, DECEMBER).peak == 2,
       "the peak stays");

    (void) arrive(&region, &a, "bert", "");
    ok(used(&a, DECEMBER).peak == 2, "and is not a sum");

    (void) arrive(&region, &a, "carl", "");
    ok(used(&a, DECEMBER).peak == 3, "but the most at a time");

    /* a member that is leaving keeps the node of its connection */

    (void) enter(&b, c2, "room", &change);
    (void) sig_registry_leave(&b, change.member, 1, &change);
    (void) sig_registry_disconnect(&b, c2);

    ok(used(&a, DECEMBER).connections == 2,
       "who is on the way out does not count");

    done();
}


static void
test_max_connections(void)
{
    sig_ref_t  c1, c2, c3;

    fresh();

    ok(sig_registry_app_limits(&a, region.app, 2, 0, 0) == SIG_REGISTRY_OK
       && used(&b, DECEMBER).max_connections == 2,
       "max_connections: 2");

    c1 = arrive(&region, &a, "anna", "");
    c2 = arrive(&region, &b, "bert", "");

    ok(c1.gen != 0 && c2.gen != 0
       && refused(&a, "carl") == SIG_REGISTRY_LIMIT
       && refused(&b, "anna") == SIG_REGISTRY_LIMIT,
       "max_connections: the third is refused, whoever it is");

    (void) sig_registry_disconnect(&a, c1);
    c3 = arrive(&region, &b, "carl", "");

    ok(c3.gen != 0 && refused(&a, "anna") == SIG_REGISTRY_LIMIT,
       "max_connections: one goes, one comes");

    (void) sig_registry_app_limits(&a, region.app, 1, 0, 0);

    ok(used(&a, DECEMBER).connections == 2
       && refused(&a, "anna") == SIG_REGISTRY_LIMIT,
       "max_connections: lowered, who is in stays");

    (void) sig_registry_disconnect(&b, c3);
    ok(refused(&a, "anna") == SIG_REGISTRY_LIMIT,
       "max_connections: as many as there may be");

    (void) sig_registry_disconnect(&b, c2);
    ok(arrive(&region, &a, "anna", "").gen != 0,
       "max_connections: less than there may be");

    (void) sig_registry_app_limits(&a, region.app, 0, 0, 0);
    ok(arrive(&region, &a, "bert", "").gen != 0
       && used(&a, DECEMBER).peak == 2,
       "max_connections: none");

    done();
}


static void
test_suspended(void)
{
    fresh();

    (void) arrive(&region, &a, "anna", "");
    (void) sig_registry_app_limits(&a, region.app, 1, 0, 1);

    ok(sig_registry_app_suspended(&b, region.app)
       && used(&b, DECEMBER).suspended,
       "suspended: seen by others");

    ok(refused(&b, "bert") == SIG_REGISTRY_SUSPENDED,
       "suspended: told before the limit");

    ok(used(&b, DECEMBER).connections == 1,
       "suspended: nobody is disconnected here");

    (void) sig_registry_app_limits(&a, region.app, 0, 0, 0);

    ok(!sig_registry_app_suspended(&b, region.app)
       && arrive(&region, &b, "bert", "").gen != 0,
       "suspended: no more");

    done();
}


/* limits and counts of one app are nothing to another */

static void
test_apart(void)
{
    slice_t       name, id, none;
    uint32_t      other, n;
    sig_ref_t     conn;
    sig_usage_t   usage;
    sig_target_t  others[SIG_PEER_CONNECTIONS];

    fresh();

    name = text("other");
    id = text("anna");
    none = text("");

    (void) sig_registry_app(&a, &name, &other);
    (void) arrive(&region, &a, "anna", "");
    (void) sig_registry_app_limits(&a, region.app, 1, 1, 1);
    (void) sig_registry_message(&a, region.app, DECEMBER);

    ok(!sig_registry_app_suspended(&a, other)
       && sig_registry_connect(&b, other, &id, &none, 1, 1, &conn, others, &n)
          == SIG_REGISTRY_OK && n == 0,
       "another app is not concerned");

    (void) sig_registry_message(&b, other, DECEMBER);
    (void) sig_registry_message(&b, other, DECEMBER);
    sig_registry_usage(&b, other, DECEMBER, &usage);

    ok(usage.connections == 1 && usage.peak == 1 && usage.messages == 2
       && usage.max_connections == 0 && used(&a, DECEMBER).messages == 1,
       "and counts for itself");

    done();
}


static void
test_messages(void)
{
    fresh();

    ok(sig_registry_message(&a, region.app, DECEMBER) == SIG_REGISTRY_OK
       && sig_registry_message(&b, region.app, DECEMBER + 1)
          == SIG_REGISTRY_OK
       && sig_registry_message(&a, region.app, JANUARY - 1)
          == SIG_REGISTRY_OK,
       "messages: no limit");

    ok(used(&b, DECEMBER).messages == 3, "messages: counted by all");

    done();
}


static void
test_max_messages(void)
{
    fresh();

    (void) sig_registry_message(&a, region.app, DECEMBER);
    (void) sig_registry_app_limits(&a, region.app, 0, 3, 0);

    ok(sig_registry_message(&a, region.app, DECEMBER) == SIG_REGISTRY_OK
       && sig_registry_message(&b, region.app, DECEMBER) == SIG_REGISTRY_OK,
       "max_messages: the last one");

    ok(sig_registry_message(&a, region.app, DECEMBER) == SIG_REGISTRY_LIMIT
       && sig_registry_message(&b, region.app, DECEMBER)
          == SIG_REGISTRY_LIMIT,
       "max_messages: one more, and another");

    ok(used(&a, DECEMBER).messages == 5 && used(&a, DECEMBER).max_messages == 3,
       "max_messages: counted all the same");

    (void) sig_registry_app_limits(&a, region.app, 0, 6, 0);

    ok(sig_registry_message(&b, region.app, DECEMBER) == SIG_REGISTRY_OK
       && sig_registry_message(&b, region.app, DECEMBER)
          == SIG_REGISTRY_LIMIT,
       "max_messages: raised");

    ok(sig_registry_message(&a, region.app, JANUARY) == SIG_REGISTRY_OK
       && used(&a, JANUARY).messages == 1,
       "max_messages: of another month");

    (void) sig_registry_app_limits(&a, region.app, 0,
                                   (uint64_t) 1 << 40, 0);

    ok(used(&a, JANUARY).max_messages == (uint64_t) 1 << 40
       && sig_registry_message(&a, region.app, JANUARY) == SIG_REGISTRY_OK,
       "max_messages: many");

    done();
}


static void
test_month(void)
{
    sig_ref_t    c1;
    sig_usage_t  usage;

    fresh();

    sig_registry_clock(&a, JANUARY - 1);

    (void) arrive(&region, &a, "anna", "");
    c1 = arrive(&region, &a, "bert", "");
    (void) sig_registry_message(&a, region.app, JANUARY - 1);
    (void) sig_registry_disconnect(&a, c1);

    usage = used(&a, JANUARY - 1);
    ok(usage.peak == 2 && usage.messages == 1, "month: the last second");

    usage = used(&a, JANUARY);
    ok(usage.peak == 1 && usage.messages == 0 && usage.connections == 1
       && usage.period_start == JANUARY && usage.period_end == FEBRUARY,
       "month: the peak begins with what is there");

    c1 = arrive(&region, &a, "bert", "");
    (void) sig_registry_disconnect(&a, c1);
    (void) sig_registry_message(&a, region.app, JANUARY);
    (void) sig_registry_message(&a, region.app, JANUARY);

    usage = used(&a, JANUARY);
    ok(usage.peak == 2 && usage.messages == 2, "month: counts go on");

    /* seen by the first message, or by the first connection */

    (void) sig_registry_message(&a, region.app, FEBRUARY);
    ok(used(&a, FEBRUARY).peak == 1 && used(&a, FEBRUARY).messages == 1,
       "month: seen by a message");

    sig_registry_clock(&a, MAY);
    (void) arrive(&region, &a, "bert", "");
    ok(used(&a, MAY).peak == 2 && used(&a, MAY).messages == 0,
       "month: several later");

    done();
}


/* a month begins once, whoever sees it how often and how late */

static void
test_month_of_others(void)
{
    sig_ref_t    c1;
    sig_usage_t  usage;

    fresh();

    sig_registry_clock(&a, DECEMBER);
    sig_registry_clock(&b, DECEMBER);

    (void) arrive(&region, &a, "anna", "");
    c1 = arrive(&region, &b, "bert", "");

    /* in one process it is January already */

    (void) sig_registry_message(&a, region.app, JANUARY);
    (void) sig_registry_message(&a, region.app, JANUARY);

    ok(sig_registry_message(&b, region.app, JANUARY - 1) == SIG_REGISTRY_OK
       && used(&a, JANUARY).messages == 3,
       "month: whose clock is late counts in the new one");

    (void) sig_registry_disconnect(&b, c1);
    (void) arrive(&region, &b, "carl", "");

    ok(used(&a, JANUARY).peak == 2, "month: and does not begin it again");

    (void) sig_registry_message(&b, region.app, JANUARY);
    sig_registry_clock(&b, JANUARY);
    usage = used(&b, JANUARY);

    ok(usage.messages == 4 && usage.peak == 2,
       "month: nor when it comes to see it");

    done();
}


static void
test_clock_set_right(void)
{
    sig_usage_t  usage;

    fresh();

    (void) arrive(&region, &a, "anna", "");
    (void) sig_registry_message(&a, region.app, MAY);
    (void) sig_registry_message(&a, region.app, MAY);

    (void) sig_registry_message(&a, region.app, DECEMBER);
    usage = used(&a, DECEMBER);

    ok(usage.messages == 1 && usage.peak == 1
       && usage.period_start == DECEMBER,
       "clock: what it said months ahead is forgotten");

    done();
}


static void
test_rebuild(void)
{
    sig_ref_t    c1;
    sig_usage_t  usage;

    fresh();

    sig_registry_clock(&a, DECEMBER);

    c1 = arrive(&region, &a, "anna", "{}");
    (void) arrive(&region, &a, "bert", "");
    (void) arrive(&region, &b, "anna", "");
    (void) sig_registry_disconnect(&a, c1);
    (void) sig_registry_message(&a, region.app, DECEMBER);
    (void) sig_registry_app_limits(&a, region.app, 7, 8, 1);

    region_break(&region);
    usage = used(&b, DECEMBER);

    ok(counts(&b).rebuilds == 1 && usage.connections == 2 && usage.peak == 3
       && usage.messages == 1 && usage.max_connections == 7
       && usage.max_messages == 8 && usage.suspended,
       "rebuild: counts and limits are as before");

    done();
}


static void
test_next(void)
{
    int       good;
    char      name[16], known[40];
    u_char    found[SIG_APP_NAME];
    size_t    len;
    slice_t   s;
    uint32_t  i, n, app, last;

    fresh();

    for (i = 0; i < 40; i++) {
        (void) snprintf(name, sizeof(name), "app-%u", i);
        s = text(name);
        (void) sig_registry_app(&a, &s, &app);
    }

    memset(known, 0, sizeof(known));
    good = 1;
    last = 0;
    n = 0;

    for (app = sig_registry_next_app(&a, 0, found, &len);
         app != 0;
         app = sig_registry_next_app(&a, app, found, &len))
    {
        good &= app > last;
        last = app;
        n++;

        if (app == region.app) {
            good &= len == 7 && memcmp(found, "default", 7) == 0;

        } else {
            good &= len >= 5 && len <= 6 && memcmp(found, "app-", 4) == 0;
            i = found[4] - '0';

            if (len == 6) {
                i = i * 10 + found[5] - '0';
            }

            good &= i < 40 && known[i % 40]++ == 0;
        }

        /* a rebuild in between is nothing to it */

        region_break(&region);
    }

    ok(good && n == 41 && len == 0, "each app is given once");

    done();
}


int
main(void)
{
    test_unused();
    test_connections();
    test_max_connections();
    test_suspended();
    test_apart();
    test_messages();
    test_max_messages();
    test_month();
    test_month_of_others();
    test_clock_set_right();
    test_rebuild();
    test_next();

    return tap_done();
}
