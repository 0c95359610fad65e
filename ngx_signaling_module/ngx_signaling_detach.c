
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * What a connection keeps of HTTP when it has become one of ours.
 *
 * Its request is freed, unless another module has hung something on it.  Then
 * nothing is left in the connection's pool that anybody needs but its log and
 * what nginx knows of its TLS, so the pool goes too.  All connections of a
 * location share a log in its place, that tells of the one that is being
 * handled (ngx_signaling_log_for()); what nginx knows of TLS is copied.  The
 * pool stays with "debug_connection", since the level of the log is then the
 * connection's own.
 *
 * nginx ends a connection together with its pool.  So one is borrowed for
 * that; the worker has it ready, because the end may not fail.  Under TLS the
 * end may have to wait for the socket, while others are handled: what is
 * logged of it then goes to the worker's log, without an address.
 */


#include "ngx_signaling.h"


#define NGX_SIGNALING_SPARE  256         /* bytes of a pool for the end */


/* what a connection that ends borrows, in a pool that is the connection's */

struct ngx_signaling_spare_s {
    ngx_pool_t                *pool;

#if (NGX_HTTP_SSL)
    ngx_ssl_connection_t       ssl;
#endif
};


static ngx_uint_t ngx_signaling_is_held(ngx_http_request_t *r);
static void ngx_signaling_free_buffers(ngx_connection_t *c,
    ngx_http_connection_t *hc);
static ngx_uint_t ngx_signaling_needs_pool(ngx_signaling_conn_t *sc);
static ngx_int_t ngx_signaling_free_pool(ngx_signaling_conn_t *sc);
static u_char *ngx_signaling_log_client(ngx_log_t *log, u_char *buf,
    size_t len);
static ngx_int_t ngx_signaling_borrow(ngx_signaling_conn_t *sc);

#if (NGX_HTTP_SSL)
static void ngx_signaling_ssl_abandon(ngx_connection_t *c);
#endif


