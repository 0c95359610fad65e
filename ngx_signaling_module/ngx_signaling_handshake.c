
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The upgrade: checks that HTTP answers, the credential, the 101, and then
 * leaving the HTTP request, so that an idle connection does not hold the
 * memory of one.
 *
 * A refused credential is answered by 101 and a Close as well: a browser can
 * not tell a refusal by HTTP status from a broken network (docs/protocol.md
 * 2.2).
 */


#include "ngx_signaling.h"
#include "sig_deflate.h"

#include <ngx_sha1.h>


#define NGX_SIGNALING_ACCEPT_LEN  28


/* what the request says, as far as it matters here */

typedef struct {
    ngx_str_t                  key;
    ngx_str_t                  version;
    ngx_str_t                  origin;       /* data is NULL when absent */
    sig_deflate_terms_t        deflate;
    ngx_uint_t                 upgrade;
    ngx_uint_t                 deflated;     /* on these terms */
    ngx_uint_t                 malformed;    /* in the list of extensions */
} ngx_signaling_upgrade_t;


static void ngx_signaling_headers(ngx_http_request_t *r,
    ngx_signaling_upgrade_t *u);
static void ngx_signaling_extensions(ngx_signaling_upgrade_t *u,
    const slice_t *value);
static ngx_uint_t ngx_signaling_has_token(ngx_str_t *value, char *token);
static ngx_int_t ngx_signaling_check(ngx_http_request_t *r,
    ngx_signaling_upgrade_t *u);
static ngx_int_t ngx_signaling_available(ngx_http_request_t *r,
    ngx_signaling_worker_t *sw);
static ngx_signaling_handshake_t *ngx_signaling_handshake(
    ngx_http_request_t *r, ngx_signaling_worker_t *sw,
    ngx_signaling_loc_conf_t *slcf);
static ngx_int_t ngx_signaling_upgrade_required(ngx_http_request_t *r,
    const char *name, const char *value);
static ngx_int_t ngx_signaling_header(ngx_http_request_t *r,
    const char *name, ngx_str_t *value);
static ngx_int_t ngx_signaling_switch(ngx_http_request_t *r,
    ngx_signaling_upgrade_t *u, ngx_str_t *protocol);
static ngx_int_t ngx_signaling_accept(ngx_http_request_t *r, ngx_str_t *key);
static ngx_int_t ngx_signaling_accept_deflate(ngx_http_request_t *r,
    sig_deflate_terms_t *terms);
static void ngx_signaling_abort(void *data);
static void ngx_signaling_leave_handler(ngx_event_t *ev);


