
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "sig_hash.h"
#include "sig_registry_node.h"


static uint32_t sig_app_find(sig_registry_t *r, uint32_t hash,
    const slice_t *name);
static uint32_t sig_app_create(sig_registry_t *r, uint32_t hash,
    const slice_t *name);
static int sig_app_is_past(const sig_registry_t *r, uint64_t count);
static void sig_app_roll(sig_registry_t *r, sig_app_t *app);
static uint64_t sig_app_first_message(sig_registry_t *r, sig_app_t *app,
    uint64_t count);


int
sig_registry_app(sig_registry_t *r, const slice_t *name, uint32_t *app)
{
    uint32_t  i, hash;

    *app = SIG_NO_APP;

    if (name->len == 0 || name->len > SIG_APP_NAME) {
        return SIG_REGISTRY_FULL;
    }

    hash = (uint32_t) sig_hash(sig_head(r)->seed, SIG_NO_APP, name->data,
                               name->len);

    sig_registry_lock(r);

    i = sig_app_find(r, hash, name);

    if (i == 0) {
        i = sig_app_create(r, hash, name);
    }

    sig_registry_unlock(r);

    if (i == 0) {
        return SIG_REGISTRY_FULL;
    }

    *app = i;

    return SIG_REGISTRY_OK;
}


static uint32_t
sig_app_find(sig_registry_t *r, uint32_t hash, const slice_t *name)
{
    uint32_t    i, n;
    sig_app_t  *app;

    n = sig_bound(r, sig_head(r)->napps);

    for (i = sig_head(r)->apps; i != 0 && n > 0; i = app->node.next, n--) {
        app = sig_app_node(r, i);

        if (app->hash == hash && app->node.small == name->len
            && memcmp(app->name, name->data, name->len) == 0)
        {
            return i;
        }
    }

    return 0;
}


static uint32_t
sig_app_create(sig_registry_t *r, uint32_t hash, const slice_t *name)
{
    uint32_t    i;
    sig_app_t  *app;

    i = sig_store_alloc(&r->store, sizeof(sig_app_t), SIG_NODE_APP);

    if (i == 0) {
        return 0;
    }

    app = sig_app_node(r, i);

    app->node.small = (uint16_t) name->len;
    app->hash = hash;
    app->messages = 0;
    app->peak = 0;
    app->max_messages = 0;
    app->max_connections = 0;
    app->suspended = 0;
    app->nconns = 0;
    app->units = 0;
    app->alarm = SIG_ALARM_QUIET;
    memcpy(app->name, name->data, name->len);

    sig_fault();
    sig_store_commit(&app->node, SIG_NODE_LIVE);
    sig_fault();

    sig_chain_insert(r, &sig_head(r)->apps, i);
    sig_head(r)->napps++;
    sig_share_reset(r);

    return i;
}


uint32_t
sig_registry_next_app(sig_registry_t *r, uint32_t app, u_char *name,
    size_t *len)
{
    uint32_t    i, n, next;
    sig_app_t  *a;

    next = 0;
    *len = 0;

    sig_registry_lock(r);

    /* by their indexes, which no rebuild puts into another order */

    n = sig_bound(r, sig_head(r)->napps);

    for (i = sig_head(r)->apps; i != 0 && n > 0; i = a->node.next, n--) {
        a = sig_app_node(r, i);

        if (i > app && (next == 0 || i < next)) {
            next = i;
        }
    }

    if (next != 0) {
        a = sig_app_node(r, next);

        *len = a->node.small < SIG_APP_NAME ? a->node.small : SIG_APP_NAME;
        memcpy(name, a->name, *len);
    }

    sig_registry_unlock(r);

    return next;
}


int
sig_registry_app_limits(sig_registry_t *r, uint32_t app,
    uint32_t max_connections, uint64_t max_messages, int suspended)
{
    int         rc;
    sig_app_t  *a;

    rc = SIG_REGISTRY_STALE;

    sig_registry_lock(r);

    if (sig_registry_is(r, app, SIG_NODE_APP)) {
        a = sig_app_node(r, app);

        a->max_connections = max_connections;
        __atomic_store_n(&a->max_messages, max_messages, __ATOMIC_RELAXED);
        __atomic_store_n(&a->suspended, suspended != 0, __ATOMIC_RELAXED);

        rc = SIG_REGISTRY_OK;
    }

    sig_registry_unlock(r);

    return rc;
}


int
sig_registry_app_suspended(sig_registry_t *r, uint32_t app)
{
    return __atomic_load_n(&sig_app_node(r, app)->suspended,
                           __ATOMIC_RELAXED)
           != 0;
}


