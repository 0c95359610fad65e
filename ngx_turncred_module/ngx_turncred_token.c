
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The endpoint of "token_issue".  A backend shows a pair, names all that the
 * token says, and gets it signed with the key that it showed.  A page shows a
 * publishable key, and the configuration names the rest.
 */


#include "ngx_turncred.h"


static ngx_int_t ngx_turncred_token_answer(ngx_http_request_t *r,
    ngx_int_t status, slice_t *body, void *data);
static access_refusal_t *ngx_turncred_token_check(ngx_http_request_t *r,
    ngx_turncred_caller_t *caller, ngx_int_t status, slice_t *body,
    ngx_turncred_token_t *token);
static access_refusal_t *ngx_turncred_token_caller(ngx_http_request_t *r,
    ngx_turncred_caller_t *caller);
static access_refusal_t *ngx_turncred_token_signer(ngx_http_request_t *r,
    ngx_turncred_caller_t *caller, ngx_turncred_token_t *token);
static access_refusal_t *ngx_turncred_token_text(ngx_http_request_t *r,
    ngx_turncred_caller_t *caller, ngx_turncred_token_t *token,
    ngx_str_t *text);
static access_refusal_t *ngx_turncred_token_servers(ngx_http_request_t *r,
    ngx_turncred_caller_t *caller, ngx_turncred_token_t *token,
    ngx_str_t *servers);


static access_refusal_t  ngx_turncred_other_app = {
    NGX_HTTP_FORBIDDEN,
    ngx_string("action_not_permitted"),
    ngx_string("this key is of another app than the tokens issued here")
};

static access_refusal_t  ngx_turncred_long_token = {
    NGX_HTTP_BAD_REQUEST,
    ngx_string("invalid_request"),
    ngx_string("the token would have more than 32 KB")
};


ngx_int_t
ngx_turncred_token_handler(ngx_http_request_t *r)
{
    return ngx_turncred_start(r, &ngx_turncred_post,
                              ngx_turncred_token_answer);
}


static ngx_int_t
ngx_turncred_token_answer(ngx_http_request_t *r, ngx_int_t status,
    slice_t *body, void *data)
{
    ngx_str_t               text;
    access_refusal_t       *refusal;
    ngx_turncred_token_t    token;
    ngx_turncred_caller_t   caller;

    if (ngx_turncred_caller_init(r, &ngx_turncred_post, &caller) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    refusal = ngx_turncred_token_check(r, &caller, status, body, &token);

    if (refusal == NULL) {
        refusal = ngx_turncred_token_text(r, &caller, &token, &text);
    }

    if (ngx_turncred_answer_headers(r, &caller) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (refusal != NULL) {
        return ngx_turncred_refuse(r, &caller, refusal);
    }

    return access_send(r, NGX_HTTP_OK, &text);
}


/* in the order of docs/protocol.md 12.2 */

static access_refusal_t *
ngx_turncred_token_check(ngx_http_request_t *r, ngx_turncred_caller_t *caller,
    ngx_int_t status, slice_t *body, ngx_turncred_token_t *token)
{
    access_refusal_t  *refusal;

    refusal = ngx_turncred_token_caller(r, caller);
    if (refusal != NULL) {
        return refusal;
    }

    if (r->method != NGX_HTTP_POST) {
        return &ngx_turncred_bad_method;
    }

    refusal = ngx_turncred_check_body(status);
    if (refusal != NULL) {
        return refusal;
    }

    if (caller->key->type == ACCESS_SECRET) {
        token->signer = caller->key;

        return ngx_turncred_backend_claims(r, caller, body, token);
    }

    refusal = ngx_turncred_page_body(r, body, token);
    if (refusal != NULL) {
        return refusal;
    }

    refusal = ngx_turncred_check_origin(caller);
    if (refusal != NULL) {
        return refusal;
    }

    refusal = ngx_turncred_token_signer(r, caller, token);
    if (refusal != NULL) {
        return refusal;
    }

    return ngx_turncred_page_claims(r, caller, token);
}


/* without a key to sign with, this address is not for pages */

static access_refusal_t *
ngx_turncred_token_caller(ngx_http_request_t *r,
    ngx_turncred_caller_t *caller)
{
    slice_t                   id;
    ngx_str_t                 pair;
    ngx_turncred_loc_conf_t  *tlcf;

    if (access_bearer(r, &pair) == NGX_OK) {
        return ngx_turncred_pair(r, (slice_t *) &pair, caller);
    }

    tlcf = ngx_http_get_module_loc_conf(r, ngx_turncred_module);

    if (tlcf->signer.data == NULL) {
        return &ngx_turncred_unauthorized;
    }

    if (access_arg(r, "key", &id) != NGX_OK) {
        return &ngx_turncred_failed;
    }

    return ngx_turncred_publishable(r, &id, caller);
}


static access_refusal_t *
ngx_turncred_token_signer(ngx_http_request_t *r,
    ngx_turncred_caller_t *caller, ngx_turncred_token_t *token)
{
    access_key_t             *key;
    ngx_turncred_loc_conf_t  *tlcf;

    static ngx_uint_t  told;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_turncred_module);

    key = access_key_find(ngx_turncred_keys(r), &tlcf->signer);

    /* a configuration without it does not start, but keys come and go */

    if (key == NULL || access_jwt_len(key, 0) == 0) {

        if (!told) {
            told = 1;

            ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                          "no secret key \"%*s\" for \"token_issue\", pages "
                          "are answered 503",
                          tlcf->signer.len, tlcf->signer.data);
        }

        return &ngx_turncred_failed;
    }

    if (!slice_eq(&key->app, &caller->key->app)) {
        return &ngx_turncred_other_app;
    }

    token->signer = key;

    return NULL;
}


