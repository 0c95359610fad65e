
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Records from other workers: taken in turn from all senders, some in each
 * turn of the event loop, and done.  sig_record_read() says what they are;
 * whom they mean is believed only where it fits what this worker knows.
 *
 * What is in the hand of a stopped process keeps the sender's arena.  So the
 * parts are copied to where they are needed, and the record is given back
 * before anything is done about it.
 */


#include "ngx_signaling.h"


#define NGX_SIGNALING_RECORDS  1024    /* in one go */
#define NGX_SIGNALING_TAKEN    4096    /* in one turn, between connections */
#define NGX_SIGNALING_DEPTH    8       /* dead speaking for the dead */


static void ngx_signaling_take(ngx_signaling_worker_t *sw);
static void ngx_signaling_record(ngx_signaling_worker_t *sw, uint32_t src,
    slice_t *record, ngx_uint_t depth);
static ngx_int_t ngx_signaling_record_conn(ngx_signaling_worker_t *sw,
    sig_record_t *rec);
static void ngx_signaling_record_message(ngx_signaling_worker_t *sw,
    sig_record_t *rec, const slice_t *first, const slice_t *second);
static void ngx_signaling_record_direct(ngx_signaling_worker_t *sw,
    sig_record_t *rec, const slice_t *first);
static void ngx_signaling_record_presence(ngx_signaling_worker_t *sw,
    sig_record_t *rec, const slice_t *first, const slice_t *second,
    uint32_t src, ngx_uint_t depth);


void
ngx_signaling_wake_handler(ngx_event_t *ev)
{
    ssize_t            n;
    uint64_t           count;
    ngx_connection_t  *c;

    c = ev->data;

    /* an edge-triggered eventfd need not be read */

    if (!(ngx_event_flags & NGX_USE_CLEAR_EVENT)) {

        n = read(c->fd, &count, sizeof(uint64_t));

        if (n == -1 && ngx_errno != NGX_EAGAIN) {
            ngx_log_error(NGX_LOG_ALERT, c->log, ngx_errno,
                          "read() from eventfd failed");
        }
    }

    sig_mailbox_begin(((ngx_signaling_worker_t *) c->data)->mailbox, 0);

    ngx_signaling_take(c->data);
}


void
ngx_signaling_drain_handler(ngx_event_t *ev)
{
    ngx_signaling_take(ev->data);
}


/*
 * Between two connections that are read, for who has handled the input of one
 * and looks at none of them afterwards: what others have sent meanwhile is
 * taken, and what waits for them goes on.  Else two workers that send each
 * other very much would each read on while nobody takes, and what has no place
 * would be copied twice more.
 */

void
ngx_signaling_ipc_between(ngx_signaling_worker_t *sw)
{
    if (sw->waiting_parcels) {
        ngx_signaling_outbox_between(sw);
    }

    if (sw->slotted
        && sw->taken < NGX_SIGNALING_TAKEN
        && sig_mailbox_called(sw->mailbox))
    {
        sig_mailbox_begin(sw->mailbox, 0);
        ngx_signaling_take(sw);
    }
}


/* looks at all senders, whether they have called or not */

void
ngx_signaling_ipc_look(ngx_signaling_worker_t *sw)
{
    if (sw->slotted) {
        sig_mailbox_begin(sw->mailbox, 1);
        ngx_signaling_take(sw);
    }
}


static void
ngx_signaling_take(ngx_signaling_worker_t *sw)
{
    slice_t     record;
    uint32_t    src;
    ngx_uint_t  i;

    for (i = 0; i < NGX_SIGNALING_RECORDS; i++) {

        if (!sig_mailbox_next(sw->mailbox, &src, &record)) {
            return;
        }

        if (sw->taken++ == 0) {
            ngx_signaling_flush_post(sw);
        }

        ngx_signaling_record(sw, src, &record, 0);
        ngx_signaling_flush_early(sw);
    }

    sig_mailbox_end(sw->mailbox);

    ngx_post_event(&sw->drain, &ngx_posted_next_events);
}


/* everything that a slot has said so far; its owner is gone */

void
ngx_signaling_ipc_last_words(ngx_signaling_worker_t *sw, uint32_t slot,
    ngx_uint_t depth)
{
    slice_t  record;

    if (depth == NGX_SIGNALING_DEPTH || !sw->slotted
        || slot >= sw->zone->nslots || slot == sw->registry->slot)
    {
        return;
    }

    while (sig_mailbox_next_from(sw->mailbox, slot, &record)) {
        ngx_signaling_record(sw, slot, &record, depth + 1);
    }
}


