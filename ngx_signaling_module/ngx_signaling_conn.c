
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * One connection after its handshake: its memory, keepalive, and the two ways
 * to end.
 *
 * ngx_signaling_conn_close() ends it as RFC 6455 has it: the peer leaves its
 * rooms at once, our Close goes out behind what is queued, and the client has
 * two seconds for its own.  ngx_signaling_conn_drop() ends it on the spot and
 * frees it: a caller touches the connection no more.
 *
 * A connection has one timer, that of its read event, which serves the ping,
 * the end of a token and the wait for a Close.  It is not cancelable, so that
 * a retiring worker lives as long as its connections.
 */


#include "ngx_signaling.h"


#define NGX_SIGNALING_BUSY  1024         /* kept for reuse */


static ngx_int_t ngx_signaling_conn_grow(ngx_signaling_worker_t *sw);
static void ngx_signaling_busy_end(ngx_signaling_conn_t *sc);
static void ngx_signaling_read_handler(ngx_event_t *rev);
static void ngx_signaling_write_handler(ngx_event_t *wev);
static void ngx_signaling_timeout(ngx_signaling_conn_t *sc);
static void ngx_signaling_shut(ngx_signaling_conn_t *sc);
static ngx_msec_int_t ngx_signaling_until(uint32_t since, ngx_msec_t ms);
static void ngx_signaling_conn_log(ngx_signaling_conn_t *sc);


ngx_signaling_conn_t *
ngx_signaling_conn_alloc(ngx_signaling_worker_t *sw,
    ngx_signaling_loc_conf_t *conf)
{
    uint32_t               number, next;
    ngx_signaling_conn_t  *sc;

    if (sw->free == NGX_SIGNALING_NOBODY
        && ngx_signaling_conn_grow(sw) != NGX_OK)
    {
        return NULL;
    }

    number = sw->free;

    sc = &sw->chunks[number / NGX_SIGNALING_CHUNK]
                    [number % NGX_SIGNALING_CHUNK];
    next = sc->last;

    ngx_memzero(sc, sizeof(ngx_signaling_conn_t));

    sc->number = number;
    sc->last = NGX_SIGNALING_NOBODY;
    sc->heard = (uint32_t) ngx_current_msec;
    sc->refilled = (uint32_t) ngx_current_msec;

    if (ngx_signaling_place_enter(sc, sw, conf, NULL, NULL) != NGX_OK) {
        sc->last = next;
        return NULL;
    }

    /* the welcome will want it, and a request that is kept */

    if (ngx_signaling_busy(sc) == NULL) {
        ngx_signaling_place_leave(sc);
        sc->last = next;
        return NULL;
    }

    sw->free = next;
    sw->connections++;
    sw->highest = ngx_max(sw->highest, number + 1);

    return sc;
}


/* the numbers of connections are small and used again */

static ngx_int_t
ngx_signaling_conn_grow(ngx_signaling_worker_t *sw)
{
    ngx_uint_t              i;
    ngx_signaling_conn_t   *sc, **chunks;

    chunks = ngx_alloc((sw->nchunks + 1) * sizeof(ngx_signaling_conn_t *),
                       sw->log);
    if (chunks == NULL) {
        return NGX_ERROR;
    }

    sc = ngx_calloc(NGX_SIGNALING_CHUNK * sizeof(ngx_signaling_conn_t),
                    sw->log);
    if (sc == NULL) {
        ngx_free(chunks);
        return NGX_ERROR;
    }

    if (sw->chunks) {
        ngx_memcpy(chunks, sw->chunks,
                   sw->nchunks * sizeof(ngx_signaling_conn_t *));
        ngx_free(sw->chunks);
    }

    for (i = NGX_SIGNALING_CHUNK; i > 0; i--) {
        sc[i - 1].last = sw->free;
        sw->free = sw->nchunks * NGX_SIGNALING_CHUNK + (uint32_t) i - 1;
    }

    chunks[sw->nchunks++] = sc;
    sw->chunks = chunks;

    return NGX_OK;
}


/* the connection that another worker means; NULL when that one has gone */

ngx_signaling_conn_t *
ngx_signaling_conn_get(ngx_signaling_worker_t *sw, uint32_t number,
    sig_ref_t ref)
{
    ngx_signaling_conn_t  *sc;

    sc = ngx_signaling_conn_at(sw, number);

    if (sc == NULL
        || sc->ref.index != ref.index
        || sc->ref.gen != ref.gen)
    {
        return NULL;
    }

    return sc;
}


/* the connection that has this number now; NULL when none can be reached */

