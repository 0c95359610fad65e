
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Compression of messages, "signaling_deflate".  A worker has one pair of
 * streams and the room for one message of either direction, from the first
 * client on that compresses; a connection has nothing but the window that it
 * was promised.
 *
 * What goes out is compressed when the first client that wants it so is to
 * get the frame, and hangs on that frame for all the others.
 */


#include "ngx_signaling.h"
#include "sig_deflate.h"


struct ngx_signaling_deflate_s {
    sig_deflate_t              streams;
    size_t                     max;          /* bytes that fit "message" */
    u_char                    *message;      /* from a client, restored */
    u_char                     packed[SIG_DEFLATE_MAX];
};


static ngx_signaling_frame_t *ngx_signaling_pack(ngx_signaling_worker_t *sw,
    ngx_signaling_frame_t *f, const u_char *p, size_t len);


/* what a client message may be when it is restored, in bytes */

#define ngx_signaling_deflate_max(conf)                                       \
    ((conf)->max_message + NGX_SIGNALING_ENVELOPE)


/*
 * Makes sure that messages to and from a connection of the location can be
 * compressed.  NGX_DECLINED: there is no memory for it.
 */

ngx_int_t
ngx_signaling_deflate_open(ngx_signaling_worker_t *sw,
    ngx_signaling_loc_conf_t *conf)
{
    u_char                   *message;
    size_t                    max;
    ngx_signaling_deflate_t  *deflate;

    deflate = sw->deflate;

    if (deflate == NULL) {
        deflate = ngx_alloc(sizeof(ngx_signaling_deflate_t), sw->log);
        if (deflate == NULL) {
            return NGX_DECLINED;
        }

        if (sig_deflate_init(&deflate->streams) != 0) {
            ngx_log_error(NGX_LOG_ERR, sw->log, 0,
                          "no memory to compress messages");
            ngx_free(deflate);
            return NGX_DECLINED;
        }

        deflate->max = 0;
        deflate->message = NULL;

        sw->deflate = deflate;
    }

    max = ngx_signaling_deflate_max(conf);

    if (deflate->max >= max) {
        return NGX_OK;
    }

    message = ngx_alloc(max + 1, sw->log);
    if (message == NULL) {
        return NGX_DECLINED;
    }

    if (deflate->message) {
        ngx_free(deflate->message);
    }

    deflate->message = message;
    deflate->max = max;

    return NGX_OK;
}


void
ngx_signaling_deflate_free(ngx_signaling_worker_t *sw)
{
    ngx_signaling_deflate_t  *deflate;

    deflate = sw->deflate;

    if (deflate == NULL) {
        return;
    }

    sig_deflate_free(&deflate->streams);

    if (deflate->message) {
        ngx_free(deflate->message);
    }

    ngx_free(deflate);
    sw->deflate = NULL;
}


/*
 * Restores a message; it is good until the next one.  NGX_ERROR: it is none,
 * or too long, and the connection was closed.
 *
 * RFC 7692 leaves the code for broken data open.  1007 is for "data within a
 * message that was not consistent with the type of the message" (RFC 6455
 * 7.4.1): the framing is in order, what the frames hold is not.
 */

ngx_int_t
ngx_signaling_inflate(ngx_signaling_conn_t *sc, u_char **p, size_t *len)
{
    long                      n;
    ngx_signaling_deflate_t  *deflate;

    deflate = sc->place->worker->deflate;

    n = sig_deflate_read(&deflate->streams, deflate->message,
                         ngx_signaling_deflate_max(sc->place->conf), *p, *len);

    if (n >= 0) {
        *p = deflate->message;
        *len = (size_t) n;
        return NGX_OK;
    }

    switch (n) {

    case -SIG_WS_TOO_BIG:
        ngx_signaling_conn_close(sc, SIG_WS_TOO_BIG, "message too big");
        break;

    case -SIG_WS_BAD_DATA:
        ngx_signaling_conn_close(sc, SIG_WS_BAD_DATA, "bad compressed data");
        break;

    default:
        ngx_signaling_conn_close(sc, SIG_WS_INTERNAL, "out of memory");
        break;
    }

    return NGX_ERROR;
}


/* the frame as a client with compression gets it, which may be f itself */

ngx_signaling_frame_t *
ngx_signaling_deflated(ngx_signaling_conn_t *sc, ngx_signaling_frame_t *f)
{
    size_t   head, len;
    u_char  *p;

    if (f->len < SIG_DEFLATE_MIN) {
        return f;
    }

    /* no payload has a length that is in between */

    head = sig_ws_head_len(f->len - SIG_WS_HEAD_OUT_MAX);

    p = f->data + head;
    len = f->len - head;

    if (len < SIG_DEFLATE_MIN
        || len > SIG_DEFLATE_MAX
        || !sig_deflate_readable(sc->deflate, len))
    {
        return f;
    }

    if (f->deflated == NULL) {
        f->deflated = ngx_signaling_pack(sc->place->worker, f, p, len);
    }

    return f->deflated;
}


/*
 * What does not become an eighth shorter stays as it is: it would save a
 * packet in eight at the most, and the client had to restore it.
 */

static ngx_signaling_frame_t *
ngx_signaling_pack(ngx_signaling_worker_t *sw, ngx_signaling_frame_t *f,
    const u_char *p, size_t len)
{
    size_t                    n;
    u_char                   *data;
    ngx_signaling_frame_t    *packed;
    ngx_signaling_deflate_t  *deflate;

    deflate = sw->deflate;

    n = sig_deflate_write(&deflate->streams, deflate->packed, len - len / 8,
                          p, len);

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, sw->log, 0,
                   "signaling frame deflated: %uz to %uz", len, n);

    if (n == 0) {
        return f;
    }

    packed = ngx_signaling_frame(sw, SIG_WS_TEXT|SIG_WS_RSV1, n, &data);
    if (packed == NULL) {
        return f;
    }

    ngx_memcpy(data, deflate->packed, n);

    return packed;
}
