
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "ngx_turncred.h"


/*
 * Lists of servers are constants of a location but for the login and its
 * times: their JSON is written when the configuration is read, with a mark
 * for each of these, "$x" with its quotes.  A request fills them in.  No URL
 * has a "$" (turn_url_check()), and nothing that replaces a mark needs
 * escaping.
 */

#define NGX_TURNCRED_MARK       (sizeof("\"$x\"") - 1)

#define NGX_TURNCRED_USERNAME   'u'
#define NGX_TURNCRED_CREDENTIAL 'c'
#define NGX_TURNCRED_SECONDS    't'     /* the lifetime, a number */
#define NGX_TURNCRED_SECONDS_S  's'     /* the same as a string */
#define NGX_TURNCRED_EXPIRY     'e'     /* Unix seconds, a number */


/*
 * A function here that is given a json_t keeps or frees it, also when it
 * fails.  NULL stands for memory that ran out and is passed on, so that a tree
 * is built without a check at every node: its root tells.
 */

static ngx_int_t ngx_turncred_ice_template(ngx_conf_t *cf, json_t *json,
    ngx_turncred_template_t *t);
static ngx_int_t ngx_turncred_ice_fill(ngx_http_request_t *r,
    ngx_turncred_template_t *t, ngx_turncred_login_t *login, ngx_str_t *text);
static u_char *ngx_turncred_ice_mark(u_char *p, u_char mark,
    ngx_turncred_login_t *login);
static u_char *ngx_turncred_ice_quoted(u_char *p, slice_t *s);

static json_t *ngx_turncred_ice_shape(ngx_turncred_loc_conf_t *tlcf);
static json_t *ngx_turncred_ice_object(ngx_turncred_loc_conf_t *tlcf);
static json_t *ngx_turncred_ice_rest(ngx_turncred_loc_conf_t *tlcf);
static json_t *ngx_turncred_ice_twilio(ngx_turncred_loc_conf_t *tlcf);
static json_t *ngx_turncred_ice_cloudflare(ngx_turncred_loc_conf_t *tlcf);
static json_t *ngx_turncred_ice_list(ngx_turncred_loc_conf_t *tlcf,
    ngx_uint_t twilio);
static json_t *ngx_turncred_ice_groups(ngx_turncred_loc_conf_t *tlcf,
    ngx_uint_t relays, ngx_uint_t plain);
static json_t *ngx_turncred_ice_urls(ngx_turncred_loc_conf_t *tlcf,
    int relay);
static json_t *ngx_turncred_ice_entry(json_t *urls, int relay);
static json_t *ngx_turncred_set(json_t *object, const char *name,
    json_t *value);
static json_t *ngx_turncred_set_mark(json_t *object, const char *name,
    char mark);
static json_t *ngx_turncred_append(json_t *array, json_t *value);
static json_t *ngx_turncred_string(slice_t *s);


