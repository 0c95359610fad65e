
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The queues in which frames wait for a connection.
 *
 * Nothing is written while frames are being handled: a connection
 * with something to write is put on the worker's dirty list, and each is
 * written once at the end of the turn of the event loop, or between two that
 * are read, when very much waits.  So whoever walks a
 * list of connections can send to them without one of them being closed
 * under it: what has to be closed is doomed, and closed at the flush.
 *
 * Those who get what goes to all of a large room are written some in each
 * turn, so that nobody else waits for all of them.
 */


#include "ngx_signaling.h"


#define NGX_SIGNALING_IOVS   64
#define NGX_SIGNALING_ITEMS  4096    /* kept for reuse */
#define NGX_SIGNALING_GATHER 8192    /* bytes written from one piece */
#define NGX_SIGNALING_EARLY  262144  /* bytes of frames made, then written */
#define NGX_SIGNALING_POSTED 65536   /* bytes of records, then one is called */
#define NGX_SIGNALING_SLICE  128     /* of a crowd, in a turn */


static void ngx_signaling_push(ngx_signaling_busy_t *busy,
    ngx_signaling_frame_t *f);
static void ngx_signaling_dirty_busy(ngx_signaling_busy_t *busy);
static void ngx_signaling_dirty_crowd(ngx_signaling_busy_t *busy);
static ssize_t ngx_signaling_output_plain(ngx_signaling_conn_t *sc);
static ssize_t ngx_signaling_output_ssl(ngx_signaling_conn_t *sc);
static size_t ngx_signaling_output_gather(ngx_signaling_conn_t *sc);
static void ngx_signaling_output_advance(ngx_signaling_conn_t *sc,
    size_t sent);
static void ngx_signaling_flush_handler(ngx_event_t *ev);
static void ngx_signaling_flush_dirty(ngx_signaling_worker_t *sw);
static void ngx_signaling_flush_first(ngx_queue_t *queue);


ngx_int_t
ngx_signaling_output_init(ngx_signaling_worker_t *sw)
{
    sw->flush.handler = ngx_signaling_flush_handler;
    sw->flush.data = sw;
    sw->flush.log = sw->log;

    ngx_queue_init(&sw->dirty);
    ngx_queue_init(&sw->crowd);

    ngx_signaling_held_init(sw);
    ngx_signaling_news_init(sw);

    sw->scratch = ngx_palloc(sw->cycle->pool, NGX_SIGNALING_SCRATCH);

    return sw->scratch ? NGX_OK : NGX_ERROR;
}


/* queues a frame behind those that are already on their way */

void
ngx_signaling_send(ngx_signaling_conn_t *sc, ngx_signaling_frame_t *f)
{
    ngx_signaling_busy_t  *busy;

    busy = ngx_signaling_busy(sc);
    if (busy == NULL) {
        ngx_signaling_fail(sc);
        return;
    }

    ngx_signaling_push(busy, f);
    ngx_signaling_dirty_busy(busy);
}


static void
ngx_signaling_push(ngx_signaling_busy_t *busy, ngx_signaling_frame_t *f)
{
    ngx_signaling_conn_t   *sc;
    ngx_signaling_item_t   *item;
    ngx_signaling_place_t  *place;

    sc = busy->conn;
    place = sc->place;

    if (sc->deflate) {
        f = ngx_signaling_deflated(sc, f);
    }

    if (busy->out_bytes + f->len > place->conf->send_buffer && busy->out.first)
    {
        ngx_signaling_doom(sc, SIG_WS_POLICY);
        return;
    }

    item = ngx_signaling_item(place->worker);
    if (item == NULL) {
        ngx_signaling_doom(sc, SIG_WS_INTERNAL);
        return;
    }

    f->refs++;
    item->frame = f;

    busy->out_bytes += f->len;

    ngx_signaling_queue_push(&busy->out, item);
}


/*
 * Sends presence, a message or a direct frame, which have to stay behind a
 * snapshot that is still held.
 */

