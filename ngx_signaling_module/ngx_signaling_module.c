
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Directives, their defaults, the variables, and the hooks by which nginx
 * starts and stops a worker.
 */


#include "ngx_signaling.h"


static void *ngx_signaling_create_main_conf(ngx_conf_t *cf);
static void *ngx_signaling_create_loc_conf(ngx_conf_t *cf);
static char *ngx_signaling_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static void ngx_signaling_merge_zones(ngx_signaling_loc_conf_t *prev,
    ngx_signaling_loc_conf_t *conf);
static void ngx_signaling_record_max(ngx_shm_zone_t *shm_zone,
    size_t max_message);
static ngx_int_t ngx_signaling_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_signaling_postconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_signaling_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_signaling_init_process(ngx_cycle_t *cycle);
static void ngx_signaling_exit_process(ngx_cycle_t *cycle);


static ngx_int_t ngx_signaling_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


#define NGX_SIGNALING_VAR_PEER_ID  0
#define NGX_SIGNALING_VAR_KEY      1
#define NGX_SIGNALING_VAR_APP      2
#define NGX_SIGNALING_VAR_EXPIRES  3


static ngx_conf_enum_t  ngx_signaling_reloads[] = {
    { ngx_string("keep"), NGX_SIGNALING_RELOAD_KEEP },
    { ngx_string("drain"), NGX_SIGNALING_RELOAD_DRAIN },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_signaling_same_peers[] = {
    { ngx_string("shared"), NGX_SIGNALING_PEER_SHARED },
    { ngx_string("single"), NGX_SIGNALING_PEER_SINGLE },
    { ngx_null_string, 0 }
};


/* a server frame has to stay below the 1 MiB that browsers' SDK takes */

static ngx_signaling_range_t  ngx_signaling_max_message_range = {
    NGX_SIGNALING_SIZE, 1, 1024 * 1024 - 16384,
    "a size from 1 to 1008k such as \"64k\""
};


static ngx_signaling_range_t  ngx_signaling_max_channels_range = {
    NGX_SIGNALING_NUMBER, 1, 65535,
    "a number from 1 to 65535 such as \"100\""
};


static ngx_signaling_range_t  ngx_signaling_send_buffer_range = {
    NGX_SIGNALING_SIZE, 1, 1024 * 1024 * 1024,
    "a size up to 1024m such as \"4m\""
};


static ngx_signaling_range_t  ngx_signaling_snapshot_delay_range = {
    NGX_SIGNALING_TIME, 0, 50,
    "a time from 0 to 50ms such as \"10ms\""
};


static ngx_signaling_range_t  ngx_signaling_drain_range = {
    NGX_SIGNALING_TIME, 0, 24 * 3600 * 1000,
    "a time up to 24h such as \"3s\""
};


static ngx_command_t  ngx_signaling_commands[] = {

    access_conf_commands,

    { ngx_string("signaling_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE2,
      ngx_signaling_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("signaling_app"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_signaling_quota,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("signaling"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_signaling_endpoint,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("signaling_api"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_signaling_api,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("signaling_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_signaling_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("signaling_ice_servers"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_set_complex_value_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_signaling_loc_conf_t, ice_servers),
      NULL },

    { ngx_string("signaling_peer_id"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_set_complex_value_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_signaling_loc_conf_t, peer_id),
      NULL },

    { ngx_string("signaling_peer_metadata"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_set_complex_value_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_signaling_loc_conf_t, peer_metadata),
      NULL },

    { ngx_string("signaling_max_message"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_signaling_value,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_signaling_loc_conf_t, max_message),
      &ngx_signaling_max_message_range },

    { ngx_string("signaling_max_channels"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_signaling_value,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_signaling_loc_conf_t, max_channels),
      &ngx_signaling_max_channels_range },

    { ngx_string("signaling_rate"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_signaling_rate,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("signaling_ping"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_signaling_ping,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("signaling_send_buffer"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_signaling_value,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_signaling_loc_conf_t, send_buffer),
      &ngx_signaling_send_buffer_range },

    { ngx_string("signaling_snapshot_delay"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_signaling_value,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_signaling_loc_conf_t, snapshot_delay),
      &ngx_signaling_snapshot_delay_range },

    { ngx_string("signaling_reload"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_signaling_choice,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_signaling_loc_conf_t, reload),
      &ngx_signaling_reloads },

    { ngx_string("signaling_drain"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_signaling_value,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_signaling_loc_conf_t, drain),
      &ngx_signaling_drain_range },

    { ngx_string("signaling_same_peer"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_signaling_choice,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_signaling_loc_conf_t, same_peer),
      &ngx_signaling_same_peers },

    { ngx_string("signaling_deflate"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_signaling_loc_conf_t, deflate),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_signaling_module_ctx = {
    ngx_signaling_preconfiguration,        /* preconfiguration */
    ngx_signaling_postconfiguration,       /* postconfiguration */

    ngx_signaling_create_main_conf,        /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_signaling_create_loc_conf,         /* create location configuration */
    ngx_signaling_merge_loc_conf           /* merge location configuration */
};


ngx_module_t  ngx_signaling_module = {
    NGX_MODULE_V1,
    &ngx_signaling_module_ctx,             /* module context */
    ngx_signaling_commands,                /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_signaling_init_module,             /* init module */
    ngx_signaling_init_process,            /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_signaling_exit_process,            /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_http_variable_t  ngx_signaling_variables[] = {

    { ngx_string("signaling_peer_id"), NULL, ngx_signaling_variable,
      NGX_SIGNALING_VAR_PEER_ID, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("signaling_key"), NULL, ngx_signaling_variable,
      NGX_SIGNALING_VAR_KEY, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("signaling_app"), NULL, ngx_signaling_variable,
      NGX_SIGNALING_VAR_APP, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("signaling_expires"), NULL, ngx_signaling_variable,
      NGX_SIGNALING_VAR_EXPIRES, NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


static void *
ngx_signaling_create_main_conf(ngx_conf_t *cf)
{
    ngx_signaling_main_conf_t  *smcf;

    smcf = ngx_pcalloc(cf->pool, sizeof(ngx_signaling_main_conf_t));
    if (smcf == NULL) {
        return NULL;
    }

    access_conf_init(&smcf->access);

    if (ngx_array_init(&smcf->zones, cf->pool, 2,
                       sizeof(ngx_signaling_zone_t *))
        != NGX_OK
        || ngx_array_init(&smcf->quotas, cf->pool, 4,
                          sizeof(ngx_signaling_quota_t))
           != NGX_OK
        || ngx_array_init(&smcf->endpoints, cf->pool, 2,
                          sizeof(ngx_signaling_endpoint_t))
           != NGX_OK)
    {
        return NULL;
    }

    return smcf;
}


static void *
ngx_signaling_create_loc_conf(ngx_conf_t *cf)
{
    ngx_signaling_loc_conf_t  *slcf;

    slcf = ngx_pcalloc(cf->pool, sizeof(ngx_signaling_loc_conf_t));
    if (slcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     slcf->shm_zone = NULL;
     *     slcf->api_zone = NULL;
     *     slcf->status_zone = NULL;
     *     slcf->ice_servers = NULL;
     *     slcf->peer_id = NULL;
     *     slcf->peer_metadata = NULL;
     */

    slcf->max_message = NGX_CONF_UNSET_SIZE;
    slcf->max_channels = NGX_CONF_UNSET_UINT;
    slcf->rate = NGX_CONF_UNSET_UINT;
    slcf->burst = NGX_CONF_UNSET_UINT;
    slcf->ping = NGX_CONF_UNSET_MSEC;
    slcf->grace = NGX_CONF_UNSET_MSEC;
    slcf->send_buffer = NGX_CONF_UNSET_SIZE;
    slcf->snapshot_delay = NGX_CONF_UNSET_MSEC;
    slcf->reload = NGX_CONF_UNSET_UINT;
    slcf->drain = NGX_CONF_UNSET_MSEC;
    slcf->same_peer = NGX_CONF_UNSET_UINT;
    slcf->deflate = NGX_CONF_UNSET;

    return slcf;
}


static char *
ngx_signaling_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_signaling_loc_conf_t *prev = parent;
    ngx_signaling_loc_conf_t *conf = child;

    ngx_signaling_zone_t       *zone;
    ngx_signaling_main_conf_t  *smcf;

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_signaling_module);

    ngx_signaling_merge_zones(prev, conf);

    if (conf->ice_servers == NULL) {
        conf->ice_servers = prev->ice_servers;
    }

    if (conf->peer_id == NULL) {
        conf->peer_id = prev->peer_id;
    }

    if (conf->peer_metadata == NULL) {
        conf->peer_metadata = prev->peer_metadata;
    }

    ngx_conf_merge_size_value(conf->max_message, prev->max_message, 65536);
    ngx_conf_merge_uint_value(conf->max_channels, prev->max_channels, 100);
    ngx_conf_merge_uint_value(conf->rate, prev->rate, 200 * 1000);
    ngx_conf_merge_uint_value(conf->burst, prev->burst, 1000);
    ngx_conf_merge_msec_value(conf->ping, prev->ping, 30000);
    ngx_conf_merge_msec_value(conf->grace, prev->grace, 10000);
    ngx_conf_merge_size_value(conf->send_buffer, prev->send_buffer,
                              4 * 1024 * 1024);
    ngx_conf_merge_msec_value(conf->snapshot_delay, prev->snapshot_delay, 10);
    ngx_conf_merge_uint_value(conf->reload, prev->reload,
                              NGX_SIGNALING_RELOAD_KEEP);
    ngx_conf_merge_msec_value(conf->drain, prev->drain, 3000);
    ngx_conf_merge_uint_value(conf->same_peer, prev->same_peer,
                              NGX_SIGNALING_PEER_SHARED);
    ngx_conf_merge_value(conf->deflate, prev->deflate, 0);

    if (access_error_log_add(cf, &smcf->access) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (conf->send_buffer < conf->max_message + 16384) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"signaling_send_buffer\" has no room for one "
                           "message of \"signaling_max_message\"; write "
                           "\"4m\"");
        return NGX_CONF_ERROR;
    }

    if (conf->shm_zone) {
        zone = conf->shm_zone->data;
        zone->drain = ngx_max(zone->drain, conf->drain);

        ngx_signaling_record_max(conf->shm_zone, conf->max_message);
    }

    if (conf->api_zone) {
        ngx_signaling_record_max(conf->api_zone,
                                 ngx_min(conf->max_message,
                                         NGX_SIGNALING_API_BODY));
    }

    return NGX_CONF_OK;
}


/* an "if" inside of a location is one more, with the same handler */

static void
ngx_signaling_merge_zones(ngx_signaling_loc_conf_t *prev,
    ngx_signaling_loc_conf_t *conf)
{
    if (conf->shm_zone == NULL) {
        conf->shm_zone = prev->shm_zone;
    }

    if (conf->api_zone == NULL) {
        conf->api_zone = prev->api_zone;
    }

    if (conf->status_zone == NULL) {
        conf->status_zone = prev->status_zone;
    }
}


static void
ngx_signaling_record_max(ngx_shm_zone_t *shm_zone, size_t max_message)
{
    size_t                 record;
    ngx_signaling_zone_t  *zone;

    zone = shm_zone->data;

    /* the longest names are escaped sixfold at worst */

    record = sizeof(sig_record_t) + max_message + SIG_METADATA_LEN
             + 6 * (ACCESS_CHANNEL_BYTES + ACCESS_PEER_ID) + 256;

    zone->record_max = ngx_max(zone->record_max, record);
}


static ngx_int_t
ngx_signaling_preconfiguration(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_signaling_variables; v->name.len; v++) {
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
ngx_signaling_postconfiguration(ngx_conf_t *cf)
{
    ngx_signaling_main_conf_t  *smcf;

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_signaling_module);

    if (access_conf_share(cf, &smcf->access) != NGX_OK) {
        return NGX_ERROR;
    }

    if (smcf->endpoints.nelts && !access_conf_has_keys(&smcf->access)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"signaling\" has no key that could be used with "
                           "it; write a \"publishable_key pk_live_name { "
                           "origins https://example.com; channels *; }\" in "
                           "\"http\"");
        return NGX_ERROR;
    }

    if (ngx_signaling_check_api(cf, smcf) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_signaling_check_quotas(cf, smcf);

    if (smcf->access.store == NULL) {
        return NGX_OK;
    }

    if (access_mask_phases(cf, ngx_signaling_mask_handler,
                           ngx_signaling_log_handler)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_signaling_check_listen(cf, smcf);
}


static ngx_int_t
ngx_signaling_init_module(ngx_cycle_t *cycle)
{
    ngx_signaling_main_conf_t  *smcf;

    smcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_signaling_module);

    if (smcf == NULL) {
        return NGX_OK;
    }

    access_conf_check(cycle, &smcf->access);

    if (ngx_test_config) {
        return NGX_OK;
    }

    if (access_conf_has_keys(&smcf->access)
        && access_error_log_redact(cycle, &smcf->access) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_signaling_zone_init_module(cycle, smcf);
}


/* runs in the cache manager and loader too, which serve nobody */

static ngx_int_t
ngx_signaling_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                  i;
    ngx_signaling_zone_t      **zones;
    ngx_signaling_main_conf_t  *smcf;

    smcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_signaling_module);

    if (smcf == NULL
        || (ngx_process != NGX_PROCESS_WORKER
            && ngx_process != NGX_PROCESS_SINGLE))
    {
        return NGX_OK;
    }

    zones = smcf->zones.elts;

    for (i = 0; i < smcf->zones.nelts; i++) {
        if (ngx_signaling_worker_init(cycle, zones[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return access_conf_watch(cycle, &smcf->access, ngx_signaling_keys_changed,
                             smcf);
}


static void
ngx_signaling_exit_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                  i;
    ngx_signaling_zone_t      **zones;
    ngx_signaling_main_conf_t  *smcf;

    smcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_signaling_module);

    if (smcf == NULL) {
        return;
    }

    zones = smcf->zones.elts;

    for (i = 0; i < smcf->zones.nelts; i++) {
        if (zones[i]->worker) {
            ngx_signaling_worker_exit(zones[i]->worker);
            zones[i]->worker = NULL;
        }
    }
}


static ngx_int_t
ngx_signaling_variable(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_str_t             s;
    ngx_signaling_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_signaling_module);

    if (ctx == NULL || ctx->peer_id.data == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    switch (data) {

    case NGX_SIGNALING_VAR_PEER_ID:
        s = ctx->peer_id;
        break;

    case NGX_SIGNALING_VAR_EXPIRES:
        s = ctx->expires;
        break;

    case NGX_SIGNALING_VAR_KEY:
        s = ctx->key;
        break;

    default: /* NGX_SIGNALING_VAR_APP */
        s = ctx->app;
        break;
    }

    v->len = s.len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->data = s.data;

    return NGX_OK;
}