int
sig_app_admits(sig_registry_t *r, uint32_t app)
{
    sig_app_t  *a;

    if (!sig_registry_is(r, app, SIG_NODE_APP)) {
        return SIG_REGISTRY_FULL;
    }

    a = sig_app_node(r, app);

    if (a->suspended) {
        return SIG_REGISTRY_SUSPENDED;
    }

    if (a->max_connections != 0 && a->nconns >= a->max_connections) {
        return SIG_REGISTRY_LIMIT;
    }

    sig_app_roll(r, a);

    return SIG_REGISTRY_OK;
}


/*
 * The peak follows the count here, so that it can not be below it: a rebuild
 * counts the same connections again.
 */

void
sig_app_add(sig_registry_t *r, uint32_t app)
{
    sig_app_t  *a;

    a = sig_app_node(r, app);

    a->nconns++;
    sig_fault();

    if (a->nconns > sig_app_number(a->peak)) {
        a->peak = sig_app_count(sig_app_month(a->peak), a->nconns);
    }
}


void
sig_app_remove(sig_registry_t *r, uint32_t app)
{
    sig_app_node(r, app)->nconns--;
}


/*
 * One month ahead is another process whose clock has been looked at later;
 * more than that was a clock that has been set right meanwhile.
 */

static int
sig_app_is_past(const sig_registry_t *r, uint64_t count)
{
    uint32_t  month;

    month = sig_app_month(count);

    return month < r->period.number || month > r->period.number + 1;
}


/* the month begins for the peak, unless it has, or the time is not known */

static void
sig_app_roll(sig_registry_t *r, sig_app_t *app)
{
    if (r->period.end != 0 && sig_app_is_past(r, app->peak)) {
        app->peak = sig_app_count(r->period.number, app->nconns);
    }
}


/*
 * The count is on a line of its own app, and shared by all workers: what that
 * costs, and what it spares, is in docs/architecture.md.
 */

int
sig_registry_message(sig_registry_t *r, uint32_t app, int64_t now)
{
    uint64_t    count, max;
    sig_app_t  *a;

    if (!sig_period_has(&r->period, now)) {
        sig_registry_clock(r, now);
    }

    a = sig_app_node(r, app);

    count = __atomic_add_fetch(&a->messages, 1, __ATOMIC_RELAXED);

    if (sig_app_month(count) != r->period.number) {
        count = sig_app_first_message(r, a, count);
    }

    max = __atomic_load_n(&a->max_messages, __ATOMIC_RELAXED);

    return max != 0 && sig_app_number(count) > max ? SIG_REGISTRY_LIMIT
                                                   : SIG_REGISTRY_OK;
}


/*
 * What was added to the count of a month that has ended is forgotten with it,
 * and added to the new one: by who begins it, or by who finds it begun.
 */

static uint64_t
sig_app_first_message(sig_registry_t *r, sig_app_t *app, uint64_t count)
{
    uint64_t  first;

    if (!sig_app_is_past(r, count)) {
        return count;
    }

    first = sig_app_count(r->period.number, 1);

    do {
        if (__atomic_compare_exchange_n(&app->messages, &count, first, 0,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        {
            return first;
        }

    } while (sig_app_is_past(r, count));

    return __atomic_add_fetch(&app->messages, 1, __ATOMIC_RELAXED);
}


void
sig_registry_usage(sig_registry_t *r, uint32_t app, int64_t now,
    sig_usage_t *usage)
{
    uint64_t    messages;
    sig_app_t  *a;

    memset(usage, 0, sizeof(sig_usage_t));

    if (!sig_period_has(&r->period, now)) {
        sig_registry_clock(r, now);
    }

    usage->period_start = r->period.start;
    usage->period_end = r->period.end;

    sig_registry_lock(r);

    if (sig_registry_is(r, app, SIG_NODE_APP)) {
        a = sig_app_node(r, app);

        sig_app_roll(r, a);

        messages = __atomic_load_n(&a->messages, __ATOMIC_RELAXED);

        if (!sig_app_is_past(r, messages)) {
            usage->messages = sig_app_number(messages);
        }

        usage->connections = a->nconns;
        usage->peak = (uint32_t) sig_app_number(a->peak);
        usage->max_connections = a->max_connections;
        usage->max_messages = a->max_messages;
        usage->suspended = a->suspended != 0;
        usage->bytes = (size_t) a->units * SIG_UNIT;
        usage->percent = sig_share_app_percent(r, a);
    }

    sig_registry_unlock(r);
}


void
sig_registry_clock(sig_registry_t *r, int64_t now)
{
    uint32_t    i, n;
    sig_app_t  *app;

    if (sig_period_has(&r->period, now)) {
        return;
    }

    sig_period_at(&r->period, now);

    sig_registry_lock(r);

    n = sig_bound(r, sig_head(r)->napps);

    for (i = sig_head(r)->apps; i != 0 && n > 0; i = app->node.next, n--) {
        app = sig_app_node(r, i);

        sig_app_roll(r, app);
        sig_fault();
    }

    sig_registry_unlock(r);
}