ngx_signaling_conn_t *
ngx_signaling_conn_at(ngx_signaling_worker_t *sw, uint32_t number)
{
    ngx_signaling_conn_t  *sc;

    if (number / NGX_SIGNALING_CHUNK >= sw->nchunks) {
        return NULL;
    }

    sc = &sw->chunks[number / NGX_SIGNALING_CHUNK]
                    [number % NGX_SIGNALING_CHUNK];

    return (sc->state == NGX_SIGNALING_OPEN && sc->registered) ? sc : NULL;
}


void
ngx_signaling_conn_free(ngx_signaling_conn_t *sc)
{
    ngx_signaling_worker_t  *sw;

    sw = sc->place->worker;

    if (sc->busy) {
        ngx_signaling_busy_end(sc);
    }

    if (sc->identity) {
        ngx_free(sc->identity);
    }

    ngx_signaling_place_leave(sc);

    sc->state = NGX_SIGNALING_FREE;
    sc->connection = NULL;
    sc->identity = NULL;

    sc->last = sw->free;
    sw->free = sc->number;
    sw->connections--;
}


ngx_signaling_busy_t *
ngx_signaling_busy_take(ngx_signaling_conn_t *sc)
{
    ngx_signaling_busy_t    *busy;
    ngx_signaling_worker_t  *sw;

    sw = sc->place->worker;
    busy = sw->busy;

    if (busy) {
        sw->busy = busy->next;
        sw->nbusy--;

    } else {
        busy = ngx_calloc(sizeof(ngx_signaling_busy_t), sw->log);
        if (busy == NULL) {
            return NULL;
        }
    }

    busy->conn = sc;
    sc->busy = busy;

    return busy;
}


/* gives it back, when nothing is set in it any more */

void
ngx_signaling_busy_give(ngx_signaling_conn_t *sc)
{
    ngx_signaling_busy_t    *busy;
    ngx_signaling_worker_t  *sw;

    sw = sc->place->worker;
    busy = sc->busy;
    sc->busy = NULL;

    if (sw->nbusy == NGX_SIGNALING_BUSY) {
        ngx_free(busy);
        return;
    }

    busy->next = sw->busy;
    sw->busy = busy;
    sw->nbusy++;
}


/* the end of a connection, whatever is under way */

static void
ngx_signaling_busy_end(ngx_signaling_conn_t *sc)
{
    ngx_signaling_busy_t  *busy;

    busy = sc->busy;

    if (busy->dirty) {
        ngx_queue_remove(&busy->link);
    }

    ngx_signaling_output_clear(sc, 0);

    if (busy->in) {
        ngx_free(busy->in);
    }

    if (busy->message) {
        ngx_free(busy->message);
    }

    ngx_memzero(busy, sizeof(ngx_signaling_busy_t));

    ngx_signaling_busy_give(sc);
}


/* without memory to close it: drops the connection as soon as that can be */

void
ngx_signaling_fail(ngx_signaling_conn_t *sc)
{
    ngx_connection_t  *c;

    c = sc->connection;

    c->close = 1;
    c->error = 1;

    ngx_post_event(c->read, &ngx_posted_events);
}


/*
 * Takes the connection over from HTTP; p is what the client has sent behind
 * the request.  What waits is written at once: the end of the handshake, with
 * the welcome, has to be out before anything can be dropped.  NGX_ERROR: the
 * connection is no more.
 */

ngx_int_t
ngx_signaling_conn_start(ngx_signaling_conn_t *sc, u_char *p, size_t len)
{
    ngx_connection_t  *c;

    c = sc->connection;

    c->data = sc;
    c->read->handler = ngx_signaling_read_handler;
    c->write->handler = ngx_signaling_write_handler;
    c->log->action = "relaying signaling";
    c->idle = 1;

    sc->detached = 1;

    ngx_reusable_connection(c, 0);

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    ngx_signaling_set_timer(sc);
    ngx_signaling_dirty(sc);

    if (ngx_signaling_output_flush(sc) == NGX_ERROR
        || (len && ngx_signaling_input(sc, p, p + len) != NGX_OK))
    {
        ngx_signaling_conn_drop(sc);
        return NGX_ERROR;
    }

    if (ngx_exiting) {
        c->close = 1;
        ngx_signaling_worker_going(sc->place->worker);
        ngx_signaling_drain_late(sc);
    }

    /* the socket and OpenSSL may hold bytes that raise no further event */

    ngx_post_event(c->read, &ngx_posted_events);

    return NGX_OK;
}


