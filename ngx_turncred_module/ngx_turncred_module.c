
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "ngx_turncred.h"


#define NGX_TURNCRED_TTL       ((time_t) 4 * 3600)
#define NGX_TURNCRED_TOKEN_TTL ((time_t) 3600)


static ngx_int_t ngx_turncred_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_turncred_postconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_turncred_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_turncred_init_process(ngx_cycle_t *cycle);
static void *ngx_turncred_create_main_conf(ngx_conf_t *cf);
static void *ngx_turncred_create_loc_conf(ngx_conf_t *cf);
static char *ngx_turncred_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_turncred_ice_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_turncred_login_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_turncred_request_login(ngx_http_request_t *r,
    ngx_turncred_login_t **login);


static ngx_conf_post_t  ngx_turncred_ttl_post = { ngx_turncred_ttl_range };

static ngx_conf_post_t  ngx_turncred_token_ttl_post =
    { ngx_turncred_token_ttl_range };


static ngx_command_t  ngx_turncred_commands[] = {

    access_conf_commands,

    { ngx_string("turn_server"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_turncred_server,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("turn_secret"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_turncred_secret,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("turn_secret_file"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_turncred_secret_file,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("turn_ttl"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_sec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_turncred_loc_conf_t, ttl),
      &ngx_turncred_ttl_post },

    { ngx_string("turn_user"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_set_complex_value_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_turncred_loc_conf_t, user),
      NULL },

    { ngx_string("turn_credentials"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_turncred_credentials,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("turn_api"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_turncred_api,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("token_issue"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_turncred_token_issue,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("token_ttl"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_sec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_turncred_loc_conf_t, token_ttl),
      &ngx_turncred_token_ttl_post },

    { ngx_string("token_subject"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_set_complex_value_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_turncred_loc_conf_t, subject),
      NULL },

    { ngx_string("token_peer_metadata"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_set_complex_value_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_turncred_loc_conf_t, peer_metadata),
      NULL },

    { ngx_string("token_client_metadata"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_turncred_client_metadata,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_turncred_module_ctx = {
    ngx_turncred_preconfiguration,         /* preconfiguration */
    ngx_turncred_postconfiguration,        /* postconfiguration */

    ngx_turncred_create_main_conf,         /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_turncred_create_loc_conf,          /* create location configuration */
    ngx_turncred_merge_loc_conf            /* merge location configuration */
};


ngx_module_t  ngx_turncred_module = {
    NGX_MODULE_V1,
    &ngx_turncred_module_ctx,              /* module context */
    ngx_turncred_commands,                 /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_turncred_init_module,              /* init module */
    ngx_turncred_init_process,             /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


/*
 * Not cacheable, although the values do not change within a request: the
 * request context keeps them together, the cache of nginx might keep one of
 * them across an internal redirect that drops the context.
 */

static ngx_http_variable_t  ngx_turncred_variables[] = {

    { ngx_string("turn_ice_servers"), NULL, ngx_turncred_ice_variable,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("turn_username"), NULL, ngx_turncred_login_variable,
      offsetof(ngx_turncred_login_t, username), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("turn_credential"), NULL, ngx_turncred_login_variable,
      offsetof(ngx_turncred_login_t, credential), NGX_HTTP_VAR_NOCACHEABLE,
      0 },

      ngx_http_null_variable
};


static ngx_int_t
ngx_turncred_preconfiguration(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_turncred_variables; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_turncred_postconfiguration(ngx_conf_t *cf)
{
    ngx_turncred_main_conf_t  *tmcf;

    tmcf = ngx_http_conf_get_module_main_conf(cf, ngx_turncred_module);

    if (access_conf_share(cf, &tmcf->access) != NGX_OK) {
        return NGX_ERROR;
    }

    if (tmcf->endpoints.nelts == 0) {
        return NGX_OK;
    }

    if (ngx_turncred_guard(cf, tmcf, access_conf_keys(&tmcf->access))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return access_mask_phases(cf, ngx_turncred_mask_handler,
                              ngx_turncred_log_handler);
}


static ngx_int_t
ngx_turncred_init_module(ngx_cycle_t *cycle)
{
    ngx_turncred_main_conf_t  *tmcf;

    tmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_turncred_module);

    if (tmcf == NULL) {
        return NGX_OK;
    }

    access_conf_check(cycle, &tmcf->access);

    if (ngx_test_config
        || (!tmcf->has_secret && !access_conf_has_keys(&tmcf->access)))
    {
        return NGX_OK;
    }

    return access_error_log_redact(cycle, &tmcf->access);
}


static ngx_int_t
ngx_turncred_init_process(ngx_cycle_t *cycle)
{
    ngx_turncred_main_conf_t  *tmcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    tmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_turncred_module);

    if (tmcf == NULL || tmcf->endpoints.nelts == 0) {
        return NGX_OK;
    }

    /* every request looks its key up anew, so there is nobody to be told */

    return access_conf_watch(cycle, &tmcf->access, NULL, NULL);
}


static void *
ngx_turncred_create_main_conf(ngx_conf_t *cf)
{
    ngx_turncred_main_conf_t  *tmcf;

    tmcf = ngx_pcalloc(cf->pool, sizeof(ngx_turncred_main_conf_t));
    if (tmcf == NULL) {
        return NULL;
    }

    access_conf_init(&tmcf->access);

    if (ngx_array_init(&tmcf->endpoints, cf->pool, 4,
                       sizeof(ngx_turncred_endpoint_t))
        != NGX_OK)
    {
        return NULL;
    }

    return tmcf;
}


static void *
ngx_turncred_create_loc_conf(ngx_conf_t *cf)
{
    ngx_turncred_loc_conf_t  *tlcf;

    tlcf = ngx_pcalloc(cf->pool, sizeof(ngx_turncred_loc_conf_t));
    if (tlcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     tlcf->secret = { 0, NULL };
     *     tlcf->prepared = NULL;
     *     tlcf->endpoint = NULL;
     *     tlcf->signer = { 0, NULL };
     *     tlcf->stuns = 0;
     *     tlcf->relays = 0;
     */

    tlcf->servers = NGX_CONF_UNSET_PTR;
    tlcf->ttl = NGX_CONF_UNSET;
    tlcf->shape = NGX_CONF_UNSET_UINT;
    tlcf->user = NGX_CONF_UNSET_PTR;
    tlcf->token_ttl = NGX_CONF_UNSET;
    tlcf->subject = NGX_CONF_UNSET_PTR;
    tlcf->peer_metadata = NGX_CONF_UNSET_PTR;
    tlcf->client_metadata = NGX_CONF_UNSET_SIZE;

    return tlcf;
}


static char *
ngx_turncred_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_turncred_loc_conf_t  *prev = parent;
    ngx_turncred_loc_conf_t  *conf = child;

    ngx_turncred_main_conf_t  *tmcf;

    if (conf->servers == NGX_CONF_UNSET_PTR) {
        conf->stuns = prev->stuns;
        conf->relays = prev->relays;
    }

    ngx_conf_merge_ptr_value(conf->servers, prev->servers, NULL);
    ngx_conf_merge_sec_value(conf->ttl, prev->ttl, NGX_TURNCRED_TTL);
    ngx_conf_merge_uint_value(conf->shape, prev->shape, NGX_TURNCRED_ARRAY);
    ngx_conf_merge_ptr_value(conf->user, prev->user, NULL);
    ngx_conf_merge_sec_value(conf->token_ttl, prev->token_ttl,
                             NGX_TURNCRED_TOKEN_TTL);
    ngx_conf_merge_ptr_value(conf->subject, prev->subject, NULL);
    ngx_conf_merge_ptr_value(conf->peer_metadata, prev->peer_metadata, NULL);
    ngx_conf_merge_size_value(conf->client_metadata, prev->client_metadata, 0);

    if (conf->secret.data == NULL) {
        conf->secret = prev->secret;
        conf->prepared = prev->prepared;
    }

    tmcf = ngx_http_conf_get_module_main_conf(cf, ngx_turncred_module);

    if (conf->secret.data) {
        tmcf->has_secret = 1;
    }

    if (access_error_log_add(cf, &tmcf->access) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    /* an "if" in the location has a configuration of its own */

    if (conf->endpoint == NULL) {
        conf->signer = prev->signer;
    }

    if (ngx_turncred_ice_prepare(cf, conf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_turncred_ice_variable(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_str_t                 text;
    ngx_turncred_login_t     *login;
    ngx_turncred_loc_conf_t  *tlcf;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_turncred_module);

    login = NULL;

    if (ngx_turncred_can_relay(tlcf)) {
        if (ngx_turncred_request_login(r, &login) != NGX_OK) {
            return NGX_ERROR;
        }

    } else if (!tlcf->stuns) {
        v->not_found = 1;
        return NGX_OK;
    }

    if (ngx_turncred_ice_value(r, tlcf, login, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    v->len = text.len;
    v->data = text.data;
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_turncred_login_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    slice_t                  *text;
    ngx_turncred_login_t     *login;
    ngx_turncred_loc_conf_t  *tlcf;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_turncred_module);

    if (tlcf->secret.len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    if (ngx_turncred_request_login(r, &login) != NGX_OK) {
        return NGX_ERROR;
    }

    text = (slice_t *) ((u_char *) login + data);

    v->len = text->len;
    v->data = text->data;
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;

    return NGX_OK;
}


/*
 * A request that was rewritten into another location has its context, but
 * maybe not the secret of that location: then the login is made anew.
 */

static ngx_int_t
ngx_turncred_request_login(ngx_http_request_t *r, ngx_turncred_login_t **login)
{
    ngx_turncred_ctx_t       *ctx;
    ngx_turncred_loc_conf_t  *tlcf;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_turncred_module);
    ctx = ngx_http_get_module_ctx(r, ngx_turncred_module);

    if (ctx == NULL || ctx->conf != tlcf) {
        ctx = ngx_palloc(r->pool, sizeof(ngx_turncred_ctx_t));
        if (ctx == NULL) {
            return NGX_ERROR;
        }

        if (ngx_turncred_make_login(r, tlcf, NULL, NGX_TURNCRED_VAR_TTL,
                                    &ctx->login)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        ctx->conf = tlcf;

        ngx_http_set_ctx(r, ctx, ngx_turncred_module);
    }

    *login = &ctx->login;

    return NGX_OK;
}
