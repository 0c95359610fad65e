
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * What the directives have to say together: somebody who may call an
 * endpoint, a key that can sign, a limit on how often one address may ask.
 */


#include "ngx_turncred.h"


static ngx_int_t ngx_turncred_guard_keys(ngx_conf_t *cf,
    ngx_turncred_endpoint_t *endpoint, access_keys_t *keys);
static ngx_int_t ngx_turncred_guard_signer(ngx_conf_t *cf,
    ngx_turncred_endpoint_t *endpoint, access_keys_t *keys,
    ngx_uint_t level);
static void ngx_turncred_guard_relay(ngx_conf_t *cf,
    ngx_turncred_endpoint_t *endpoint);
static void ngx_turncred_guard_limit(ngx_conf_t *cf,
    ngx_turncred_endpoint_t *endpoint);
static ngx_uint_t ngx_turncred_limited(ngx_conf_t *cf,
    ngx_http_core_loc_conf_t *clcf);
static ngx_uint_t ngx_turncred_limit_layout(ngx_module_t *module);


#define ngx_turncred_endpoint_conf(endpoint)                                  \
    ((ngx_turncred_loc_conf_t *)                                              \
     (endpoint)->location->loc_conf[ngx_turncred_module.ctx_index])


ngx_int_t
ngx_turncred_guard(ngx_conf_t *cf, ngx_turncred_main_conf_t *tmcf,
    access_keys_t *keys)
{
    ngx_uint_t                i, file;
    ngx_turncred_endpoint_t  *endpoint;

    file = access_conf_has_file(&tmcf->access);
    endpoint = tmcf->endpoints.elts;

    for (i = 0; i < tmcf->endpoints.nelts; i++) {

        /* with a key file, what is not there yet may still come */

        if (!file
            && ngx_turncred_guard_keys(cf, &endpoint[i], keys) != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (ngx_turncred_guard_signer(cf, &endpoint[i], keys,
                                      file ? NGX_LOG_WARN : NGX_LOG_EMERG)
            != NGX_OK
            && !file)
        {
            return NGX_ERROR;
        }

        ngx_turncred_guard_relay(cf, &endpoint[i]);
        ngx_turncred_guard_limit(cf, &endpoint[i]);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_turncred_guard_keys(ngx_conf_t *cf, ngx_turncred_endpoint_t *endpoint,
    access_keys_t *keys)
{
    if (keys->nelts != 0) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "nobody may call \"%V\" without a key, "
                  "write a \"publishable_key\" or a \"secret_key\" "
                  "into \"http\" in %V:%ui",
                  endpoint->directive, &endpoint->file, endpoint->line);

    return NGX_ERROR;
}


static ngx_int_t
ngx_turncred_guard_signer(ngx_conf_t *cf, ngx_turncred_endpoint_t *endpoint,
    access_keys_t *keys, ngx_uint_t level)
{
    slice_t       *id;
    const char    *why;
    access_key_t  *key;

    id = &ngx_turncred_endpoint_conf(endpoint)->signer;

    if (id->data == NULL) {
        return NGX_OK;
    }

    key = access_key_find(keys, id);

    if (key == NULL) {
        why = "there is no such key, write a \"secret_key\" of that name into "
              "\"http\"";

    } else if (key->type != ACCESS_SECRET) {
        why = "that is a publishable key, name a \"secret_key\"";

    } else if (access_jwt_len(key, 0) == 0) {
        why = "that key has a public key only and can not sign, name a "
              "\"secret_key\" with a \"secret_file\"";

    } else {
        return NGX_OK;
    }

    ngx_log_error(level, cf->log, 0,
                  "invalid key \"%*s\" in \"%V\": %s in %V:%ui",
                  id->len, id->data, endpoint->directive, why,
                  &endpoint->file, endpoint->line);

    return NGX_ERROR;
}


static void
ngx_turncred_guard_relay(ngx_conf_t *cf, ngx_turncred_endpoint_t *endpoint)
{
    ngx_turncred_loc_conf_t  *tlcf;

    tlcf = ngx_turncred_endpoint_conf(endpoint);

    if (endpoint->location->handler == ngx_turncred_token_handler
        || ngx_turncred_can_relay(tlcf))
    {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                  "\"%V\" answers 503 until it has %s in %V:%ui",
                  endpoint->directive,
                  tlcf->relays ? "a \"turn_secret_file\""
                               : "a \"turn_server\" with a \"turn:\" URL "
                                 "and a \"turn_secret_file\"",
                  &endpoint->file, endpoint->line);
}


static void
ngx_turncred_guard_limit(ngx_conf_t *cf, ngx_turncred_endpoint_t *endpoint)
{
    if (ngx_turncred_limited(cf, endpoint->location)) {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                  "location \"%V\" has \"%V\" and no \"limit_req\", so that "
                  "an address may ask as often as it likes, write "
                  "\"limit_req_zone $binary_remote_addr zone=mint:1m "
                  "rate=60r/m;\" into \"http\" and \"limit_req zone=mint "
                  "burst=20 nodelay;\" into the location in %V:%ui",
                  &endpoint->location->name, endpoint->directive,
                  &endpoint->file, endpoint->line);
}


/*
 * Has the location a limit_req, its own or an inherited one?  The module of
 * nginx has no interface for that, and its configuration is its own: it
 * begins with the array of limits (nginx 1.1.14 and later).  Where that does
 * not hold, and without the module, there is nothing to warn of.
 */

static ngx_uint_t
ngx_turncred_limited(ngx_conf_t *cf, ngx_http_core_loc_conf_t *clcf)
{
    ngx_uint_t      i;
    ngx_array_t    *limits;
    ngx_module_t   *module;

    for (i = 0; cf->cycle->modules[i]; i++) {
        module = cf->cycle->modules[i];

        if (ngx_strcmp(module->name, "ngx_http_limit_req_module") == 0) {

            if (!ngx_turncred_limit_layout(module)) {
                return 1;
            }

            limits = clcf->loc_conf[module->ctx_index];

            return limits->nelts != 0;
        }
    }

    return 1;
}


/*
 * The table of its directives tells where "limit_req_log_level" is kept, the
 * member behind the array: if it is where an array ends, there is one.
 */

static ngx_uint_t
ngx_turncred_limit_layout(ngx_module_t *module)
{
    ngx_command_t  *cmd;

    for (cmd = module->commands; cmd != NULL && cmd->name.len; cmd++) {
        if (ngx_strcmp(cmd->name.data, "limit_req_log_level") == 0) {
            return cmd->conf == NGX_HTTP_LOC_CONF_OFFSET
                   && cmd->offset == sizeof(ngx_array_t);
        }
    }

    return 0;
}
