
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * What apps may use: the directive "signaling_app", and how its limits come
 * into force.
 *
 * The master puts the limits of a configuration into the zone, where they
 * hold for the workers of all generations from that moment on.  Newcomers and
 * messages are refused by the registry; the connections that an app has when
 * it is suspended are closed by their workers, which see the new generation
 * in their ticks.
 */


#include "ngx_signaling.h"


/* a count of messages has to stay below 48 bits, see sig_registry_node.h */

#define NGX_SIGNALING_CONNECTIONS_MAX  1000000000
#define NGX_SIGNALING_MESSAGES_MAX     1000000000000


static ngx_int_t ngx_signaling_quota_name(ngx_conf_t *cf,
    ngx_signaling_main_conf_t *smcf, ngx_str_t *name);
static ngx_int_t ngx_signaling_quota_parameter(ngx_conf_t *cf,
    ngx_signaling_quota_t *quota, ngx_str_t *value);
static ngx_int_t ngx_signaling_quota_number(ngx_str_t *value,
    const char *name, ngx_int_t max);
static ngx_signaling_quota_t *ngx_signaling_quota_find(ngx_array_t *quotas,
    const slice_t *name);


char *
ngx_signaling_quota(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_signaling_main_conf_t *smcf = conf;

    ngx_str_t              *value;
    ngx_uint_t              i;
    ngx_signaling_quota_t  *quota;

    value = cf->args->elts;

    if (ngx_signaling_quota_name(cf, smcf, &value[1]) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    quota = ngx_array_push(&smcf->quotas);
    if (quota == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(quota, sizeof(ngx_signaling_quota_t));

    quota->app.len = value[1].len;
    quota->app.data = value[1].data;
    quota->max_connections = NGX_CONF_UNSET;
    quota->max_messages = NGX_CONF_UNSET;
    quota->file = cf->conf_file->file.name;
    quota->line = cf->conf_file->line;

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_signaling_quota_parameter(cf, quota, &value[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    ngx_conf_init_value(quota->max_connections, 0);
    ngx_conf_init_value(quota->max_messages, 0);

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_signaling_quota_name(ngx_conf_t *cf, ngx_signaling_main_conf_t *smcf,
    ngx_str_t *name)
{
    slice_t  *app;

    app = (slice_t *) name;

    if (!access_directive_name(app, SIG_APP_NAME)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid name \"%V\" in \"signaling_app\"; write "
                           "1 to %d letters, digits, \"-\", \"_\" or \".\", "
                           "as the keys of the app have it in \"app\"",
                           name, SIG_APP_NAME);
        return NGX_ERROR;
    }

    if (ngx_signaling_quota_find(&smcf->quotas, app)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"signaling_app %V\" is there twice; write all "
                           "limits of the app into one of them", name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_signaling_quota_parameter(ngx_conf_t *cf, ngx_signaling_quota_t *quota,
    ngx_str_t *value)
{
    ngx_int_t   n, max, *limit;
    const char  *name;

    if (value->len == 9 && ngx_strncmp(value->data, "suspended", 9) == 0) {

        if (quota->suspended) {
            goto duplicate;
        }

        quota->suspended = 1;
        return NGX_OK;
    }

    if (value->len >= 16
        && ngx_strncmp(value->data, "max_connections=", 16) == 0)
    {
        name = "max_connections=";
        max = NGX_SIGNALING_CONNECTIONS_MAX;
        limit = &quota->max_connections;

    } else if (value->len >= 13
               && ngx_strncmp(value->data, "max_messages=", 13) == 0)
    {
        name = "max_messages=";
        max = NGX_SIGNALING_MESSAGES_MAX;
        limit = &quota->max_messages;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown parameter \"%V\" in \"signaling_app\"; "
                           "write \"max_connections=\" or \"max_messages=\" "
                           "and a number, or \"suspended\"", value);
        return NGX_ERROR;
    }

    if (*limit != NGX_CONF_UNSET) {
        goto duplicate;
    }

    n = ngx_signaling_quota_number(value, name, max);

    if (n == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"signaling_app\"; "
                           "write \"%s\" and a number from 1 to %i, or 0 for "
                           "no limit", value, name, max);
        return NGX_ERROR;
    }

    *limit = n;

    return NGX_OK;

duplicate:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "duplicate parameter \"%V\" in \"signaling_app\"; "
                       "write it once", value);

    return NGX_ERROR;
}


static ngx_int_t
ngx_signaling_quota_number(ngx_str_t *value, const char *name, ngx_int_t max)
{
    size_t     len;
    ngx_int_t  n;

    len = ngx_strlen(name);
    n = ngx_atoi(value->data + len, value->len - len);

    return (n > max) ? NGX_ERROR : n;
}


static ngx_signaling_quota_t *
ngx_signaling_quota_find(ngx_array_t *quotas, const slice_t *name)
{
    ngx_uint_t              i;
    ngx_signaling_quota_t  *quota;

    quota = quotas->elts;

    for (i = 0; i < quotas->nelts; i++) {
        if (slice_eq(&quota[i].app, name)) {
            return &quota[i];
        }
    }

    return NULL;
}


/* in a key file a key of the app may come yet */

void
ngx_signaling_check_quotas(ngx_conf_t *cf, ngx_signaling_main_conf_t *smcf)
{
    uint32_t                k;
    ngx_uint_t              i;
    access_keys_t          *keys;
    ngx_signaling_quota_t  *quota;

    if (access_conf_has_file(&smcf->access)) {
        return;
    }

    keys = access_conf_keys(&smcf->access);
    quota = smcf->quotas.elts;

    for (i = 0; i < smcf->quotas.nelts; i++) {

        for (k = 0; k < keys->nelts; k++) {
            if (slice_eq(&keys->elts[k]->app, &quota[i].app)) {
                break;
            }
        }

        if (k == keys->nelts) {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "\"signaling_app %*s\" in %V:%ui is the app of no "
                          "key; write \"app %*s;\" into a key, or remove it",
                          quota[i].app.len, quota[i].app.data,
                          &quota[i].file, quota[i].line,
                          quota[i].app.len, quota[i].app.data);
        }
    }
}


/*
 * In the master.  Apps that have limits are made here, so that their first
 * connection finds them; those whose directive has gone have none any more.
 */

void
ngx_signaling_quota_apply(ngx_signaling_zone_t *zone, ngx_array_t *quotas,
    ngx_log_t *log)
{
    u_char                  name[SIG_APP_NAME];
    slice_t                 found;
    uint32_t                app;
    ngx_uint_t              i;
    ngx_signaling_quota_t  *quota;

    sig_registry_clock(&zone->registry, ngx_time());

    quota = quotas->elts;

    for (i = 0; i < quotas->nelts; i++) {

        if (sig_registry_app(&zone->registry, &quota[i].app, &app)
            != SIG_REGISTRY_OK)
        {
            ngx_log_error(NGX_LOG_WARN, log, 0,
                          "signaling zone \"%V\" has no room for the app "
                          "\"%*s\", whose limits are not in force",
                          &zone->name, quota[i].app.len, quota[i].app.data);
        }
    }

    found.data = name;

    for (app = sig_registry_next_app(&zone->registry, 0, name, &found.len);
         app != 0;
         app = sig_registry_next_app(&zone->registry, app, name, &found.len))
    {
        quota = ngx_signaling_quota_find(quotas, &found);

        (void) sig_registry_app_limits(&zone->registry, app,
                            quota ? (uint32_t) quota->max_connections : 0,
                            quota ? (uint64_t) quota->max_messages : 0,
                            quota ? quota->suspended : 0);
    }
}


/*
 * In a worker's tick.  After a new configuration the connections of apps that
 * it has suspended are closed; nobody has come in since the limits are there.
 */

void
ngx_signaling_quota_look(ngx_signaling_worker_t *sw)
{
    uint32_t               i;
    uint64_t               generation;
    ngx_signaling_conn_t  *sc;

    sig_registry_clock(sw->registry, ngx_time());

    generation = sig_registry_generation(sw->registry);

    if (generation == sw->quotas_seen) {
        return;
    }

    sw->quotas_seen = generation;

    for (i = 0; i < sw->nchunks * NGX_SIGNALING_CHUNK; i++) {

        sc = &sw->chunks[i / NGX_SIGNALING_CHUNK][i % NGX_SIGNALING_CHUNK];

        if (sc->state == NGX_SIGNALING_OPEN
            && sig_registry_app_suspended(sw->registry, sc->place->app))
        {
            ngx_signaling_conn_close(sc, NGX_SIGNALING_SUSPENDED,
                                     "the app is suspended");
        }
    }
}
