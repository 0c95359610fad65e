
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * What goes out to clients: frames, the queues in which they wait, and who
 * fills and empties these.  Included by ngx_signaling.h only.
 *
 *     ngx_signaling_frame.c       frames, built once and shared
 *     ngx_signaling_output.c      output queues
 *     ngx_signaling_held.c        what waits behind a snapshot
 *     ngx_signaling_delta.c       changes of rooms, gathered and told
 *     ngx_signaling_deflate.c     compression, done once and shared
 *
 * Frames and items belong to the worker, which keeps some for reuse.  All is
 * private to one process, and nothing is under a lock.
 */


#ifndef _NGX_SIGNALING_OUTPUT_H_INCLUDED_
#define _NGX_SIGNALING_OUTPUT_H_INCLUDED_


/*
 * A server frame, head included, built once and shared by all its
 * recipients in this worker.  One that somebody gets compressed has the
 * compressed frame behind it, or itself when compression does not pay.
 */

struct ngx_signaling_frame_s {
    ngx_signaling_worker_t    *worker;
    ngx_signaling_frame_t     *next;         /* of the free, of an outbox */
    ngx_signaling_frame_t     *deflated;     /* NULL when not tried */
    uint32_t                   size_class;
    uint32_t                   refs;
    size_t                     len;
    u_char                     data[1];      /* aligned to 8 */
};


/*
 * A place in an output queue.  In the queue of held frames, room names the
 * room that the frame is about (NULL: none), and a snapshot has the time
 * before which it may not go.
 */

struct ngx_signaling_item_s {
    ngx_signaling_item_t      *next;
    ngx_signaling_frame_t     *frame;
    ngx_signaling_room_t      *room;
    ngx_msec_t                 due;
    unsigned                   snapshot:1;
};


typedef struct {
    ngx_signaling_item_t      *first;
    ngx_signaling_item_t      *last;         /* when first is not NULL */
} ngx_signaling_queue_t;


/* ngx_signaling_frame.c */

ngx_signaling_frame_t *ngx_signaling_frame(ngx_signaling_worker_t *sw,
    ngx_uint_t opcode, size_t len, u_char **p);
ngx_signaling_frame_t *ngx_signaling_frame_alloc(ngx_signaling_worker_t *sw,
    size_t len);
void ngx_signaling_frame_unref(ngx_signaling_frame_t *f);
void ngx_signaling_frames_look(ngx_signaling_worker_t *sw);
void ngx_signaling_frames_free(ngx_signaling_worker_t *sw);


/* ngx_signaling_output.c */

void ngx_signaling_send(ngx_signaling_conn_t *sc, ngx_signaling_frame_t *f);
void ngx_signaling_deliver(ngx_signaling_conn_t *sc,
    ngx_signaling_room_t *room, ngx_signaling_frame_t *f);
void ngx_signaling_doom(ngx_signaling_conn_t *sc, ngx_uint_t code);
void ngx_signaling_dirty(ngx_signaling_conn_t *sc);
void ngx_signaling_flush_post(ngx_signaling_worker_t *sw);
void ngx_signaling_flush_early(ngx_signaling_worker_t *sw);
void ngx_signaling_output_clear(ngx_signaling_conn_t *sc,
    ngx_uint_t keep_begun);
ngx_int_t ngx_signaling_output_flush(ngx_signaling_conn_t *sc);
ngx_int_t ngx_signaling_output_init(ngx_signaling_worker_t *sw);
ngx_signaling_item_t *ngx_signaling_item(ngx_signaling_worker_t *sw);
void ngx_signaling_item_done(ngx_signaling_conn_t *sc,
    ngx_signaling_item_t *item);


/* ngx_signaling_held.c */

void ngx_signaling_held_init(ngx_signaling_worker_t *sw);
void ngx_signaling_hold(ngx_signaling_conn_t *sc, ngx_signaling_room_t *room,
    ngx_signaling_frame_t *f, ngx_uint_t snapshot);
void ngx_signaling_unhold(ngx_signaling_conn_t *sc,
    ngx_signaling_room_t *room);
void ngx_signaling_unhold_all(ngx_signaling_conn_t *sc);


/* ngx_signaling_delta.c */

void ngx_signaling_news_init(ngx_signaling_worker_t *sw);
void ngx_signaling_news_free(ngx_signaling_worker_t *sw);
void ngx_signaling_news(ngx_signaling_worker_t *sw,
    ngx_signaling_room_t *room, ngx_uint_t joined, ngx_uint_t shared_id,
    uint64_t seq, const slice_t *peer, const slice_t *metadata);
void ngx_signaling_news_tell(ngx_signaling_worker_t *sw,
    ngx_signaling_room_t *room);
void ngx_signaling_news_tell_one(ngx_signaling_conn_t *sc);
void ngx_signaling_news_flush(ngx_signaling_worker_t *sw);
void ngx_signaling_news_forget(ngx_signaling_worker_t *sw,
    ngx_signaling_room_t *room);


/* ngx_signaling_deflate.c */

ngx_int_t ngx_signaling_deflate_open(ngx_signaling_worker_t *sw,
    ngx_signaling_loc_conf_t *conf);
ngx_int_t ngx_signaling_inflate(ngx_signaling_conn_t *sc, u_char **p,
    size_t *len);
ngx_signaling_frame_t *ngx_signaling_deflated(ngx_signaling_conn_t *sc,
    ngx_signaling_frame_t *f);
void ngx_signaling_deflate_free(ngx_signaling_worker_t *sw);


static ngx_inline void
ngx_signaling_queue_push(ngx_signaling_queue_t *q, ngx_signaling_item_t *item)
{
    item->next = NULL;

    if (q->first == NULL) {
        q->first = item;

    } else {
        q->last->next = item;
    }

    q->last = item;
}


static ngx_inline ngx_signaling_item_t *
ngx_signaling_queue_pop(ngx_signaling_queue_t *q)
{
    ngx_signaling_item_t  *item;

    item = q->first;

    if (item) {
        q->first = item->next;
    }

    return item;
}


#endif /* _NGX_SIGNALING_OUTPUT_H_INCLUDED_ */
