
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Server frames.  A frame is built once, head included, and referenced by
 * every queue that holds it; the last one to drop it frees it.  Frames of the
 * common sizes are kept for the next message, so that relaying allocates
 * nothing while it goes on.
 */


#include "ngx_signaling.h"


#define NGX_SIGNALING_FRAMES  512    /* kept of each size */


static void ngx_signaling_frame_unpack(ngx_signaling_frame_t *f);
static ngx_uint_t ngx_signaling_frame_class(size_t size);


/* bytes of a frame with everything that belongs to it */

static const size_t  ngx_signaling_frame_sizes[NGX_SIGNALING_FRAME_CLASSES] =
{
    128, 512, 2048
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
    size_t                  head, size;
    ngx_uint_t              n;
    ngx_signaling_frame_t  *f;

    head = sig_ws_head_len(len);
    size = offsetof(ngx_signaling_frame_t, data) + head + len;

    n = ngx_signaling_frame_class(size);

    if (n < NGX_SIGNALING_FRAME_CLASSES) {
        size = ngx_signaling_frame_sizes[n];
        f = sw->frames[n];

    } else {
        f = NULL;
    }

    if (f) {
        sw->frames[n] = f->next;
        sw->nframes[n]--;

    } else {
        f = ngx_alloc(size, sw->log);
        if (f == NULL) {
            return NULL;
        }
    }

    f->worker = sw;
    f->deflated = NULL;
    f->size_class = (uint32_t) n;
    f->refs = 1;
    f->len = (uint32_t) (head + len);

    *p = f->data + sig_ws_write_head(f->data, (u_char) opcode, len);

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
        || sw->nframes[n] == NGX_SIGNALING_FRAMES)
    {
        ngx_free(f);
        return;
    }

    f->next = sw->frames[n];
    sw->frames[n] = f;
    sw->nframes[n]++;
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
        if (size <= ngx_signaling_frame_sizes[n]) {
            break;
        }
    }

    return n;
}
