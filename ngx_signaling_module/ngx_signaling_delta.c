
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Changes of a room on their way to its members in this worker.
 *
 * What happens to a room in one turn of the event loop is told at its end, in
 * one frame for all.  A large room is told once in an interval: a frame for
 * each who comes would be n for each of n.  The first change after a quiet
 * time does not wait.
 *
 * So changes gather in the batch of their room.  It has no two about the same
 * peer: the second one tells what has gathered.  So does a message to the
 * room, since it must not come before the news of who sent it; a direct
 * message does it for the one who gets it, whose subscription then counts how
 * much of the batch it knows ("told").
 *
 * A batch belongs to its room, and is in one of two queues of the worker:
 * "news", to be told at the end of this turn, or "later", in the order of
 * "due".  An empty one in "later" says that the room has just been told.
 */


#include "ngx_signaling.h"
#include "sig_hash.h"


#define NGX_SIGNALING_BATCH_MIN   512        /* bytes of entries */
#define NGX_SIGNALING_BATCH_MAX   65536      /* are told at once */
#define NGX_SIGNALING_BATCH_KEEP  4096       /* in a batch for reuse */
#define NGX_SIGNALING_BATCHES     256        /* kept for reuse */

#define NGX_SIGNALING_INTERVAL    50         /* ms, of a large room */


/* behind it, the peer ID and the metadata; not aligned */

typedef struct {
    uint64_t                   seq;
    uint16_t                   peer_len;
    uint16_t                   metadata_len;
    uint16_t                   joined;
} ngx_signaling_entry_t;


struct ngx_signaling_batch_s {
    ngx_queue_t                queue;
    ngx_signaling_room_t      *room;
    ngx_signaling_batch_t     *next;         /* of the free ones */
    ngx_msec_t                 due;          /* in "later" */
    uint64_t                   peers[4];     /* bits of hashes, of those in */
    uint64_t                   lowest;       /* of the seqs */
    uint32_t                   count;
    uint32_t                   used;         /* bytes */
    uint32_t                   size;
    u_char                    *data;
    unsigned                   shared:1;     /* some ID is a shared one */
};


static ngx_signaling_batch_t *ngx_signaling_batch_add(
    ngx_signaling_worker_t *sw, ngx_signaling_room_t *room, size_t len);
static ngx_signaling_batch_t *ngx_signaling_batch(
    ngx_signaling_worker_t *sw);
static ngx_int_t ngx_signaling_batch_grow(ngx_signaling_worker_t *sw,
    ngx_signaling_batch_t *batch, size_t len);
static ngx_uint_t ngx_signaling_batch_has(ngx_signaling_batch_t *batch,
    uint64_t hash, const slice_t *peer);
static ngx_uint_t ngx_signaling_batch_about(ngx_signaling_batch_t *batch,
    ngx_signaling_sub_t *sub);
static u_char *ngx_signaling_batch_entry(u_char *p,
    ngx_signaling_entry_t *entry, slice_t *peer, slice_t *metadata);
static void ngx_signaling_batch_end(ngx_signaling_worker_t *sw,
    ngx_signaling_batch_t *batch);
static void ngx_signaling_batch_tell(ngx_signaling_worker_t *sw,
    ngx_signaling_batch_t *batch);
static void ngx_signaling_batch_tell_one(ngx_signaling_batch_t *batch,
    ngx_signaling_sub_t *sub);
static ngx_signaling_frame_t *ngx_signaling_batch_frame(
    ngx_signaling_worker_t *sw, ngx_signaling_batch_t *batch,
    ngx_signaling_sub_t *sub, uint32_t *count);
static size_t ngx_signaling_batch_list(ngx_signaling_batch_t *batch,
    ngx_signaling_sub_t *sub, ngx_uint_t joined, u_char *p, uint32_t *count);
static void ngx_signaling_later_handler(ngx_event_t *ev);