ngx_int_t
ngx_turncred_ice_prepare(ngx_conf_t *cf, ngx_turncred_loc_conf_t *tlcf)
{
    ngx_uint_t  relays;

    if (tlcf->servers == NULL) {
        return NGX_OK;
    }

    relays = ngx_turncred_can_relay(tlcf);

    if (relays
        && ngx_turncred_ice_template(cf, ngx_turncred_ice_shape(tlcf),
                                     &tlcf->answer)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_turncred_ice_template(cf,
                                     ngx_turncred_ice_groups(tlcf, relays, 1),
                                     &tlcf->value);
}


static ngx_int_t
ngx_turncred_ice_template(ngx_conf_t *cf, json_t *json,
    ngx_turncred_template_t *t)
{
    size_t   i, len;
    u_char  *p;

    len = (json != NULL) ? json_dumpb(json, NULL, 0, JSON_COMPACT) : 0;

    p = (len != 0) ? ngx_pnalloc(cf->pool, len) : NULL;

    if (p == NULL || json_dumpb(json, (char *) p, len, JSON_COMPACT) != len) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "no memory for the list of ICE servers");
        json_decref(json);
        return NGX_ERROR;
    }

    json_decref(json);

    t->text.len = len;
    t->text.data = p;
    t->size = len;

    for (i = 0; i < len; i++) {
        if (p[i] == '$') {
            t->size += TURN_USERNAME_MAX;       /* the longest of them */
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_turncred_ice_answer(ngx_http_request_t *r, ngx_turncred_loc_conf_t *tlcf,
    ngx_turncred_login_t *login, ngx_str_t *text)
{
    return ngx_turncred_ice_fill(r, &tlcf->answer, login, text);
}


ngx_int_t
ngx_turncred_ice_value(ngx_http_request_t *r, ngx_turncred_loc_conf_t *tlcf,
    ngx_turncred_login_t *login, ngx_str_t *text)
{
    return ngx_turncred_ice_fill(r, &tlcf->value, login, text);
}


static ngx_int_t
ngx_turncred_ice_fill(ngx_http_request_t *r, ngx_turncred_template_t *t,
    ngx_turncred_login_t *login, ngx_str_t *text)
{
    u_char  *p, *src, *last, *mark;

    p = ngx_pnalloc(r->pool, t->size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;

    src = t->text.data;
    last = src + t->text.len;

    for ( ;; ) {
        mark = memchr(src, '$', (size_t) (last - src));

        if (mark == NULL) {
            break;
        }

        /* the quotes of the mark go with it */

        p = ngx_cpymem(p, src, (size_t) (mark - 1 - src));
        p = ngx_turncred_ice_mark(p, mark[1], login);

        src = mark - 1 + NGX_TURNCRED_MARK;
    }

    p = ngx_cpymem(p, src, (size_t) (last - src));

    text->len = (size_t) (p - text->data);

    return NGX_OK;
}


static u_char *
ngx_turncred_ice_mark(u_char *p, u_char mark, ngx_turncred_login_t *login)
{
    switch (mark) {

    case NGX_TURNCRED_USERNAME:
        return ngx_turncred_ice_quoted(p, &login->username);

    case NGX_TURNCRED_CREDENTIAL:
        return ngx_turncred_ice_quoted(p, &login->credential);

    case NGX_TURNCRED_SECONDS:
        return ngx_sprintf(p, "%T", login->ttl);

    case NGX_TURNCRED_SECONDS_S:
        return ngx_sprintf(p, "\"%T\"", login->ttl);

    default: /* NGX_TURNCRED_EXPIRY */
        return ngx_sprintf(p, "%T", ngx_time() + login->ttl);
    }
}


static u_char *
ngx_turncred_ice_quoted(u_char *p, slice_t *s)
{
    *p++ = '"';
    p = ngx_cpymem(p, s->data, s->len);
    *p++ = '"';

    return p;
}


static json_t *
ngx_turncred_ice_shape(ngx_turncred_loc_conf_t *tlcf)
{
    switch (tlcf->shape) {

    case NGX_TURNCRED_OBJECT:
        return ngx_turncred_ice_object(tlcf);

    case NGX_TURNCRED_REST:
        return ngx_turncred_ice_rest(tlcf);

    case NGX_TURNCRED_TWILIO:
        return ngx_turncred_ice_twilio(tlcf);

    case NGX_TURNCRED_CLOUDFLARE:
        return ngx_turncred_ice_cloudflare(tlcf);

    default: /* NGX_TURNCRED_ARRAY */
        return ngx_turncred_ice_list(tlcf, 0);
    }
}


static json_t *
ngx_turncred_ice_object(ngx_turncred_loc_conf_t *tlcf)
{
    json_t  *json;

    json = ngx_turncred_set(json_object(), "iceServers",
                            ngx_turncred_ice_list(tlcf, 0));

    return ngx_turncred_set_mark(json, "expiresAt", NGX_TURNCRED_EXPIRY);
}


/* draft-uberti-behave-turn-rest-00, 2.2 */

static json_t *
ngx_turncred_ice_rest(ngx_turncred_loc_conf_t *tlcf)
{
    json_t  *json;

    json = ngx_turncred_set_mark(json_object(), "username",
                                 NGX_TURNCRED_USERNAME);

    json = ngx_turncred_set_mark(json, "password", NGX_TURNCRED_CREDENTIAL);

    json = ngx_turncred_set_mark(json, "ttl", NGX_TURNCRED_SECONDS);

    return ngx_turncred_set(json, "uris", ngx_turncred_ice_urls(tlcf, 1));
}


/* there "ttl" is a string, and "url" a second name of "urls" */

static json_t *
ngx_turncred_ice_twilio(ngx_turncred_loc_conf_t *tlcf)
{
    json_t  *json;

    json = ngx_turncred_set_mark(json_object(), "username",
                                 NGX_TURNCRED_USERNAME);

    json = ngx_turncred_set_mark(json, "password", NGX_TURNCRED_CREDENTIAL);

    json = ngx_turncred_set_mark(json, "ttl", NGX_TURNCRED_SECONDS_S);

    return ngx_turncred_set(json, "ice_servers",
                            ngx_turncred_ice_list(tlcf, 1));
}


static json_t *
ngx_turncred_ice_cloudflare(ngx_turncred_loc_conf_t *tlcf)
{
    return ngx_turncred_set(json_object(), "iceServers",
                            ngx_turncred_ice_groups(tlcf, 1, 0));
}


/* an entry for every URL, in the order of the configuration */

static json_t *
ngx_turncred_ice_list(ngx_turncred_loc_conf_t *tlcf, ngx_uint_t twilio)
{
    json_t                 *list, *entry;
    ngx_uint_t              i;
    ngx_turncred_server_t  *server;

    list = json_array();
    server = tlcf->servers->elts;

    for (i = 0; i < tlcf->servers->nelts; i++) {
        entry = ngx_turncred_ice_entry(ngx_turncred_string(&server[i].url),
                                       server[i].relay);

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
ngx_turncred_ice_groups(ngx_turncred_loc_conf_t *tlcf, ngx_uint_t relays,
    ngx_uint_t plain)
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
                                     ngx_turncred_ice_entry(urls, 0));
    }

    if (relays) {
        urls = ngx_turncred_ice_urls(tlcf, 1);
        groups = ngx_turncred_append(groups,
                                     ngx_turncred_ice_entry(urls, 1));
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


static json_t *
ngx_turncred_ice_entry(json_t *urls, int relay)
{
    json_t  *entry;

    entry = ngx_turncred_set(json_object(), "urls", urls);

    if (!relay) {
        return entry;
    }

    entry = ngx_turncred_set_mark(entry, "username", NGX_TURNCRED_USERNAME);

    return ngx_turncred_set_mark(entry, "credential",
                                 NGX_TURNCRED_CREDENTIAL);
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
ngx_turncred_set_mark(json_t *object, const char *name, char mark)
{
    char  text[2];

    text[0] = '$';
    text[1] = mark;

    return ngx_turncred_set(object, name, json_stringn(text, sizeof(text)));
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
