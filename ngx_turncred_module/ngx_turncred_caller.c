
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "ngx_turncred.h"


static ngx_int_t ngx_turncred_own_origin(ngx_http_request_t *r,
    ngx_turncred_caller_t *caller);


access_refusal_t  ngx_turncred_unauthorized = {
    NGX_HTTP_UNAUTHORIZED,
    ngx_string("unauthorized"),
    ngx_string("show a publishable key as \"key\" in the query, "
               "or a secret key as \"Authorization: Bearer id:secret\"")
};

access_refusal_t  ngx_turncred_bad_action = {
    NGX_HTTP_FORBIDDEN,
    ngx_string("action_not_permitted"),
    ngx_string("this key is not for TURN credentials")
};

access_refusal_t  ngx_turncred_failed = {
    NGX_HTTP_SERVICE_UNAVAILABLE,
    ngx_string("internal_error"),
    ngx_string("the server can not do this at the moment")
};


static access_refusal_t  ngx_turncred_bad_origin = {
    NGX_HTTP_FORBIDDEN,
    ngx_string("origin_not_allowed"),
    ngx_string("this key is not for pages of this origin")
};

static access_refusal_t  ngx_turncred_no_origin = {
    NGX_HTTP_FORBIDDEN,
    ngx_string("origin_not_allowed"),
    ngx_string("the request has no Origin header, which this key requires")
};


ngx_int_t
ngx_turncred_caller_init(ngx_http_request_t *r,
    ngx_turncred_methods_t *methods, ngx_turncred_caller_t *caller)
{
    ngx_uint_t         same;
    ngx_table_elt_t   *h;
    access_headers_t   walk;

    ngx_memzero(caller, sizeof(ngx_turncred_caller_t));

    caller->methods = methods;

    same = 0;

    access_headers(&walk, r);

    while ((h = access_header_next(&walk)) != NULL) {

        if (access_is(&h->key, "Origin")) {

            /* no browser sends two: of those no page is allowed by name */

            caller->origin.len = caller->has_origin ? 0 : h->value.len;
            caller->origin.data = h->value.data;
            caller->has_origin = 1;

        } else if (access_is(&h->key, "Sec-Fetch-Site")) {
            same = access_is(&h->value, "same-origin");
        }
    }

    if (!caller->has_origin && same) {
        return ngx_turncred_own_origin(r, caller);
    }

    return NGX_OK;
}


/*
 * A browser leaves Origin out of a GET within one origin, but says in
 * Sec-Fetch-Site that it is one (W3C Fetch Metadata, 2.3; no script can set
 * or change that header): then the origin is that of the request itself.
 */

static ngx_int_t
ngx_turncred_own_origin(ngx_http_request_t *r, ngx_turncred_caller_t *caller)
{
    u_char     *p;
    ngx_str_t   scheme, host;

    if (r->headers_in.host == NULL) {
        return NGX_OK;
    }

    host = r->headers_in.host->value;
    ngx_str_set(&scheme, "http://");

#if (NGX_HTTP_SSL)
    if (r->connection->ssl) {
        ngx_str_set(&scheme, "https://");
    }
#endif

    p = ngx_pnalloc(r->pool, scheme.len + host.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    caller->origin.len = scheme.len + host.len;
    caller->origin.data = p;
    caller->has_origin = 1;

    p = ngx_cpymem(p, scheme.data, scheme.len);
    ngx_memcpy(p, host.data, host.len);

    return NGX_OK;
}


access_refusal_t *
ngx_turncred_pair(ngx_http_request_t *r, slice_t *pair,
    ngx_turncred_caller_t *caller)
{
    caller->key = access_key_by_pair(ngx_turncred_keys(r), pair);

    return (caller->key == NULL) ? &ngx_turncred_unauthorized : NULL;
}


access_refusal_t *
ngx_turncred_token(ngx_http_request_t *r, slice_t *token,
    ngx_turncred_caller_t *caller)
{
    int64_t           now;
    ngx_time_t       *tp;
    access_jwt_e      rc;
    access_key_t     *key;
    access_claims_t   claims;

    tp = ngx_timeofday();
    now = (int64_t) tp->sec * 1000 + (int64_t) tp->msec;

    rc = access_jwt_verify(ngx_turncred_keys(r), token, now, &key, &claims);

    if (rc == ACCESS_JWT_ERROR) {
        return &ngx_turncred_failed;
    }

    if (rc != ACCESS_JWT_OK) {
        return &ngx_turncred_unauthorized;
    }

    caller->expires = (time_t) (claims.exp / 1000);
    caller->no_turn = claims.no_turn;

    caller->subject.len = claims.sub.len;
    caller->subject.data = ngx_pnalloc(r->pool, claims.sub.len);

    if (caller->subject.data == NULL) {
        access_claims_free(&claims);
        return &ngx_turncred_failed;
    }

    ngx_memcpy(caller->subject.data, claims.sub.data, claims.sub.len);

    access_claims_free(&claims);

    /* credentials live for whole seconds */

    if (caller->expires <= tp->sec) {
        return &ngx_turncred_unauthorized;
    }

    caller->key = key;

    return NULL;
}


access_refusal_t *
ngx_turncred_publishable(ngx_http_request_t *r, slice_t *id,
    ngx_turncred_caller_t *caller)
{
    access_key_t  *key;

    if (id->data == NULL) {
        return &ngx_turncred_unauthorized;
    }

    key = access_key_find(ngx_turncred_keys(r), id);

    if (key == NULL || key->type != ACCESS_PUBLISHABLE) {
        return &ngx_turncred_unauthorized;
    }

    caller->key = key;

    return NULL;
}


access_refusal_t *
ngx_turncred_check_origin(ngx_turncred_caller_t *caller)
{
    if (caller->key->type != ACCESS_PUBLISHABLE
        || access_origin_allowed(caller->key,
                                 caller->has_origin ? &caller->origin : NULL))
    {
        return NULL;
    }

    return caller->has_origin ? &ngx_turncred_bad_origin
                              : &ngx_turncred_no_origin;
}


access_refusal_t *
ngx_turncred_check_turn(ngx_turncred_caller_t *caller)
{
    return (caller->key->turn && !caller->no_turn) ? NULL
                                                   : &ngx_turncred_bad_action;
}


ngx_int_t
ngx_turncred_mask_handler(ngx_http_request_t *r)
{
    if (!ngx_turncred_is_endpoint(r)) {
        return NGX_DECLINED;
    }

    if (access_mask_args(r, ngx_turncred_keys(r)) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DECLINED;
}
