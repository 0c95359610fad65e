
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * nginx hands out the body in pieces as they come (as it does for "proxy_pass"
 * without request buffering), and they are put together here.  If somebody
 * has had the body read before, "mirror" for one, it lies in buffers or in a
 * file.
 */


#include "body.h"


typedef struct {
    slice_t             text;
    size_t              size;           /* of the memory at text.data */
    size_t              max;
    access_body_pt      handler;
    void               *data;
} access_body_t;


static ngx_uint_t access_body_comes(ngx_http_request_t *r);
static void access_body_start(ngx_http_request_t *r);
static void access_body_continue(ngx_http_request_t *r);
static ngx_int_t access_body_take(ngx_http_request_t *r,
    access_body_t *body);
static ngx_int_t access_body_append(ngx_http_request_t *r,
    access_body_t *body, ngx_buf_t *b);
static ngx_int_t access_body_room(ngx_http_request_t *r, access_body_t *body,
    size_t len);
static ngx_int_t access_body_fail(ngx_http_request_t *r, ngx_int_t status,
    access_body_t *body);
static access_body_t *access_body_find(ngx_http_request_t *r);
static void access_body_cleanup(void *data);


ngx_int_t
access_body_read(ngx_http_request_t *r, size_t max, access_body_pt handler,
    void *data)
{
    ngx_int_t            rc;
    access_body_t       *body;
    ngx_pool_cleanup_t  *cln;

    if (r->headers_in.content_length_n > (off_t) max) {

        rc = access_body_discard(r);

        if (rc != NGX_OK) {
            return rc;
        }

        return handler(r, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE, NULL, data);
    }

    /* the request context is another one in each of the modules */

    cln = ngx_pool_cleanup_add(r->pool, sizeof(access_body_t));
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = access_body_cleanup;

    body = cln->data;

    body->text.len = 0;
    body->text.data = NULL;
    body->size = 0;
    body->max = max;
    body->handler = handler;
    body->data = data;

    r->request_body_no_buffering = 1;

    rc = ngx_http_read_client_request_body(r, access_body_start);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return access_body_fail(r, rc, body);
    }

    return NGX_DONE;
}


ngx_int_t
access_body_discard(ngx_http_request_t *r)
{
    if (r->headers_in.expect != NULL && !r->expect_tested
        && access_body_comes(r))
    {
        r->expect_tested = 1;
        r->keepalive = 0;
        r->lingering_close = 1;

        return NGX_OK;
    }

    return ngx_http_discard_request_body(r);
}


static ngx_uint_t
access_body_comes(ngx_http_request_t *r)
{
    return r->headers_in.content_length_n > 0 || r->headers_in.chunked;
}


static void
access_body_start(ngx_http_request_t *r)
{
    if (r->reading_body) {
        r->read_event_handler = access_body_continue;
    }

    access_body_continue(r);
}


static void
access_body_continue(ngx_http_request_t *r)
{
    ngx_int_t       rc;
    access_body_t  *body;

    body = access_body_find(r);

    if (body == NULL) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    for ( ;; ) {
        rc = access_body_take(r, body);

        if (rc != NGX_OK || !r->reading_body) {
            break;
        }

        rc = ngx_http_read_unbuffered_request_body(r);

        if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
            break;
        }

        if (rc == NGX_AGAIN && r->request_body->bufs == NULL) {
            return;
        }
    }

    if (rc == NGX_OK) {
        r->read_event_handler = ngx_http_block_reading;
        rc = body->handler(r, NGX_OK, &body->text, body->data);

    } else {
        rc = access_body_fail(r, rc, body);
    }

    ngx_http_finalize_request(r, rc);
}


/* NGX_OK, or the status to fail with */

static ngx_int_t
access_body_take(ngx_http_request_t *r, access_body_t *body)
{
    ngx_int_t                 rc;
    ngx_buf_t                *b;
    ngx_chain_t              *cl, *next;
    ngx_http_request_body_t  *rb;

    if (body->text.data == NULL) {
        body->text.data = (u_char *) "";
    }

    /* a subrequest has none */

    rb = r->request_body;

    if (rb == NULL) {
        return NGX_OK;
    }

    for (cl = rb->bufs; cl; cl = next) {
        next = cl->next;
        b = cl->buf;

        rc = access_body_append(r, body, b);

        if (rc != NGX_OK) {
            return rc;
        }

        if (r->request_body_no_buffering) {

            /* the memory is used for the next piece */

            b->pos = b->last;
            ngx_free_chain(r->pool, cl);

            rb->bufs = next;
        }
    }

    /* what the chunk at hand has announced, but for what has come */

    if (rb->chunked != NULL
        && rb->chunked->size > (off_t) (body->max - body->text.len))
    {
        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }

    return NGX_OK;
}


static ngx_int_t
access_body_append(ngx_http_request_t *r, access_body_t *body, ngx_buf_t *b)
{
    size_t     len;
    ssize_t    n;
    ngx_int_t  rc;

    if (ngx_buf_special(b)) {
        return NGX_OK;
    }

    if (ngx_buf_size(b) > (off_t) (body->max - body->text.len)) {
        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }

    len = (size_t) ngx_buf_size(b);

    rc = access_body_room(r, body, len);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_buf_in_memory(b)) {
        ngx_memcpy(body->text.data + body->text.len, b->pos, len);

    } else {
        n = ngx_read_file(b->file, body->text.data + body->text.len, len,
                          b->file_pos);

        if (n != (ssize_t) len) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    body->text.len += len;

    return NGX_OK;
}


/* room for len bytes more, which are within the limit */

static ngx_int_t
access_body_room(ngx_http_request_t *r, access_body_t *body, size_t len)
{
    size_t   size;
    u_char  *p;

    if (len <= body->size - body->text.len) {
        return NGX_OK;
    }

    size = 2 * (body->text.len + len);

    if (r->headers_in.content_length_n > (off_t) size) {
        size = (size_t) r->headers_in.content_length_n;
    }

    size = ngx_min(size, body->max);

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memcpy(p, body->text.data, body->text.len);

    if (body->size) {
        (void) ngx_pfree(r->pool, body->text.data);
    }

    body->text.data = p;
    body->size = size;

    return NGX_OK;
}


/* returns what a content handler returns */

static ngx_int_t
access_body_fail(ngx_http_request_t *r, ngx_int_t status,
    access_body_t *body)
{
    if (r->connection->error
        || (status != NGX_HTTP_REQUEST_ENTITY_TOO_LARGE
            && status != NGX_HTTP_BAD_REQUEST))
    {
        return status;
    }

    /* nobody looks for the end of the body any more */

    if (access_body_comes(r)) {
        r->keepalive = 0;
        r->lingering_close = 1;
    }

    return body->handler(r, status, NULL, body->data);
}


static access_body_t *
access_body_find(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t  *cln;

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == access_body_cleanup) {
            return cln->data;
        }
    }

    return NULL;
}


/* only to be found by */

static void
access_body_cleanup(void *data)
{
    /* void */
}
