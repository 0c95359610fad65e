
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Bytes from a client: read into the one buffer of the worker, cut into
 * frames in place, put together to messages, and handed to
 * ngx_signaling_peer.c.  A connection owns memory for input only while a
 * frame or a message is incomplete.
 */


#include "ngx_signaling.h"
#include "sig_deflate.h"


#define NGX_SIGNALING_READS    16    /* of the buffer, in one turn */
#define NGX_SIGNALING_PARTIAL  64    /* bytes of an incomplete frame, first */


/*
 * A frame of which not all has come: the bytes of its head as long as that is
 * incomplete, or its payload, already unmasked.
 */

struct ngx_signaling_partial_s {
    sig_ws_head_t              head;
    uint32_t                   cut;          /* bytes of a head, or 0 */
    uint32_t                   len;          /* bytes of the payload */
    uint32_t                   size;
    u_char                     data[1];
};


static ngx_int_t ngx_signaling_parse(ngx_signaling_conn_t *sc, u_char *p,
    u_char *last);
static ngx_int_t ngx_signaling_keep(ngx_signaling_conn_t *sc,
    sig_ws_head_t *h, u_char *p, size_t cut);
static u_char *ngx_signaling_resume(ngx_signaling_conn_t *sc, u_char *p);
static u_char *ngx_signaling_gather(ngx_signaling_conn_t *sc, u_char *p,
    u_char *last);
static ngx_signaling_partial_t *ngx_signaling_grow(ngx_signaling_conn_t *sc,
    size_t len);
static int ngx_signaling_head(ngx_signaling_conn_t *sc, sig_ws_head_t *h,
    u_char *p, size_t n);
static ngx_int_t ngx_signaling_begin(ngx_signaling_conn_t *sc,
    sig_ws_head_t *h);
static void ngx_signaling_text(ngx_signaling_conn_t *sc, sig_ws_head_t *h,
    u_char *p, size_t len);
static void ngx_signaling_frame_in(ngx_signaling_conn_t *sc,
    sig_ws_head_t *h, u_char *p);
static void ngx_signaling_data_frame(ngx_signaling_conn_t *sc,
    sig_ws_head_t *h, u_char *p);
static ngx_int_t ngx_signaling_fragment(ngx_signaling_conn_t *sc, u_char *p,
    size_t len);
static void ngx_signaling_restored(ngx_signaling_conn_t *sc, u_char *p,
    size_t len);
static void ngx_signaling_close_frame(ngx_signaling_conn_t *sc, u_char *p,
    size_t len);
static ngx_int_t ngx_signaling_token(ngx_signaling_conn_t *sc);


/*
 * Reads into the buffer of the worker.  NGX_ERROR: the connection has ended
 * or is of no use.
 */