void
ngx_signaling_news_init(ngx_signaling_worker_t *sw)
{
    ngx_queue_init(&sw->news);
    ngx_queue_init(&sw->later);

    sw->later_ev.handler = ngx_signaling_later_handler;
    sw->later_ev.data = sw;
    sw->later_ev.log = sw->log;
    sw->later_ev.cancelable = 1;
}


/* those that are kept for the next room */

void
ngx_signaling_news_free(ngx_signaling_worker_t *sw)
{
    ngx_signaling_batch_t  *batch;

    while (sw->batches) {
        batch = sw->batches;
        sw->batches = batch->next;

        if (batch->data) {
            ngx_free(batch->data);
        }

        ngx_free(batch);
    }

    sw->nbatches = 0;
}


/*
 * A change of a room with the number seq, to be told to those members who may
 * see it, do not know it yet and are not that peer.
 */

void
ngx_signaling_news(ngx_signaling_worker_t *sw, ngx_signaling_room_t *room,
    ngx_uint_t joined, ngx_uint_t shared_id, uint64_t seq,
    const slice_t *peer, const slice_t *metadata)
{
    u_char                 *p;
    size_t                  len;
    uint64_t                hash;
    ngx_queue_t            *q;
    ngx_signaling_sub_t    *sub;
    ngx_signaling_entry_t   entry;
    ngx_signaling_batch_t  *batch;

    if (room->nsubs == 0) {
        return;
    }

    hash = sig_hash(sw->seed, 0, peer->data, peer->len);
    batch = room->batch;

    if (batch && ngx_signaling_batch_has(batch, hash, peer)) {
        ngx_signaling_batch_tell(sw, batch);
    }

    len = sizeof(ngx_signaling_entry_t) + peer->len + metadata->len;

    batch = ngx_signaling_batch_add(sw, room, len);

    if (batch == NULL) {

        for (q = ngx_queue_head(&room->subs);
             q != ngx_queue_sentinel(&room->subs);
             q = ngx_queue_next(q))
        {
            sub = ngx_queue_data(q, ngx_signaling_sub_t, in_room);
            ngx_signaling_doom(sub->conn, SIG_WS_INTERNAL);
        }

        return;
    }

    entry.seq = seq;
    entry.peer_len = (uint16_t) peer->len;
    entry.metadata_len = (uint16_t) metadata->len;
    entry.joined = (uint16_t) joined;

    p = ngx_cpymem(batch->data + batch->used, &entry,
                   sizeof(ngx_signaling_entry_t));
    p = ngx_cpymem(p, peer->data, peer->len);

    if (metadata->len) {
        ngx_memcpy(p, metadata->data, metadata->len);
    }

    batch->peers[hash >> 6 & 3] |= (uint64_t) 1 << (hash & 63);
    batch->lowest = batch->count ? ngx_min(batch->lowest, seq) : seq;
    batch->shared |= shared_id ? 1 : 0;
    batch->used += (uint32_t) len;
    batch->count++;
}


/* the batch that takes len bytes more; NULL when there is no memory */

static ngx_signaling_batch_t *
ngx_signaling_batch_add(ngx_signaling_worker_t *sw,
    ngx_signaling_room_t *room, size_t len)
{
    ngx_signaling_batch_t  *batch;

    batch = room->batch;

    if (batch && batch->count
        && batch->used + len > NGX_SIGNALING_BATCH_MAX)
    {
        ngx_signaling_batch_tell(sw, batch);
    }

    if (batch == NULL) {
        batch = ngx_signaling_batch(sw);
        if (batch == NULL) {
            return NULL;
        }

        batch->room = room;
        room->batch = batch;

        ngx_queue_insert_tail(&sw->news, &batch->queue);
        ngx_signaling_flush_post(sw);
    }

    if (ngx_signaling_batch_grow(sw, batch, len) != NGX_OK) {
        return NULL;
    }

    if (batch->count == 0) {
        sw->untold++;
    }

    return batch;
}


