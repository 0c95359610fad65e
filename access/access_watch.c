
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The key file while nginx runs.  Each worker looks for itself, since there
 * may be no zone to tell the others through.  It compares contents: the time
 * and the size of a file may stay the same when it is written anew.
 */


#include "access_set.h"

#include <ngx_event.h>


#define ACCESS_LOOK            1000    /* ms, between looks */
#define ACCESS_LOOK_AGAIN      200     /* ms, after a change */


static void access_watch_handler(ngx_event_t *ev);
static ngx_uint_t access_watch_changed(access_store_t *store);
static void access_watch_take(access_store_t *store, access_set_t *set);


ngx_int_t
access_conf_watch(ngx_cycle_t *cycle, access_conf_t *acf,
    access_changed_pt handler, void *data)
{
    access_store_t    *store;
    access_watcher_t  *watcher;

    store = acf->store;

    if (store->file.len == 0) {
        return NGX_OK;
    }

    if (handler != NULL) {

        if (store->nwatchers == ACCESS_WATCHERS) {
            return NGX_ERROR;
        }

        watcher = &store->watchers[store->nwatchers++];

        watcher->handler = handler;
        watcher->data = data;
    }

    if (store->timer.timer_set) {
        return NGX_OK;
    }

    store->timer.handler = access_watch_handler;
    store->timer.data = store;
    store->timer.log = cycle->log;
    store->timer.cancelable = 1;

    /* at once: the keys may have changed since a predecessor was started */

    ngx_add_timer(&store->timer, 1);

    return NGX_OK;
}


/* a worker that retires hears of changes through the zone, from a new one */

static void
access_watch_handler(ngx_event_t *ev)
{
    access_set_t    *set;
    access_store_t  *store;

    store = ev->data;

    if (ngx_exiting || ngx_quit || ngx_terminate) {
        return;
    }

    if (access_watch_changed(store)) {

        /* told of by one worker */

        set = access_set_read(store, ngx_worker == 0 ? ev->log : NULL);

        if (set != NULL) {
            access_watch_take(store, set);
        }
    }

    /* from now on, however long ago this turn of the event loop has begun */

    ngx_time_update();

    ngx_add_timer(ev, store->changing ? ACCESS_LOOK_AGAIN : ACCESS_LOOK);
}


/*
 * A file that is just being written is empty or half as long for a moment:
 * only what has stayed the same between two looks is a change.
 */

static ngx_uint_t
access_watch_changed(access_store_t *store)
{
    ngx_uint_t  settled;
    u_char      state[ACCESS_STATE_LEN];

    if (access_set_state(store, store->seen, state) != NGX_OK) {
        return 0;
    }

    if (ngx_memcmp(state, store->seen->state, ACCESS_STATE_LEN) == 0) {
        store->changing = 0;
        return 0;
    }

    settled = store->changing
              && ngx_memcmp(state, store->state, ACCESS_STATE_LEN) == 0;

    ngx_memcpy(store->state, state, ACCESS_STATE_LEN);
    store->changing = !settled;

    return settled;
}


static void
access_watch_take(access_store_t *store, access_set_t *set)
{
    ngx_uint_t     i;
    access_set_t  *last;

    access_keys_release(&store->seen->keys);
    store->seen = set;

    if (set->error != NULL) {

        if (ngx_worker == 0) {
            access_set_log(store, set, NGX_LOG_ERR, store->timer.log,
                           "; the keys stay as they are");
        }

        return;
    }

    if (access_set_same(set, store->current, store->timer.log)) {
        return;
    }

    last = store->current;
    store->current = (access_set_t *) access_keys_hold(&set->keys);

    if (ngx_worker == 0) {
        ngx_log_error(NGX_LOG_NOTICE, store->timer.log, 0,
                      "the keys of \"%V\" have changed", &store->file);
    }

    for (i = 0; i < store->nwatchers; i++) {
        store->watchers[i].handler(store->watchers[i].data, &set->keys);
    }

    access_keys_release(&last->keys);
}
