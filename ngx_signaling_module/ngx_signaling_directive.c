
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Directives that take more than a value, and the checks that need the whole
 * configuration.
 */


#include "ngx_signaling.h"


static ngx_int_t ngx_signaling_locate(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_shm_zone_t **shm_zone, ngx_http_handler_pt handler);
static void ngx_signaling_place(ngx_conf_t *cf,
    ngx_signaling_endpoint_t *endpoint);
static ngx_int_t ngx_signaling_rate_number(ngx_str_t *value);


char *
ngx_signaling_endpoint(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_signaling_loc_conf_t *slcf = conf;

    ngx_signaling_endpoint_t   *endpoint;
    ngx_signaling_main_conf_t  *smcf;

    if (slcf->shm_zone) {
        return "is duplicate";
    }

    if (ngx_signaling_locate(cf, cmd, &slcf->shm_zone, ngx_signaling_handler)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_signaling_module);

    endpoint = ngx_array_push(&smcf->endpoints);
    if (endpoint == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_signaling_place(cf, endpoint);

    return NGX_CONF_OK;
}


char *
ngx_signaling_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_signaling_loc_conf_t *slcf = conf;

    ngx_signaling_main_conf_t  *smcf;

    if (slcf->api_zone) {
        return "is duplicate";
    }

    if (ngx_signaling_locate(cf, cmd, &slcf->api_zone,
                             ngx_signaling_api_handler)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_signaling_module);

    if (smcf->api == NULL) {

        smcf->api = ngx_palloc(cf->pool, sizeof(ngx_signaling_endpoint_t));
        if (smcf->api == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_signaling_place(cf, smcf->api);
    }

    return NGX_CONF_OK;
}


char *
ngx_signaling_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_signaling_loc_conf_t *slcf = conf;

    if (slcf->status_zone) {
        return "is duplicate";
    }

    if (ngx_signaling_locate(cf, cmd, &slcf->status_zone,
                             ngx_signaling_status_handler)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* a location answers in one way: there is one handler, of the zone named */

static ngx_int_t
ngx_signaling_locate(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_shm_zone_t **shm_zone, ngx_http_handler_pt handler)
{
    ngx_str_t                  *value;
    ngx_http_core_loc_conf_t   *clcf;
    ngx_signaling_main_conf_t  *smcf;

    value = cf->args->elts;
    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_signaling_module);
    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is in a location that another directive "
                           "answers for; write it in a location of its own",
                           &cmd->name);
        return NGX_ERROR;
    }

    clcf->handler = handler;

    return ngx_signaling_zone_find(cf, smcf, (char *) cmd->name.data,
                                   &value[1], shm_zone);
}


static void
ngx_signaling_place(ngx_conf_t *cf, ngx_signaling_endpoint_t *endpoint)
{
    endpoint->cscf = ngx_http_conf_get_module_srv_conf(cf,
                                                       ngx_http_core_module);
    endpoint->file = cf->conf_file->file.name;
    endpoint->line = cf->conf_file->line;
}


/* for a field of one word: a size, a time in milliseconds or a number */

char *
ngx_signaling_value(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_int_t               n;
    ngx_str_t              *value;
    ngx_uint_t             *field;
    ngx_signaling_range_t  *range;

    field = (ngx_uint_t *) ((u_char *) conf + cmd->offset);

    if (*field != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;
    range = cmd->post;

    switch (range->type) {

    case NGX_SIGNALING_SIZE:
        n = ngx_parse_size(&value[1]);
        break;

    case NGX_SIGNALING_TIME:
        n = ngx_parse_time(&value[1], 0);
        break;

    default: /* NGX_SIGNALING_NUMBER */
        n = ngx_atoi(value[1].data, value[1].len);
        break;
    }

    if (n == NGX_ERROR || n < range->min || n > range->max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\"; write %s",
                           &value[1], &cmd->name, range->mend);
        return NGX_CONF_ERROR;
    }

    *field = n;

    return NGX_CONF_OK;
}


/* one of two words */

char *
ngx_signaling_choice(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t        *value;
    ngx_uint_t        i, *field;
    ngx_conf_enum_t  *choice;

    field = (ngx_uint_t *) ((u_char *) conf + cmd->offset);

    if (*field != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;
    choice = cmd->post;

    for (i = 0; choice[i].name.len; i++) {
        if (choice[i].name.len == value[1].len
            && ngx_strcmp(choice[i].name.data, value[1].data) == 0)
        {
            *field = choice[i].value;
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" in \"%V\"; write \"%V\" or "
                       "\"%V\"", &value[1], &cmd->name,
                       &choice[0].name, &choice[1].name);

    return NGX_CONF_ERROR;
}


char *
ngx_signaling_rate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_signaling_loc_conf_t *slcf = conf;

    ngx_int_t   rate, burst;
    ngx_str_t  *value, s;

    if (slcf->rate != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {

        if (cf->args->nelts == 3) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"signaling_rate off\" has no limit that "
                               "could have a burst; leave out \"%V\"",
                               &value[2]);
            return NGX_CONF_ERROR;
        }

        slcf->rate = 0;
        slcf->burst = 0;
        return NGX_CONF_OK;
    }

    rate = ngx_signaling_rate_number(&value[1]);

    if (rate <= 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid rate \"%V\" in \"signaling_rate\"; write "
                           "a number of messages such as \"200r/s\" or "
                           "\"600r/m\", or \"off\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    burst = 5 * rate / 1000;
    burst = ngx_max(burst, 1);
    burst = ngx_min(burst, 1000000);

    if (cf->args->nelts == 3) {
        s = value[2];
        burst = NGX_ERROR;

        if (s.len > 6 && ngx_strncmp(s.data, "burst=", 6) == 0) {
            burst = ngx_atoi(s.data + 6, s.len - 6);
        }

        if (burst < 1 || burst > 1000000) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in "
                               "\"signaling_rate\"; write \"burst=\" and a "
                               "number from 1 to 1000000", &value[2]);
            return NGX_CONF_ERROR;
        }
    }

    slcf->rate = rate;
    slcf->burst = burst;

    return NGX_CONF_OK;
}