static ngx_signaling_batch_t *
ngx_signaling_batch(ngx_signaling_worker_t *sw)
{
    ngx_signaling_batch_t  *batch;

    batch = sw->batches;

    if (batch) {
        sw->batches = batch->next;
        sw->nbatches--;

    } else {
        batch = ngx_calloc(sizeof(ngx_signaling_batch_t), sw->log);
        if (batch == NULL) {
            return NULL;
        }
    }

    return batch;
}


static ngx_int_t
ngx_signaling_batch_grow(ngx_signaling_worker_t *sw,
    ngx_signaling_batch_t *batch, size_t len)
{
    size_t   size;
    u_char  *data;

    if (batch->used + len <= batch->size) {
        return NGX_OK;
    }

    size = batch->size ? batch->size : NGX_SIGNALING_BATCH_MIN;

    while (size < batch->used + len) {
        size *= 2;
    }

    data = ngx_alloc(size, sw->log);
    if (data == NULL) {
        return NGX_ERROR;
    }

    if (batch->data) {
        ngx_memcpy(data, batch->data, batch->used);
        ngx_free(batch->data);
    }

    batch->data = data;
    batch->size = (uint32_t) size;

    return NGX_OK;
}


static ngx_uint_t
ngx_signaling_batch_has(ngx_signaling_batch_t *batch, uint64_t hash,
    const slice_t *peer)
{
    u_char                 *p;
    slice_t                 other, metadata;
    ngx_signaling_entry_t   entry;

    if (!(batch->peers[hash >> 6 & 3] & (uint64_t) 1 << (hash & 63))) {
        return 0;
    }

    p = batch->data;

    while (p < batch->data + batch->used) {
        p = ngx_signaling_batch_entry(p, &entry, &other, &metadata);

        if (slice_eq(&other, peer)) {
            return 1;
        }
    }

    return 0;
}


/* an ID of several connections: some of them hear of the others' */

static ngx_uint_t
ngx_signaling_batch_about(ngx_signaling_batch_t *batch,
    ngx_signaling_sub_t *sub)
{
    slice_t   id;
    uint64_t  hash;

    id = ngx_signaling_id(sub->conn->identity);
    hash = sig_hash(sub->conn->place->worker->seed, 0, id.data, id.len);

    return ngx_signaling_batch_has(batch, hash, &id);
}


/* takes the entry at p; returns where the next one begins */

static u_char *
ngx_signaling_batch_entry(u_char *p, ngx_signaling_entry_t *entry,
    slice_t *peer, slice_t *metadata)
{
    ngx_memcpy(entry, p, sizeof(ngx_signaling_entry_t));
    p += sizeof(ngx_signaling_entry_t);

    peer->data = p;
    peer->len = entry->peer_len;
    p += entry->peer_len;

    metadata->data = p;
    metadata->len = entry->metadata_len;

    return p + entry->metadata_len;
}


/* what has gathered goes to all, before something that must come behind it */

void
ngx_signaling_news_tell(ngx_signaling_worker_t *sw,
    ngx_signaling_room_t *room)
{
    if (room->batch) {
        ngx_signaling_batch_tell(sw, room->batch);
    }
}


/* the same for one connection, in all rooms that it is in */

void
ngx_signaling_news_tell_one(ngx_signaling_conn_t *sc)
{
    ngx_signaling_sub_t    *sub;
    ngx_signaling_batch_t  *batch;

    if (sc->place->worker->untold == 0 || !(sc->actions & ACCESS_PRESENCE)) {
        return;
    }

    for (sub = sc->subs; sub; sub = sub->next) {
        batch = sub->room->batch;

        if (batch && sub->told < batch->count) {
            ngx_signaling_batch_tell_one(batch, sub);
            sub->told = batch->count;
        }
    }
}


/* the end of a turn */