void
ngx_signaling_deliver(ngx_signaling_conn_t *sc, ngx_signaling_room_t *room,
    ngx_signaling_frame_t *f)
{
    ngx_signaling_busy_t  *busy;

    if (sc->state != NGX_SIGNALING_OPEN) {
        return;
    }

    busy = ngx_signaling_busy(sc);
    if (busy == NULL) {
        ngx_signaling_fail(sc);
        return;
    }

    if (busy->doom) {
        return;
    }

    sc->messages_out++;

    if (busy->held.first) {
        ngx_signaling_hold(sc, room, f, 0);
        return;
    }

    ngx_signaling_push(busy, f);

    if (room && ngx_signaling_large(room)) {
        ngx_signaling_dirty_crowd(busy);
        return;
    }

    ngx_signaling_dirty_busy(busy);
}


/* what must end, but not now: somebody is walking over it */

void
ngx_signaling_doom(ngx_signaling_conn_t *sc, ngx_uint_t code)
{
    ngx_signaling_busy_t  *busy;

    busy = ngx_signaling_busy(sc);
    if (busy == NULL) {
        ngx_signaling_fail(sc);
        return;
    }

    if (busy->doom == 0) {
        busy->doom = (uint16_t) code;
    }

    ngx_signaling_dirty_busy(busy);
}


void
ngx_signaling_dirty(ngx_signaling_conn_t *sc)
{
    ngx_signaling_busy_t  *busy;

    busy = ngx_signaling_busy(sc);
    if (busy == NULL) {
        ngx_signaling_fail(sc);
        return;
    }

    ngx_signaling_dirty_busy(busy);
}


static void
ngx_signaling_dirty_busy(ngx_signaling_busy_t *busy)
{
    ngx_signaling_worker_t  *sw;

    sw = busy->conn->place->worker;

    if (busy->dirty) {

        if (!busy->crowd) {
            return;
        }

        ngx_queue_remove(&busy->link);
    }

    busy->dirty = 1;
    busy->crowd = 0;

    ngx_queue_insert_tail(&sw->dirty, &busy->link);
    ngx_signaling_flush_post(sw);
}


static void
ngx_signaling_dirty_crowd(ngx_signaling_busy_t *busy)
{
    ngx_signaling_worker_t  *sw;

    if (busy->dirty) {
        return;
    }

    sw = busy->conn->place->worker;

    busy->dirty = 1;
    busy->crowd = 1;

    ngx_queue_insert_tail(&sw->crowd, &busy->link);
    ngx_signaling_flush_post(sw);
}


void
ngx_signaling_flush_post(ngx_signaling_worker_t *sw)
{
    if (!sw->flush.posted) {
        ngx_post_event(&sw->flush, &ngx_posted_events);
    }
}


/*
 * Drops what waits.  What has been written in part has to stay when something
 * is to follow it, and so has what OpenSSL has made a record of already.
 */

void
ngx_signaling_output_clear(ngx_signaling_conn_t *sc, ngx_uint_t keep_begun)
{
    size_t                  begun;
    ngx_signaling_busy_t   *busy;
    ngx_signaling_item_t   *item;
    ngx_signaling_queue_t   kept;

    busy = sc->busy;

    ngx_signaling_unhold_all(sc);

    kept.first = NULL;
    kept.last = NULL;
    begun = keep_begun ? (size_t) busy->out_sent + busy->out_tried : 0;

    while ((item = ngx_signaling_queue_pop(&busy->out)) != NULL) {

        if (begun) {
            begun -= ngx_min(begun, item->frame->len);
            ngx_signaling_queue_push(&kept, item);
            continue;
        }

        busy->out_bytes -= item->frame->len;
        ngx_signaling_item_done(sc, item);
    }

    busy->out = kept;

    if (kept.first == NULL) {
        busy->out_sent = 0;
        busy->out_tried = 0;
    }
}


/*
 * Writes as much as the socket takes.  Returns NGX_OK when nothing is left,
 * NGX_AGAIN when the write event will go on, NGX_ERROR when the connection
 * is of no use any more.
 */

