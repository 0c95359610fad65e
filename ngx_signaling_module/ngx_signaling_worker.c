
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * A worker's life in a zone: taking a slot, a look around four times a
 * second, reaping slots of the dead, and the end.
 */


#include "ngx_signaling.h"


#define NGX_SIGNALING_TICK         250     /* ms */
#define NGX_SIGNALING_PATIENCE     4       /* ticks without a slot */
#define NGX_SIGNALING_REAP         32      /* members in one step */
#define NGX_SIGNALING_REAP_STEPS   32      /* in one turn */
#define NGX_SIGNALING_WARN         60000   /* ms, between warnings */


static void ngx_signaling_worker_slot(ngx_signaling_worker_t *sw);
static void ngx_signaling_worker_rest(ngx_signaling_worker_t *sw);
static void ngx_signaling_worker_unslot(ngx_signaling_worker_t *sw);
static void ngx_signaling_worker_make_way(ngx_signaling_worker_t *sw);
static void ngx_signaling_tick_handler(ngx_event_t *ev);
static ngx_uint_t ngx_signaling_worker_alone(ngx_signaling_worker_t *sw);
static ngx_uint_t ngx_signaling_worker_dead(sig_slot_info_t *info);
static void ngx_signaling_worker_reap(ngx_signaling_worker_t *sw);
static void ngx_signaling_worker_reap_slot(ngx_signaling_worker_t *sw,
    uint32_t slot, uint32_t pid, uint32_t dead_reaper);
static ngx_uint_t ngx_signaling_gone(uint32_t pid);
static void ngx_signaling_worker_alarm(ngx_signaling_worker_t *sw);
static ngx_uint_t ngx_signaling_warns(ngx_msec_t *warned);
static void ngx_signaling_worker_free(ngx_signaling_worker_t *sw);


