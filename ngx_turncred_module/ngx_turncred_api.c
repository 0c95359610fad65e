
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The paths of the hosted service's TURN API, docs/protocol.md 13.1 to 13.3.
 * Its refusals have an "error" or a "message" and not both; what it has no
 * refusal for is refused as by the other endpoints.
 */


#include "ngx_turncred.h"


#define NGX_TURNCRED_API_TTL    (365 * 86400)
#define NGX_TURNCRED_LABEL_MAX  100


/* fills in the text of the answer, or returns why there is none */

typedef access_refusal_t *(*ngx_turncred_route_pt)(ngx_http_request_t *r,
    ngx_turncred_caller_t *caller, slice_t *body, ngx_str_t *text);


typedef struct {
    ngx_str_t                   path;
    ngx_uint_t                  longer; /* may go on; unsigned  longer:1; */
    ngx_turncred_methods_t     *methods;
    ngx_turncred_route_pt       answer; /* NULL: there is no such path */
} ngx_turncred_route_t;


static ngx_int_t ngx_turncred_api_answer(ngx_http_request_t *r,
    ngx_int_t status, slice_t *body, void *data);
static access_refusal_t *ngx_turncred_api_check(ngx_http_request_t *r,
    ngx_turncred_caller_t *caller, ngx_turncred_route_t *route,
    ngx_int_t status, slice_t *body, ngx_str_t *text);
static ngx_turncred_route_t *ngx_turncred_api_route(ngx_http_request_t *r);
static ngx_int_t ngx_turncred_api_refuse(ngx_http_request_t *r,
    ngx_turncred_caller_t *caller, access_refusal_t *refusal);
static access_refusal_t *ngx_turncred_api_unserved(ngx_http_request_t *r,
    ngx_turncred_caller_t *caller, slice_t *body, ngx_str_t *text);
static access_refusal_t *ngx_turncred_api_list(ngx_http_request_t *r,
    ngx_turncred_caller_t *caller, slice_t *body, ngx_str_t *text);
static access_refusal_t *ngx_turncred_api_key(ngx_http_request_t *r,
    ngx_turncred_caller_t *caller, slice_t *subject, time_t *ttl);
static access_refusal_t *ngx_turncred_api_create(ngx_http_request_t *r,
    ngx_turncred_caller_t *caller, slice_t *body, ngx_str_t *text);
static access_refusal_t *ngx_turncred_api_secret(ngx_http_request_t *r,
    ngx_turncred_caller_t *caller);
static access_refusal_t *ngx_turncred_api_wishes(json_t *json, time_t *ttl);
static size_t ngx_turncred_api_characters(json_t *label);
static access_refusal_t *ngx_turncred_api_credential(ngx_http_request_t *r,
    json_t *json, time_t ttl, ngx_str_t *text);


static access_refusal_t  ngx_turncred_api_no_key = {
    NGX_HTTP_BAD_REQUEST,
    ngx_string("Please specify API Key"),
    ngx_null_string
};

static access_refusal_t  ngx_turncred_api_bad_key = {
    NGX_HTTP_UNAUTHORIZED,
    ngx_string("Invalid API Key"),
    ngx_null_string
};

static access_refusal_t  ngx_turncred_api_no_turn = {
    NGX_HTTP_SERVICE_UNAVAILABLE,
    ngx_string("TURN is not configured"),
    ngx_null_string
};

static access_refusal_t  ngx_turncred_api_no_secret = {
    NGX_HTTP_BAD_REQUEST,
    ngx_null_string,
    ngx_string("secretKey is required")
};

static access_refusal_t  ngx_turncred_api_bad_secret = {
    NGX_HTTP_UNAUTHORIZED,
    ngx_null_string,
    ngx_string("Invalid secret key")
};

static access_refusal_t  ngx_turncred_api_bad_json = {
    NGX_HTTP_BAD_REQUEST,
    ngx_null_string,
    ngx_string("the body is not one JSON object")
};

static access_refusal_t  ngx_turncred_api_bad_expiry = {
    NGX_HTTP_BAD_REQUEST,
    ngx_null_string,
    ngx_string("please enter a positive integer value for expiryInSeconds")
};

static access_refusal_t  ngx_turncred_api_long_expiry = {
    NGX_HTTP_BAD_REQUEST,
    ngx_null_string,
    ngx_string("expiryInSeconds is at most 315360000, which is ten years")
};

