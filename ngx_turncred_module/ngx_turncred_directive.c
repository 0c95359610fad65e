
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * What the directives say, as they are read.  What they have to say together
 * is in ngx_turncred_guard.c.
 */


#include "ngx_turncred.h"


static char *ngx_turncred_prepare(ngx_conf_t *cf,
    ngx_turncred_loc_conf_t *tlcf);
static void ngx_turncred_free_prepared(void *data);
static char *ngx_turncred_endpoint(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_turncred_loc_conf_t *tlcf, ngx_http_handler_pt handler);


static ngx_conf_enum_t  ngx_turncred_shapes[] = {
    { ngx_string("array"), NGX_TURNCRED_ARRAY },
    { ngx_string("object"), NGX_TURNCRED_OBJECT },
    { ngx_string("rest"), NGX_TURNCRED_REST },
    { ngx_string("twilio"), NGX_TURNCRED_TWILIO },
    { ngx_string("cloudflare"), NGX_TURNCRED_CLOUDFLARE },
    { ngx_null_string, 0 }
};


char *
ngx_turncred_server(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_turncred_loc_conf_t  *tlcf = conf;

    const char             *err;
    ngx_str_t              *value;
    ngx_uint_t              i;
    ngx_turncred_server_t  *server;

    if (tlcf->servers == NGX_CONF_UNSET_PTR) {
        tlcf->servers = ngx_array_create(cf->pool, 4,
                                         sizeof(ngx_turncred_server_t));
        if (tlcf->servers == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        server = ngx_array_push(tlcf->servers);
        if (server == NULL) {
            return NGX_CONF_ERROR;
        }

        server->url.len = value[i].len;
        server->url.data = value[i].data;

        err = turn_url_check(&server->url, &server->relay);
        if (err != NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid URL \"%V\" in \"turn_server\": %s",
                               &value[i], err);
            return NGX_CONF_ERROR;
        }

        if (server->relay) {
            tlcf->relays = 1;

        } else {
            tlcf->stuns = 1;
        }
    }

    return NGX_CONF_OK;
}


char *
ngx_turncred_secret(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_turncred_loc_conf_t  *tlcf = conf;

    ngx_str_t  *value;

    if (tlcf->secret.data != NULL) {
        return "is duplicate, write one \"turn_secret\" or "
               "\"turn_secret_file\" here";
    }

    value = cf->args->elts;

    if (value[1].len == 0) {
        return "is empty, write the \"static-auth-secret\" of coturn there";
    }

    tlcf->secret.len = value[1].len;
    tlcf->secret.data = value[1].data;

    return ngx_turncred_prepare(cf, tlcf);
}


char *
ngx_turncred_secret_file(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_turncred_loc_conf_t  *tlcf = conf;

    ngx_str_t  *value;

    if (tlcf->secret.data != NULL) {
        return "is duplicate, write one \"turn_secret\" or "
               "\"turn_secret_file\" here";
    }

    value = cf->args->elts;

    if (access_conf_read_secret(cf, "turn_secret_file", &value[1], 1,
                                &tlcf->secret)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_turncred_prepare(cf, tlcf);
}


static char *
ngx_turncred_prepare(ngx_conf_t *cf, ngx_turncred_loc_conf_t *tlcf)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    tlcf->prepared = turn_secret_prepare(&tlcf->secret);

    if (tlcf->prepared == NULL) {
        return "cannot be used: OpenSSL has no HMAC with SHA-1";
    }

    cln->handler = ngx_turncred_free_prepared;
    cln->data = tlcf->prepared;

    return NGX_CONF_OK;
}


static void
ngx_turncred_free_prepared(void *data)
{
    turn_secret_free(data);
}


char *
ngx_turncred_ttl_range(ngx_conf_t *cf, void *post, void *data)
{
    time_t  *ttl = data;

    if (*ttl < 1 || *ttl > NGX_TURNCRED_TTL_MAX) {
        return "is out of range, write a time from \"1s\" to \"10y\"";
    }

    return NGX_CONF_OK;
}