void
ngx_signaling_news_flush(ngx_signaling_worker_t *sw)
{
    ngx_queue_t            *q;
    ngx_signaling_batch_t  *batch;

    while (!ngx_queue_empty(&sw->news)) {
        q = ngx_queue_head(&sw->news);
        batch = ngx_queue_data(q, ngx_signaling_batch_t, queue);

        /* the analyzer does not see that a freed one is in no queue any more */

        ngx_signaling_batch_tell(sw, batch);   /* NOLINT(clang-analyzer-*) */

        if (!ngx_signaling_large(batch->room)) {
            ngx_signaling_batch_end(sw, batch);
            continue;
        }

        batch->due = ngx_current_msec + NGX_SIGNALING_INTERVAL;

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&sw->later, q);

        if (!sw->later_ev.timer_set) {
            ngx_add_timer(&sw->later_ev, NGX_SIGNALING_INTERVAL);
        }
    }
}


static void
ngx_signaling_later_handler(ngx_event_t *ev)
{
    ngx_queue_t             *q;
    ngx_msec_int_t           left;
    ngx_signaling_batch_t   *batch;
    ngx_signaling_worker_t  *sw;

    sw = ev->data;

    while (!ngx_queue_empty(&sw->later)) {
        q = ngx_queue_head(&sw->later);
        batch = ngx_queue_data(q, ngx_signaling_batch_t, queue);

        /* likewise */

        left = (ngx_msec_int_t) (batch->due      /* NOLINT(clang-analyzer-*) */
                                 - ngx_current_msec);

        if (left > 0) {
            ngx_add_timer(ev, (ngx_msec_t) left);
            return;
        }

        if (batch->count == 0) {
            ngx_signaling_batch_end(sw, batch);
            continue;
        }

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&sw->news, q);
        ngx_signaling_flush_post(sw);
    }
}


/* nobody of this worker is in the room any more */

void
ngx_signaling_news_forget(ngx_signaling_worker_t *sw,
    ngx_signaling_room_t *room)
{
    if (room->batch == NULL) {
        return;
    }

    if (room->batch->count) {
        sw->untold--;
    }

    ngx_signaling_batch_end(sw, room->batch);
}


static void
ngx_signaling_batch_end(ngx_signaling_worker_t *sw,
    ngx_signaling_batch_t *batch)
{
    u_char    *data;
    uint32_t   size;

    batch->room->batch = NULL;
    ngx_queue_remove(&batch->queue);

    data = batch->data;
    size = batch->size;

    if (size > NGX_SIGNALING_BATCH_KEEP
        || sw->nbatches == NGX_SIGNALING_BATCHES)
    {
        ngx_free(data);
        data = NULL;
        size = 0;
    }

    if (sw->nbatches == NGX_SIGNALING_BATCHES) {
        ngx_free(batch);
        return;
    }

    ngx_memzero(batch, sizeof(ngx_signaling_batch_t));

    batch->data = data;
    batch->size = size;
    batch->next = sw->batches;

    sw->batches = batch;
    sw->nbatches++;
}


/*
 * Most members get one and the same frame.  Those get one of their own who
 * have come since, know a part of it, or may be in it themselves.
 */

static void
ngx_signaling_batch_tell(ngx_signaling_worker_t *sw,
    ngx_signaling_batch_t *batch)
{
    uint32_t                count;
    ngx_queue_t            *q;
    ngx_signaling_sub_t    *sub;
    ngx_signaling_frame_t  *all;

    if (batch->count == 0) {
        return;
    }

    all = NULL;

    for (q = ngx_queue_head(&batch->room->subs);
         q != ngx_queue_sentinel(&batch->room->subs);
         q = ngx_queue_next(q))
    {
        sub = ngx_queue_data(q, ngx_signaling_sub_t, in_room);

        if (!(sub->conn->actions & ACCESS_PRESENCE)) {
            continue;
        }

        if (sub->told
            || sub->seq >= batch->lowest
            || (batch->shared && ngx_signaling_batch_about(batch, sub)))
        {
            ngx_signaling_batch_tell_one(batch, sub);
            sub->told = 0;
            continue;
        }

        if (all == NULL) {
            all = ngx_signaling_batch_frame(sw, batch, NULL, &count);
            if (all == NULL) {
                ngx_signaling_doom(sub->conn, SIG_WS_INTERNAL);
                continue;
            }
        }

        ngx_signaling_deliver(sub->conn, batch->room, all);
    }

    if (all) {
        ngx_signaling_frame_unref(all);
    }

    sw->untold--;

    batch->used = 0;
    batch->count = 0;
    batch->shared = 0;

    ngx_memzero(batch->peers, sizeof(batch->peers));
}


