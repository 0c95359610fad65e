
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "ngx_turncred.h"


/*
 * A function here that is given a json_t keeps or frees it, also when it
 * fails.  NULL stands for memory that ran out and is passed on, so that a tree
 * is built without a check at every node: its root tells.
 */

static json_t *ngx_turncred_ice_object(ngx_turncred_loc_conf_t *tlcf,
    ngx_turncred_login_t *login);
static json_t *ngx_turncred_ice_rest(ngx_turncred_loc_conf_t *tlcf,
    ngx_turncred_login_t *login);
static json_t *ngx_turncred_ice_twilio(ngx_turncred_loc_conf_t *tlcf,
    ngx_turncred_login_t *login);
static json_t *ngx_turncred_ice_cloudflare(ngx_turncred_loc_conf_t *tlcf,
    ngx_turncred_login_t *login);
static json_t *ngx_turncred_ice_list(ngx_turncred_loc_conf_t *tlcf,
    ngx_turncred_login_t *login, ngx_uint_t twilio);
static json_t *ngx_turncred_ice_groups(ngx_turncred_loc_conf_t *tlcf,
    ngx_turncred_login_t *login, ngx_uint_t plain);
static json_t *ngx_turncred_ice_urls(ngx_turncred_loc_conf_t *tlcf,
    int relay);
static json_t *ngx_turncred_ice_entry(json_t *urls,
    ngx_turncred_login_t *login);
static json_t *ngx_turncred_set(json_t *object, const char *name,
    json_t *value);
static json_t *ngx_turncred_append(json_t *array, json_t *value);
static json_t *ngx_turncred_string(slice_t *s);


ngx_int_t
ngx_turncred_ice_answer(ngx_http_request_t *r, ngx_turncred_loc_conf_t *tlcf,
    ngx_turncred_login_t *login, ngx_str_t *text)
{
    json_t  *json;

    switch (tlcf->shape) {

    case NGX_TURNCRED_OBJECT:
        json = ngx_turncred_ice_object(tlcf, login);
        break;

    case NGX_TURNCRED_REST:
        json = ngx_turncred_ice_rest(tlcf, login);
        break;

    case NGX_TURNCRED_TWILIO:
        json = ngx_turncred_ice_twilio(tlcf, login);
        break;

    case NGX_TURNCRED_CLOUDFLARE:
        json = ngx_turncred_ice_cloudflare(tlcf, login);
        break;

    default: /* NGX_TURNCRED_ARRAY */
        json = ngx_turncred_ice_list(tlcf, login, 0);
    }

    return ngx_turncred_json_text(r, json, text);
}


ngx_int_t
ngx_turncred_ice_value(ngx_http_request_t *r, ngx_turncred_loc_conf_t *tlcf,
    ngx_turncred_login_t *login, ngx_str_t *text)
{
    return ngx_turncred_json_text(r, ngx_turncred_ice_groups(tlcf, login, 1),
                                  text);
}


ngx_int_t
ngx_turncred_json_text(ngx_http_request_t *r, json_t *json, ngx_str_t *text)
{
    size_t  len;

    len = 0;
    text->data = NULL;

    if (json != NULL) {
        len = json_dumpb(json, NULL, 0, JSON_COMPACT);
    }

    if (len != 0) {
        text->data = ngx_pnalloc(r->pool, len);
    }

    if (text->data == NULL
        || json_dumpb(json, (char *) text->data, len, JSON_COMPACT) != len)
    {
        ngx_log_error(NGX_LOG_CRIT, r->connection->log, 0,
                      "no memory for a JSON answer");
        json_decref(json);
        return NGX_ERROR;
    }

    text->len = len;

    json_decref(json);

    return NGX_OK;
}


static json_t *
ngx_turncred_ice_object(ngx_turncred_loc_conf_t *tlcf,
    ngx_turncred_login_t *login)
{
    json_t  *json;

    json = ngx_turncred_set(json_object(), "iceServers",
                            ngx_turncred_ice_list(tlcf, login, 0));

    return ngx_turncred_set(json, "expiresAt",
                            json_integer((json_int_t) ngx_time()
                                         + tlcf->ttl));
}


/* draft-uberti-behave-turn-rest-00, 2.2 */

static json_t *
ngx_turncred_ice_rest(ngx_turncred_loc_conf_t *tlcf,
    ngx_turncred_login_t *login)
{
    json_t  *json;

    json = ngx_turncred_set(json_object(), "username",
                            ngx_turncred_string(&login->username));

    json = ngx_turncred_set(json, "password",
                            ngx_turncred_string(&login->credential));

    json = ngx_turncred_set(json, "ttl", json_integer(tlcf->ttl));

    return ngx_turncred_set(json, "uris", ngx_turncred_ice_urls(tlcf, 1));
}