ngx_int_t
ngx_signaling_detach_init(ngx_signaling_worker_t *sw)
{
    ngx_pool_t             *pool;
    ngx_signaling_spare_t  *spare;

    pool = ngx_create_pool(NGX_SIGNALING_SPARE, sw->log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    spare = ngx_palloc(pool, sizeof(ngx_signaling_spare_t));
    if (spare == NULL) {
        ngx_destroy_pool(pool);
        return NGX_ERROR;
    }

    spare->pool = pool;
    sw->spare = spare;

    return NGX_OK;
}


void
ngx_signaling_detach_free(ngx_signaling_worker_t *sw)
{
    if (sw->spare) {
        ngx_destroy_pool(sw->spare->pool);
        sw->spare = NULL;
    }
}


/*
 * Takes what nginx has not written yet of the answer to the request, *taken
 * bytes, so that it goes out in one piece with the first frame.
 */

ngx_int_t
ngx_signaling_take_header(ngx_signaling_conn_t *sc, ngx_http_request_t *r,
    size_t *taken)
{
    size_t                   len;
    u_char                  *p;
    ngx_chain_t             *cl;
    ngx_signaling_item_t    *item;
    ngx_signaling_frame_t   *f;
    ngx_signaling_worker_t  *sw;

    sw = sc->place->worker;
    len = 0;

    for (cl = r->out; cl; cl = cl->next) {
        if (ngx_buf_in_memory(cl->buf)) {
            len += cl->buf->last - cl->buf->pos;
        }
    }

    *taken = len;

    if (len == 0) {
        return NGX_OK;
    }

    f = ngx_signaling_frame_alloc(sw, len);
    if (f == NULL) {
        return NGX_ERROR;
    }

    item = ngx_signaling_item(sw);
    if (item == NULL) {
        ngx_signaling_frame_unref(f);
        return NGX_ERROR;
    }

    p = f->data;

    for (cl = r->out; cl; cl = cl->next) {
        if (ngx_buf_in_memory(cl->buf)) {
            p = ngx_cpymem(p, cl->buf->pos, cl->buf->last - cl->buf->pos);
        }
    }

    r->out = NULL;

    item->frame = f;

    /* a newcomer is busy */

    sc->busy->out_bytes += len;

    ngx_signaling_queue_push(&sc->busy->out, item);

    return NGX_OK;
}


/*
 * Takes the connection from its request, which is freed if it can be.  The
 * access log counts what has been taken of the answer.
 */

void
ngx_signaling_detach(ngx_signaling_conn_t *sc, ngx_http_request_t *r,
    size_t taken)
{
    ngx_connection_t       *c;
    ngx_http_connection_t  *hc;

    c = sc->connection;

    if (ngx_signaling_is_held(r)) {

        /* a newcomer is busy */

        sc->busy->request = r;
        sc->busy->before = c->sent + taken;
        sc->busy->started = ngx_current_msec;
        return;
    }

    hc = r->http_connection;

    c->sent += taken;
    ngx_http_free_request(r, 0);

    /* what the session has sent begins behind the answer */

    c->destroyed = 0;
    c->sent = -(off_t) taken;
    c->start_time = ngx_current_msec;

    if (ngx_signaling_needs_pool(sc) || ngx_signaling_free_pool(sc) != NGX_OK)
    {
        ngx_signaling_free_buffers(c, hc);
    }
}


/*
 * Some modules hang something on a request that has to last as long as the
 * connection does, as limit_conn does with its count.
 */

static ngx_uint_t
ngx_signaling_is_held(ngx_http_request_t *r)
{
    ngx_http_cleanup_t  *cln;
    ngx_pool_cleanup_t  *pcln;

    for (cln = r->cleanup; cln; cln = cln->next) {
        if (cln->handler) {
            return 1;
        }
    }

    for (pcln = r->pool->cleanup; pcln; pcln = pcln->next) {
        if (pcln->handler) {
            return 1;
        }
    }

    return 0;
}


/* as ngx_http_set_keepalive() leaves an idle connection */

static void
ngx_signaling_free_buffers(ngx_connection_t *c, ngx_http_connection_t *hc)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl, *ln;

    b = c->buffer;

    if (ngx_pfree(c->pool, b->start) == NGX_OK) {
        b->pos = NULL;
    }

    for (cl = hc->free; cl; /* void */) {
        ln = cl;
        cl = cl->next;
        (void) ngx_pfree(c->pool, ln->buf->start);
        ngx_free_chain(c->pool, ln);
    }

    hc->free = NULL;

    for (cl = hc->busy; cl; /* void */) {
        ln = cl;
        cl = cl->next;
        (void) ngx_pfree(c->pool, ln->buf->start);
        ngx_free_chain(c->pool, ln);
    }

    hc->busy = NULL;
    hc->nbusy = 0;

#if (NGX_HTTP_SSL)
    if (c->ssl) {
        ngx_ssl_free_buffer(c);
    }
#endif
}


static ngx_uint_t
ngx_signaling_needs_pool(ngx_signaling_conn_t *sc)
{
    ngx_connection_t  *c;

    c = sc->connection;

    /* without an identity it will be closed at once */

    return sc->identity == NULL
#if (NGX_HTTP_SSL)
           || (c->ssl && c->ssl->ocsp)
#endif
           || c->pool->cleanup
           || (c->log->log_level & NGX_LOG_DEBUG_CONNECTION);
}


