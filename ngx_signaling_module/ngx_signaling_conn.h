
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * A connection and what belongs to it: who it is, what it has in common with
 * others, what is under way.  Included by ngx_signaling.h only.
 *
 *     ngx_signaling_conn.c        memory, ping, close
 *     ngx_signaling_place.c       what connections have in common
 *
 * Connections are the worker's, in pieces that are kept for reuse; identity
 * and subscriptions are theirs.  All is private to one process, and nothing is
 * under a lock.
 */


#ifndef _NGX_SIGNALING_CONN_H_INCLUDED_
#define _NGX_SIGNALING_CONN_H_INCLUDED_


/* what a token adds to its key; patterns, when scoped, then their text */

typedef struct {
    int64_t                    ends;         /* ms since the epoch */
    uint32_t                   nchannels;
    unsigned                   scoped:1;
    slice_t                    channels[1];
} ngx_signaling_grant_t;


/*
 * Who a connection is, allocated in one piece, and told by the functions
 * below.  In text: the ID as a JSON string, then as it is unless it stands in
 * its quotes like that; metadata (JSON, may be empty), the address of the
 * client, the origin; and, aligned, what a token grants.
 */

typedef struct {
    uint16_t                   quoted_len;
    uint16_t                   origin_len;
    unsigned                   id_len:8;
    unsigned                   client_len:8;
    unsigned                   metadata_len:13;
    unsigned                   has_origin:1;
    unsigned                   granted:1;
    u_char                     text[1];
} ngx_signaling_identity_t;

#define NGX_SIGNALING_ORIGIN_MAX   65535


typedef enum {
    NGX_SIGNALING_FREE = 0,
    NGX_SIGNALING_REFUSED,      /* never welcomed, only closes */
    NGX_SIGNALING_OPEN,
    NGX_SIGNALING_CLOSING       /* our Close is sent or queued */
} ngx_signaling_state_e;


/*
 * Where connections have come in and with which key, shared by all who have
 * that in common, and freed with the last one: ngx_signaling_place.c.
 */

struct ngx_signaling_place_s {
    ngx_signaling_place_t     *next;         /* in its list of the worker */
    ngx_signaling_worker_t    *worker;
    ngx_signaling_loc_conf_t  *conf;
    access_key_t              *key;          /* NULL: none accepted yet */
    access_keys_t             *keys;         /* held, its set */
    uint32_t                   app;          /* in the registry */
    uint32_t                   refs;
};


/*
 * What a connection has only while something is under way, or has to end, so
 * that an idle one is small: ngx_signaling_busy() and ngx_signaling_rest().
 * The worker keeps some for reuse, with nothing set.
 */

struct ngx_signaling_busy_s {
    ngx_signaling_conn_t      *conn;
    ngx_signaling_busy_t      *next;         /* of those not in use */
    ngx_queue_t                link;         /* of the dirty ones */
    ngx_queue_t                waiting;      /* for the first held snapshot */

    ngx_signaling_queue_t      out;
    ngx_signaling_queue_t      held;
    size_t                     out_bytes;    /* in both queues */
    uint32_t                   out_sent;     /* of the first frame */
    uint16_t                   out_tried;    /* bytes OpenSSL waits with */

    uint16_t                   doom;         /* close with it at the flush */
    uint16_t                   close_code;

    unsigned                   dirty:1;
    unsigned                   crowd:1;      /* dirty, in that queue */
    unsigned                   fragmented:1; /* a message has begun */
    unsigned                   compressed:1; /* that message */
    unsigned                   finish:1;     /* drop when all is written */
    unsigned                   shut:1;       /* sending side is shut down */

    ngx_signaling_partial_t   *in;           /* an incomplete frame */
    u_char                    *message;      /* an incomplete message */
    uint32_t                   message_len;
    uint32_t                   message_size;
    uint32_t                   utf8;         /* state of sig_utf8_check() */

    ngx_http_request_t        *request;      /* kept for other modules */
    off_t                      before;       /* sent of it */
    ngx_msec_t                 started;
};


/*
 * Times are the lower 32 bits of ngx_current_msec.  What has been sent, and
 * since when the session lasts, is in nginx's connection, which has no other
 * use for it, unless the request is kept.
 */

struct ngx_signaling_conn_s {
    ngx_connection_t          *connection;
    ngx_signaling_place_t     *place;
    ngx_signaling_identity_t  *identity;
    ngx_signaling_busy_t      *busy;         /* NULL when idle */
    ngx_signaling_sub_t       *subs;

    uint64_t                   bytes_in:48;

    unsigned                   state:2;
    unsigned                   actions:4;    /* of the key and the token */
    unsigned                   deflate:4;    /* its window, 0: no deflate */
    unsigned                   registered:1; /* ref is valid */
    unsigned                   shared_id:1;
    unsigned                   detached:1;   /* the events are ours */
    unsigned                   pinged:1;     /* and no answer yet */
    unsigned                   broken:1;     /* input is not parsed any more */
    unsigned                   going_away:1; /* told so */

