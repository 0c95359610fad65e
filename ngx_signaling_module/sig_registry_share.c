
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Who may have how much of the region: a reserve that newcomers leave alone,
 * a part of it for each of several apps, a bound for one peer; and how full
 * it is.  The figures, and why they are what they are, are in
 * docs/architecture.md.
 */


#include "sig_registry_node.h"


#define SIG_ALARM       80             /* percent */
#define SIG_ALARM_OVER  70


static uint32_t sig_share_needs(sig_registry_t *r, sig_app_t *app);
static void sig_share_add(sig_registry_t *r, uint32_t app, uint32_t units);
static uint32_t sig_share_keep(sig_registry_t *r, sig_app_t *app,
    sig_share_e whom, uint32_t units, uint32_t *need);
static int64_t sig_share_free_units(sig_registry_t *r);
static uint32_t sig_share_percent(int64_t used, int64_t of);
static void sig_share_alarm(sig_registry_t *r, uint32_t *alarm,
    uint32_t percent);
static int sig_share_take_alarm(uint32_t *alarm);


/*
 * What the guarantee of an app still lacks.  That of all of them is the sum
 * in the head.
 */

static uint32_t
sig_share_needs(sig_registry_t *r, sig_app_t *app)
{
    uint32_t  guarantee;

    guarantee = sig_head(r)->guarantee;

    return app->units < guarantee ? guarantee - app->units : 0;
}


/* units may be "negative" */

static void
sig_share_add(sig_registry_t *r, uint32_t app, uint32_t units)
{
    sig_app_t  *a;

    a = sig_app_node(r, app);

    sig_head(r)->need -= sig_share_needs(r, a);
    a->units += units;
    sig_head(r)->need += sig_share_needs(r, a);
}


/*
 * How many units have to be left by one who takes that many: of the reserve,
 * and of what the guarantees of other apps still lack, *need.
 *
 * An app beyond its guarantee leaves all of it alone.  One that is within it
 * does not spare the reserve, or the members of another app could use that up
 * and keep it out; and since pages are taken as a whole, a quarter of the
 * reserve makes up for what it seems to take from the others.
 */

static uint32_t
sig_share_keep(sig_registry_t *r, sig_app_t *app, sig_share_e whom,
    uint32_t units, uint32_t *need)
{
    uint32_t     reserve, guarantee;
    sig_head_t  *head;

    *need = 0;

    if (whom == SIG_FOR_ALL) {
        return 0;
    }

    head = sig_head(r);
    reserve = sig_share_reserve(r) * SIG_PAGE_UNITS;
    guarantee = head->guarantee;

    *need = head->need - sig_share_needs(r, app);

    /* its newcomers have three quarters, its members all of it */

    if (whom == SIG_FOR_NEWCOMER) {
        guarantee -= guarantee / 4;
    }

    if (app->units + units <= guarantee) {
        *need -= *need < reserve / 4 ? *need : reserve / 4;
        return reserve / 4;
    }

    if (whom == SIG_FOR_NEWCOMER) {
        return reserve;
    }

    return head->napps > 1 ? reserve / 2 : reserve / 4;
}


uint32_t
sig_share_alloc(sig_registry_t *r, uint32_t app, sig_share_e whom,
    size_t size, sig_node_type_e type)
{
    int64_t   after;
    uint32_t  i, units, need;

    units = sig_store_units(size);
    after = sig_store_after(&r->store, size)
            - sig_share_keep(r, sig_app_node(r, app), whom, units, &need);

    i = after >= need ? sig_store_alloc(&r->store, size, type) : 0;

    if (i == 0) {
        r->refusal = after >= 0 && after < need ? SIG_REGISTRY_APP_FULL
                                                : SIG_REGISTRY_FULL;
        return 0;
    }

    sig_fault();

    if (whom != SIG_FOR_ALL) {
        sig_share_add(r, app, units);
    }

    return i;
}


void
sig_share_free(sig_registry_t *r, uint32_t app, uint32_t index)
{
    uint32_t  units;

    units = sig_store_free(&r->store, index);
    sig_fault();

    sig_share_add(r, app, -units);
}


void
sig_share_count(sig_registry_t *r, uint32_t app, uint32_t index)
{
    sig_app_node(r, app)->units
        += (uint32_t) (sig_store_node_size(&r->store, index) / SIG_UNIT);
}


void
sig_share_reset(sig_registry_t *r)
{
    uint32_t     i, n;
    sig_app_t   *app;
    sig_head_t  *head;

    head = sig_head(r);

    /* an app that is alone has all of it */

    head->guarantee = head->napps > 1
                      ? r->store.npages * SIG_PAGE_UNITS / 2 / head->napps
                      : 0;
    head->need = 0;

    n = sig_bound(r, head->napps);

    for (i = head->apps; i != 0 && n > 0; i = app->node.next, n--) {
        app = sig_app_node(r, i);
        head->need += sig_share_needs(r, app);
    }
}


