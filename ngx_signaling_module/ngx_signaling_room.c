
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The rooms that connections of this worker are in: who of them is in which,
 * joining, leaving, and the fan-out of messages.  A room here pins the shared
 * one, so that its reference stays good and relaying needs no lock.
 */


#include "ngx_signaling.h"
#include "sig_hash.h"

#include <openssl/rand.h>


#define NGX_SIGNALING_ROOMS_MIN  1024


static ngx_signaling_room_t *ngx_signaling_room_add(
    ngx_signaling_worker_t *sw, uint32_t app, const slice_t *name);
static void ngx_signaling_room_link(ngx_signaling_worker_t *sw,
    ngx_signaling_room_t *room, sig_ref_t ref);
static void ngx_signaling_room_remove(ngx_signaling_worker_t *sw,
    ngx_signaling_room_t *room);
static void ngx_signaling_rooms_grow(ngx_signaling_worker_t *sw);
static uint32_t ngx_signaling_room_hash(ngx_signaling_worker_t *sw,
    uint32_t app, const slice_t *name);
static ngx_signaling_frame_t *ngx_signaling_with_metadata(
    ngx_signaling_worker_t *sw, const slice_t *json, const slice_t *metadata);
static ngx_int_t ngx_signaling_join(ngx_signaling_conn_t *sc,
    const slice_t *name, sig_change_t *change, sig_roster_t *roster);
static sig_code_e ngx_signaling_resubscribe(ngx_signaling_sub_t *sub,
    sig_envelope_t *e);
static void ngx_signaling_leave(ngx_signaling_sub_t **at);


#define ngx_signaling_ref_hash(ref)  ((ref).index * 2654435761u >> 7)