/* thousandths of a message in a second; not positive: it is no rate */

static ngx_int_t
ngx_signaling_rate_number(ngx_str_t *value)
{
    size_t      len;
    u_char     *unit;
    ngx_int_t   n;

    if (value->len <= 3) {
        return NGX_ERROR;
    }

    len = value->len - 3;
    unit = value->data + len;
    n = ngx_atoi(value->data, len);

    if (n > 1000000) {
        return NGX_ERROR;
    }

    if (ngx_strncmp(unit, "r/s", 3) == 0) {
        return n * 1000;
    }

    if (ngx_strncmp(unit, "r/m", 3) == 0) {
        return n * 1000 / 60;
    }

    return NGX_ERROR;
}


char *
ngx_signaling_ping(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_signaling_loc_conf_t *slcf = conf;

    ngx_int_t   ping, grace;
    ngx_str_t  *value, s;

    if (slcf->ping != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    value = cf->args->elts;
    ping = ngx_parse_time(&value[1], 0);

    if (ping == NGX_ERROR || ping < 100) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid interval \"%V\" in \"signaling_ping\"; "
                           "write a time of at least 100ms such as \"30s\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    grace = 10000;

    if (cf->args->nelts == 3) {
        s = value[2];
        grace = NGX_ERROR;

        if (s.len > 6 && ngx_strncmp(s.data, "grace=", 6) == 0) {
            s.data += 6;
            s.len -= 6;
            grace = ngx_parse_time(&s, 0);
        }

        if (grace == NGX_ERROR || grace < 100) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in "
                               "\"signaling_ping\"; write \"grace=\" and a "
                               "time of at least 100ms such as \"grace=10s\"",
                               &value[2]);
            return NGX_CONF_ERROR;
        }
    }

    slcf->ping = ping;
    slcf->grace = grace;

    return NGX_CONF_OK;
}


/*
 * A WebSocket needs HTTP/1.1.  Over TLS clients choose it by ALPN; on a
 * plaintext port with "http2" this nginx understands nothing but HTTP/2.
 */

ngx_int_t
ngx_signaling_check_listen(ngx_conf_t *cf, ngx_signaling_main_conf_t *smcf)
{
#if (NGX_HTTP_V2 && nginx_version < 1025001)
    ngx_uint_t                  p, a, s, e;
    ngx_http_conf_addr_t       *addr;
    ngx_http_conf_port_t       *port;
    ngx_signaling_endpoint_t   *endpoint;
    ngx_http_core_srv_conf_t  **cscf;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    if (cmcf->ports == NULL) {
        return NGX_OK;
    }

    port = cmcf->ports->elts;
    endpoint = smcf->endpoints.elts;

    for (p = 0; p < cmcf->ports->nelts; p++) {
        addr = port[p].addrs.elts;

        for (a = 0; a < port[p].addrs.nelts; a++) {

            if (!addr[a].opt.http2 || addr[a].opt.ssl) {
                continue;
            }

            cscf = addr[a].servers.elts;

            for (s = 0; s < addr[a].servers.nelts; s++) {
                for (e = 0; e < smcf->endpoints.nelts; e++) {

                    if (endpoint[e].cscf != cscf[s]) {
                        continue;
                    }

                    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                                  "\"signaling\" in %V:%ui cannot be reached "
                                  "through \"listen %V http2\" without "
                                  "\"ssl\", which understands HTTP/2 only; "
                                  "remove \"http2\" there",
                                  &endpoint[e].file, endpoint[e].line,
                                  &addr[a].opt.addr_text);
                    return NGX_ERROR;
                }
            }
        }
    }
#endif

    return NGX_OK;
}


/* who could call the control plane? */

ngx_int_t
ngx_signaling_check_api(ngx_conf_t *cf, ngx_signaling_main_conf_t *smcf)
{
    uint32_t        i;
    access_keys_t  *keys;

    if (smcf->api == NULL || access_conf_has_file(&smcf->access)) {
        return NGX_OK;
    }

    keys = access_conf_keys(&smcf->access);

    for (i = 0; i < keys->nelts; i++) {
        if (keys->elts[i]->type == ACCESS_SECRET
            && !access_is_asymmetric(keys->elts[i]->algorithm))
        {
            return NGX_OK;
        }
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "\"signaling_api\" in %V:%ui has no secret key that could "
                  "call it; write a \"secret_key sk_id_name { secret_file "
                  "path; channels **; }\" in \"http\"",
                  &smcf->api->file, smcf->api->line);

    return NGX_ERROR;
}