static void
ngx_signaling_batch_tell_one(ngx_signaling_batch_t *batch,
    ngx_signaling_sub_t *sub)
{
    uint32_t                count;
    ngx_signaling_conn_t   *sc;
    ngx_signaling_frame_t  *f;

    sc = sub->conn;

    f = ngx_signaling_batch_frame(sc->place->worker, batch, sub, &count);

    if (f == NULL) {

        if (count) {
            ngx_signaling_doom(sc, SIG_WS_INTERNAL);
        }

        return;
    }

    ngx_signaling_deliver(sc, batch->room, f);
    ngx_signaling_frame_unref(f);
}


/*
 * What a subscription has to hear of a batch; all of it, when sub is NULL.
 * NULL is returned when *count is 0, or when there is no memory.
 */

static ngx_signaling_frame_t *
ngx_signaling_batch_frame(ngx_signaling_worker_t *sw,
    ngx_signaling_batch_t *batch, ngx_signaling_sub_t *sub, uint32_t *count)
{
    u_char                 *p;
    size_t                  len;
    uint32_t                joined, left;
    slice_t                 channel;
    ngx_signaling_frame_t  *f;

    channel = ngx_signaling_room_quoted(batch->room);

    len = sig_proto_presence_open_len(&channel)
          + ngx_signaling_batch_list(batch, sub, 1, NULL, &joined)
          + sig_proto_presence_turn_len()
          + ngx_signaling_batch_list(batch, sub, 0, NULL, &left)
          + sig_proto_presence_close_len();

    *count = joined + left;

    if (*count == 0) {
        return NULL;
    }

    f = ngx_signaling_frame(sw, SIG_WS_TEXT, len, &p);
    if (f == NULL) {
        return NULL;
    }

    p = sig_proto_presence_open(p, &channel);
    p += ngx_signaling_batch_list(batch, sub, 1, p, &joined);
    p = sig_proto_presence_turn(p);
    p += ngx_signaling_batch_list(batch, sub, 0, p, &left);
    (void) sig_proto_presence_close(p);

    return f;
}


/* writes those who have joined, or left, to p if it is not NULL */

static size_t
ngx_signaling_batch_list(ngx_signaling_batch_t *batch,
    ngx_signaling_sub_t *sub, ngx_uint_t joined, u_char *p, uint32_t *count)
{
    size_t                 len;
    u_char                *next, text[NGX_SIGNALING_QUOTED_ID];
    slice_t                peer, metadata, quoted, own;
    uint32_t               i;
    ngx_signaling_entry_t  entry;

    len = 0;
    next = batch->data;
    *count = 0;

    if (sub) {
        own = ngx_signaling_id(sub->conn->identity);

    } else {
        ngx_memzero(&own, sizeof(slice_t));
    }

    for (i = 0; i < batch->count; i++) {
        next = ngx_signaling_batch_entry(next, &entry, &peer, &metadata);

        if (entry.joined != joined) {
            continue;
        }

        if (sub
            && (i < sub->told
                || entry.seq <= sub->seq
                || slice_eq(&own, &peer)))
        {
            continue;
        }

        quoted.data = text;
        quoted.len = sig_proto_quote(text, &peer) - text;

        if (p) {
            p = sig_proto_presence_entry(p, &quoted, &metadata, *count == 0);
        }

        len += sig_proto_presence_entry_len(&quoted, &metadata, *count == 0);
        (*count)++;
    }

    return len;
}