static access_refusal_t  ngx_turncred_api_bad_label = {
    NGX_HTTP_BAD_REQUEST,
    ngx_null_string,
    ngx_string("label is a string of less than 100 characters")
};

static access_refusal_t  ngx_turncred_api_no_relay = {
    NGX_HTTP_SERVICE_UNAVAILABLE,
    ngx_null_string,
    ngx_string("TURN is not configured")
};

static access_refusal_t  ngx_turncred_api_not_supported = {
    NGX_HTTP_NOT_IMPLEMENTED,
    ngx_null_string,
    ngx_string("not supported by this server")
};


/* the last one is for all other paths */

static ngx_turncred_route_t  ngx_turncred_routes[] = {
    { ngx_string("credentials"), 0, &ngx_turncred_get,
      ngx_turncred_api_list },
    { ngx_string("credential"), 0, &ngx_turncred_post,
      ngx_turncred_api_create },
    { ngx_string("credential/enable"), 0, &ngx_turncred_post,
      ngx_turncred_api_unserved },
    { ngx_string("credential/disable"), 0, &ngx_turncred_post,
      ngx_turncred_api_unserved },
    { ngx_string("current_usage"), 1, &ngx_turncred_get,
      ngx_turncred_api_unserved },
    { ngx_null_string, 1, &ngx_turncred_get, NULL }
};


/* the second version is about credentials that are kept, and their projects */

static ngx_turncred_route_t  ngx_turncred_routes_v2[] = {
    { ngx_string("credentials"), 0, &ngx_turncred_get,
      ngx_turncred_api_unserved },
    { ngx_string("credential/by_label"), 0, &ngx_turncred_get,
      ngx_turncred_api_unserved },
    { ngx_string("project"), 1, &ngx_turncred_get,
      ngx_turncred_api_unserved },
    { ngx_null_string, 1, &ngx_turncred_get, NULL }
};


ngx_int_t
ngx_turncred_api_handler(ngx_http_request_t *r)
{
    return ngx_turncred_start(r, ngx_turncred_api_route(r)->methods,
                              ngx_turncred_api_answer);
}