uint32_t
sig_share_reserve(sig_registry_t *r)
{
    return SIG_RESERVE(r->store.npages);
}


/*
 * A peer with all its connections.  A room counts for each member as if it
 * had the room to itself, so that nobody's part depends on who else is there.
 */

int
sig_share_peer(sig_registry_t *r, uint32_t pi, uint32_t units)
{
    uint32_t     ci, n;
    sig_conn_t  *conn;

    n = SIG_PEER_CONNECTIONS;

    for (ci = sig_peer_node(r, pi)->conns;
         ci != 0 && n > 0;
         ci = conn->node.next, n--)
    {
        conn = sig_conn_node(r, ci);

        units += SIG_CONN_UNITS + conn->units;

        if (conn->metadata != 0) {
            units += (uint32_t) (sig_store_node_size(&r->store, conn->metadata)
                                 / SIG_UNIT);
        }
    }

    return units <= r->store.npages * SIG_PAGE_UNITS / 8
           ? SIG_REGISTRY_OK : SIG_REGISTRY_PEER_FULL;
}


/* what newcomers may still take; negative when the reserve is used */

static int64_t
sig_share_free_units(sig_registry_t *r)
{
    return (int64_t) sig_store_left(&r->store)
           - (int64_t) sig_share_reserve(r) * SIG_PAGE_UNITS;
}


static uint32_t
sig_share_percent(int64_t used, int64_t of)
{
    if (used <= 0 || of <= 0) {
        return used <= 0 ? 0 : 100;
    }

    /* what is too little for any node is nothing */

    return used + SIG_NODE_MIN / SIG_UNIT < of ? (uint32_t) (used * 100 / of)
                                               : 100;
}


uint32_t
sig_share_zone_percent(sig_registry_t *r)
{
    int64_t  all;

    all = (int64_t) (r->store.npages - sig_share_reserve(r)) * SIG_PAGE_UNITS;

    return sig_share_percent(all - sig_share_free_units(r), all);
}


uint32_t
sig_share_app_percent(sig_registry_t *r, sig_app_t *app)
{
    int64_t  left;

    left = sig_share_free_units(r)
           - ((int64_t) sig_head(r)->need - sig_share_needs(r, app));

    return sig_share_percent(app->units,
                             app->units + (left > 0 ? left : 0));
}


void
sig_share_watch(sig_registry_t *r, uint32_t app)
{
    sig_app_t  *a;

    sig_share_alarm(r, &sig_head(r)->alarm, sig_share_zone_percent(r));

    if (sig_head(r)->napps > 1) {
        a = sig_app_node(r, app);
        sig_share_alarm(r, &a->alarm, sig_share_app_percent(r, a));
    }
}


/*
 * Somebody has to take memory to get from below the one mark to above the
 * other, so it is enough to look then.
 */

static void
sig_share_alarm(sig_registry_t *r, uint32_t *alarm, uint32_t percent)
{
    if (percent < SIG_ALARM_OVER) {
        *alarm = SIG_ALARM_QUIET;
        return;
    }

    if (percent >= SIG_ALARM && *alarm == SIG_ALARM_QUIET) {
        *alarm = SIG_ALARM_RAISED;
        __atomic_store_n(&sig_head(r)->alarms, 1, __ATOMIC_RELAXED);
    }
}


int
sig_registry_alarm(sig_registry_t *r, u_char *name, size_t *len)
{
    int          found;
    uint32_t     i, n;
    sig_app_t   *app;
    sig_head_t  *head;

    head = sig_head(r);
    *len = 0;

    if (__atomic_load_n(&head->alarms, __ATOMIC_RELAXED) == 0) {
        return 0;
    }

    sig_registry_lock(r);

    found = sig_share_take_alarm(&head->alarm);
    n = sig_bound(r, head->napps);

    for (i = head->apps; i != 0 && n > 0 && !found; i = app->node.next, n--) {
        app = sig_app_node(r, i);
        found = sig_share_take_alarm(&app->alarm);

        if (found) {
            *len = app->node.small < SIG_APP_NAME ? app->node.small
                                                  : SIG_APP_NAME;
            memcpy(name, app->name, *len);
        }
    }

    if (!found) {
        __atomic_store_n(&head->alarms, 0, __ATOMIC_RELAXED);
    }

    sig_registry_unlock(r);

    return found;
}


static int
sig_share_take_alarm(uint32_t *alarm)
{
    if (*alarm != SIG_ALARM_RAISED) {
        return 0;
    }

    *alarm = SIG_ALARM_TOLD;

    return 1;
}
