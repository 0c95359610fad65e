
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * What a client message does, docs/protocol.md 3.  The envelope has been
 * checked for syntax by sig_proto_read(); here come rights, counts and
 * routing, in that order, and exactly one answer to a message with a
 * requestId.
 */


#include "ngx_signaling.h"


static sig_code_e ngx_signaling_execute(ngx_signaling_conn_t *sc,
    sig_envelope_t *e);
static sig_code_e ngx_signaling_allowed(ngx_signaling_conn_t *sc,
    ngx_uint_t action, const slice_t *channel);
static sig_code_e ngx_signaling_in_quota(ngx_signaling_conn_t *sc);
static sig_code_e ngx_signaling_publish(ngx_signaling_conn_t *sc,
    sig_envelope_t *e);
static sig_code_e ngx_signaling_direct(ngx_signaling_conn_t *sc,
    sig_envelope_t *e);
static ngx_int_t ngx_signaling_direct_to(ngx_signaling_conn_t *sc,
    sig_target_t *target, const ngx_signaling_direct_t *direct,
    ngx_signaling_frame_t **f);
static ngx_int_t ngx_signaling_direct_here(ngx_signaling_conn_t *to,
    const ngx_signaling_direct_t *direct, ngx_signaling_frame_t **f);
static ngx_signaling_conn_t *ngx_signaling_last(ngx_signaling_conn_t *sc,
    const slice_t *peer);
static uint32_t ngx_signaling_targets(ngx_signaling_conn_t *sc,
    const slice_t *peer, sig_target_t *targets);
static ngx_signaling_known_t *ngx_signaling_known(ngx_signaling_worker_t *sw,
    const slice_t *peer);
static void ngx_signaling_pong(ngx_signaling_conn_t *sc);
static void ngx_signaling_error(ngx_signaling_conn_t *sc, sig_code_e code,
    const slice_t *request_id);


void
ngx_signaling_message(ngx_signaling_conn_t *sc, u_char *p, size_t len)
{
    sig_code_e      code;
    sig_envelope_t  e;

    sc->messages_in++;

    code = sig_proto_read(&e, p, len, sc->place->conf->max_message);

    if (code == SIG_OK) {
        code = ngx_signaling_execute(sc, &e);
    }

    switch (code) {

    case SIG_OK:
        return;

    case SIG_NOT_UTF8:
        ngx_signaling_conn_close(sc, SIG_WS_BAD_DATA, "text is not UTF-8");
        return;

    case SIG_DATA_TOO_BIG:
        ngx_signaling_conn_close(sc, SIG_WS_TOO_BIG, "data too big");
        return;

    default:
        ngx_signaling_error(sc, code, &e.request_id);
        return;
    }
}


static sig_code_e
ngx_signaling_execute(ngx_signaling_conn_t *sc, sig_envelope_t *e)
{
    sig_code_e  code;

    switch (e->type) {

    case SIG_TYPE_SUBSCRIBE:
        code = ngx_signaling_allowed(sc, ACCESS_SUBSCRIBE, &e->channel);

        /* acknowledges by itself, since the snapshot comes behind the ack */

        return (code == SIG_OK) ? ngx_signaling_subscribe(sc, e) : code;

    case SIG_TYPE_UNSUBSCRIBE:
        ngx_signaling_unsubscribe(sc, &e->channel);
        break;

    case SIG_TYPE_PUBLISH:
        code = ngx_signaling_allowed(sc, ACCESS_PUBLISH, &e->channel);

        if (code == SIG_OK) {
            code = ngx_signaling_in_quota(sc);
        }

        if (code == SIG_OK) {
            code = ngx_signaling_publish(sc, e);
        }

        if (code != SIG_OK) {
            return code;
        }

        break;

    case SIG_TYPE_SEND:
        code = ngx_signaling_allowed(sc, ACCESS_SEND, NULL);

        if (code == SIG_OK) {
            code = ngx_signaling_in_quota(sc);
        }

        if (code == SIG_OK) {
            code = ngx_signaling_direct(sc, e);
        }

        if (code != SIG_OK) {
            return code;
        }

        break;

    case SIG_TYPE_PING:
        ngx_signaling_pong(sc);
        return SIG_OK;

    default:
        return SIG_UNKNOWN_TYPE;
    }

    ngx_signaling_ack(sc, &e->request_id);

    return SIG_OK;
}