static access_refusal_t *
ngx_turncred_token_text(ngx_http_request_t *r, ngx_turncred_caller_t *caller,
    ngx_turncred_token_t *token, ngx_str_t *text)
{
    size_t             len;
    u_char            *p;
    ngx_str_t          servers;
    access_refusal_t  *refusal;

    len = access_jwt_len(token->signer, token->claims.len);

    if (len == 0) {
        return &ngx_turncred_failed;
    }

    if (len > ACCESS_JWT_MAX) {
        return &ngx_turncred_long_token;
    }

    refusal = ngx_turncred_token_servers(r, caller, token, &servers);
    if (refusal != NULL) {
        return refusal;
    }

    p = ngx_pnalloc(r->pool, sizeof("{\"token\":\"\",\"expiresAt\":"
                                    ",\"iceServers\":}") - 1
                             + len + NGX_TIME_T_LEN + servers.len);
    if (p == NULL) {
        return &ngx_turncred_failed;
    }

    text->data = p;

    p = ngx_cpymem(p, "{\"token\":\"", sizeof("{\"token\":\"") - 1);

    if (access_jwt_sign(p, token->signer, (slice_t *) &token->claims) == -1) {
        ngx_log_error(NGX_LOG_CRIT, r->connection->log, 0,
                      "OpenSSL failed to sign a token");
        return &ngx_turncred_failed;
    }

    p = ngx_sprintf(p + len, "\",\"expiresAt\":%T", token->expires);

    if (servers.len != 0) {
        p = ngx_sprintf(p, ",\"iceServers\":%V", &servers);
    }

    *p++ = '}';

    text->len = (size_t) (p - text->data);

    return NULL;
}


/*
 * Pages get TURN servers with the token, for as long as it lives, or for as
 * long as they would get them from "turn_credentials" if that is longer.
 * Backends get no such member.
 */

static access_refusal_t *
ngx_turncred_token_servers(ngx_http_request_t *r,
    ngx_turncred_caller_t *caller, ngx_turncred_token_t *token,
    ngx_str_t *servers)
{
    time_t                    ttl;
    ngx_turncred_login_t      login;
    ngx_turncred_loc_conf_t  *tlcf;

    ngx_str_null(servers);

    if (caller->key->type != ACCESS_PUBLISHABLE) {
        return NULL;
    }

    tlcf = ngx_http_get_module_loc_conf(r, ngx_turncred_module);

    if (!ngx_turncred_can_relay(tlcf) || !caller->key->turn
        || !token->signer->turn)
    {
        ngx_str_set(servers, "[]");
        return NULL;
    }

    ttl = ngx_max(token->expires - ngx_time(), tlcf->ttl);

    if (ngx_turncred_make_login(r, tlcf, &token->subject, ttl, &login)
        != NGX_OK
        || ngx_turncred_ice_answer(r, tlcf, &login, servers) != NGX_OK)
    {
        return &ngx_turncred_failed;
    }

    return NULL;
}
