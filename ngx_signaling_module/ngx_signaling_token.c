
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * JSON Web Tokens as credentials, docs/protocol.md 11: where a request has
 * them, what they say, and what is left of that with the connection, namely
 * the end and the patterns that were claimed.  The actions are in the
 * connection, since those of the key and those of the token can be joined.
 */


#include "ngx_signaling.h"


static ngx_int_t ngx_signaling_token_protocols(ngx_http_request_t *r,
    ngx_str_t *value);
static ngx_int_t ngx_signaling_token_keep(ngx_http_request_t *r,
    ngx_str_t *protocol);


/* what a subprotocol with a token begins with */

static ngx_str_t  ngx_signaling_bearer = ngx_string("signaling.bearer.");


/*
 * Takes the subprotocols of a request that have a token, and leaves asterisks
 * in their place: no subrequest, variable or log has what came.  Runs in the
 * rewrite phase.
 */

ngx_int_t
ngx_signaling_token_take(ngx_http_request_t *r)
{
    ngx_table_elt_t   *h;
    access_headers_t   walk;

    if (ngx_http_get_module_ctx(r, ngx_signaling_module) != NULL) {
        /* a rewrite has led here again */
        return NGX_OK;
    }

    access_headers(&walk, r);

    while ((h = access_header_next(&walk)) != NULL) {

        if (access_is(&h->key, "Sec-WebSocket-Protocol")
            && ngx_signaling_token_protocols(r, &h->value) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_signaling_token_protocols(ngx_http_request_t *r, ngx_str_t *value)
{
    u_char     *p, *last;
    ngx_str_t   protocol;

    p = value->data;
    last = p + value->len;

    while (p < last) {

        while (p < last && (*p == ' ' || *p == '\t' || *p == ',')) {
            p++;
        }

        protocol.data = p;

        while (p < last && *p != ' ' && *p != '\t' && *p != ',') {
            p++;
        }

        protocol.len = (size_t) (p - protocol.data);

        if (protocol.len <= ngx_signaling_bearer.len
            || ngx_strncmp(protocol.data, ngx_signaling_bearer.data,
                           ngx_signaling_bearer.len)
               != 0)
        {
            continue;
        }

        if (ngx_signaling_token_keep(r, &protocol) != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_memset(protocol.data + ngx_signaling_bearer.len, '*',
                   protocol.len - ngx_signaling_bearer.len);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_signaling_token_keep(ngx_http_request_t *r, ngx_str_t *protocol)
{
    ngx_signaling_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_signaling_module);

    if (ctx) {
        ctx->nprotocols++;
        return NGX_OK;
    }

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_signaling_ctx_t));
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    ctx->nprotocols = 1;
    ctx->protocol.len = protocol->len;
    ctx->protocol.data = ngx_pstrdup(r->pool, protocol);

    if (ctx->protocol.data == NULL) {
        return NGX_ERROR;
    }

    ngx_http_set_ctx(r, ctx, ngx_signaling_module);

    return NGX_OK;
}


/* the same for the header of the answer, which has gone; for the log phase */

void
ngx_signaling_token_mask(ngx_http_request_t *r)
{
    ngx_signaling_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_signaling_module);

    if (ctx && ctx->nprotocols) {
        ngx_memset(ctx->protocol.data + ngx_signaling_bearer.len, '*',
                   ctx->protocol.len - ngx_signaling_bearer.len);
    }
}


/* a token of the request, and how many it has shown in all */

ngx_int_t
ngx_signaling_token_shown(ngx_http_request_t *r, ngx_signaling_ctx_t *ctx,
    slice_t *token, ngx_uint_t *n)
{
    *n = ctx->nprotocols;

    if (access_arg(r, "token", token) != NGX_OK) {
        return NGX_ERROR;
    }

    if (token->len) {
        (*n)++;

    } else if (ctx->nprotocols) {
        token->len = ctx->protocol.len - ngx_signaling_bearer.len;
        token->data = ctx->protocol.data + ngx_signaling_bearer.len;
    }

    return NGX_OK;
}


/*
 * Verifies a token; claims are filled in with ACCESS_JWT_OK only, and freed
 * by the caller then.  ACCESS_JWT_ERROR is logged.
 */

access_jwt_e
ngx_signaling_token_verify(ngx_http_request_t *r, access_keys_t *keys,
    slice_t *token, access_key_t **key, access_claims_t *claims)
{
    ngx_time_t    *tp;
    access_jwt_e   rc;

    tp = ngx_timeofday();

    rc = access_jwt_verify(keys, token, (int64_t) tp->sec * 1000 + tp->msec,
                           key, claims);

    if (rc == ACCESS_JWT_ERROR) {
        ngx_log_error(NGX_LOG_CRIT, r->connection->log, 0,
                      "a token could not be verified, there is no memory or "
                      "OpenSSL has failed");
    }

    return rc;
}


/* bytes that ngx_signaling_grant() takes */

size_t
ngx_signaling_grant_size(access_claims_t *claims)
{
    size_t    size;
    uint32_t  i;

    size = offsetof(ngx_signaling_grant_t, channels)
           + claims->nchannels * sizeof(slice_t);

    for (i = 0; i < claims->nchannels; i++) {
        size += claims->channels[i].len;
    }

    return ngx_max(size, sizeof(ngx_signaling_grant_t));
}


void
ngx_signaling_grant_write(ngx_signaling_grant_t *grant,
    access_claims_t *claims)
{
    u_char    *p;
    uint32_t   i;

    grant->ends = claims->exp - ACCESS_JWT_EARLY;
    grant->nchannels = claims->nchannels;
    grant->scoped = claims->has_channels;

    p = (u_char *) &grant->channels[claims->nchannels];

    for (i = 0; i < claims->nchannels; i++) {
        grant->channels[i].len = claims->channels[i].len;
        grant->channels[i].data = p;

        if (claims->channels[i].len) {
            p = ngx_cpymem(p, claims->channels[i].data,
                           claims->channels[i].len);
        }
    }

}


/* NULL when the connection is without a token */

ngx_signaling_grant_t *
ngx_signaling_grant(const ngx_signaling_identity_t *identity)
{
    slice_t  client;

    if (!identity->granted) {
        return NULL;
    }

    client = ngx_signaling_client(identity);

    return (ngx_signaling_grant_t *)
           ngx_align_ptr(client.data + client.len + identity->origin_len,
                         sizeof(void *));
}


/*
 * Milliseconds by the wall clock until a connection has to be closed because
 * of its token; a month is as good as never.
 */

ngx_msec_int_t
ngx_signaling_token_left(ngx_signaling_conn_t *sc)
{
    int64_t                 left;
    ngx_time_t             *tp;
    ngx_signaling_grant_t  *grant;

    grant = sc->identity ? ngx_signaling_grant(sc->identity) : NULL;

    if (grant == NULL) {
        return NGX_MAX_INT32_VALUE;
    }

    tp = ngx_timeofday();

    left = grant->ends
           - ((int64_t) tp->sec * 1000 + (int64_t) tp->msec);

    return (ngx_msec_int_t) ngx_min(left, NGX_MAX_INT32_VALUE);
}


/* 1 when the token admits the channel, or says nothing of channels */

ngx_uint_t
ngx_signaling_token_covers(ngx_signaling_conn_t *sc, const slice_t *channel)
{
    ngx_signaling_grant_t  *grant;

    grant = ngx_signaling_grant(sc->identity);

    if (grant == NULL || !grant->scoped) {
        return 1;
    }

    return access_channel_matches(grant->channels, grant->nchannels, channel);
}