static sig_code_e
ngx_signaling_allowed(ngx_signaling_conn_t *sc, ngx_uint_t action,
    const slice_t *channel)
{
    if (!(sc->actions & action)) {
        return SIG_ACTION_NOT_PERMITTED;
    }

    if (channel
        && (!access_channel_allowed(sc->place->key, channel)
            || !ngx_signaling_token_covers(sc, channel)))
    {
        return SIG_CHANNEL_NOT_AUTHORIZED;
    }

    return SIG_OK;
}


/* who comes as far as here has used a message, wherever it may go */

static sig_code_e
ngx_signaling_in_quota(ngx_signaling_conn_t *sc)
{
    ngx_signaling_place_t  *place;

    place = sc->place;

    return (sig_registry_message(place->worker->registry, place->app,
                                 ngx_time())
            == SIG_REGISTRY_OK)
           ? SIG_OK : SIG_OVER_MESSAGE_QUOTA;
}


static sig_code_e
ngx_signaling_publish(ngx_signaling_conn_t *sc, sig_envelope_t *e)
{
    u_char                       quoted[6 * ACCESS_CHANNEL_BYTES + 2];
    ngx_signaling_room_t        *room;
    ngx_signaling_worker_t      *sw;
    ngx_signaling_publication_t  pub;

    sw = sc->place->worker;

    room = ngx_signaling_room_by_name(sw, sc->place->app, &e->channel);

    if (room) {
        pub.ref = room->ref;
        pub.channel = ngx_signaling_room_quoted(room);

        /* without the lock, and nobody asks how many */

        pub.audience.members = 0;
        pub.audience.mask = sig_registry_room_mask(sw->registry, room->ref);
        pub.audience.seq = sig_registry_room_seq(sw->registry, room->ref);

    } else {
        if (sig_registry_find_room(sw->registry, sc->place->app, &e->channel,
                                   &pub.ref, &pub.audience)
            != SIG_REGISTRY_OK)
        {
            return SIG_OK;
        }

        pub.channel.data = quoted;
        pub.channel.len = sig_proto_quote(quoted, &e->channel) - quoted;
    }

    pub.room = room;
    pub.from = ngx_signaling_quoted_id(sc->identity);
    pub.data = e->data;
    pub.metadata = ngx_signaling_metadata(sc->identity);

    return ngx_signaling_relay(sw, &pub, sc);
}


/*
 * To all who are subscribed at this moment, in all workers, but one.  Returns
 * SIG_OK, SIG_INTERNAL_ERROR (no memory), or SIG_BACKEND_ERROR when too much
 * waits for one of the workers.
 */

sig_code_e
ngx_signaling_relay(ngx_signaling_worker_t *sw,
    const ngx_signaling_publication_t *pub, ngx_signaling_conn_t *except)
{
    size_t                  len;
    u_char                 *p;
    slice_t                 none, json;
    ngx_int_t               rc;
    sig_record_t            rec;
    ngx_signaling_frame_t  *f;

    none.len = 0;
    none.data = NULL;

    len = sig_proto_message_len(&pub->channel, &pub->from, &pub->data, &none);

    f = ngx_signaling_frame(sw, SIG_WS_TEXT, len, &p);
    if (f == NULL) {
        return SIG_INTERNAL_ERROR;
    }

    json.data = p;
    json.len = len;

    (void) sig_proto_message(p, &pub->channel, &pub->from, &pub->data, &none);

    ngx_memzero(&rec, sizeof(sig_record_t));

    rec.type = SIG_RECORD_MESSAGE;
    rec.ref = pub->ref;
    rec.seq = pub->audience.seq;

    rc = ngx_signaling_post(sw, pub->audience.mask, &rec, &json,
                            &pub->metadata);

    if (pub->room && rc == NGX_OK) {
        rc = ngx_signaling_fanout(pub->room, except, rec.seq, f, &json,
                                  &pub->metadata);
    }

    ngx_signaling_frame_unref(f);

    return (rc == NGX_OK) ? SIG_OK : SIG_BACKEND_ERROR;
}