    uint32_t                   messages_in;
    uint32_t                   messages_out;

    sig_ref_t                  ref;          /* in the registry */
    uint32_t                   number;       /* in the worker */
    uint32_t                   last;         /* where it last sent to; of a
                                                free one, the next free */

    uint32_t                   tokens;       /* thousandths of a message */
    uint32_t                   refilled;
    uint32_t                   heard;        /* last byte received, or, when
                                                pinged, the ping sent */
};

#define NGX_SIGNALING_NOBODY       NGX_MAX_UINT32_VALUE  /* no number */


/* ngx_signaling_conn.c */

ngx_signaling_conn_t *ngx_signaling_conn_alloc(ngx_signaling_worker_t *sw,
    ngx_signaling_loc_conf_t *conf);
void ngx_signaling_conn_free(ngx_signaling_conn_t *sc);
ngx_signaling_conn_t *ngx_signaling_conn_at(ngx_signaling_worker_t *sw,
    uint32_t number);
ngx_signaling_conn_t *ngx_signaling_conn_get(ngx_signaling_worker_t *sw,
    uint32_t number, sig_ref_t ref);
ngx_int_t ngx_signaling_conn_start(ngx_signaling_conn_t *sc, u_char *p,
    size_t len);
void ngx_signaling_conn_close(ngx_signaling_conn_t *sc, ngx_uint_t code,
    const char *reason);
void ngx_signaling_conn_drop(ngx_signaling_conn_t *sc);
void ngx_signaling_conn_probe(ngx_signaling_conn_t *sc);
void ngx_signaling_conn_flush(ngx_signaling_conn_t *sc);
void ngx_signaling_control(ngx_signaling_conn_t *sc, ngx_uint_t opcode,
    u_char *p, size_t len);
void ngx_signaling_set_timer(ngx_signaling_conn_t *sc);
ngx_signaling_busy_t *ngx_signaling_busy_take(ngx_signaling_conn_t *sc);
void ngx_signaling_busy_give(ngx_signaling_conn_t *sc);
void ngx_signaling_fail(ngx_signaling_conn_t *sc);


/* ngx_signaling_place.c */

ngx_int_t ngx_signaling_place_enter(ngx_signaling_conn_t *sc,
    ngx_signaling_worker_t *sw, ngx_signaling_loc_conf_t *conf,
    access_key_t *key, access_keys_t *keys);
void ngx_signaling_place_leave(ngx_signaling_conn_t *sc);


/* what is under way on a connection; NULL without memory for it */

#define ngx_signaling_busy(sc)                                                \
    ((sc)->busy ? (sc)->busy : ngx_signaling_busy_take(sc))


/* to be called when something may have come to its end */

static ngx_inline void
ngx_signaling_rest(ngx_signaling_conn_t *sc)
{
    ngx_signaling_busy_t  *busy;

    busy = sc->busy;

    if (busy == NULL
        || busy->dirty
        || busy->fragmented
        || busy->out.first
        || busy->held.first
        || busy->in
        || busy->request
        || sc->state != NGX_SIGNALING_OPEN)
    {
        return;
    }

    ngx_signaling_busy_give(sc);
}


static ngx_inline slice_t
ngx_signaling_slice(const u_char *p, size_t len)
{
    slice_t  s;

    s.data = (u_char *) p;
    s.len = len;

    return s;
}


static ngx_inline slice_t
ngx_signaling_quoted_id(const ngx_signaling_identity_t *identity)
{
    return ngx_signaling_slice(identity->text, identity->quoted_len);
}


/* bytes of the ID that are not in its quotes */

#define ngx_signaling_bare_len(quoted_len, len)                               \
    ((size_t) ((quoted_len) == (len) + 2 ? 0 : (len)))


/* what stands in quotes at text, or behind them where it differs from that */

static ngx_inline slice_t
ngx_signaling_bare(const u_char *text, size_t quoted_len, size_t len)
{
    size_t  skip;

    skip = ngx_signaling_bare_len(quoted_len, len) ? quoted_len : 1;

    return ngx_signaling_slice(text + skip, len);
}


static ngx_inline slice_t
ngx_signaling_id(const ngx_signaling_identity_t *identity)
{
    return ngx_signaling_bare(identity->text, identity->quoted_len,
                              identity->id_len);
}


static ngx_inline slice_t
ngx_signaling_metadata(const ngx_signaling_identity_t *identity)
{
    return ngx_signaling_slice(identity->text + identity->quoted_len
                               + ngx_signaling_bare_len(identity->quoted_len,
                                                        identity->id_len),
                               identity->metadata_len);
}


static ngx_inline slice_t
ngx_signaling_client(const ngx_signaling_identity_t *identity)
{
    slice_t  metadata;

    metadata = ngx_signaling_metadata(identity);

    return ngx_signaling_slice(metadata.data + metadata.len,
                               identity->client_len);
}


#endif /* _NGX_SIGNALING_CONN_H_INCLUDED_ */
