
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * How connections of a worker come to an end that nobody but the operator has
 * asked for.
 *
 * A worker that is told to exit finds out why by the zone's generation: the
 * master begins a new one before it retires the workers of the old one.  On a
 * reload connections are kept, in the same rooms as those of the new workers;
 * on a shutdown they are drained: told, and closed one after the other.
 */


#include "ngx_signaling.h"


#define NGX_SIGNALING_DRAIN_STEP   50      /* ms */
#define NGX_SIGNALING_RETRY_AFTER  1000    /* ms, advice to the client */


static ngx_msec_t ngx_signaling_shutdown_timeout(ngx_signaling_worker_t *sw);
static ngx_msec_t ngx_signaling_worker_window(ngx_signaling_worker_t *sw);
static ngx_uint_t ngx_signaling_drains(ngx_signaling_conn_t *sc);
static void ngx_signaling_going_away(ngx_signaling_conn_t *sc);


/* nginx wants the worker to exit */

void
ngx_signaling_worker_going(ngx_signaling_worker_t *sw)
{
    ngx_msec_t  lead, timeout;

    if (sw->exiting) {
        return;
    }

    sw->exiting = 1;
    timeout = ngx_signaling_shutdown_timeout(sw);

    if (sig_registry_generation(sw->registry) == sw->zone->generation) {

        /* a shutdown, also for those who linger from earlier reloads */

        sig_registry_drain(sw->registry, sw->zone->generation);
        ngx_signaling_worker_drain(sw, 1);

        return;
    }

    ngx_signaling_keys_look(sw);
    ngx_signaling_worker_drain(sw, 0);

    if (timeout) {

        /* done before "worker_shutdown_timeout" ends all */

        lead = ngx_signaling_worker_window(sw) + NGX_SIGNALING_CLOSE_WAIT / 2;

        if (timeout > lead) {
            sw->last_call = ngx_max(ngx_current_msec + timeout - lead, 1);

        } else {
            ngx_signaling_worker_drain(sw, 1);
        }
    }
}


static ngx_msec_t
ngx_signaling_shutdown_timeout(ngx_signaling_worker_t *sw)
{
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(sw->cycle->conf_ctx,
                                           ngx_core_module);

    return ccf->shutdown_timeout;
}


/*
 * Over which closes are spread.  When "worker_shutdown_timeout" leaves no
 * time for all of it, and for the clients' own Close, it is made shorter.
 */

static ngx_msec_t
ngx_signaling_worker_window(ngx_signaling_worker_t *sw)
{
    ngx_msec_t  timeout, window;

    window = sw->zone->drain;
    timeout = ngx_signaling_shutdown_timeout(sw);

    if (timeout) {
        window = ngx_min(window, timeout - ngx_min(timeout / 2,
                                              NGX_SIGNALING_CLOSE_WAIT / 2));
    }

    return ngx_max(window, 1);
}


/*
 * Begins to close connections: all of them, or those whose location asks for
 * it on a reload.
 */

void
ngx_signaling_worker_drain(ngx_signaling_worker_t *sw, ngx_uint_t all)
{
    uint32_t               i;
    ngx_uint_t             n;
    ngx_signaling_conn_t  *sc;

    if (sw->drain_all || (sw->draining && !all)) {
        return;
    }

    sw->drain_all = all;
    n = 0;

    for (i = 0; i < sw->nchunks * NGX_SIGNALING_CHUNK; i++) {
        sc = &sw->chunks[i / NGX_SIGNALING_CHUNK][i % NGX_SIGNALING_CHUNK];

        if (ngx_signaling_drains(sc)) {
            ngx_signaling_going_away(sc);
            n++;
        }
    }

    if (n == 0 && !all) {
        return;
    }

    sw->draining = 1;
    sw->leave_cursor = 0;
    sw->leave_start = ngx_current_msec;

    ngx_add_timer(&sw->leave, NGX_SIGNALING_DRAIN_STEP);
}


void
ngx_signaling_leave_step(ngx_event_t *ev)
{
    uint32_t                 i, end, total;
    ngx_msec_t               elapsed, window;
    ngx_signaling_conn_t    *sc;
    ngx_signaling_worker_t  *sw;

    sw = ev->data;

    window = ngx_signaling_worker_window(sw);
    elapsed = ngx_min(ngx_current_msec - sw->leave_start, window);
    total = sw->nchunks * NGX_SIGNALING_CHUNK;
    end = (uint32_t) ((uint64_t) sw->highest * elapsed / window);

    if (elapsed == window) {
        end = total;
    }

    for (i = sw->leave_cursor; i < end; i++) {
        sc = &sw->chunks[i / NGX_SIGNALING_CHUNK][i % NGX_SIGNALING_CHUNK];

        if (ngx_signaling_drains(sc)) {
            ngx_signaling_conn_close(sc, SIG_WS_GOING_AWAY, "going away");
        }
    }

    sw->leave_cursor = ngx_max(end, sw->leave_cursor);

    if (elapsed < window) {
        ngx_add_timer(ev, NGX_SIGNALING_DRAIN_STEP);
    }
}


/*
 * One that was on its way in when the others were told, which the steps may
 * have passed already.
 */

void
ngx_signaling_drain_late(ngx_signaling_conn_t *sc)
{
    if (sc->place->worker->draining && ngx_signaling_drains(sc)) {
        ngx_signaling_going_away(sc);
        ngx_signaling_conn_close(sc, SIG_WS_GOING_AWAY, "going away");
    }
}


static ngx_uint_t
ngx_signaling_drains(ngx_signaling_conn_t *sc)
{
    return sc->state == NGX_SIGNALING_OPEN
           && (sc->place->worker->drain_all
               || sc->place->conf->reload == NGX_SIGNALING_RELOAD_DRAIN);
}


static void
ngx_signaling_going_away(ngx_signaling_conn_t *sc)
{
    u_char                 *p;
    ngx_signaling_frame_t  *f;

    if (sc->going_away) {
        return;
    }

    sc->going_away = 1;

    f = ngx_signaling_frame(sc->place->worker, SIG_WS_TEXT,
                            sig_proto_going_away_len(
                                              NGX_SIGNALING_RETRY_AFTER),
                            &p);
    if (f == NULL) {
        return;
    }

    (void) sig_proto_going_away(p, NGX_SIGNALING_RETRY_AFTER);

    ngx_signaling_send(sc, f);
    ngx_signaling_frame_unref(f);
}


/*
 * Drops whoever is still there, when a retiring worker is told to exit at
 * once: nginx raises an alert for each socket that it finds open then.
 */

void
ngx_signaling_worker_drop(ngx_signaling_worker_t *sw)
{
    uint32_t               i;
    ngx_signaling_conn_t  *sc;

    for (i = 0; i < sw->nchunks * NGX_SIGNALING_CHUNK; i++) {
        sc = &sw->chunks[i / NGX_SIGNALING_CHUNK][i % NGX_SIGNALING_CHUNK];

        if (sc->state != NGX_SIGNALING_FREE && sc->detached) {
            ngx_signaling_conn_drop(sc);
        }
    }
}