static ngx_int_t
ngx_turncred_api_answer(ngx_http_request_t *r, ngx_int_t status,
    slice_t *body, void *data)
{
    ngx_str_t               text;
    access_refusal_t       *refusal;
    ngx_turncred_route_t   *route;
    ngx_turncred_caller_t   caller;

    route = ngx_turncred_api_route(r);

    if (ngx_turncred_caller_init(r, route->methods, &caller) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    refusal = ngx_turncred_api_check(r, &caller, route, status, body, &text);

    if (ngx_turncred_answer_headers(r, &caller) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (refusal != NULL) {
        return ngx_turncred_api_refuse(r, &caller, refusal);
    }

    return access_send(r, NGX_HTTP_OK, &text);
}


static access_refusal_t *
ngx_turncred_api_check(ngx_http_request_t *r, ngx_turncred_caller_t *caller,
    ngx_turncred_route_t *route, ngx_int_t status, slice_t *body,
    ngx_str_t *text)
{
    access_refusal_t  *refusal;

    if (route->answer == NULL) {
        return &ngx_turncred_bad_path;
    }

    if (route->answer == ngx_turncred_api_unserved) {
        return route->answer(r, caller, body, text);
    }

    if (route->answer == ngx_turncred_api_list) {

        if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
            return &ngx_turncred_bad_method;
        }

        return route->answer(r, caller, body, text);
    }

    if (r->method == NGX_HTTP_DELETE) {
        return &ngx_turncred_api_not_supported;
    }

    if (r->method != NGX_HTTP_POST) {
        return &ngx_turncred_bad_method;
    }

    refusal = ngx_turncred_api_secret(r, caller);
    if (refusal != NULL) {
        return refusal;
    }

    refusal = ngx_turncred_check_body(status);
    if (refusal != NULL) {
        return refusal;
    }

    return route->answer(r, caller, body, text);
}


static ngx_turncred_route_t *
ngx_turncred_api_route(ngx_http_request_t *r)
{
    ngx_str_t                  path, name;
    ngx_turncred_route_t      *route;
    ngx_http_core_loc_conf_t  *clcf;

    static ngx_str_t  v2 = ngx_string("/v2/turn");

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    name = clcf->name;

    /* the URI has been found to begin with it */

    path.data = r->uri.data + name.len;
    path.len = r->uri.len - name.len;

    if (name.data[name.len - 1] == '/') {
        name.len--;

    } else if (path.len != 0 && path.data[0] == '/') {
        path.data++;
        path.len--;
    }

    route = ngx_turncred_routes;

    if (name.len >= v2.len
        && ngx_memcmp(name.data + name.len - v2.len, v2.data, v2.len) == 0)
    {
        route = ngx_turncred_routes_v2;
    }

    for ( /* void */ ; route->path.len; route++) {

        if (path.len >= route->path.len
            && (path.len == route->path.len || route->longer)
            && ngx_memcmp(path.data, route->path.data, route->path.len) == 0)
        {
            break;
        }
    }

    return route;
}


static ngx_int_t
ngx_turncred_api_refuse(ngx_http_request_t *r, ngx_turncred_caller_t *caller,
    access_refusal_t *refusal)
{
    u_char     *p;
    ngx_str_t   text;

    if (refusal->error.len != 0 && refusal->message.len != 0) {
        return ngx_turncred_refuse(r, caller, refusal);
    }

    if (ngx_turncred_status_headers(r, caller, refusal->status) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_pnalloc(r->pool, sizeof("{\"message\":\"\"}") - 1
                             + refusal->error.len + refusal->message.len);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    text.data = p;

    if (refusal->error.len != 0) {
        p = ngx_sprintf(p, "{\"error\":\"%V\"}", &refusal->error);

    } else {
        p = ngx_sprintf(p, "{\"message\":\"%V\"}", &refusal->message);
    }

    text.len = (size_t) (p - text.data);

    return access_send(r, refusal->status, &text);
}


static access_refusal_t *
ngx_turncred_api_unserved(ngx_http_request_t *r,
    ngx_turncred_caller_t *caller, slice_t *body, ngx_str_t *text)
{
    return &ngx_turncred_api_not_supported;
}


/* 13.1 */

static access_refusal_t *
ngx_turncred_api_list(ngx_http_request_t *r, ngx_turncred_caller_t *caller,
    slice_t *body, ngx_str_t *text)
{
    time_t                    ttl;
    slice_t                   subject;
    access_refusal_t         *refusal;
    ngx_turncred_login_t      login;
    ngx_turncred_loc_conf_t  *tlcf;

    refusal = ngx_turncred_api_key(r, caller, &subject, &ttl);
    if (refusal != NULL) {
        return refusal;
    }

    tlcf = ngx_http_get_module_loc_conf(r, ngx_turncred_module);

    if (!ngx_turncred_can_relay(tlcf)) {
        return &ngx_turncred_api_no_turn;
    }

    if (ngx_turncred_make_login(r, tlcf, &subject, ttl, &login) != NGX_OK
        || ngx_turncred_ice_answer(r, tlcf, &login, text) != NGX_OK)
    {
        return &ngx_turncred_failed;
    }

    return NULL;
}


/* a key that was issued, or else a publishable one, which has no such form */

static access_refusal_t *
ngx_turncred_api_key(ngx_http_request_t *r, ngx_turncred_caller_t *caller,
    slice_t *subject, time_t *ttl)
{
    int64_t                   expiry;
    slice_t                   key;
    access_refusal_t         *refusal;
    ngx_turncred_loc_conf_t  *tlcf;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_turncred_module);

    if (access_arg(r, "apiKey", &key) != NGX_OK) {
        return &ngx_turncred_failed;
    }

    if (key.len == 0) {
        return &ngx_turncred_api_no_key;
    }

    *ttl = tlcf->ttl;

    if (turn_api_key_read(&key, &tlcf->secret, &expiry, subject) == 0) {

        if (expiry <= (int64_t) ngx_time()) {
            return &ngx_turncred_api_bad_key;
        }

        *ttl = (time_t) ngx_min((int64_t) *ttl,
                                expiry - (int64_t) ngx_time());

        return NULL;
    }

    subject->len = 0;
    subject->data = NULL;

    if (ngx_turncred_publishable(r, &key, caller) != NULL) {
        return &ngx_turncred_api_bad_key;
    }

    refusal = ngx_turncred_check_origin(caller);
    if (refusal != NULL) {
        return refusal;
    }

    return ngx_turncred_check_turn(caller);
}


static access_refusal_t *
ngx_turncred_api_secret(ngx_http_request_t *r, ngx_turncred_caller_t *caller)
{
    slice_t  pair;

    if (access_arg(r, "secretKey", &pair) != NGX_OK) {
        return &ngx_turncred_failed;
    }

    if (pair.len == 0) {
        return &ngx_turncred_api_no_secret;
    }

    return (ngx_turncred_pair(r, &pair, caller) == NULL)
               ? NULL : &ngx_turncred_api_bad_secret;
}


/* 13.2 */

static access_refusal_t *
ngx_turncred_api_create(ngx_http_request_t *r, ngx_turncred_caller_t *caller,
    slice_t *body, ngx_str_t *text)
{
    time_t             ttl;
    json_t            *json;
    access_refusal_t  *refusal;

    json = NULL;
    ttl = NGX_TURNCRED_API_TTL;

    if (body->len != 0) {
        json = ngx_turncred_json_body(body);

        if (json == NULL) {
            return &ngx_turncred_api_bad_json;
        }
    }

    refusal = ngx_turncred_api_wishes(json, &ttl);

    if (refusal == NULL) {
        refusal = ngx_turncred_check_turn(caller);
    }

    if (refusal == NULL) {
        refusal = ngx_turncred_api_credential(r, json, ttl, text);
    }

    json_decref(json);

    return refusal;
}


static access_refusal_t *
ngx_turncred_api_wishes(json_t *json, time_t *ttl)
{
    json_t      *expiry, *label;
    json_int_t   n;

    expiry = json_object_get(json, "expiryInSeconds");
    label = json_object_get(json, "label");

    if (expiry != NULL) {

        /* what is no integer is 0 to it */
        n = json_integer_value(expiry);

        if (n < 1) {
            return &ngx_turncred_api_bad_expiry;
        }

        if (n > (json_int_t) NGX_TURNCRED_TTL_MAX) {
            return &ngx_turncred_api_long_expiry;
        }

        *ttl = (time_t) n;
    }

    if (label != NULL
        && (!json_is_string(label)
            || ngx_turncred_api_characters(label) >= NGX_TURNCRED_LABEL_MAX))
    {
        return &ngx_turncred_api_bad_label;
    }

    return NULL;
}


static size_t
ngx_turncred_api_characters(json_t *label)
{
    size_t       i, n;
    const char  *text;

    text = json_string_value(label);
    n = 0;

    /* UTF-8: bytes that go on with a character are 10xxxxxx */

    for (i = 0; i < json_string_length(label); i++) {
        n += (text[i] & 0xc0) != 0x80;
    }

    return n;
}


static access_refusal_t *
ngx_turncred_api_credential(ngx_http_request_t *r, json_t *json, time_t ttl,
    ngx_str_t *text)
{
    u_char                    id[TURN_API_KEY_ID_LEN];
    u_char                    key[TURN_API_KEY_LEN];
    json_t                   *answer;
    slice_t                   subject;
    ngx_turncred_login_t      login;
    ngx_turncred_loc_conf_t  *tlcf;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_turncred_module);

    if (!ngx_turncred_can_relay(tlcf)) {
        return &ngx_turncred_api_no_relay;
    }

    subject.len = sizeof(id);
    subject.data = id;

    if (turn_random_id(id) == -1
        || turn_api_key_write(key, &tlcf->secret, (int64_t) ngx_time() + ttl,
                              id)
           == -1)
    {
        ngx_log_error(NGX_LOG_CRIT, r->connection->log, 0,
                      "OpenSSL failed to make a TURN API key");
        return &ngx_turncred_failed;
    }

    if (ngx_turncred_make_login(r, tlcf, &subject, ttl, &login) != NGX_OK) {
        return &ngx_turncred_failed;
    }

    answer = json_pack("{s:s%, s:s%, s:O*, s:O*, s:s%}",
                       "username", login.username.data, login.username.len,
                       "password", login.credential.data, login.credential.len,
                       "expiryInSeconds",
                       json_object_get(json, "expiryInSeconds"),
                       "label", json_object_get(json, "label"),
                       "apiKey", key, sizeof(key));

    if (ngx_turncred_json_text(r, answer, text) != NGX_OK) {
        return &ngx_turncred_failed;
    }

    return NULL;
}