static sig_code_e
ngx_signaling_direct(ngx_signaling_conn_t *sc, sig_envelope_t *e)
{
    uint32_t                 i, n, reached;
    sig_code_e               code;
    sig_target_t             targets[SIG_PEER_CONNECTIONS];
    ngx_signaling_conn_t    *last;
    ngx_signaling_frame_t   *f;
    ngx_signaling_direct_t   direct;

    n = 0;

    last = ngx_signaling_last(sc, &e->to);

    if (last == NULL) {
        n = ngx_signaling_targets(sc, &e->to, targets);

        if (n == 0) {
            return SIG_PEER_NOT_FOUND;
        }
    }

    direct.from = ngx_signaling_quoted_id(sc->identity);
    direct.data = e->data;
    direct.metadata = ngx_signaling_metadata(sc->identity);
    direct.len = sig_proto_direct_len(&direct.from, &direct.data,
                                      &direct.metadata);

    f = NULL;
    reached = 0;
    code = SIG_PEER_NOT_FOUND;

    if (last) {

        if (ngx_signaling_direct_here(last, &direct, &f) == NGX_OK) {
            reached++;

        } else {
            code = SIG_INTERNAL_ERROR;
        }
    }

    for (i = 0; i < n; i++) {

        switch (ngx_signaling_direct_to(sc, &targets[i], &direct, &f)) {

        case NGX_OK:
            reached++;
            break;

        case NGX_DECLINED:
            break;

        case NGX_ABORT:
            code = SIG_INTERNAL_ERROR;
            break;

        default: /* NGX_ERROR */
            code = SIG_BACKEND_ERROR;
            break;
        }
    }

    if (f) {
        ngx_signaling_frame_unref(f);
    }

    return reached ? SIG_OK : code;
}


/*
 * Sends a direct message to one connection, here or with another worker.
 * NGX_DECLINED: it has gone; NGX_ERROR: too much waits for its worker;
 * NGX_ABORT: no memory.
 */

static ngx_int_t
ngx_signaling_direct_to(ngx_signaling_conn_t *sc, sig_target_t *target,
    const ngx_signaling_direct_t *direct, ngx_signaling_frame_t **f)
{
    sig_record_t             rec;
    ngx_signaling_conn_t    *to;
    ngx_signaling_worker_t  *sw;

    sw = sc->place->worker;

    if (target->slot != sw->registry->slot) {
        ngx_memzero(&rec, sizeof(sig_record_t));

        rec.type = SIG_RECORD_DIRECT;
        rec.number = target->number;
        rec.ref = target->conn;

        return ngx_signaling_post_direct(sw, target->slot, &rec, direct);
    }

    to = ngx_signaling_conn_get(sw, target->number, target->conn);

    if (to == NULL) {
        return NGX_DECLINED;
    }

    sc->last = target->number;

    return ngx_signaling_direct_here(to, direct, f);
}


/* the frame is made for the first of those who are here; or NGX_ABORT */

static ngx_int_t
ngx_signaling_direct_here(ngx_signaling_conn_t *to,
    const ngx_signaling_direct_t *direct, ngx_signaling_frame_t **f)
{
    u_char  *p;

    if (*f == NULL) {
        *f = ngx_signaling_frame(to->place->worker, SIG_WS_TEXT, direct->len,
                                 &p);
        if (*f == NULL) {
            return NGX_ABORT;
        }

        (void) sig_proto_direct(p, &direct->from, &direct->data,
                                &direct->metadata);
    }

    ngx_signaling_news_tell_one(to);
    ngx_signaling_deliver(to, NULL, *f);

    return NGX_OK;
}


/*
 * Most messages go where the one before went.  While that connection is one
 * of this worker, and its ID was made up for it alone, nobody need be asked.
 */

static ngx_signaling_conn_t *
ngx_signaling_last(ngx_signaling_conn_t *sc, const slice_t *peer)
{
    slice_t                id;
    ngx_signaling_conn_t  *to;

    to = ngx_signaling_conn_at(sc->place->worker, sc->last);

    if (to == NULL || to->shared_id || to->place->app != sc->place->app) {
        return NULL;
    }

    id = ngx_signaling_id(to->identity);

    return slice_eq(&id, peer) ? to : NULL;
}