static void
ngx_signaling_read_handler(ngx_event_t *rev)
{
    ngx_connection_t        *c;
    ngx_signaling_conn_t    *sc;
    ngx_signaling_worker_t  *sw;

    c = rev->data;
    sc = c->data;

    (void) ngx_signaling_log_for(sc);

    if (rev->timedout) {
        rev->timedout = 0;
        ngx_signaling_timeout(sc);
        return;
    }

    if (c->close) {

        if (c->error) {
            /* worker_shutdown_timeout has passed, or no memory */
            ngx_signaling_conn_drop(sc);
            return;
        }

        c->close = 0;
        ngx_signaling_worker_going(sc->place->worker);
    }

    sw = sc->place->worker;

    if (ngx_signaling_read(sc) != NGX_OK) {
        ngx_signaling_conn_drop(sc);
    }

    ngx_signaling_flush_early(sw);
    ngx_signaling_ipc_between(sw);
}


void
ngx_signaling_control(ngx_signaling_conn_t *sc, ngx_uint_t opcode, u_char *p,
    size_t len)
{
    u_char                 *data;
    ngx_signaling_frame_t  *f;

    f = ngx_signaling_frame(sc->place->worker, opcode, len, &data);
    if (f == NULL) {
        ngx_signaling_doom(sc, SIG_WS_INTERNAL);
        return;
    }

    if (len) {
        ngx_memcpy(data, p, len);
    }

    ngx_signaling_send(sc, f);
    ngx_signaling_frame_unref(f);
}


static void
ngx_signaling_timeout(ngx_signaling_conn_t *sc)
{
    ngx_msec_int_t  left;

    if (sc->state != NGX_SIGNALING_OPEN) {
        ngx_signaling_conn_drop(sc);
        return;
    }

    if (ngx_signaling_token_left(sc) <= 0) {
        ngx_signaling_conn_close(sc, NGX_SIGNALING_TOKEN_EXPIRED,
                                 "token expired");
        return;
    }

    ngx_signaling_refill(sc);

    if (sc->pinged) {
        left = ngx_signaling_until(sc->heard, sc->place->conf->grace);

        if (left <= 0) {
            ngx_log_error(NGX_LOG_INFO, sc->connection->log, NGX_ETIMEDOUT,
                          "signaling client does not answer");
            sc->connection->timedout = 1;
            ngx_signaling_conn_drop(sc);
            return;
        }

    } else {
        left = ngx_signaling_until(sc->heard, sc->place->conf->ping);

        if (left <= 0) {
            ngx_signaling_conn_probe(sc);
            return;
        }
    }

    ngx_signaling_set_timer(sc);
}


/* sends a ping; a client that stays silent for the grace time is dropped */

void
ngx_signaling_conn_probe(ngx_signaling_conn_t *sc)
{
    if (sc->state != NGX_SIGNALING_OPEN || sc->pinged) {
        return;
    }

    sc->pinged = 1;
    sc->heard = (uint32_t) ngx_current_msec;

    ngx_signaling_control(sc, SIG_WS_PING, NULL, 0);
    ngx_signaling_set_timer(sc);
}


void
ngx_signaling_set_timer(ngx_signaling_conn_t *sc)
{
    ngx_msec_int_t  left;

    if (!sc->detached) {
        return;
    }

    if (sc->state != NGX_SIGNALING_OPEN) {
        left = NGX_SIGNALING_CLOSE_WAIT;

    } else if (sc->pinged) {
        left = ngx_signaling_until(sc->heard, sc->place->conf->grace);

    } else {
        left = ngx_signaling_until(sc->heard, sc->place->conf->ping);
    }

    /*
     * No timer is set for a token that ends after the next ping: so none is
     * out of the range of timers, and a clock that was set right is noticed.
     */

    if (sc->state == NGX_SIGNALING_OPEN) {
        left = ngx_min(left, ngx_signaling_token_left(sc));
    }

    if (sc->connection->read->timer_set) {
        ngx_del_timer(sc->connection->read);
    }

    ngx_add_timer(sc->connection->read, (ngx_msec_t) ngx_max(left, 1));
}


/*
 * Milliseconds until so many have passed since then; 24 days stand for more,
 * which is as good as never.
 */

static ngx_msec_int_t
ngx_signaling_until(uint32_t since, ngx_msec_t ms)
{
    ms = ngx_min(ms, NGX_MAX_INT32_VALUE);

    return (int32_t) (since + (uint32_t) ms - (uint32_t) ngx_current_msec);
}


static void
ngx_signaling_write_handler(ngx_event_t *wev)
{
    ngx_connection_t      *c;
    ngx_signaling_conn_t  *sc;

    c = wev->data;
    sc = c->data;

    if (sc->busy && (sc->busy->out.first || sc->busy->finish)) {
        ngx_signaling_dirty(sc);
    }
}


/* the end of a turn for one connection, which is busy; may free it */

