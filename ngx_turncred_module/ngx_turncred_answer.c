
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "ngx_turncred.h"


static ngx_int_t ngx_turncred_preflight(ngx_http_request_t *r,
    ngx_turncred_methods_t *methods);
static ngx_uint_t ngx_turncred_reader(ngx_http_request_t *r,
    ngx_turncred_caller_t *caller, ngx_str_t *value);
static ngx_uint_t ngx_turncred_key_reader(access_key_t *key, slice_t *origin,
    ngx_str_t *value);


ngx_turncred_methods_t  ngx_turncred_get = {
    ngx_string("GET, HEAD, OPTIONS"),
    ngx_string("GET, OPTIONS")
};

ngx_turncred_methods_t  ngx_turncred_get_post = {
    ngx_string("GET, HEAD, POST, OPTIONS"),
    ngx_string("GET, POST, OPTIONS")
};

ngx_turncred_methods_t  ngx_turncred_post = {
    ngx_string("POST, OPTIONS"),
    ngx_string("POST, OPTIONS")
};


access_refusal_t  ngx_turncred_bad_path = {
    NGX_HTTP_NOT_FOUND,
    ngx_string("not_found"),
    ngx_string("there is nothing at this address")
};

access_refusal_t  ngx_turncred_bad_method = {
    NGX_HTTP_NOT_ALLOWED,
    ngx_string("not_found"),
    ngx_string("this address is for the methods that \"Allow\" names")
};

access_refusal_t  ngx_turncred_bad_body = {
    NGX_HTTP_BAD_REQUEST,
    ngx_string("invalid_request"),
    ngx_string("the body is not one JSON object")
};

access_refusal_t  ngx_turncred_long_body = {
    NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
    ngx_string("invalid_request"),
    ngx_string("the body has more than 32 KB")
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

static access_answer_header_t  ngx_turncred_preflight_headers[] = {
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


static ngx_int_t
ngx_turncred_preflight(ngx_http_request_t *r, ngx_turncred_methods_t *methods)
{
    ngx_str_t               reader;
    ngx_turncred_caller_t   caller;
    access_answer_header_t  header;

    /* it shows no key */

    if (ngx_turncred_caller_init(r, methods, &caller) != NGX_OK
        || ngx_turncred_answer_headers(r, &caller) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_str_set(&header.name, "Allow");
    header.value = methods->allow;

    if (access_add_header(r, &header) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_turncred_reader(r, &caller, &reader)) {

        ngx_str_set(&header.name, "Access-Control-Allow-Methods");
        header.value = methods->cors;

        if (access_add_header(r, &header) != NGX_OK
            || access_add_headers(r, ngx_turncred_preflight_headers)
               != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    r->headers_out.status = NGX_HTTP_NO_CONTENT;
    r->header_only = 1;

    return ngx_http_send_header(r);
}


ngx_int_t
ngx_turncred_refuse(ngx_http_request_t *r, ngx_turncred_caller_t *caller,
    access_refusal_t *refusal)
{
    if (ngx_turncred_status_headers(r, caller, refusal->status) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return access_refuse(r, refusal);
}


ngx_int_t
ngx_turncred_status_headers(ngx_http_request_t *r,
    ngx_turncred_caller_t *caller, ngx_uint_t status)
{
    access_answer_header_t  header;

    switch (status) {

    case NGX_HTTP_NOT_ALLOWED:
        ngx_str_set(&header.name, "Allow");
        header.value = caller->methods->allow;
        break;

    case NGX_HTTP_UNAUTHORIZED:
        ngx_str_set(&header.name, "WWW-Authenticate");
        ngx_str_set(&header.value, "Bearer");
        break;

    default:
        return NGX_OK;
    }

    return access_add_header(r, &header);
}


ngx_int_t
ngx_turncred_start(ngx_http_request_t *r, ngx_turncred_methods_t *methods,
    access_body_pt handler)
{
    slice_t    none;
    ngx_int_t  rc;

    if (r->method == NGX_HTTP_POST && methods != &ngx_turncred_get) {
        return access_body_read(r, NGX_TURNCRED_BODY_MAX, handler, NULL);
    }

    rc = access_body_discard(r);

    if (rc != NGX_OK) {
        return rc;
    }

    if (r->method == NGX_HTTP_OPTIONS) {
        return ngx_turncred_preflight(r, methods);
    }

    none.len = 0;
    none.data = NULL;

    return handler(r, NGX_OK, &none, NULL);
}


access_refusal_t *
ngx_turncred_check_body(ngx_int_t status)
{
    switch (status) {

    case NGX_OK:
        return NULL;

    case NGX_HTTP_REQUEST_ENTITY_TOO_LARGE:
        return &ngx_turncred_long_body;

    default:
        return &ngx_turncred_bad_body;
    }
}


/*
 * What Access-Control-Allow-Origin says: the origin of the request if a key
 * names it, "*" if a key is for every origin.  Returns 0 when it is neither.
 */

static ngx_uint_t
ngx_turncred_reader(ngx_http_request_t *r, ngx_turncred_caller_t *caller,
    ngx_str_t *value)
{
    uint32_t        i;
    ngx_uint_t      found;
    access_key_t   *key;
    access_keys_t  *keys;

    if (!caller->has_origin) {
        return 0;
    }

    if (caller->key != NULL && caller->key->type == ACCESS_PUBLISHABLE) {
        return ngx_turncred_key_reader(caller->key, &caller->origin, value);
    }

    keys = ngx_turncred_keys(r);
    found = 0;

    for (i = 0; i < keys->nelts; i++) {
        key = keys->elts[i];

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