ngx_int_t
ngx_signaling_read(ngx_signaling_conn_t *sc)
{
    u_char            *buffer;
    ssize_t            n;
    ngx_uint_t         i;
    ngx_event_t       *rev;
    ngx_connection_t  *c;

    c = sc->connection;
    rev = c->read;
    buffer = sc->place->worker->buffer;

    for (i = 0; rev->ready; i++) {

        if (i == NGX_SIGNALING_READS) {
            ngx_post_event(rev, &ngx_posted_next_events);
            return NGX_OK;
        }

        n = c->recv(c, buffer, NGX_SIGNALING_BUFFER);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR || n == 0) {
            return NGX_ERROR;
        }

        sc->bytes_in += n;
        sc->heard = (uint32_t) ngx_current_msec;

        if (sc->pinged) {
            sc->pinged = 0;

            /* the timer is that of the grace time, which may be the longer */

            if (sc->state == NGX_SIGNALING_OPEN) {
                ngx_signaling_set_timer(sc);
            }
        }

        if (ngx_signaling_input(sc, buffer, buffer + n) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_handle_read_event(rev, 0);
}


/*
 * Handles the complete frames between p and last, keeps the rest.  In front
 * of p there is room for the head of a frame.
 */

ngx_int_t
ngx_signaling_input(ngx_signaling_conn_t *sc, u_char *p, u_char *last)
{
    ngx_int_t  rc;

    rc = ngx_signaling_parse(sc, p, last);

    ngx_signaling_rest(sc);

    return rc;
}


static ngx_int_t
ngx_signaling_parse(ngx_signaling_conn_t *sc, u_char *p, u_char *last)
{
    int            n;
    sig_ws_head_t  h;

    if (sc->busy && sc->busy->in && sc->busy->in->cut) {
        p = ngx_signaling_resume(sc, p);
    }

    while (p < last && !sc->broken) {

        if (sc->busy && sc->busy->in) {
            p = ngx_signaling_gather(sc, p, last);

            if (p == NULL) {
                return NGX_ERROR;
            }

            continue;
        }

        n = ngx_signaling_head(sc, &h, p, last - p);

        if (n < 0) {
            break;
        }

        if (n == 0) {
            return ngx_signaling_keep(sc, NULL, p, last - p);
        }

        p += n;

        if ((uint64_t) (last - p) < h.len) {

            if (ngx_signaling_begin(sc, &h) != NGX_OK
                || ngx_signaling_keep(sc, &h, NULL, 0) != NGX_OK)
            {
                return NGX_ERROR;
            }

            continue;
        }

        sig_ws_unmask(p, h.len, h.mask, 0);

        /* a message in one frame is looked at as a whole */

        if (!h.fin || h.opcode == SIG_WS_CONTINUATION) {

            if (ngx_signaling_begin(sc, &h) != NGX_OK) {
                return NGX_ERROR;
            }

            ngx_signaling_text(sc, &h, p, h.len);
        }

        ngx_signaling_frame_in(sc, &h, p);

        p += h.len;
    }

    return NGX_OK;
}


/* begins to keep a frame, of which there is a head or the first part of one */

static ngx_int_t
ngx_signaling_keep(ngx_signaling_conn_t *sc, sig_ws_head_t *h, u_char *p,
    size_t cut)
{
    ngx_signaling_busy_t     *busy;
    ngx_signaling_partial_t  *in;

    busy = ngx_signaling_busy(sc);
    if (busy == NULL) {
        return NGX_ERROR;
    }

    in = ngx_alloc(offsetof(ngx_signaling_partial_t, data)
                   + NGX_SIGNALING_PARTIAL, sc->connection->log);
    if (in == NULL) {
        return NGX_ERROR;
    }

    in->cut = (uint32_t) cut;
    in->len = 0;
    in->size = NGX_SIGNALING_PARTIAL;

    if (h) {
        in->head = *h;

    } else {
        ngx_memcpy(in->data, p, cut);
    }

    busy->in = in;

    return NGX_OK;
}


/* puts what was kept of a head in front of what has come of it since */

static u_char *
ngx_signaling_resume(ngx_signaling_conn_t *sc, u_char *p)
{
    ngx_signaling_partial_t  *in;

    in = sc->busy->in;
    sc->busy->in = NULL;

    p -= in->cut;
    ngx_memcpy(p, in->data, in->cut);
    ngx_free(in);

    return p;
}


/*
 * Takes what belongs to the frame at hand, and handles the frame when that is
 * all of it.  Returns where the next one begins, or NULL without memory.
 */

static u_char *
ngx_signaling_gather(ngx_signaling_conn_t *sc, u_char *p, u_char *last)
{
    size_t                    len;
    u_char                   *data;
    ngx_signaling_partial_t  *in;

    in = sc->busy->in;
    len = ngx_min(in->head.len - in->len, (uint64_t) (last - p));

    in = ngx_signaling_grow(sc, len);
    if (in == NULL) {
        return NULL;
    }

    data = in->data + in->len;

    ngx_memcpy(data, p, len);
    sig_ws_unmask(data, len, in->head.mask, in->len);

    in->len += (uint32_t) len;

    ngx_signaling_text(sc, &in->head, data, len);

    if (in->len == in->head.len) {
        sc->busy->in = NULL;

        ngx_signaling_frame_in(sc, &in->head, in->data);
        ngx_free(in);
    }

    return p + len;
}


/*
 * Makes room for len bytes more of the frame that is kept: for what has come,
 * not for what the client says will come.
 */

static ngx_signaling_partial_t *
ngx_signaling_grow(ngx_signaling_conn_t *sc, size_t len)
{
    size_t                    size;
    ngx_signaling_partial_t  *in, *old;

    old = sc->busy->in;

    if (len <= old->size - old->len) {
        return old;
    }

    size = ngx_max(old->len + len, 2 * (size_t) old->size);
    size = ngx_min(size, old->head.len);

    in = ngx_alloc(offsetof(ngx_signaling_partial_t, data) + size,
                   sc->connection->log);
    if (in == NULL) {
        return NULL;
    }

    ngx_memcpy(in, old, offsetof(ngx_signaling_partial_t, data) + old->len);
    ngx_free(old);

    in->size = (uint32_t) size;
    sc->busy->in = in;

    return in;
}


/* as sig_ws_read_head(); closes the connection when that finds a mistake */

static int
ngx_signaling_head(ngx_signaling_conn_t *sc, sig_ws_head_t *h, u_char *p,
    size_t n)
{
    int                    rc;
    sig_ws_expect_t        expect;
    ngx_signaling_busy_t  *busy;

    busy = sc->busy;

    expect.max = sc->place->conf->max_message + NGX_SIGNALING_ENVELOPE;
    expect.max_rsv1 = sc->deflate ? sig_deflate_bound(expect.max) : 0;
    expect.inside = (busy && busy->fragmented);

    /* of a connection that is closing, nothing is kept that would count */

    if (expect.inside && sc->state == NGX_SIGNALING_OPEN) {
        expect.max = (busy->compressed ? expect.max_rsv1 : expect.max)
                     - busy->message_len;
    }

    rc = sig_ws_read_head(h, p, n, &expect);

    if (rc < 0) {
        sc->broken = 1;
        ngx_signaling_conn_close(sc, -rc,
                                 rc == -SIG_WS_TOO_BIG
                                 ? "message too big" : "protocol error");
    }

    return rc;
}


/* notes what the next frames depend on */

static ngx_int_t
ngx_signaling_begin(ngx_signaling_conn_t *sc, sig_ws_head_t *h)
{
    ngx_signaling_busy_t  *busy;

    if (h->opcode > SIG_WS_BINARY) {
        return NGX_OK;
    }

    busy = ngx_signaling_busy(sc);
    if (busy == NULL) {
        return NGX_ERROR;
    }

    busy->fragmented = !h->fin;

    if (h->opcode != SIG_WS_CONTINUATION) {
        busy->compressed = h->rsv1;
        busy->utf8 = 0;
    }

    return NGX_OK;
}


/*
 * Looks at a piece of a message as soon as it comes, so that a client is told
 * of a wrong byte at once (RFC 6455 8.1) and not kept for the rest.
 */

static void
ngx_signaling_text(ngx_signaling_conn_t *sc, sig_ws_head_t *h, u_char *p,
    size_t len)
{
    if (h->opcode <= SIG_WS_BINARY
        && sc->state == NGX_SIGNALING_OPEN
        && !sc->busy->compressed
        && !sig_utf8_check(&sc->busy->utf8, p, len))
    {
        ngx_signaling_conn_close(sc, SIG_WS_BAD_DATA, "text is not UTF-8");
    }
}


static void
ngx_signaling_frame_in(ngx_signaling_conn_t *sc, sig_ws_head_t *h, u_char *p)
{
    switch (h->opcode) {

    case SIG_WS_CLOSE:
        ngx_signaling_close_frame(sc, p, h->len);
        return;

    case SIG_WS_PONG:
        return;

    case SIG_WS_PING:
        if (sc->state == NGX_SIGNALING_OPEN
            && ngx_signaling_token(sc) == NGX_OK)
        {
            ngx_signaling_control(sc, SIG_WS_PONG, p, h->len);
        }

        return;

    default: /* text, binary, continuation */
        if (sc->state == NGX_SIGNALING_OPEN) {
            ngx_signaling_data_frame(sc, h, p);
        }

        return;
    }
}


static void
ngx_signaling_data_frame(ngx_signaling_conn_t *sc, sig_ws_head_t *h,
    u_char *p)
{
    size_t                 len;
    u_char                *message;
    ngx_signaling_busy_t  *busy;

    if (h->opcode != SIG_WS_CONTINUATION) {

        if (ngx_signaling_token(sc) != NGX_OK) {
            return;
        }

        if (h->fin && h->rsv1) {
            ngx_signaling_restored(sc, p, h->len);
            return;
        }

        if (h->fin) {
            ngx_signaling_message(sc, p, h->len);
            return;
        }
    }

    if (ngx_signaling_fragment(sc, p, h->len) != NGX_OK || !h->fin) {
        return;
    }

    busy = sc->busy;

    message = busy->message;
    len = busy->message_len;

    busy->message = NULL;
    busy->message_len = 0;
    busy->message_size = 0;

    if (busy->compressed) {
        ngx_signaling_restored(sc, message ? message : p, len);

    } else {
        ngx_signaling_message(sc, message ? message : p, len);
    }

    if (message) {
        ngx_free(message);
    }
}


/* puts a fragment to its message, the length of which its head has shown */

static ngx_int_t
ngx_signaling_fragment(ngx_signaling_conn_t *sc, u_char *p, size_t len)
{
    u_char                *message;
    size_t                 size;
    ngx_signaling_busy_t  *busy;

    busy = ngx_signaling_busy(sc);
    if (busy == NULL) {
        ngx_signaling_fail(sc);
        return NGX_ERROR;
    }

    if (len > busy->message_size - busy->message_len) {
        size = ngx_max(busy->message_len + len,
                       2 * (size_t) busy->message_size);

        message = ngx_alloc(size, sc->connection->log);
        if (message == NULL) {
            ngx_signaling_conn_close(sc, SIG_WS_INTERNAL, "out of memory");
            return NGX_ERROR;
        }

        if (busy->message) {
            ngx_memcpy(message, busy->message, busy->message_len);
            ngx_free(busy->message);
        }

        busy->message = message;
        busy->message_size = (uint32_t) size;
    }

    if (len) {
        ngx_memcpy(busy->message + busy->message_len, p, len);
        busy->message_len += (uint32_t) len;
    }

    return NGX_OK;
}


static void
ngx_signaling_restored(ngx_signaling_conn_t *sc, u_char *p, size_t len)
{
    if (ngx_signaling_inflate(sc, &p, &len) == NGX_OK) {
        ngx_signaling_message(sc, p, len);
    }
}


static void
ngx_signaling_close_frame(ngx_signaling_conn_t *sc, u_char *p, size_t len)
{
    int                    code;
    slice_t                none = slice("");
    u_char                 payload[SIG_WS_CONTROL_MAX];
    ngx_signaling_busy_t  *busy;

    sc->broken = 1;

    busy = ngx_signaling_busy(sc);
    if (busy == NULL) {
        ngx_signaling_fail(sc);
        return;
    }

    busy->finish = 1;

    if (sc->state == NGX_SIGNALING_CLOSING) {
        ngx_signaling_dirty(sc);
        return;
    }

    code = sig_ws_read_close(p, len);

    if (code < 0) {
        ngx_signaling_conn_close(sc, -code, "protocol error");
        return;
    }

    /* the answer repeats the code, RFC 6455 5.5.1 */

    busy->close_code = (uint16_t) code;

    len = 0;

    if (code != SIG_WS_NO_CODE) {
        len = sig_ws_write_close(payload, (uint16_t) code, &none);
    }

    ngx_signaling_leave_all(sc);
    sc->state = NGX_SIGNALING_CLOSING;

    ngx_signaling_control(sc, SIG_WS_CLOSE, payload, len);
    ngx_signaling_set_timer(sc);
}


/* takes one token of the bucket, docs/protocol.md 7.2 */

static ngx_int_t
ngx_signaling_token(ngx_signaling_conn_t *sc)
{
    if (sc->place->conf->rate == 0) {
        return NGX_OK;
    }

    ngx_signaling_refill(sc);

    if (sc->tokens < 1000) {
        ngx_signaling_conn_close(sc, NGX_SIGNALING_MESSAGE_RATE,
                                 "message rate exceeded");
        return NGX_ERROR;
    }

    sc->tokens -= 1000;

    return NGX_OK;
}


/* with each message, and with each timer, or its 32 bits would run over */

void
ngx_signaling_refill(ngx_signaling_conn_t *sc)
{
    uint32_t                   elapsed;
    uint64_t                   tokens, full;
    ngx_signaling_loc_conf_t  *conf;

    conf = sc->place->conf;
    elapsed = (uint32_t) ngx_current_msec - sc->refilled;

    if (elapsed == 0) {
        return;
    }

    full = (uint64_t) conf->burst * 1000;
    tokens = sc->tokens + (uint64_t) elapsed * conf->rate / 1000;

    sc->tokens = (uint32_t) ngx_min(tokens, full);
    sc->refilled = (uint32_t) ngx_current_msec;
}
