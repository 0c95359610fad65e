
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "ngx_turncred.h"


static ngx_int_t ngx_turncred_credentials_answer(ngx_http_request_t *r,
    ngx_int_t status, slice_t *body, void *data);
static access_refusal_t *ngx_turncred_credentials_check(
    ngx_http_request_t *r, ngx_turncred_caller_t *caller, ngx_int_t status,
    slice_t *body, time_t *ttl);
static access_refusal_t *ngx_turncred_credentials_caller(
    ngx_http_request_t *r, ngx_turncred_caller_t *caller);
static ngx_turncred_methods_t *ngx_turncred_credentials_methods(
    ngx_http_request_t *r);
static ngx_uint_t ngx_turncred_credentials_status(ngx_http_request_t *r);


ngx_int_t
ngx_turncred_credentials_handler(ngx_http_request_t *r)
{
    return ngx_turncred_start(r, ngx_turncred_credentials_methods(r),
                              ngx_turncred_credentials_answer);
}


static ngx_int_t
ngx_turncred_credentials_answer(ngx_http_request_t *r, ngx_int_t status,
    slice_t *body, void *data)
{
    time_t                    ttl;
    ngx_str_t                 text;
    access_refusal_t         *refusal;
    ngx_turncred_login_t      login;
    ngx_turncred_caller_t     caller;
    ngx_turncred_loc_conf_t  *tlcf;

    if (ngx_turncred_caller_init(r, ngx_turncred_credentials_methods(r),
                                 &caller)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    refusal = ngx_turncred_credentials_check(r, &caller, status, body, &ttl);

    if (ngx_turncred_answer_headers(r, &caller) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (refusal != NULL) {
        return ngx_turncred_refuse(r, &caller, refusal);
    }

    tlcf = ngx_http_get_module_loc_conf(r, ngx_turncred_module);

    if (ngx_turncred_make_login(r, tlcf, &caller.subject, ttl, &login)
        != NGX_OK
        || ngx_turncred_ice_answer(r, tlcf, &login, &text) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return access_send(r, ngx_turncred_credentials_status(r), &text);
}


static access_refusal_t *
ngx_turncred_credentials_check(ngx_http_request_t *r,
    ngx_turncred_caller_t *caller, ngx_int_t status, slice_t *body,
    time_t *ttl)
{
    access_refusal_t         *refusal;
    ngx_turncred_loc_conf_t  *tlcf;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))
        && (r->method != NGX_HTTP_POST
            || caller->methods != &ngx_turncred_get_post))
    {
        return &ngx_turncred_bad_method;
    }

    refusal = ngx_turncred_credentials_caller(r, caller);
    if (refusal != NULL) {
        return refusal;
    }

    refusal = ngx_turncred_check_body(status);
    if (refusal != NULL) {
        return refusal;
    }

    refusal = ngx_turncred_ttl(r, caller, body, ttl);
    if (refusal != NULL) {
        return refusal;
    }

    refusal = ngx_turncred_check_origin(caller);
    if (refusal != NULL) {
        return refusal;
    }

    refusal = ngx_turncred_check_turn(caller);
    if (refusal != NULL) {
        return refusal;
    }

    tlcf = ngx_http_get_module_loc_conf(r, ngx_turncred_module);

    return ngx_turncred_can_relay(tlcf) ? NULL : &ngx_turncred_not_configured;
}


/* a pair has a colon, which no token has */

static access_refusal_t *
ngx_turncred_credentials_caller(ngx_http_request_t *r,
    ngx_turncred_caller_t *caller)
{
    slice_t    id;
    ngx_str_t  value;

    if (access_bearer(r, &value) == NGX_OK) {

        if (ngx_strlchr(value.data, value.data + value.len, ':') != NULL) {
            return ngx_turncred_pair(r, (slice_t *) &value, caller);
        }

        return ngx_turncred_token(r, (slice_t *) &value, caller);
    }

    if (access_arg(r, "key", &id) != NGX_OK
        || (id.data == NULL && access_arg(r, "apiKey", &id) != NGX_OK))
    {
        return &ngx_turncred_failed;
    }

    return ngx_turncred_publishable(r, &id, caller);
}


/* the clients of these two providers ask by POST */

static ngx_turncred_methods_t *
ngx_turncred_credentials_methods(ngx_http_request_t *r)
{
    ngx_turncred_loc_conf_t  *tlcf;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_turncred_module);

    if (tlcf->shape == NGX_TURNCRED_TWILIO
        || tlcf->shape == NGX_TURNCRED_CLOUDFLARE)
    {
        return &ngx_turncred_get_post;
    }

    return &ngx_turncred_get;
}


/* and are told 201, by one of them to a GET too */

static ngx_uint_t
ngx_turncred_credentials_status(ngx_http_request_t *r)
{
    ngx_turncred_loc_conf_t  *tlcf;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_turncred_module);

    if (r->method == NGX_HTTP_POST || tlcf->shape == NGX_TURNCRED_CLOUDFLARE) {
        return NGX_HTTP_CREATED;
    }

    return NGX_HTTP_OK;
}
