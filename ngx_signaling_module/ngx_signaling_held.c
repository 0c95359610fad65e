
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * What waits behind a snapshot.
 *
 * A snapshot is held for the time that its location says, so that a client
 * has taken notice of the ack before (docs/protocol.md 5.4.2), and presence,
 * messages and direct frames that come after it wait behind it.  Connections
 * that hold something are in a queue of their worker, which has one timer for
 * all of them.
 */


#include "ngx_signaling.h"


static void ngx_signaling_snapshots_handler(ngx_event_t *ev);
static void ngx_signaling_release(ngx_signaling_busy_t *busy);


void
ngx_signaling_held_init(ngx_signaling_worker_t *sw)
{
    ngx_queue_init(&sw->waiting);

    sw->snapshots.handler = ngx_signaling_snapshots_handler;
    sw->snapshots.data = sw;
    sw->snapshots.log = sw->log;
    sw->snapshots.cancelable = 1;
}


/* holds a frame; a snapshot, for the time that its location says */

void
ngx_signaling_hold(ngx_signaling_conn_t *sc, ngx_signaling_room_t *room,
    ngx_signaling_frame_t *f, ngx_uint_t snapshot)
{
    ngx_signaling_busy_t      *busy;
    ngx_signaling_item_t      *item;
    ngx_signaling_worker_t    *sw;
    ngx_signaling_loc_conf_t  *conf;

    sw = sc->place->worker;
    conf = sc->place->conf;

    busy = ngx_signaling_busy(sc);
    if (busy == NULL) {
        ngx_signaling_fail(sc);
        return;
    }

    if (sc->deflate) {
        f = ngx_signaling_deflated(sc, f);
    }

    if (busy->out_bytes + f->len > conf->send_buffer && busy->held.first) {
        ngx_signaling_doom(sc, SIG_WS_POLICY);
        return;
    }

    item = ngx_signaling_item(sw);
    if (item == NULL) {
        ngx_signaling_doom(sc, SIG_WS_INTERNAL);
        return;
    }

    f->refs++;
    item->frame = f;
    item->room = room;
    item->snapshot = snapshot;
    item->due = ngx_current_msec + (snapshot ? conf->snapshot_delay : 0);

    busy->out_bytes += f->len;

    if (busy->held.first == NULL) {
        ngx_queue_insert_tail(&sw->waiting, &busy->waiting);

        if (!sw->snapshots.timer_set) {
            ngx_add_timer(&sw->snapshots, conf->snapshot_delay);
        }
    }

    ngx_signaling_queue_push(&busy->held, item);
}


/* forgets what is held about a room that the connection has left */

void
ngx_signaling_unhold(ngx_signaling_conn_t *sc, ngx_signaling_room_t *room)
{
    ngx_signaling_busy_t   *busy;
    ngx_signaling_item_t   *item;
    ngx_signaling_queue_t   kept;

    busy = sc->busy;

    if (busy == NULL || busy->held.first == NULL) {
        return;
    }

    kept.first = NULL;
    kept.last = NULL;

    while ((item = ngx_signaling_queue_pop(&busy->held)) != NULL) {

        if (item->room == room) {
            busy->out_bytes -= item->frame->len;
            ngx_signaling_item_done(sc, item);
            continue;
        }

        ngx_signaling_queue_push(&kept, item);
    }

    busy->held = kept;

    if (kept.first == NULL) {
        ngx_queue_remove(&busy->waiting);
        ngx_signaling_rest(sc);
    }
}


void
ngx_signaling_unhold_all(ngx_signaling_conn_t *sc)
{
    ngx_signaling_busy_t  *busy;
    ngx_signaling_item_t  *item;

    busy = sc->busy;

    if (busy == NULL || busy->held.first == NULL) {
        return;
    }

    ngx_queue_remove(&busy->waiting);

    while ((item = ngx_signaling_queue_pop(&busy->held)) != NULL) {
        busy->out_bytes -= item->frame->len;
        ngx_signaling_item_done(sc, item);
    }
}


static void
ngx_signaling_snapshots_handler(ngx_event_t *ev)
{
    ngx_msec_t               next;
    ngx_queue_t             *q, *following;
    ngx_msec_int_t           left;
    ngx_signaling_busy_t    *busy;
    ngx_signaling_worker_t  *sw;

    sw = ev->data;
    next = NGX_TIMER_INFINITE;

    for (q = ngx_queue_head(&sw->waiting);
         q != ngx_queue_sentinel(&sw->waiting);
         q = following)
    {
        following = ngx_queue_next(q);
        busy = ngx_queue_data(q, ngx_signaling_busy_t, waiting);

        left = (ngx_msec_int_t) (busy->held.first->due - ngx_current_msec);

        if (left <= 0) {
            ngx_signaling_release(busy);

            if (busy->held.first == NULL) {
                continue;
            }

            left = (ngx_msec_int_t) (busy->held.first->due - ngx_current_msec);
        }

        next = ngx_min(next, (ngx_msec_t) ngx_max(left, 1));
    }

    if (next != NGX_TIMER_INFINITE) {
        ngx_add_timer(ev, next);
    }
}


/* moves what is held up to the next snapshot that is not due */

static void
ngx_signaling_release(ngx_signaling_busy_t *busy)
{
    ngx_signaling_item_t  *item;

    while (busy->held.first) {
        item = busy->held.first;

        if (item->snapshot
            && (ngx_msec_int_t) (item->due - ngx_current_msec) > 0)
        {
            break;
        }

        (void) ngx_signaling_queue_pop(&busy->held);

        item->room = NULL;
        ngx_signaling_queue_push(&busy->out, item);
    }

    if (busy->held.first == NULL) {
        ngx_queue_remove(&busy->waiting);
    }

    ngx_signaling_dirty(busy->conn);
}