static void
ngx_signaling_record(ngx_signaling_worker_t *sw, uint32_t src,
    slice_t *record, ngx_uint_t depth)
{
    slice_t       first, second;
    sig_record_t  rec;

    if (!sig_record_read(&rec, record, &first, &second)) {
        return;
    }

    switch (rec.type) {

    case SIG_RECORD_MESSAGE:
        ngx_signaling_record_message(sw, &rec, &first, &second);
        return;

    case SIG_RECORD_DIRECT:
        ngx_signaling_record_direct(sw, &rec, &first);
        return;

    case SIG_RECORD_PROBE:
    case SIG_RECORD_KICK:
        sig_mailbox_end(sw->mailbox);
        (void) ngx_signaling_record_conn(sw, &rec);
        return;

    default: /* SIG_RECORD_JOINED, SIG_RECORD_TAKEOVER, SIG_RECORD_LEFT */
        ngx_signaling_record_presence(sw, &rec, &first, &second, src, depth);
        return;
    }
}


/*
 * Does to a connection, of this worker or of another, what the type of the
 * record says: PROBE or KICK.  Returns NGX_OK, NGX_DECLINED when it is gone,
 * or NGX_ERROR (no memory).
 */

ngx_int_t
ngx_signaling_reach(ngx_signaling_worker_t *sw, const sig_target_t *target,
    ngx_uint_t type, sig_kick_e why)
{
    slice_t       none;
    sig_record_t  rec;

    none.data = NULL;
    none.len = 0;

    ngx_memzero(&rec, sizeof(sig_record_t));

    rec.type = (uint8_t) type;
    rec.number = target->number;
    rec.ref = target->conn;
    rec.seq = why;

    if (target->slot == sw->registry->slot) {
        return ngx_signaling_record_conn(sw, &rec);
    }

    return ngx_signaling_post_to(sw, target->slot, &rec, &none, &none);
}


static ngx_int_t
ngx_signaling_record_conn(ngx_signaling_worker_t *sw, sig_record_t *rec)
{
    ngx_signaling_conn_t  *sc;

    sc = ngx_signaling_conn_get(sw, rec->number, rec->ref);

    if (sc == NULL) {
        return NGX_DECLINED;
    }

    if (rec->type == SIG_RECORD_PROBE) {
        ngx_signaling_conn_probe(sc);

    } else {
        ngx_signaling_conn_close(sc, NGX_SIGNALING_DISCONNECTED,
                                 rec->seq == SIG_KICK_BY_ADMIN
                                 ? "disconnected by an administrator"
                                 : "connected elsewhere");
    }

    return NGX_OK;
}


static void
ngx_signaling_record_message(ngx_signaling_worker_t *sw,
    sig_record_t *rec, const slice_t *first, const slice_t *second)
{
    u_char                 *p, buf[SIG_METADATA_LEN];
    slice_t                 json, metadata;
    ngx_signaling_room_t   *room;
    ngx_signaling_frame_t  *f;

    room = ngx_signaling_room_by_ref(sw, rec->ref);

    if (room == NULL) {
        return;
    }

    f = ngx_signaling_frame(sw, SIG_WS_TEXT, first->len, &p);
    if (f == NULL) {
        return;
    }

    json.data = p;
    json.len = first->len;
    metadata.data = buf;
    metadata.len = second->len;

    ngx_memcpy(p, first->data, first->len);

    if (second->len) {
        ngx_memcpy(buf, second->data, second->len);
    }

    sig_mailbox_end(sw->mailbox);

    (void) ngx_signaling_fanout(room, NULL, rec->seq, f, &json, &metadata);

    ngx_signaling_frame_unref(f);
}


static void
ngx_signaling_record_direct(ngx_signaling_worker_t *sw,
    sig_record_t *rec, const slice_t *first)
{
    u_char                 *p;
    ngx_signaling_conn_t   *sc;
    ngx_signaling_frame_t  *f;

    sc = ngx_signaling_conn_get(sw, rec->number, rec->ref);

    if (sc == NULL) {
        return;
    }

    f = ngx_signaling_frame(sw, SIG_WS_TEXT, first->len, &p);
    if (f == NULL) {
        return;
    }

    ngx_memcpy(p, first->data, first->len);

    sig_mailbox_end(sw->mailbox);

    ngx_signaling_news_tell_one(sc);
    ngx_signaling_deliver(sc, NULL, f);
    ngx_signaling_frame_unref(f);
}


static void
ngx_signaling_record_presence(ngx_signaling_worker_t *sw, sig_record_t *rec,
    const slice_t *first, const slice_t *second, uint32_t src,
    ngx_uint_t depth)
{
    u_char   buf[SIG_PEER_LEN + SIG_METADATA_LEN];
    slice_t  peer, metadata;

    peer.data = buf;
    peer.len = first->len;
    metadata.data = buf + first->len;
    metadata.len = second->len;

    ngx_memcpy(buf, first->data, first->len + second->len);

    sig_mailbox_end(sw->mailbox);

    /* said for a dead worker, whose own words come first */

    if (rec->origin != src) {
        ngx_signaling_ipc_last_words(sw, rec->origin, depth);
    }

    ngx_signaling_heard(sw, rec, &peer, &metadata);
}