/* there "ttl" is a string, and "url" a second name of "urls" */

static json_t *
ngx_turncred_ice_twilio(ngx_turncred_loc_conf_t *tlcf,
    ngx_turncred_login_t *login)
{
    u_char   buf[NGX_TIME_T_LEN];
    json_t  *json;
    slice_t  ttl;

    ttl.data = buf;
    ttl.len = (size_t) (ngx_sprintf(buf, "%T", tlcf->ttl) - buf);

    json = ngx_turncred_set(json_object(), "username",
                            ngx_turncred_string(&login->username));

    json = ngx_turncred_set(json, "password",
                            ngx_turncred_string(&login->credential));

    json = ngx_turncred_set(json, "ttl", ngx_turncred_string(&ttl));

    return ngx_turncred_set(json, "ice_servers",
                            ngx_turncred_ice_list(tlcf, login, 1));
}


static json_t *
ngx_turncred_ice_cloudflare(ngx_turncred_loc_conf_t *tlcf,
    ngx_turncred_login_t *login)
{
    return ngx_turncred_set(json_object(), "iceServers",
                            ngx_turncred_ice_groups(tlcf, login, 0));
}


/* an entry for every URL, in the order of the configuration */

static json_t *
ngx_turncred_ice_list(ngx_turncred_loc_conf_t *tlcf,
    ngx_turncred_login_t *login, ngx_uint_t twilio)
{
    json_t                 *list, *entry;
    ngx_uint_t              i;
    ngx_turncred_server_t  *server;

    list = json_array();
    server = tlcf->servers->elts;

    for (i = 0; i < tlcf->servers->nelts; i++) {
        entry = ngx_turncred_ice_entry(ngx_turncred_string(&server[i].url),
                                       server[i].relay ? login : NULL);

        if (twilio) {
            entry = ngx_turncred_set(entry, "url",
                                     ngx_turncred_string(&server[i].url));
        }

        list = ngx_turncred_append(list, entry);
    }

    return list;
}


/*
 * At most two entries, one of all STUN and one of all TURN servers, since the
 * SDK discards a list of more than 16.  A single STUN server may be written
 * as plain text.
 */

static json_t *
ngx_turncred_ice_groups(ngx_turncred_loc_conf_t *tlcf,
    ngx_turncred_login_t *login, ngx_uint_t plain)
{
    json_t  *groups, *urls, *url;

    groups = json_array();

    if (tlcf->stuns) {
        urls = ngx_turncred_ice_urls(tlcf, 0);

        if (plain && json_array_size(urls) == 1) {
            url = json_incref(json_array_get(urls, 0));
            json_decref(urls);
            urls = url;
        }

        groups = ngx_turncred_append(groups,
                                     ngx_turncred_ice_entry(urls, NULL));
    }

    if (login != NULL) {
        urls = ngx_turncred_ice_urls(tlcf, 1);
        groups = ngx_turncred_append(groups,
                                     ngx_turncred_ice_entry(urls, login));
    }

    return groups;
}


static json_t *
ngx_turncred_ice_urls(ngx_turncred_loc_conf_t *tlcf, int relay)
{
    json_t                 *urls;
    ngx_uint_t              i;
    ngx_turncred_server_t  *server;

    urls = json_array();
    server = tlcf->servers->elts;

    for (i = 0; i < tlcf->servers->nelts; i++) {
        if (server[i].relay == relay) {
            urls = ngx_turncred_append(urls,
                                       ngx_turncred_string(&server[i].url));
        }
    }

    return urls;
}


/* login is NULL for a STUN server */

static json_t *
ngx_turncred_ice_entry(json_t *urls, ngx_turncred_login_t *login)
{
    json_t  *entry;

    entry = ngx_turncred_set(json_object(), "urls", urls);

    if (login == NULL) {
        return entry;
    }

    entry = ngx_turncred_set(entry, "username",
                             ngx_turncred_string(&login->username));

    return ngx_turncred_set(entry, "credential",
                            ngx_turncred_string(&login->credential));
}


static json_t *
ngx_turncred_set(json_t *object, const char *name, json_t *value)
{
    if (json_object_set_new(object, name, value) == -1) {
        json_decref(object);
        return NULL;
    }

    return object;
}


static json_t *
ngx_turncred_append(json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) == -1) {
        json_decref(array);
        return NULL;
    }

    return array;
}


static json_t *
ngx_turncred_string(slice_t *s)
{
    return json_stringn((char *) s->data, s->len);
}
