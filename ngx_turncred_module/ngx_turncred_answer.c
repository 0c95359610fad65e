
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "ngx_turncred.h"


static ngx_uint_t ngx_turncred_reader(ngx_http_request_t *r,
    ngx_turncred_caller_t *caller, ngx_str_t *value);
static ngx_uint_t ngx_turncred_key_reader(access_key_t *key, slice_t *origin,
    ngx_str_t *value);


access_refusal_t  ngx_turncred_bad_method = {
    NGX_HTTP_NOT_ALLOWED,
    ngx_string("not_found"),
    ngx_string("this address is for GET")
};

access_refusal_t  ngx_turncred_not_configured = {
    NGX_HTTP_SERVICE_UNAVAILABLE,
    ngx_string("turn_not_configured"),
    ngx_string("no TURN server is configured here")
};


static access_answer_header_t  ngx_turncred_common_headers[] = {
    { ngx_string("Cache-Control"), ngx_string("no-store") },
    { ngx_string("Vary"), ngx_string("Origin") },
    { ngx_null_string, ngx_null_string }
};

static access_answer_header_t  ngx_turncred_method_headers[] = {
    { ngx_string("Allow"), ngx_string("GET, HEAD, OPTIONS") },
    { ngx_null_string, ngx_null_string }
};

static access_answer_header_t  ngx_turncred_challenge_headers[] = {
    { ngx_string("WWW-Authenticate"), ngx_string("Bearer") },
    { ngx_null_string, ngx_null_string }
};

static access_answer_header_t  ngx_turncred_preflight_headers[] = {
    { ngx_string("Access-Control-Allow-Methods"), ngx_string("GET, OPTIONS") },
    { ngx_string("Access-Control-Allow-Headers"),
      ngx_string("Authorization, Content-Type") },
    { ngx_string("Access-Control-Max-Age"), ngx_string("600") },
    { ngx_null_string, ngx_null_string }
};


ngx_int_t
ngx_turncred_answer_headers(ngx_http_request_t *r,
    ngx_turncred_caller_t *caller)
{
    access_answer_header_t  header;

    if (access_add_headers(r, ngx_turncred_common_headers) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!ngx_turncred_reader(r, caller, &header.value)) {
        return NGX_OK;
    }

    ngx_str_set(&header.name, "Access-Control-Allow-Origin");

    return access_add_header(r, &header);
}


ngx_int_t
ngx_turncred_preflight(ngx_http_request_t *r, ngx_turncred_caller_t *caller)
{
    ngx_str_t  reader;

    if (ngx_turncred_answer_headers(r, caller) != NGX_OK
        || access_add_headers(r, ngx_turncred_method_headers) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_turncred_reader(r, caller, &reader)
        && access_add_headers(r, ngx_turncred_preflight_headers) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = NGX_HTTP_NO_CONTENT;
    r->header_only = 1;

    return ngx_http_send_header(r);
}


ngx_int_t
ngx_turncred_refuse(ngx_http_request_t *r, access_refusal_t *refusal)
{
    access_answer_header_t  *headers;

    switch (refusal->status) {

    case NGX_HTTP_NOT_ALLOWED:
        headers = ngx_turncred_method_headers;
        break;

    case NGX_HTTP_UNAUTHORIZED:
        headers = ngx_turncred_challenge_headers;
        break;

    default:
        headers = NULL;
    }

    if (headers != NULL && access_add_headers(r, headers) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return access_refuse(r, refusal);
}


/*
 * What Access-Control-Allow-Origin says: the origin of the request if a key
 * names it, "*" if a key is for every origin.  Returns 0 when it is neither.
 */

static ngx_uint_t
ngx_turncred_reader(ngx_http_request_t *r, ngx_turncred_caller_t *caller,
    ngx_str_t *value)
{
    uint32_t                   i;
    ngx_uint_t                 found;
    access_key_t              *key;
    ngx_turncred_main_conf_t  *tmcf;

    if (!caller->has_origin) {
        return 0;
    }

    if (caller->key != NULL && caller->key->type == ACCESS_PUBLISHABLE) {
        return ngx_turncred_key_reader(caller->key, &caller->origin, value);
    }

    tmcf = ngx_http_get_module_main_conf(r, ngx_turncred_module);

    found = 0;

    for (i = 0; i < tmcf->keys.nelts; i++) {
        key = tmcf->keys.elts[i];

        if (ngx_turncred_key_reader(key, &caller->origin, value)) {
            found = 1;

            if (value->len != 1) {
                break;
            }
        }
    }

    return found;
}


static ngx_uint_t
ngx_turncred_key_reader(access_key_t *key, slice_t *origin, ngx_str_t *value)
{
    uint32_t    i;
    ngx_uint_t  found;

    found = 0;

    for (i = 0; i < key->norigins; i++) {

        if (!access_origin_match(&key->origins[i], origin)) {
            continue;
        }

        found = 1;

        if (key->origins[i].len == 1) {
            /* "*", unless another entry names the origin */
            ngx_str_set(value, "*");
            continue;
        }

        value->len = origin->len;
        value->data = origin->data;
        break;
    }

    return found;
}