ngx_int_t
ngx_signaling_handler(ngx_http_request_t *r)
{
    ngx_int_t                   rc;
    ngx_signaling_zone_t       *zone;
    ngx_signaling_upgrade_t     u;
    ngx_signaling_loc_conf_t   *slcf;
    ngx_signaling_handshake_t  *hs;

    slcf = ngx_http_get_module_loc_conf(r, ngx_signaling_module);
    zone = slcf->shm_zone->data;

    ngx_signaling_headers(r, &u);

    rc = ngx_signaling_check(r, &u);

    if (rc == NGX_DECLINED) {
        rc = ngx_signaling_available(r, zone->worker);
    }

    if (rc != NGX_DECLINED) {
        return rc;
    }

    hs = ngx_signaling_handshake(r, zone->worker, slcf);
    if (hs == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (u.deflated
        && ngx_signaling_deflate_open(zone->worker, slcf) == NGX_OK)
    {
        hs->ctx.conn->deflate = u.deflate.window;

    } else {
        u.deflated = 0;
    }

    if (ngx_signaling_credential(r, hs, u.origin.data ? &u.origin : NULL)
        != NGX_OK
        || ngx_signaling_switch(r, &u, &hs->ctx.protocol) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* the callers still use the request, so it is left a moment later */

    hs->leave.handler = ngx_signaling_leave_handler;
    hs->leave.data = hs;
    hs->leave.log = r->connection->log;

    r->main->count++;
    r->read_event_handler = ngx_http_block_reading;

    ngx_post_event(&hs->leave, &ngx_posted_events);

    return NGX_DONE;
}


static void
ngx_signaling_headers(ngx_http_request_t *r, ngx_signaling_upgrade_t *u)
{
    ngx_uint_t                 upgrade, connection;
    ngx_table_elt_t           *h;
    access_headers_t           walk;
    ngx_signaling_loc_conf_t  *slcf;

    ngx_memzero(u, sizeof(ngx_signaling_upgrade_t));

    slcf = ngx_http_get_module_loc_conf(r, ngx_signaling_module);

    upgrade = 0;
    connection = 0;

    access_headers(&walk, r);

    while ((h = access_header_next(&walk)) != NULL) {

        if (access_is(&h->key, "Upgrade")) {
            upgrade |= ngx_signaling_has_token(&h->value, "websocket");

        } else if (access_is(&h->key, "Connection")) {
            connection |= ngx_signaling_has_token(&h->value, "upgrade");

        } else if (access_is(&h->key, "Origin")) {

            if (u->origin.data == NULL) {
                u->origin = h->value;
            }

        } else if (access_is(&h->key, "Sec-WebSocket-Key")) {
            u->key = h->value;

        } else if (access_is(&h->key, "Sec-WebSocket-Version")) {
            u->version = h->value;

        } else if (slcf->deflate
                   && access_is(&h->key, "Sec-WebSocket-Extensions"))
        {
            ngx_signaling_extensions(u, (slice_t *) &h->value);
        }
    }

    u->upgrade = upgrade && connection;
}


/* several headers are one list, of which the first good offer counts */

static void
ngx_signaling_extensions(ngx_signaling_upgrade_t *u, const slice_t *value)
{
    int                  rc;
    sig_deflate_terms_t  terms;

    rc = sig_deflate_negotiate(value, &terms);

    if (rc < 0) {
        u->malformed = 1;

    } else if (rc && !u->deflated) {
        u->deflate = terms;
        u->deflated = 1;
    }
}


/* whether a comma-separated list has the token, in any case */

static ngx_uint_t
ngx_signaling_has_token(ngx_str_t *value, char *token)
{
    size_t   len;
    u_char  *p, *last, *start;

    len = ngx_strlen(token);
    p = value->data;
    last = p + value->len;

    while (p < last) {

        while (p < last && (*p == ' ' || *p == '\t' || *p == ',')) {
            p++;
        }

        start = p;

        while (p < last && *p != ' ' && *p != '\t' && *p != ',') {
            p++;
        }

        if ((size_t) (p - start) == len
            && ngx_strncasecmp(start, (u_char *) token, len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/*
 * docs/protocol.md 2.3, check 1.  NGX_DECLINED: nothing is to be said by
 * HTTP; otherwise what the handler returns.
 */

static ngx_int_t
ngx_signaling_check(ngx_http_request_t *r, ngx_signaling_upgrade_t *u)
{
    ngx_str_t  key, get = ngx_string("GET");
    u_char     buf[ngx_base64_decoded_length(24)];

    if (r != r->main) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "\"signaling\" cannot be used in a subrequest");
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (r->method != NGX_HTTP_GET) {

        if (ngx_signaling_header(r, "Allow", &get) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return NGX_HTTP_NOT_ALLOWED;
    }

    if (r->http_version != NGX_HTTP_VERSION_11) {
        return ngx_signaling_upgrade_required(r, NULL, NULL);
    }

    if (!u->upgrade) {
        return ngx_signaling_upgrade_required(r, "Upgrade", "websocket");
    }

    if (u->version.len != 2 || ngx_strncmp(u->version.data, "13", 2) != 0) {
        return ngx_signaling_upgrade_required(r, "Sec-WebSocket-Version",
                                              "13");
    }

    key.data = buf;

    if (u->key.len != 24
        || ngx_decode_base64(&key, &u->key) != NGX_OK
        || key.len != 16
        || u->malformed)
    {
        return NGX_HTTP_BAD_REQUEST;
    }

    /* the bytes behind the request are frames, not a body */

    if (r->headers_in.content_length_n > 0 || r->headers_in.chunked) {
        return NGX_HTTP_BAD_REQUEST;
    }

    return NGX_DECLINED;
}


/* likewise, when this worker takes nobody, or nobody any more */

static ngx_int_t
ngx_signaling_available(ngx_http_request_t *r, ngx_signaling_worker_t *sw)
{
    ngx_str_t  second = ngx_string("1");

    if (sw == NULL) {
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    if (sw->draining) {

        if (ngx_signaling_header(r, "Retry-After", &second) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    return NGX_DECLINED;
}


/*
 * The connection to be, and what the request knows of it; it ends with the
 * request unless it is taken from there.  NULL: no memory.
 */

static ngx_signaling_handshake_t *
ngx_signaling_handshake(ngx_http_request_t *r, ngx_signaling_worker_t *sw,
    ngx_signaling_loc_conf_t *slcf)
{
    ngx_signaling_ctx_t        *ctx;
    ngx_signaling_conn_t       *sc;
    ngx_signaling_handshake_t  *hs;

    hs = ngx_pcalloc(r->pool, sizeof(ngx_signaling_handshake_t));
    if (hs == NULL) {
        return NULL;
    }

    hs->cleanup = ngx_http_cleanup_add(r, 0);
    if (hs->cleanup == NULL) {
        return NULL;
    }

    sc = ngx_signaling_conn_alloc(sw, slcf);
    if (sc == NULL) {
        return NULL;
    }

    sc->connection = r->connection;
    sc->state = NGX_SIGNALING_REFUSED;
    sc->tokens = (uint32_t) slcf->burst * 1000;

    ctx = ngx_http_get_module_ctx(r, ngx_signaling_module);

    if (ctx) {
        hs->ctx = *ctx;
    }

    hs->ctx.conn = sc;
    hs->request = r;
    hs->cleanup->handler = ngx_signaling_abort;
    hs->cleanup->data = hs;

    ngx_http_set_ctx(r, &hs->ctx, ngx_signaling_module);

    return hs;
}


static ngx_int_t
ngx_signaling_upgrade_required(ngx_http_request_t *r, const char *name,
    const char *value)
{
    ngx_int_t  rc;
    ngx_str_t  s;

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    if (name) {
        s.data = (u_char *) value;
        s.len = ngx_strlen(value);

        if (ngx_signaling_header(r, name, &s) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    r->headers_out.status = 426;
    ngx_str_set(&r->headers_out.status_line, "426 Upgrade Required");
    r->headers_out.content_length_n = 0;
    r->header_only = 1;

    return ngx_http_send_header(r);
}


static ngx_int_t
ngx_signaling_header(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    h->key.data = (u_char *) name;
    h->key.len = ngx_strlen(name);
    h->value = *value;

    return NGX_OK;
}


/*
 * A browser that offered subprotocols and is given none reports a broken
 * connection, so the one with the token is selected in front of a refusal
 * too.
 */

static ngx_int_t
ngx_signaling_switch(ngx_http_request_t *r, ngx_signaling_upgrade_t *u,
    ngx_str_t *protocol)
{
    ngx_int_t          rc;
    ngx_str_t          websocket = ngx_string("websocket");
    ngx_connection_t  *c;

    c = r->connection;

    if (ngx_signaling_header(r, "Upgrade", &websocket) != NGX_OK
        || ngx_signaling_accept(r, &u->key) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (protocol->len
        && ngx_signaling_header(r, "Sec-WebSocket-Protocol", protocol)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (u->deflated
        && ngx_signaling_accept_deflate(r, &u->deflate) != NGX_OK)
    {
        return NGX_ERROR;
    }

    r->keepalive = 0;
    r->headers_out.status = NGX_HTTP_SWITCHING_PROTOCOLS;
    ngx_str_set(&r->headers_out.status_line, "101 Switching Protocols");
    ngx_http_clear_content_length(r);

    /* NGX_AGAIN: with a token in it, it is longer than a record of TLS */

    rc = ngx_http_send_header(r);

    if (rc == NGX_AGAIN) {
        rc = ngx_http_send_special(r, NGX_HTTP_FLUSH);
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    /*
     * It waits for more to be written with ("postpone_output"), or a fresh
     * socket takes it in one piece; frames must not overtake it.
     */

    if (c->buffered || c->error) {
        ngx_log_error(NGX_LOG_INFO, c->log, 0,
                      "signaling handshake could not be written");
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* RFC 6455 4.2.2, step 5.4 */

static ngx_int_t
ngx_signaling_accept(ngx_http_request_t *r, ngx_str_t *key)
{
    u_char      *p, digest[20];
    ngx_str_t    accept, sha1;
    ngx_sha1_t   ctx;

    static ngx_str_t  guid =
                        ngx_string("258EAFA5-E914-47DA-95CA-C5AB0DC85B11");

    p = ngx_pnalloc(r->pool, NGX_SIGNALING_ACCEPT_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_sha1_init(&ctx);
    ngx_sha1_update(&ctx, key->data, key->len);
    ngx_sha1_update(&ctx, guid.data, guid.len);
    ngx_sha1_final(digest, &ctx);

    sha1.data = digest;
    sha1.len = sizeof(digest);
    accept.data = p;

    ngx_encode_base64(&accept, &sha1);

    return ngx_signaling_header(r, "Sec-WebSocket-Accept", &accept);
}


static ngx_int_t
ngx_signaling_accept_deflate(ngx_http_request_t *r,
    sig_deflate_terms_t *terms)
{
    ngx_str_t  value;

    value.data = ngx_pnalloc(r->pool, SIG_DEFLATE_ANSWER_MAX);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    value.len = sig_deflate_answer(value.data, terms);

    return ngx_signaling_header(r, "Sec-WebSocket-Extensions", &value);
}


/* before limit_req, and whoever else refuses the request, has it logged */

ngx_int_t
ngx_signaling_mask_handler(ngx_http_request_t *r)
{
    ngx_signaling_main_conf_t  *smcf;

    if (!ngx_signaling_is_endpoint(r)) {
        return NGX_DECLINED;
    }

    smcf = ngx_http_get_module_main_conf(r, ngx_signaling_module);

    if (ngx_signaling_token_take(r) != NGX_OK
        || access_mask_args(r, access_conf_keys(&smcf->access)) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DECLINED;
}


/* the request has ended before the connection was taken from it */

static void
ngx_signaling_abort(void *data)
{
    ngx_signaling_handshake_t *hs = data;

    if (hs->leave.posted) {
        ngx_delete_posted_event(&hs->leave);
    }

    ngx_signaling_conn_free(hs->ctx.conn);
}


static void
ngx_signaling_leave_handler(ngx_event_t *ev)
{
    size_t                      len, taken;
    ngx_buf_t                  *b;
    ngx_uint_t                  code;
    const char                 *reason;
    ngx_connection_t           *c;
    ngx_http_request_t         *r;
    ngx_signaling_conn_t       *sc;
    ngx_signaling_worker_t     *sw;
    ngx_signaling_handshake_t  *hs;

    hs = ev->data;
    r = hs->request;
    c = r->connection;
    sc = hs->ctx.conn;
    sw = sc->place->worker;
    b = r->header_in;
    code = hs->code;
    reason = hs->reason;

    len = b->last - b->pos;

    if (len > NGX_SIGNALING_BUFFER) {
        ngx_http_finalize_request(r, NGX_HTTP_CLOSE);
        ngx_http_run_posted_requests(c);
        return;
    }

    ngx_memcpy(sw->buffer, b->pos, len);
    b->pos = b->last;

    hs->cleanup->handler = NULL;

    if (ngx_signaling_take_header(sc, r, &taken) != NGX_OK) {
        ngx_signaling_conn_free(sc);
        ngx_http_finalize_request(r, NGX_HTTP_CLOSE);
        ngx_http_run_posted_requests(c);
        return;
    }

    if (code == 0) {
        code = ngx_signaling_admit(sc, (slice_t *) &hs->metadata, &reason);
    }

    ngx_signaling_detach(sc, r, taken);

    if (ngx_tcp_nodelay(c) != NGX_OK) {
        c->data = sc;
        ngx_signaling_conn_drop(sc);
        return;
    }

    if (code) {
        len = 0;
    }

    if (ngx_signaling_conn_start(sc, sw->buffer, len) == NGX_OK && code) {
        ngx_signaling_conn_close(sc, code, reason);
    }
}