void
ngx_signaling_conn_flush(ngx_signaling_conn_t *sc)
{
    ngx_int_t              rc;
    ngx_signaling_busy_t  *busy;

    if (!sc->detached) {
        return;
    }

    busy = sc->busy;

    (void) ngx_signaling_log_for(sc);

    if (busy->doom && sc->state == NGX_SIGNALING_OPEN) {
        ngx_signaling_output_clear(sc, 1);
        ngx_signaling_conn_close(sc, busy->doom,
                                 busy->doom == SIG_WS_POLICY
                                 ? "slow consumer" : "server error");
    }

    rc = ngx_signaling_output_flush(sc);

    if (rc == NGX_OK && sc->state != NGX_SIGNALING_OPEN) {

        if (busy->finish) {
            rc = NGX_ERROR;

        } else {
            ngx_signaling_shut(sc);
        }
    }

    if (rc == NGX_ERROR
        || ngx_handle_write_event(sc->connection->write, 0) != NGX_OK)
    {
        ngx_signaling_conn_drop(sc);
        return;
    }

    ngx_signaling_rest(sc);
}


/*
 * Our Close is out.  A client whose input we do not understand any more is
 * told by a FIN that nothing else comes; its bytes are read and thrown away,
 * so that no RST overtakes the Close.
 */

static void
ngx_signaling_shut(ngx_signaling_conn_t *sc)
{
    if (!sc->broken || sc->busy->shut || sc->connection->ssl) {
        return;
    }

    sc->busy->shut = 1;

    if (ngx_shutdown_socket(sc->connection->fd, NGX_WRITE_SHUTDOWN) == -1) {
        ngx_connection_error(sc->connection, ngx_socket_errno,
                             ngx_shutdown_socket_n " failed");
    }
}


void
ngx_signaling_conn_close(ngx_signaling_conn_t *sc, ngx_uint_t code,
    const char *reason)
{
    size_t                 len;
    slice_t                text;
    u_char                 payload[SIG_WS_CONTROL_MAX];
    ngx_signaling_busy_t  *busy;

    if (sc->state == NGX_SIGNALING_CLOSING) {
        return;
    }

    text.data = (u_char *) reason;
    text.len = ngx_strlen(reason);

    ngx_log_error(NGX_LOG_INFO, ngx_signaling_log_for(sc), 0,
                  "signaling connection is closed with %ui: %s",
                  code, reason);

    ngx_signaling_leave_all(sc);

    sc->state = NGX_SIGNALING_CLOSING;

    busy = ngx_signaling_busy(sc);
    if (busy == NULL) {
        ngx_signaling_fail(sc);
        return;
    }

    busy->close_code = (uint16_t) code;

    len = sig_ws_write_close(payload, (uint16_t) code, &text);

    ngx_signaling_control(sc, SIG_WS_CLOSE, payload, len);
    ngx_signaling_set_timer(sc);
}


void
ngx_signaling_conn_drop(ngx_signaling_conn_t *sc)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    c = sc->connection;
    r = sc->busy ? sc->busy->request : NULL;

    ngx_signaling_leave_all(sc);
    ngx_signaling_conn_log(sc);

    if (r == NULL) {
        ngx_signaling_end(sc);
        return;
    }

    ngx_signaling_conn_free(sc);

    c->data = r;
    ngx_http_finalize_request(r, NGX_HTTP_CLOSE);
    ngx_http_run_posted_requests(c);
}


/* the log line of the session, without credentials */

static void
ngx_signaling_conn_log(ngx_signaling_conn_t *sc)
{
    off_t                  sent;
    slice_t                id, key;
    ngx_int_t              code;
    ngx_msec_t             started;
    ngx_signaling_busy_t  *busy;

    if (sc->identity == NULL) {
        return;
    }

    id = ngx_signaling_id(sc->identity);
    key = sc->place->key->id;
    busy = sc->busy;

    sent = sc->connection->sent;
    started = sc->connection->start_time;

    if (busy && busy->request) {
        sent -= busy->before;
        started = busy->started;
    }

    sent = ngx_max(sent, 0);
    code = (busy && busy->close_code) ? busy->close_code : 1006;

    ngx_log_error(NGX_LOG_INFO, ngx_signaling_log_for(sc), 0,
                  "signaling session ended, peer: \"%*s\", key: \"%*s\", "
                  "%M seconds, in: %uD messages, %uL bytes, "
                  "out: %uD messages, %O bytes, close: %i",
                  id.len, id.data, key.len, key.data,
                  (ngx_current_msec - started) / 1000,
                  sc->messages_in, (uint64_t) sc->bytes_in,
                  sc->messages_out, sent, code);
}