ngx_int_t
ngx_signaling_output_flush(ngx_signaling_conn_t *sc)
{
    ssize_t                n;
    ngx_connection_t      *c;
    ngx_signaling_busy_t  *busy;

    c = sc->connection;
    busy = sc->busy;

    while (busy->out.first) {

        if (!c->write->ready) {
            return NGX_AGAIN;
        }

        n = c->ssl ? ngx_signaling_output_ssl(sc)
                   : ngx_signaling_output_plain(sc);

        if (n == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (n == NGX_AGAIN) {
            return NGX_AGAIN;
        }

        ngx_signaling_output_advance(sc, n);
    }

    return NGX_OK;
}


static ssize_t
ngx_signaling_output_plain(ngx_signaling_conn_t *sc)
{
    size_t                 size;
    ssize_t                n;
    ngx_iovec_t            vec;
    struct iovec           iovs[NGX_SIGNALING_IOVS];
    ngx_connection_t      *c;
    ngx_signaling_busy_t  *busy;
    ngx_signaling_item_t  *item;

    c = sc->connection;
    busy = sc->busy;
    item = busy->out.first;

    if (item->next == NULL) {
        return c->send(c, item->frame->data + busy->out_sent,
                       item->frame->len - busy->out_sent);
    }

    /* the kernel takes longer over many small pieces than we do */

    if (busy->out_bytes <= NGX_SIGNALING_GATHER) {
        size = ngx_signaling_output_gather(sc);

        return c->send(c, sc->place->worker->scratch, size);
    }

    vec.iovs = iovs;
    vec.nalloc = NGX_SIGNALING_IOVS;
    vec.count = 0;
    size = 0;

    for ( /* void */ ; item; item = item->next) {

        if (vec.count == vec.nalloc) {
            break;
        }

        iovs[vec.count].iov_base = item->frame->data;
        iovs[vec.count].iov_len = item->frame->len;

        if (vec.count == 0) {
            iovs[0].iov_base = item->frame->data + busy->out_sent;
            iovs[0].iov_len -= busy->out_sent;
        }

        size += iovs[vec.count].iov_len;
        vec.count++;
    }

    vec.size = size;

    n = ngx_writev(c, &vec);

    if (n == NGX_AGAIN) {
        c->write->ready = 0;
        return NGX_AGAIN;
    }

    if (n == NGX_ERROR) {
        c->write->error = 1;
        return NGX_ERROR;
    }

    c->sent += n;

    if ((size_t) n < size) {
        c->write->ready = 0;
    }

    return n;
}


/*
 * One TLS record for many small frames.  A write that OpenSSL has not
 * finished must be repeated with the same bytes at the same place: they come
 * from the same queue again, and the scratch buffer does not move.
 */

static ssize_t
ngx_signaling_output_ssl(ngx_signaling_conn_t *sc)
{
    size_t             len;
    ssize_t            rc;
    ngx_connection_t  *c;

    c = sc->connection;

    len = ngx_signaling_output_gather(sc);

    rc = c->send(c, sc->place->worker->scratch, len);

    sc->busy->out_tried = (rc == NGX_AGAIN) ? (uint16_t) len : 0;

    return rc;
}


/* copies what is first in the queue to the scratch buffer, as it fits */

static size_t
ngx_signaling_output_gather(ngx_signaling_conn_t *sc)
{
    size_t                 len, n, skip;
    u_char                *scratch;
    ngx_signaling_busy_t  *busy;
    ngx_signaling_item_t  *item;

    busy = sc->busy;
    scratch = sc->place->worker->scratch;

    len = 0;
    skip = busy->out_sent;

    for (item = busy->out.first; item; item = item->next) {
        n = item->frame->len - skip;
        n = ngx_min(n, NGX_SIGNALING_SCRATCH - len);

        ngx_memcpy(scratch + len, item->frame->data + skip, n);

        len += n;
        skip = 0;

        if (len == NGX_SIGNALING_SCRATCH) {
            break;
        }
    }

    return len;
}


static void
ngx_signaling_output_advance(ngx_signaling_conn_t *sc, size_t sent)
{
    size_t                 rest;
    ngx_signaling_busy_t  *busy;
    ngx_signaling_item_t  *item;

    busy = sc->busy;

    while (sent) {
        item = busy->out.first;
        rest = item->frame->len - busy->out_sent;

        if (sent < rest) {
            busy->out_sent += (uint32_t) sent;
            return;
        }

        sent -= rest;
        busy->out_sent = 0;
        busy->out_bytes -= item->frame->len;

        (void) ngx_signaling_queue_pop(&busy->out);
        ngx_signaling_item_done(sc, item);
    }
}


/* the end of a turn: writes, and closes what was doomed */

static void
ngx_signaling_flush_handler(ngx_event_t *ev)
{
    ngx_uint_t               n;
    ngx_signaling_worker_t  *sw;

    sw = ev->data;

    ngx_signaling_news_flush(sw);
    ngx_signaling_flush_dirty(sw);

    for (n = 0; n < NGX_SIGNALING_SLICE && !ngx_queue_empty(&sw->crowd); n++) {
        ngx_signaling_flush_first(&sw->crowd);
    }

    ngx_signaling_retire_flush(sw);

    sw->taken = 0;
    sw->stuck = 0;

    if (!ngx_queue_empty(&sw->crowd) && !ev->posted) {
        ngx_post_event(ev, &ngx_posted_next_events);
    }
}


/*
 * Writes, and calls other workers, before the end of a turn that has brought
 * much: so the memory of a frame is used again while it is in the cache, and
 * a turn takes no more of it than that.  For who has handled the input of one,
 * and looks at none of the connections afterwards: each may be closed here.
 */

void
ngx_signaling_flush_early(ngx_signaling_worker_t *sw)
{
    if (sw->posted >= NGX_SIGNALING_POSTED) {
        ngx_signaling_wake_flush(sw);
    }

    if (sw->made >= NGX_SIGNALING_EARLY) {
        ngx_signaling_flush_dirty(sw);
    }
}


/* other workers are called before anybody reads that something was done */

static void
ngx_signaling_flush_dirty(ngx_signaling_worker_t *sw)
{
    ngx_signaling_wake_flush(sw);

    while (!ngx_queue_empty(&sw->dirty)) {
        ngx_signaling_flush_first(&sw->dirty);
    }

    sw->made = 0;
}


static void
ngx_signaling_flush_first(ngx_queue_t *queue)
{
    ngx_queue_t           *q;
    ngx_signaling_busy_t  *busy;

    /* the analyzer does not see that the next head is another one */

    q = ngx_queue_head(queue);
    ngx_queue_remove(q);    /* NOLINT(clang-analyzer-core.NullDereference) */

    busy = ngx_queue_data(q, ngx_signaling_busy_t, link);
    busy->dirty = 0;

    ngx_signaling_conn_flush(busy->conn);
}


/* an item for a queue; NULL without memory */

ngx_signaling_item_t *
ngx_signaling_item(ngx_signaling_worker_t *sw)
{
    ngx_signaling_item_t  *item;

    item = sw->items;

    if (item) {
        sw->items = item->next;
        sw->nitems--;

    } else {
        item = ngx_alloc(sizeof(ngx_signaling_item_t), sw->log);
        if (item == NULL) {
            return NULL;
        }
    }

    item->next = NULL;
    item->room = NULL;
    item->due = 0;
    item->snapshot = 0;

    return item;
}


/* gives an item back, and its reference to a frame */

void
ngx_signaling_item_done(ngx_signaling_conn_t *sc, ngx_signaling_item_t *item)
{
    ngx_signaling_worker_t  *sw;

    sw = sc->place->worker;

    ngx_signaling_frame_unref(item->frame);

    if (sw->nitems == NGX_SIGNALING_ITEMS) {
        ngx_free(item);
        return;
    }

    item->next = sw->items;
    sw->items = item;
    sw->nitems++;
}