char *
ngx_turncred_credentials(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_turncred_loc_conf_t  *tlcf = conf;

    ngx_str_t   *value;
    ngx_uint_t   i;

    tlcf->shape = NGX_TURNCRED_ARRAY;

    if (cf->args->nelts == 2) {
        value = cf->args->elts;

        for (i = 0; ngx_turncred_shapes[i].name.len; i++) {
            if (ngx_turncred_shapes[i].name.len == value[1].len
                && ngx_strcmp(ngx_turncred_shapes[i].name.data, value[1].data)
                   == 0)
            {
                break;
            }
        }

        if (ngx_turncred_shapes[i].name.len == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "unknown shape \"%V\" in \"turn_credentials\", "
                               "write \"array\", \"object\", \"rest\", "
                               "\"twilio\" or \"cloudflare\"", &value[1]);
            return NGX_CONF_ERROR;
        }

        tlcf->shape = ngx_turncred_shapes[i].value;
    }

    return ngx_turncred_endpoint(cf, cmd, tlcf,
                                 ngx_turncred_credentials_handler);
}


char *
ngx_turncred_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_turncred_loc_conf_t  *tlcf = conf;

    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->name.len == 0 || clcf->name.data[0] != '/'
#if (NGX_PCRE)
        || clcf->regex != NULL
#endif
        || clcf->exact_match)
    {
        return "needs a location for all paths that begin alike, write "
               "\"location /api/v1/turn/ { turn_api; }\"";
    }

    tlcf->shape = NGX_TURNCRED_ARRAY;

    return ngx_turncred_endpoint(cf, cmd, tlcf, ngx_turncred_api_handler);
}


char *
ngx_turncred_token_issue(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_turncred_loc_conf_t  *tlcf = conf;

    ngx_str_t  *value;

    if (cf->args->nelts == 2) {
        value = cf->args->elts;

        tlcf->signer.len = value[1].len;
        tlcf->signer.data = value[1].data;
    }

    tlcf->shape = NGX_TURNCRED_ARRAY;

    return ngx_turncred_endpoint(cf, cmd, tlcf, ngx_turncred_token_handler);
}


char *
ngx_turncred_token_ttl_range(ngx_conf_t *cf, void *post, void *data)
{
    time_t  *ttl = data;

    if (*ttl < 1 || *ttl > NGX_TURNCRED_TOKEN_TTL_MAX) {
        return "is out of range, write a time from \"1s\" to \"24h\"";
    }

    return NGX_CONF_OK;
}


char *
ngx_turncred_client_metadata(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_turncred_loc_conf_t  *tlcf = conf;

    ssize_t     size;
    ngx_str_t  *value;

    if (tlcf->client_metadata != NGX_CONF_UNSET_SIZE) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        tlcf->client_metadata = 0;
        return NGX_CONF_OK;
    }

    size = ngx_parse_size(&value[1]);

    if (size < 1 || size > ACCESS_PEER_META_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid size \"%V\" in \"%V\", write a size "
                           "from \"1\" to \"4k\", or \"off\"",
                           &value[1], &cmd->name);
        return NGX_CONF_ERROR;
    }

    tlcf->client_metadata = (size_t) size;

    return NGX_CONF_OK;
}


/* makes the location one that hands something out */

static char *
ngx_turncred_endpoint(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_turncred_loc_conf_t *tlcf, ngx_http_handler_pt handler)
{
    ngx_turncred_endpoint_t   *endpoint;
    ngx_http_core_loc_conf_t  *clcf;
    ngx_turncred_main_conf_t  *tmcf;

    if (tlcf->endpoint != NULL) {

        if (tlcf->endpoint == &cmd->name) {
            return "is duplicate";
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" and \"%V\" in one location, give each "
                           "a location of its own",
                           tlcf->endpoint, &cmd->name);
        return NGX_CONF_ERROR;
    }

    tlcf->endpoint = &cmd->name;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = handler;

    tmcf = ngx_http_conf_get_module_main_conf(cf, ngx_turncred_module);

    endpoint = ngx_array_push(&tmcf->endpoints);
    if (endpoint == NULL) {
        return NGX_CONF_ERROR;
    }

    endpoint->directive = &cmd->name;
    endpoint->file = cf->conf_file->file.name;
    endpoint->line = cf->conf_file->line;
    endpoint->location = clcf;

    return NGX_CONF_OK;
}
