
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


#define NGX_SIGNALING_READS  16    /* of the buffer, in one turn */


static ngx_int_t ngx_signaling_keep(ngx_signaling_conn_t *sc, u_char *p,
    size_t len);
static void ngx_signaling_frame_in(ngx_signaling_conn_t *sc,
    sig_ws_head_t *h, u_char *p);
static void ngx_signaling_data_frame(ngx_signaling_conn_t *sc,
    sig_ws_head_t *h, u_char *p);
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
    size_t             have;
    ssize_t            n;
    ngx_uint_t         i;
    ngx_event_t       *rev;
    ngx_connection_t  *c;

    c = sc->connection;
    rev = c->read;
    buffer = sc->worker->buffer;

    for (i = 0; rev->ready; i++) {

        if (i == NGX_SIGNALING_READS) {
            ngx_post_event(rev, &ngx_posted_next_events);
            return NGX_OK;
        }

        have = sc->in_len;

        if (have) {
            ngx_memcpy(buffer, sc->in, have);
        }

        n = c->recv(c, buffer + have, NGX_SIGNALING_BUFFER - have);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR || n == 0) {
            return NGX_ERROR;
        }

        sc->bytes_in += n;
        sc->seen = ngx_current_msec;

        if (sc->pinged) {
            sc->pinged = 0;

            /* the timer is that of the grace time, which may be the longer */

            if (sc->state == NGX_SIGNALING_OPEN) {
                ngx_signaling_set_timer(sc);
            }
        }

        if (sc->broken) {
            continue;
        }

        if (ngx_signaling_input(sc, buffer, buffer + have + n) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_handle_read_event(rev, 0);
}


/* handles the complete frames between p and last, keeps the rest */

ngx_int_t
ngx_signaling_input(ngx_signaling_conn_t *sc, u_char *p, u_char *last)
{
    int            n;
    size_t         max;
    sig_ws_head_t  h;

    max = sc->conf->max_message + NGX_SIGNALING_ENVELOPE;

    while (p < last && !sc->broken) {

        n = sig_ws_read_head(&h, p, last - p, max);

        if (n < 0) {
            sc->broken = 1;
            ngx_signaling_conn_close(sc, -n,
                                     n == -SIG_WS_TOO_BIG
                                     ? "message too big" : "protocol error");
            break;
        }

        if (n == 0 || (uint64_t) (last - p - n) < h.len) {
            return ngx_signaling_keep(sc, p, last - p);
        }

        p += n;

        sig_ws_unmask(p, h.len, h.mask, 0);
        ngx_signaling_frame_in(sc, &h, p);

        p += h.len;
    }

    sc->in_len = 0;

    if (sc->in) {
        ngx_free(sc->in);
        sc->in = NULL;
        sc->in_size = 0;
    }

    return NGX_OK;
}


/*
 * An incomplete frame is kept as long as it is incomplete.  Room is made for
 * what has come, not for what the client says will come.
 */

static ngx_int_t
ngx_signaling_keep(ngx_signaling_conn_t *sc, u_char *p, size_t len)
{
    u_char  *in;
    size_t   size;

    if (sc->in == NULL || len > sc->in_size) {
        size = ngx_max(len, 2 * (size_t) sc->in_size);
        size = ngx_align(size, 64);

        in = ngx_alloc(size, sc->connection->log);
        if (in == NULL) {
            return NGX_ERROR;
        }

        if (sc->in) {
            ngx_free(sc->in);
        }

        sc->in = in;
        sc->in_size = (uint32_t) size;
    }

    ngx_memcpy(sc->in, p, len);
    sc->in_len = (uint32_t) len;

    return NGX_OK;
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
    u_char  *message;
    size_t   len, size;

    if ((h->opcode == SIG_WS_CONTINUATION) != sc->fragmented) {
        sc->broken = 1;
        ngx_signaling_conn_close(sc, SIG_WS_PROTOCOL, "protocol error");
        return;
    }

    if (h->opcode != SIG_WS_CONTINUATION
        && ngx_signaling_token(sc) != NGX_OK)
    {
        return;
    }

    if (h->fin && !sc->fragmented) {
        ngx_signaling_message(sc, p, h->len);
        return;
    }

    sc->fragmented = !h->fin;

    len = sc->message_len + h->len;

    if (len > sc->conf->max_message + NGX_SIGNALING_ENVELOPE) {
        sc->broken = 1;
        ngx_signaling_conn_close(sc, SIG_WS_TOO_BIG, "message too big");
        return;
    }

    if (len > sc->message_size) {
        size = ngx_max(len, 2 * (size_t) sc->message_size);

        message = ngx_alloc(size, sc->connection->log);
        if (message == NULL) {
            ngx_signaling_conn_close(sc, SIG_WS_INTERNAL, "out of memory");
            return;
        }

        if (sc->message) {
            ngx_memcpy(message, sc->message, sc->message_len);
            ngx_free(sc->message);
        }

        sc->message = message;
        sc->message_size = (uint32_t) size;
    }

    if (h->len) {
        ngx_memcpy(sc->message + sc->message_len, p, h->len);
        sc->message_len = (uint32_t) len;
    }

    if (!h->fin) {
        return;
    }

    message = sc->message;

    sc->message = NULL;
    sc->message_len = 0;
    sc->message_size = 0;

    ngx_signaling_message(sc, message ? message : p, len);

    if (message) {
        ngx_free(message);
    }
}


static void
ngx_signaling_close_frame(ngx_signaling_conn_t *sc, u_char *p, size_t len)
{
    int      code;
    slice_t  none = slice("");
    u_char   payload[SIG_WS_CONTROL_MAX];

    sc->peer_closed = 1;
    sc->broken = 1;
    sc->finish = 1;

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

    sc->close_code = (uint16_t) code;

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
    uint64_t                   tokens, full;
    ngx_msec_t                 elapsed;
    ngx_signaling_loc_conf_t  *conf;

    conf = sc->conf;

    if (conf->rate == 0) {
        return NGX_OK;
    }

    full = (uint64_t) conf->burst * 1000;
    elapsed = ngx_current_msec - sc->refilled;

    if (elapsed) {
        tokens = sc->tokens + (uint64_t) elapsed * conf->rate / 1000;
        sc->tokens = (uint32_t) ngx_min(tokens, full);
        sc->refilled = ngx_current_msec;
    }

    if (sc->tokens < 1000) {
        ngx_signaling_conn_close(sc, NGX_SIGNALING_MESSAGE_RATE,
                                 "message rate exceeded");
        return NGX_ERROR;
    }

    sc->tokens -= 1000;

    return NGX_OK;
}