static ngx_int_t
ngx_signaling_free_pool(ngx_signaling_conn_t *sc)
{
    ngx_log_t             *log;
    ngx_connection_t      *c;
#if (NGX_HTTP_SSL)
    ngx_ssl_connection_t  *ssl;
#endif

    c = sc->connection;

#if (NGX_HTTP_SSL)
    if (c->ssl) {
        ssl = ngx_alloc(sizeof(ngx_ssl_connection_t), c->log);
        if (ssl == NULL) {
            return NGX_ERROR;
        }

        *ssl = *c->ssl;
        ssl->buf = NULL;

        c->ssl = ssl;
    }
#endif

    log = &sc->place->conf->log;

    *log = *c->log;

    log->handler = ngx_signaling_log_client;
    log->data = NULL;

    c->log = log;
    c->read->log = log;
    c->write->log = log;

    ngx_destroy_pool(c->pool);

    c->pool = NULL;
    c->buffer = NULL;
    c->sockaddr = NULL;
    c->local_sockaddr = NULL;
    c->proxy_protocol = NULL;

    ngx_str_null(&c->addr_text);

    return NGX_OK;
}


/*
 * The log of a connection.  Whoever begins to handle one calls it, since what
 * nginx logs about the connection goes there too.
 */

ngx_log_t *
ngx_signaling_log_for(ngx_signaling_conn_t *sc)
{
    ngx_log_t         *log;
    ngx_connection_t  *c;

    c = sc->connection;
    log = c->log;

    if (c->pool == NULL) {
        log->connection = c->number;
        log->data = sc;
    }

    return log;
}


static u_char *
ngx_signaling_log_client(ngx_log_t *log, u_char *buf, size_t len)
{
    slice_t                client;
    ngx_signaling_conn_t  *sc;

    sc = log->data;

    if (sc == NULL || sc->identity == NULL) {
        return buf;
    }

    client = ngx_signaling_client(sc->identity);

    return ngx_snprintf(buf, len, ", client: %*s", client.len, client.data);
}


/* frees the connection, and closes that of nginx, which has no request */

void
ngx_signaling_end(ngx_signaling_conn_t *sc)
{
    ngx_int_t                rc;
    ngx_uint_t               borrows;
    ngx_connection_t        *c;
    ngx_signaling_worker_t  *sw;

    c = sc->connection;
    sw = sc->place->worker;

    borrows = (c->pool == NULL);
    rc = borrows ? ngx_signaling_borrow(sc) : NGX_OK;

    ngx_signaling_conn_free(sc);

    if (rc != NGX_OK) {

        /* out of memory: all that is missed is nginx's count of it */

        ngx_close_connection(c);
        return;
    }

    ngx_http_close_connection(c);

    if (borrows) {
        (void) ngx_signaling_detach_init(sw);
    }
}


static ngx_int_t
ngx_signaling_borrow(ngx_signaling_conn_t *sc)
{
    ngx_connection_t        *c;
    ngx_signaling_spare_t   *spare;
    ngx_signaling_worker_t  *sw;

    c = sc->connection;
    sw = sc->place->worker;

    c->log->data = NULL;

    if (sw->spare == NULL && ngx_signaling_detach_init(sw) != NGX_OK) {
#if (NGX_HTTP_SSL)
        ngx_signaling_ssl_abandon(c);
#endif
        return NGX_ERROR;
    }

    spare = sw->spare;
    sw->spare = NULL;

    c->pool = spare->pool;

#if (NGX_HTTP_SSL)
    if (c->ssl) {
        spare->ssl = *c->ssl;
        ngx_free(c->ssl);
        c->ssl = &spare->ssl;

        c->log = sw->log;
        c->read->log = sw->log;
        c->write->log = sw->log;
    }
#endif

    return NGX_OK;
}


#if (NGX_HTTP_SSL)

/* without a word to the client, and without memory */

static void
ngx_signaling_ssl_abandon(ngx_connection_t *c)
{
    ngx_ssl_connection_t  *ssl;

    ssl = c->ssl;

    if (ssl == NULL) {
        return;
    }

    ssl->no_wait_shutdown = 1;
    ssl->no_send_shutdown = 1;

    (void) ngx_ssl_shutdown(c);

    ngx_free(ssl);
}

#endif