/*
 * Those who are with other workers are remembered by the worker, so that the
 * lock of the zone is not taken for each message to one of them.  Whether one
 * is still there is read from its node.
 */

static uint32_t
ngx_signaling_targets(ngx_signaling_conn_t *sc, const slice_t *peer,
    sig_target_t *targets)
{
    uint32_t                 n;
    ngx_signaling_known_t   *known;
    ngx_signaling_worker_t  *sw;

    sw = sc->place->worker;
    known = ngx_signaling_known(sw, peer);

    if (known
        && known->app == sc->place->app
        && ngx_memcmp(known->id, peer->data, ACCESS_UUID_LEN) == 0
        && sig_registry_is_live(sw->registry, known->target.conn))
    {
        targets[0] = known->target;
        return 1;
    }

    n = sig_registry_find_peer(sw->registry, sc->place->app, peer, targets);

    if (known
        && n == 1
        && targets[0].slot != sw->registry->slot
        && !targets[0].shared_id)
    {
        known->target = targets[0];
        known->app = sc->place->app;
        ngx_memcpy(known->id, peer->data, ACCESS_UUID_LEN);
    }

    return n;
}


/*
 * Where a peer with a made-up ID would be; another one that belongs there
 * takes its place.  NULL: it is not kept.
 */

static ngx_signaling_known_t *
ngx_signaling_known(ngx_signaling_worker_t *sw, const slice_t *peer)
{
    uint64_t  first, last;

    if (peer->len != ACCESS_UUID_LEN) {
        return NULL;
    }

    if (sw->known == NULL) {
        sw->known = ngx_pcalloc(sw->cycle->pool,
                                NGX_SIGNALING_KNOWN
                                * sizeof(ngx_signaling_known_t));
        if (sw->known == NULL) {
            return NULL;
        }
    }

    /* any of their digits are as good as a hash of them all */

    ngx_memcpy(&first, peer->data, sizeof(uint64_t));
    ngx_memcpy(&last, peer->data + ACCESS_UUID_LEN - sizeof(uint64_t),
               sizeof(uint64_t));

    return &sw->known[((first ^ last) * 0x9e3779b97f4a7c15ULL >> 32)
                      % NGX_SIGNALING_KNOWN];
}


void
ngx_signaling_ack(ngx_signaling_conn_t *sc, const slice_t *request_id)
{
    u_char                 *p;
    ngx_signaling_frame_t  *f;

    if (request_id->data == NULL) {
        return;
    }

    f = ngx_signaling_frame(sc->place->worker, SIG_WS_TEXT,
                            sig_proto_ack_len(request_id), &p);
    if (f == NULL) {
        ngx_signaling_doom(sc, SIG_WS_INTERNAL);
        return;
    }

    (void) sig_proto_ack(p, request_id);

    ngx_signaling_send(sc, f);
    ngx_signaling_frame_unref(f);
}


static void
ngx_signaling_error(ngx_signaling_conn_t *sc, sig_code_e code,
    const slice_t *request_id)
{
    u_char                 *p;
    ngx_signaling_frame_t  *f;

    f = ngx_signaling_frame(sc->place->worker, SIG_WS_TEXT,
                            sig_proto_error_len(code, request_id), &p);
    if (f == NULL) {
        ngx_signaling_doom(sc, SIG_WS_INTERNAL);
        return;
    }

    (void) sig_proto_error(p, code, request_id);

    ngx_signaling_send(sc, f);
    ngx_signaling_frame_unref(f);
}


static void
ngx_signaling_pong(ngx_signaling_conn_t *sc)
{
    u_char                 *p;
    ngx_signaling_frame_t  *f;

    f = ngx_signaling_frame(sc->place->worker, SIG_WS_TEXT,
                            sig_proto_pong.len, &p);
    if (f == NULL) {
        ngx_signaling_doom(sc, SIG_WS_INTERNAL);
        return;
    }

    ngx_memcpy(p, sig_proto_pong.data, sig_proto_pong.len);

    ngx_signaling_send(sc, f);
    ngx_signaling_frame_unref(f);
}
