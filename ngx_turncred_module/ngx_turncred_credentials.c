
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "ngx_turncred.h"


ngx_int_t
ngx_turncred_credentials_handler(ngx_http_request_t *r)
{
    ngx_int_t                 rc;
    ngx_str_t                 text;
    ngx_uint_t                status;
    ngx_turncred_login_t      login;
    ngx_turncred_caller_t     caller;
    access_refusal_t         *refusal;
    ngx_turncred_loc_conf_t  *tlcf;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    tlcf = ngx_http_get_module_loc_conf(r, ngx_turncred_module);

    if (ngx_turncred_caller_init(r, &caller) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (r->method == NGX_HTTP_OPTIONS) {
        return ngx_turncred_preflight(r, &caller);
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        refusal = &ngx_turncred_bad_method;

    } else {
        refusal = ngx_turncred_authorize(r, &caller);

        if (refusal == NULL && !ngx_turncred_can_relay(tlcf)) {
            refusal = &ngx_turncred_not_configured;
        }
    }

    if (ngx_turncred_answer_headers(r, &caller) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (refusal != NULL) {
        return ngx_turncred_refuse(r, refusal);
    }

    if (ngx_turncred_make_login(r, tlcf, tlcf->ttl, &login) != NGX_OK
        || ngx_turncred_ice_answer(r, tlcf, &login, &text) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    status = (tlcf->shape == NGX_TURNCRED_CLOUDFLARE) ? NGX_HTTP_CREATED
                                                      : NGX_HTTP_OK;

    return access_send(r, status, &text);
}