ngx_int_t
ngx_signaling_worker_init(ngx_cycle_t *cycle, ngx_signaling_zone_t *zone)
{
    ngx_signaling_worker_t  *sw;

    sw = ngx_pcalloc(cycle->pool, sizeof(ngx_signaling_worker_t));
    if (sw == NULL) {
        return NGX_ERROR;
    }

    /* the handles of this process; the master's were for the master */

    zone->registry.pid = (uint32_t) ngx_pid;
    zone->registry.slot = SIG_NO_SLOT;

    sw->zone = zone;
    sw->registry = &zone->registry;
    sw->mailbox = &zone->mailbox;
    sw->cycle = cycle;
    sw->log = cycle->log;

    sw->free = NGX_SIGNALING_NOBODY;

    sw->buffer = ngx_palloc(cycle->pool,
                            SIG_WS_HEAD_IN_MAX + NGX_SIGNALING_BUFFER);
    if (sw->buffer == NULL) {
        return NGX_ERROR;
    }

    sw->buffer += SIG_WS_HEAD_IN_MAX;

    if (ngx_signaling_detach_init(sw) != NGX_OK
        || ngx_signaling_output_init(sw) != NGX_OK
        || ngx_signaling_rooms_init(sw) != NGX_OK
        || ngx_signaling_ipc_init(sw) != NGX_OK
        || ngx_signaling_roster_grow(sw, 65536) != NGX_OK
        || ngx_array_init(&sw->apps, cycle->pool, 4,
                          sizeof(ngx_signaling_app_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    sw->leave.handler = ngx_signaling_leave_step;
    sw->leave.data = sw;
    sw->leave.log = cycle->log;
    sw->leave.cancelable = 1;

    sw->tick.handler = ngx_signaling_tick_handler;
    sw->tick.data = sw;
    sw->tick.log = cycle->log;
    sw->tick.cancelable = 1;

    sw->quotas_seen = zone->generation;
    sig_registry_clock(sw->registry, ngx_time());

    zone->worker = sw;

    ngx_signaling_keys_apps(sw, access_conf_keys(zone->access));
    ngx_signaling_worker_slot(sw);

    /* at once, for a predecessor that died */

    ngx_add_timer(&sw->tick, 1);

    return NGX_OK;
}


static void
ngx_signaling_worker_slot(ngx_signaling_worker_t *sw)
{
    if (sig_registry_claim(sw->registry, (int32_t) ngx_process_slot,
                           sw->zone->generation)
        != SIG_REGISTRY_OK)
    {
        ngx_signaling_worker_make_way(sw);
        return;
    }

    sig_mailbox_open(sw->mailbox, sw->registry->slot);

    if (ngx_signaling_ipc_listen(sw) != NGX_OK) {
        sig_mailbox_close(sw->mailbox, sw->registry->slot);
        sig_registry_release(sw->registry);
        return;
    }

    sig_registry_open(sw->registry);
    sw->slotted = 1;

    ngx_signaling_wake_all(sw);
}


/*
 * Whether the worker may serve.  A retiring one that has given its slot back
 * takes one for a client or a call that still comes, by a connection that was
 * open before.
 */

ngx_uint_t
ngx_signaling_worker_ready(ngx_signaling_worker_t *sw)
{
    if (!sw->slotted && sw->exiting) {
        ngx_signaling_worker_slot(sw);
    }

    return sw->slotted;
}


/*
 * A retiring worker without connections lives on for whatever else nginx does
 * in it: a download, or a socket that a browser has opened and not used.  Its
 * slot is not to be missed by a later generation.
 */

static void
ngx_signaling_worker_rest(ngx_signaling_worker_t *sw)
{
    if (!sw->slotted || sw->reaping) {
        return;
    }

    ngx_signaling_retire_flush(sw);

    if (sw->nretired || sw->waiting_parcels) {
        return;
    }

    ngx_signaling_worker_unslot(sw);
}


static void
ngx_signaling_worker_unslot(ngx_signaling_worker_t *sw)
{
    ngx_signaling_wake_flush(sw);
    ngx_signaling_ipc_close(sw);

    sw->slotted = 0;

    sig_mailbox_close(sw->mailbox, sw->registry->slot);
    sig_registry_release(sw->registry);
}


/*
 * No slot is free: the oldest generation of those that linger has to drain;
 * but not before those workers had time to go that this one replaces, since
 * they are told to only after it has started.
 */

static void
ngx_signaling_worker_make_way(ngx_signaling_worker_t *sw)
{
    uint32_t         slot;
    uint64_t         oldest;
    sig_slot_info_t  info;

    if (sw->exiting || sw->slotless++ < NGX_SIGNALING_PATIENCE) {
        return;
    }

    oldest = sw->zone->generation;

    for (slot = 0; slot < sw->zone->nslots; slot++) {

        if (sig_registry_slot_info(sw->registry, slot, &info)
            == SIG_REGISTRY_OK
            && info.state == SIG_SLOT_LIVE)
        {
            oldest = ngx_min(oldest, info.generation);
        }
    }

    if (oldest == sw->zone->generation) {
        return;
    }

    if (sig_registry_drain_below(sw->registry) <= oldest) {
        ngx_log_error(NGX_LOG_WARN, sw->log, 0,
                      "signaling zone \"%V\" has no free worker slot, "
                      "the oldest workers drain their connections",
                      &sw->zone->name);
    }

    sig_registry_drain(sw->registry, oldest + 1);
}


static void
ngx_signaling_tick_handler(ngx_event_t *ev)
{
    ngx_signaling_worker_t  *sw;

    sw = ev->data;

    if (ngx_exiting) {
        ngx_signaling_worker_going(sw);
    }

    sw->reaping = 0;

    ngx_signaling_worker_reap(sw);

    if (sw->exiting && sw->connections == 0) {
        ngx_signaling_worker_rest(sw);

    } else if (!sw->slotted) {
        ngx_signaling_worker_slot(sw);
    }

    ngx_signaling_ipc_look(sw);
    ngx_signaling_keys_look(sw);
    ngx_signaling_quota_look(sw);
    ngx_signaling_frames_look(sw);
    ngx_signaling_worker_alarm(sw);

    if (sig_registry_drain_below(sw->registry) > sw->zone->generation
        || (sw->last_call
            && (ngx_msec_int_t) (ngx_current_msec - sw->last_call) >= 0))
    {
        ngx_signaling_worker_drain(sw, 1);
    }

    /* the rest of a reaping goes on when rings have been read */

    ngx_add_timer(ev, sw->reaping ? 1 : NGX_SIGNALING_TICK);
}


/*
 * Looks for slots whose owner is gone.  Without a slot there is no way to tell
 * the others, so it is left to them, if there are any.
 */

static void
ngx_signaling_worker_reap(ngx_signaling_worker_t *sw)
{
    uint32_t         slot, dead_reaper;
    sig_slot_info_t  info;

    if (!sw->slotted && !ngx_signaling_worker_alone(sw)) {
        return;
    }

    for (slot = 0; slot < sw->zone->nslots; slot++) {

        if (sig_registry_slot_info(sw->registry, slot, &info)
            != SIG_REGISTRY_OK
            || info.state == SIG_SLOT_FREE
            || slot == sw->registry->slot)
        {
            continue;
        }

        dead_reaper = 0;

        if (info.state != SIG_SLOT_DYING) {

            if (!ngx_signaling_worker_dead(&info)) {
                continue;
            }

        } else if (info.reaper && info.reaper != (uint32_t) ngx_pid) {

            if (!ngx_signaling_gone(info.reaper)) {
                continue;
            }

            dead_reaper = info.reaper;
        }

        ngx_signaling_worker_reap_slot(sw, slot, info.pid, dead_reaper);
    }
}


static ngx_uint_t
ngx_signaling_worker_alone(ngx_signaling_worker_t *sw)
{
    uint32_t         slot;
    sig_slot_info_t  info;

    for (slot = 0; slot < sw->zone->nslots; slot++) {

        if (sig_registry_slot_info(sw->registry, slot, &info)
            == SIG_REGISTRY_OK
            && (info.state == SIG_SLOT_LIVE
                || info.state == SIG_SLOT_STARTING)
            && !ngx_signaling_worker_dead(&info))
        {
            return 0;
        }
    }

    return 1;
}


/*
 * A process number may be in use again, but no two living workers have the
 * same process slot: who else is entered with ours is dead for certain.
 */

static ngx_uint_t
ngx_signaling_worker_dead(sig_slot_info_t *info)
{
    return info->process_slot == (int32_t) ngx_process_slot
           || ngx_signaling_gone(info->pid);
}


/*
 * Announces and frees what the slot leaves behind, a part of it in a turn.
 * What was announced is freed before more is taken, so that nothing is
 * announced twice.
 */

static void
ngx_signaling_worker_reap_slot(ngx_signaling_worker_t *sw, uint32_t slot,
    uint32_t pid, uint32_t dead_reaper)
{
    uint32_t         i, n;
    ngx_uint_t       steps;
    sig_departure_t  departures[NGX_SIGNALING_REAP];

    if (sig_registry_condemn(sw->registry, slot, pid, dead_reaper)
        != SIG_REGISTRY_OK)
    {
        return;
    }

    if (sig_mailbox_is_open(sw->mailbox, slot)) {
        sig_mailbox_close(sw->mailbox, slot);

        ngx_log_error(NGX_LOG_WARN, sw->log, 0,
                      "signaling worker %uD is gone, its connections are "
                      "announced as left", pid);
    }

    ngx_signaling_ipc_last_words(sw, slot, 0);

    for (steps = 0; steps < NGX_SIGNALING_REAP_STEPS; steps++) {

        ngx_signaling_retire_flush(sw);

        if (sw->nretired) {
            break;
        }

        n = sig_registry_reap(sw->registry, slot, departures,
                              NGX_SIGNALING_REAP);
        if (n == 0) {
            return;
        }

        for (i = 0; i < n; i++) {
            ngx_signaling_departed(sw, &departures[i], slot);
        }
    }

    sw->reaping = 1;
}


static ngx_uint_t
ngx_signaling_gone(uint32_t pid)
{
    return pid == 0 || (kill((ngx_pid_t) pid, 0) == -1
                        && ngx_errno == ESRCH);
}


/* what gets full is told by one worker, once, before anybody is refused */

static void
ngx_signaling_worker_alarm(ngx_signaling_worker_t *sw)
{
    size_t  len;
    u_char  name[SIG_APP_NAME];

    while (sig_registry_alarm(sw->registry, name, &len)) {

        if (len == 0) {
            ngx_log_error(NGX_LOG_WARN, sw->log, 0,
                          "signaling zone \"%V\" is filled to 80 percent; "
                          "make it bigger before newcomers are refused",
                          &sw->zone->name);
            continue;
        }

        ngx_log_error(NGX_LOG_WARN, sw->log, 0,
                      "app \"%*s\" has 80 percent of what it may have of "
                      "signaling zone \"%V\"; make it bigger before "
                      "newcomers are refused", len, name, &sw->zone->name);
    }
}


/* the zone is full; said once a minute, not to every newcomer */

void
ngx_signaling_full(ngx_signaling_worker_t *sw)
{
    if (ngx_signaling_warns(&sw->warned)) {
        ngx_log_error(NGX_LOG_WARN, sw->log, 0,
                      "signaling zone \"%V\" is full, newcomers are "
                      "refused; make it bigger", &sw->zone->name);
    }
}


/* the same of one app, when what is left is for the others */

void
ngx_signaling_app_full(ngx_signaling_worker_t *sw, const slice_t *app)
{
    if (ngx_signaling_warns(&sw->warned_app)) {
        ngx_log_error(NGX_LOG_WARN, sw->log, 0,
                      "app \"%*s\" has all that it may have of signaling "
                      "zone \"%V\", its newcomers are refused; limit it by "
                      "\"signaling_app\", or make the zone bigger",
                      app->len, app->data, &sw->zone->name);
    }
}


static ngx_uint_t
ngx_signaling_warns(ngx_msec_t *warned)
{
    if (*warned && ngx_current_msec - *warned < NGX_SIGNALING_WARN) {
        return 0;
    }

    *warned = ngx_max(ngx_current_msec, 1);

    return 1;
}


/*
 * The end of the process.  What is still in the registry is left to the
 * others, who find the slot marked.
 */

void
ngx_signaling_worker_exit(ngx_signaling_worker_t *sw)
{
    if (ngx_exiting) {
        ngx_signaling_worker_drop(sw);
    }

    if (sig_registry_generation(sw->registry) == sw->zone->generation) {
        sig_registry_drain(sw->registry, sw->zone->generation);
    }

    if (sw->slotted) {
        ngx_signaling_retire_flush(sw);
        ngx_signaling_worker_unslot(sw);
    }

    if (sw->connections == 0) {
        ngx_signaling_worker_free(sw);
    }
}


/*
 * What was kept to be used again.  The process ends in any case; but what is
 * left now has been lost, and t/valgrind.mjs looks for that.
 */

static void
ngx_signaling_worker_free(ngx_signaling_worker_t *sw)
{
    ngx_uint_t             i;
    ngx_signaling_busy_t  *busy;
    ngx_signaling_item_t  *item;

    ngx_signaling_frames_free(sw);

    while (sw->busy) {
        busy = sw->busy;
        sw->busy = busy->next;
        ngx_free(busy);
    }

    while (sw->items) {
        item = sw->items;
        sw->items = item->next;
        ngx_free(item);
    }

    for (i = 0; i < sw->nchunks; i++) {
        ngx_free(sw->chunks[i]);
    }

    if (sw->chunks) {
        ngx_free(sw->chunks);
    }

    ngx_signaling_news_free(sw);
    ngx_signaling_deflate_free(sw);

    ngx_signaling_detach_free(sw);

    ngx_free(sw->by_name);
    ngx_free(sw->by_ref);
    ngx_free(sw->retired);
    ngx_free(sw->roster);
}
