
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Server frames.  A frame is built once, head included, and referenced by
 * every queue that holds it; the last one to drop it frees it.  Frames of the
 * common sizes are kept for the next message, so that relaying allocates
 * nothing while it goes on; those that nobody needed from one tick of the
 * worker to the next are given back.
 */


#include "ngx_signaling.h"


static ngx_signaling_frame_t *ngx_signaling_frame_spare(
    ngx_signaling_worker_t *sw, ngx_uint_t n);
static void ngx_signaling_frame_unpack(ngx_signaling_frame_t *f);
static ngx_uint_t ngx_signaling_frame_class(size_t size);


/* bytes of a frame with everything that belongs to it, and how many to keep */

static const struct {
    size_t      size;
    ngx_uint_t  kept;

} ngx_signaling_frame_classes[NGX_SIGNALING_FRAME_CLASSES] = {
    { 128, 1024 },
    { 512, 1024 },
    { 2048, 512 },
    { 4608, 256 },                /* 4 KB of data with their envelope */
    { 18432, 64 },                /* 16 KB */
    { 69632, 16 }                 /* 64 KB, the longest there is by default */
};


/*
 * Makes a frame with room for len bytes of payload, which the caller writes
 * at *p.  The caller has one reference and gives it back.  opcode may have
 * SIG_WS_RSV1 beside it.
 */

ngx_signaling_frame_t *
ngx_signaling_frame(ngx_signaling_worker_t *sw, ngx_uint_t opcode, size_t len,
    u_char **p)
{
    ngx_signaling_frame_t  *f;

    f = ngx_signaling_frame_alloc(sw, sig_ws_head_len(len) + len);
    if (f == NULL) {
        return NULL;
    }

    sw->made += f->len;

    *p = f->data + sig_ws_write_head(f->data, (u_char) opcode, len);

    return f;
}


/* likewise the memory alone, for something that is not to be a frame */

ngx_signaling_frame_t *
ngx_signaling_frame_alloc(ngx_signaling_worker_t *sw, size_t len)
{
    size_t                  size;
    ngx_uint_t              n;
    ngx_signaling_frame_t  *f;

    size = offsetof(ngx_signaling_frame_t, data) + len;

    n = ngx_signaling_frame_class(size);

    if (n < NGX_SIGNALING_FRAME_CLASSES) {
        size = ngx_signaling_frame_classes[n].size;
        f = ngx_signaling_frame_spare(sw, n);

    } else {
        f = NULL;
    }

    if (f == NULL) {
        f = ngx_alloc(size, sw->log);
        if (f == NULL) {
            return NULL;
        }
    }

    f->worker = sw;
    f->deflated = NULL;
    f->size_class = (uint32_t) n;
    f->refs = 1;
    f->len = len;

    return f;
}


void
ngx_signaling_frame_unref(ngx_signaling_frame_t *f)
{
    ngx_uint_t               n;
    ngx_signaling_worker_t  *sw;

    if (--f->refs) {
        return;
    }

    if (f->deflated) {
        ngx_signaling_frame_unpack(f);
    }

    n = f->size_class;
    sw = f->worker;

    if (n == NGX_SIGNALING_FRAME_CLASSES
        || sw->nframes[n] == ngx_signaling_frame_classes[n].kept)
    {
        ngx_free(f);
        return;
    }

    f->next = sw->frames[n];
    sw->frames[n] = f;
    sw->nframes[n]++;
}


/* in a worker's tick: gives back what was free all the time since the last */

void
ngx_signaling_frames_look(ngx_signaling_worker_t *sw)
{
    ngx_uint_t  n, i;

    for (n = 0; n < NGX_SIGNALING_FRAME_CLASSES; n++) {

        for (i = sw->unused[n]; i; i--) {
            ngx_free(ngx_signaling_frame_spare(sw, n));
        }

        sw->unused[n] = sw->nframes[n];
    }
}


void
ngx_signaling_frames_free(ngx_signaling_worker_t *sw)
{
    ngx_uint_t              n;
    ngx_signaling_frame_t  *f;

    for (n = 0; n < NGX_SIGNALING_FRAME_CLASSES; n++) {

        while ((f = ngx_signaling_frame_spare(sw, n)) != NULL) {
            ngx_free(f);
        }
    }
}


/* takes one of those that are kept; NULL when there is none */

static ngx_signaling_frame_t *
ngx_signaling_frame_spare(ngx_signaling_worker_t *sw, ngx_uint_t n)
{
    ngx_signaling_frame_t  *f;

    f = sw->frames[n];

    if (f) {
        sw->frames[n] = f->next;
        sw->nframes[n]--;
        sw->unused[n] = ngx_min(sw->unused[n], sw->nframes[n]);
    }

    return f;
}


static void
ngx_signaling_frame_unpack(ngx_signaling_frame_t *f)
{
    if (f->deflated != f) {
        ngx_signaling_frame_unref(f->deflated);
    }
}


static ngx_uint_t
ngx_signaling_frame_class(size_t size)
{
    ngx_uint_t  n;

    for (n = 0; n < NGX_SIGNALING_FRAME_CLASSES; n++) {
        if (size <= ngx_signaling_frame_classes[n].size) {
            break;
        }
    }

    return n;
}