ngx_int_t
ngx_signaling_rooms_init(ngx_signaling_worker_t *sw)
{
    size_t  size;

    size = NGX_SIGNALING_ROOMS_MIN * sizeof(ngx_signaling_room_t *);

    sw->by_name = ngx_calloc(size, sw->log);
    sw->by_ref = ngx_calloc(size, sw->log);
    sw->room_mask = NGX_SIGNALING_ROOMS_MIN - 1;

    if (sw->by_name == NULL
        || sw->by_ref == NULL
        || RAND_bytes(sw->seed, sizeof(sw->seed)) != 1)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_signaling_room_t *
ngx_signaling_room_by_name(ngx_signaling_worker_t *sw, uint32_t app,
    const slice_t *name)
{
    slice_t                own;
    uint32_t               hash;
    ngx_signaling_room_t  *room;

    hash = ngx_signaling_room_hash(sw, app, name);

    for (room = sw->by_name[hash & sw->room_mask];
         room;
         room = room->next_name)
    {
        own = ngx_signaling_room_name(room);

        if (room->app == app && slice_eq(&own, name)) {
            return room;
        }
    }

    return NULL;
}


ngx_signaling_room_t *
ngx_signaling_room_by_ref(ngx_signaling_worker_t *sw, sig_ref_t ref)
{
    ngx_signaling_room_t  *room;

    for (room = sw->by_ref[ngx_signaling_ref_hash(ref) & sw->room_mask];
         room;
         room = room->next_ref)
    {
        if (room->ref.index == ref.index && room->ref.gen == ref.gen) {
            return room;
        }
    }

    return NULL;
}


/*
 * Sends a message to the subscribers in this worker but one.  seq numbers the
 * last change of the room when it was published: who has come since, while
 * the message was on its way, is no receiver of it.  f is the frame around
 * json; those who asked for it get another one with the metadata of the
 * publisher.
 */

ngx_int_t
ngx_signaling_fanout(ngx_signaling_room_t *room, ngx_signaling_conn_t *except,
    uint64_t seq, ngx_signaling_frame_t *f, const slice_t *json,
    const slice_t *metadata)
{
    ngx_queue_t            *q;
    ngx_signaling_sub_t    *sub;
    ngx_signaling_frame_t  *with;

    with = NULL;

    /* nobody hears a message before the news of who sent it */

    ngx_signaling_news_tell(f->worker, room);

    for (q = ngx_queue_head(&room->subs);
         q != ngx_queue_sentinel(&room->subs);
         q = ngx_queue_next(q))
    {
        sub = ngx_queue_data(q, ngx_signaling_sub_t, in_room);

        if (sub->conn == except || sub->joined > seq) {
            continue;
        }

        if (!sub->metadata || metadata->len == 0) {
            ngx_signaling_deliver(sub->conn, room, f);
            continue;
        }

        if (with == NULL) {

            with = ngx_signaling_with_metadata(sub->conn->place->worker, json,
                                               metadata);
            if (with == NULL) {
                return NGX_ERROR;
            }
        }

        ngx_signaling_deliver(sub->conn, room, with);
    }

    if (with) {
        ngx_signaling_frame_unref(with);
    }

    return NGX_OK;
}


static ngx_signaling_frame_t *
ngx_signaling_with_metadata(ngx_signaling_worker_t *sw, const slice_t *json,
    const slice_t *metadata)
{
    size_t                  len;
    u_char                 *p;
    ngx_signaling_frame_t  *f;

    len = sig_proto_message_add_len(json, metadata);

    f = ngx_signaling_frame(sw, SIG_WS_TEXT, len, &p);

    if (f) {
        (void) sig_proto_message_add(p, json, metadata);
    }

    return f;
}


/* docs/protocol.md 5.4.2, steps 1 to 4 */

sig_code_e
ngx_signaling_subscribe(ngx_signaling_conn_t *sc, sig_envelope_t *e)
{
    ngx_int_t                rc;
    ngx_uint_t               n;
    sig_change_t             change;
    sig_roster_t             roster;
    ngx_signaling_sub_t     *sub, **last;
    ngx_signaling_room_t    *room;
    ngx_signaling_worker_t  *sw;

    sw = sc->place->worker;

    room = ngx_signaling_room_by_name(sw, sc->place->app, &e->channel);

    n = 0;

    for (last = &sc->subs; *last; last = &(*last)->next) {

        if ((*last)->room == room) {
            return ngx_signaling_resubscribe(*last, e);
        }

        n++;
    }

    if (n >= sc->place->conf->max_channels) {
        return SIG_CHANNEL_LIMIT_EXCEEDED;
    }

    if (ngx_signaling_outbox_behind(sw)) {
        return SIG_BACKEND_ERROR;
    }

    sub = ngx_alloc(sizeof(ngx_signaling_sub_t), sw->log);
    if (sub == NULL) {
        return SIG_INTERNAL_ERROR;
    }

    if (room == NULL) {
        room = ngx_signaling_room_add(sw, sc->place->app, &e->channel);
        if (room == NULL) {
            ngx_free(sub);
            return SIG_INTERNAL_ERROR;
        }
    }

    rc = ngx_signaling_join(sc, &e->channel, &change, &roster);

    if (rc != SIG_REGISTRY_OK) {

        if (room->nsubs == 0) {
            ngx_signaling_room_remove(sw, room);
        }

        ngx_free(sub);

        return rc == SIG_REGISTRY_PEER_FULL ? SIG_CHANNEL_LIMIT_EXCEEDED
                                            : SIG_BACKEND_ERROR;
    }

    if (room->nsubs == 0) {
        ngx_signaling_room_link(sw, room, change.room);
    }

    sub->conn = sc;
    sub->room = room;
    sub->member = change.member;
    sub->joined = change.seq;
    sub->seq = change.seq;
    sub->told = 0;
    sub->metadata = e->sender_metadata;

    ngx_queue_insert_tail(&room->subs, &sub->in_room);

    sub->next = NULL;
    *last = sub;

    room->nsubs++;

    ngx_signaling_ack(sc, &e->request_id);

    if (sc->actions & ACCESS_PRESENCE) {
        ngx_signaling_snapshot(sc, room, &roster);
    }

    ngx_signaling_changed(sw, room, &change, sc->identity);

    return SIG_OK;
}


static sig_code_e
ngx_signaling_resubscribe(ngx_signaling_sub_t *sub, sig_envelope_t *e)
{
    ngx_int_t                rc;
    sig_roster_t             roster;
    ngx_signaling_conn_t    *sc;
    ngx_signaling_worker_t  *sw;

    sc = sub->conn;
    sw = sc->place->worker;

    if (!(sc->actions & ACCESS_PRESENCE)) {
        sub->metadata = e->sender_metadata;
        ngx_signaling_ack(sc, &e->request_id);

        return SIG_OK;
    }

    do {
        roster.data = sw->roster;
        roster.size = sw->roster_size;

        rc = sig_registry_roster(sw->registry, sub->room->ref, sc->ref,
                                 &roster, NGX_SIGNALING_SNAPSHOT_MAX,
                                 &sub->seq);

    } while (rc == SIG_REGISTRY_SMALL
             && ngx_signaling_roster_grow(sw, roster.used) == NGX_OK);

    if (rc != SIG_REGISTRY_OK) {
        return SIG_BACKEND_ERROR;
    }

    sub->metadata = e->sender_metadata;

    ngx_signaling_ack(sc, &e->request_id);
    ngx_signaling_snapshot(sc, sub->room, &roster);

    return SIG_OK;
}


static ngx_int_t
ngx_signaling_join(ngx_signaling_conn_t *sc, const slice_t *name,
    sig_change_t *change, sig_roster_t *roster)
{
    ngx_int_t                rc;
    ngx_uint_t               presence;
    ngx_signaling_worker_t  *sw;

    sw = sc->place->worker;
    presence = sc->actions & ACCESS_PRESENCE;

    do {
        roster->data = sw->roster;
        roster->size = sw->roster_size;
        roster->used = 0;
        roster->count = 0;

        rc = sig_registry_join(sw->registry, sc->ref, name, change,
                               presence ? roster : NULL,
                               NGX_SIGNALING_SNAPSHOT_MAX);

    } while (rc == SIG_REGISTRY_SMALL
             && ngx_signaling_roster_grow(sw, roster->used) == NGX_OK);

    if (rc == SIG_REGISTRY_FULL) {
        ngx_signaling_full(sw);

    } else if (rc == SIG_REGISTRY_APP_FULL) {
        ngx_signaling_app_full(sw, &sc->place->key->app);
    }

    return rc;
}


void
ngx_signaling_unsubscribe(ngx_signaling_conn_t *sc, const slice_t *channel)
{
    ngx_signaling_sub_t   **at;
    ngx_signaling_room_t   *room;

    room = ngx_signaling_room_by_name(sc->place->worker, sc->place->app,
                                      channel);

    if (room == NULL) {
        return;
    }

    for (at = &sc->subs; *at; at = &(*at)->next) {

        if ((*at)->room == room) {
            ngx_signaling_unhold(sc, room);
            ngx_signaling_leave(at);
            return;
        }
    }
}


/*
 * The connection is about to end.  Nobody reaches it any more, which has to
 * be so before anybody is told that it has left.
 */

void
ngx_signaling_leave_all(ngx_signaling_conn_t *sc)
{
    if (sc->registered) {
        (void) sig_registry_disconnect(sc->place->worker->registry, sc->ref);
        sc->registered = 0;
    }

    /* what is held must not come behind a Close */

    ngx_signaling_unhold_all(sc);

    while (sc->subs) {
        ngx_signaling_leave(&sc->subs);
    }
}


/* at is where the list of the connection has it */

static void
ngx_signaling_leave(ngx_signaling_sub_t **at)
{
    ngx_int_t                rc;
    sig_ref_t                member;
    sig_change_t             change;
    ngx_signaling_sub_t     *sub;
    ngx_signaling_conn_t    *sc;
    ngx_signaling_room_t    *room;
    ngx_signaling_worker_t  *sw;

    /* the analyzer does not see that a freed one is in no queue any more */

    sub = *at;
    sc = sub->conn;                    /* NOLINT(clang-analyzer-unix.Malloc) */
    room = sub->room;
    member = sub->member;
    sw = sc->place->worker;

    rc = sig_registry_leave(sw->registry, member, room->nsubs == 1, &change);

    ngx_queue_remove(&sub->in_room);
    *at = sub->next;
    ngx_free(sub);

    room->nsubs--;

    if (rc == SIG_REGISTRY_OK) {
        ngx_signaling_changed(sw, room, &change, sc->identity);
        ngx_signaling_retire(sw, member);

    } else {
        ngx_log_error(NGX_LOG_ALERT, sw->log, 0,
                      "signaling member is not in the registry");
    }

    if (room->nsubs == 0) {
        ngx_signaling_room_remove(sw, room);
    }
}


static ngx_signaling_room_t *
ngx_signaling_room_add(ngx_signaling_worker_t *sw, uint32_t app,
    const slice_t *name)
{
    size_t                  len, bare;
    u_char                 *p;
    uint32_t                hash;
    ngx_signaling_room_t  **bucket, *room;

    len = sig_proto_quote_len(name);
    bare = ngx_signaling_bare_len(len, name->len);

    room = ngx_alloc(offsetof(ngx_signaling_room_t, text) + len + bare,
                     sw->log);
    if (room == NULL) {
        return NULL;
    }

    ngx_signaling_rooms_grow(sw);

    room->name_len = (uint16_t) name->len;
    room->quoted_len = (uint16_t) len;

    p = sig_proto_quote(room->text, name);
    ngx_memcpy(p, name->data, bare);

    ngx_queue_init(&room->subs);

    room->batch = NULL;
    room->nsubs = 0;
    room->app = app;
    room->ref.index = 0;
    room->ref.gen = 0;

    hash = ngx_signaling_room_hash(sw, app, name);

    bucket = &sw->by_name[hash & sw->room_mask];
    room->next_name = *bucket;
    *bucket = room;

    sw->nrooms++;

    return room;
}


static void
ngx_signaling_room_link(ngx_signaling_worker_t *sw,
    ngx_signaling_room_t *room, sig_ref_t ref)
{
    ngx_signaling_room_t  **bucket;

    room->ref = ref;

    bucket = &sw->by_ref[ngx_signaling_ref_hash(ref) & sw->room_mask];
    room->next_ref = *bucket;
    *bucket = room;
}


static void
ngx_signaling_room_remove(ngx_signaling_worker_t *sw,
    ngx_signaling_room_t *room)
{
    slice_t                 name;
    uint32_t                hash;
    ngx_signaling_room_t  **bucket;

    ngx_signaling_news_forget(sw, room);

    name = ngx_signaling_room_name(room);
    hash = ngx_signaling_room_hash(sw, room->app, &name);

    bucket = &sw->by_name[hash & sw->room_mask];

    while (*bucket != room) {
        bucket = &(*bucket)->next_name;
    }

    *bucket = room->next_name;

    if (room->ref.gen) {
        bucket = &sw->by_ref[ngx_signaling_ref_hash(room->ref)
                             & sw->room_mask];

        while (*bucket != room) {
            bucket = &(*bucket)->next_ref;
        }

        *bucket = room->next_ref;
    }

    sw->nrooms--;

    ngx_free(room);
}


/*
 * Doubles the tables when there are twice as many rooms as chains.  Without
 * memory for it, chains grow instead.
 */

static void
ngx_signaling_rooms_grow(ngx_signaling_worker_t *sw)
{
    size_t                  size;
    slice_t                 name;
    uint32_t                i, mask, n;
    ngx_signaling_room_t  **by_name, **by_ref, *room, *next;

    if (sw->nrooms / 2 <= sw->room_mask) {
        return;
    }

    mask = sw->room_mask * 2 + 1;
    size = ((size_t) mask + 1) * sizeof(ngx_signaling_room_t *);

    by_name = ngx_calloc(size, sw->log);
    by_ref = ngx_calloc(size, sw->log);

    if (by_name == NULL || by_ref == NULL) {
        ngx_free(by_name);
        ngx_free(by_ref);
        return;
    }

    for (i = 0; i <= sw->room_mask; i++) {

        for (room = sw->by_name[i]; room; room = next) {
            next = room->next_name;
            name = ngx_signaling_room_name(room);
            n = ngx_signaling_room_hash(sw, room->app, &name) & mask;
            room->next_name = by_name[n];
            by_name[n] = room;
        }

        for (room = sw->by_ref[i]; room; room = next) {
            next = room->next_ref;
            n = ngx_signaling_ref_hash(room->ref) & mask;
            room->next_ref = by_ref[n];
            by_ref[n] = room;
        }
    }

    ngx_free(sw->by_name);
    ngx_free(sw->by_ref);

    sw->by_name = by_name;
    sw->by_ref = by_ref;
    sw->room_mask = mask;
}


static uint32_t
ngx_signaling_room_hash(ngx_signaling_worker_t *sw, uint32_t app,
    const slice_t *name)
{
    return (uint32_t) sig_hash(sw->seed, app, name->data, name->len);
}
