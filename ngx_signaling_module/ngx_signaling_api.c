
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The control plane: who calls, and what for.  Checks come in the order of
 * docs/protocol.md 12.2.
 */


#include "ngx_signaling_api.h"
#include "body.h"


static access_key_t *ngx_signaling_api_key(ngx_http_request_t *r,
    access_keys_t *keys);
static ngx_uint_t ngx_signaling_api_method(ngx_http_request_t *r,
    sig_rest_e what);
static ngx_int_t ngx_signaling_api_refuse_early(ngx_http_request_t *r,
    ngx_signaling_call_t *call);
static ngx_int_t ngx_signaling_api_call(ngx_http_request_t *r,
    ngx_signaling_call_t *call);
static ngx_int_t ngx_signaling_api_disconnect(ngx_http_request_t *r,
    ngx_signaling_call_t *call);
static ngx_int_t ngx_signaling_api_usage(ngx_http_request_t *r,
    ngx_signaling_call_t *call);
static u_char *ngx_signaling_api_usage_text(u_char *p, u_char *last,
    const slice_t *app, const sig_usage_t *usage);


#define NGX_SIGNALING_API_USAGE  1024    /* bytes of text, at most */


static access_answer_header_t  ngx_signaling_api_no_store = {
    ngx_string("Cache-Control"), ngx_string("no-store")
};


ngx_int_t
ngx_signaling_api_handler(ngx_http_request_t *r)
{
    u_char                     *store;
    ngx_int_t                   rc;
    access_keys_t              *keys;
    ngx_signaling_call_t       *call;
    ngx_signaling_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_signaling_module);
    keys = access_conf_keys(&smcf->access);

    call = ngx_pcalloc(r->pool, sizeof(ngx_signaling_call_t));
    store = ngx_pnalloc(r->pool, r->unparsed_uri.len + 1);

    if (call == NULL || store == NULL
        || access_add_header(r, &ngx_signaling_api_no_store) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    call->conf = ngx_http_get_module_loc_conf(r, ngx_signaling_module);
    call->zone = call->conf->api_zone->data;
    call->key = ngx_signaling_api_key(r, keys);

    /* what nginx makes of the path has chosen the location, no more */

    call->what = sig_rest_path((slice_t *) &r->unparsed_uri, store,
                               &call->name);

    if (call->key != NULL
        && call->what == SIG_REST_PUBLISH
        && ngx_signaling_api_method(r, call->what))
    {
        if (access_keys_hold_for(r->pool, keys) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return access_body_read(r, NGX_SIGNALING_API_BODY,
                                ngx_signaling_api_publish, call);
    }

    rc = access_body_discard(r);

    if (rc != NGX_OK) {
        return rc;
    }

    if (call->key == NULL
        || call->what == SIG_REST_NONE
        || !ngx_signaling_api_method(r, call->what))
    {
        return ngx_signaling_api_refuse_early(r, call);
    }

    return ngx_signaling_api_call(r, call);
}


static access_key_t *
ngx_signaling_api_key(ngx_http_request_t *r, access_keys_t *keys)
{
    ngx_str_t  pair;

    if (access_bearer(r, &pair) != NGX_OK) {
        return NULL;
    }

    return access_key_by_pair(keys, (slice_t *) &pair);
}


static ngx_uint_t
ngx_signaling_api_method(ngx_http_request_t *r, sig_rest_e what)
{
    switch (what) {

    case SIG_REST_PUBLISH:
        return r->method == NGX_HTTP_POST;

    case SIG_REST_PEER:
        return r->method == NGX_HTTP_DELETE;

    default: /* SIG_REST_ROSTER, SIG_REST_USAGE */
        return (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)) != 0;
    }
}


static ngx_int_t
ngx_signaling_api_refuse_early(ngx_http_request_t *r,
    ngx_signaling_call_t *call)
{
    if (call->key == NULL) {
        return ngx_signaling_api_refuse(r, &ngx_signaling_api_unauthorized);
    }

    if (call->what == SIG_REST_NONE) {
        return ngx_signaling_api_refuse(r, &ngx_signaling_api_not_found);
    }

    return ngx_signaling_api_bad_method(r, call->what);
}


static ngx_int_t
ngx_signaling_api_call(ngx_http_request_t *r, ngx_signaling_call_t *call)
{
    switch (call->what) {

    case SIG_REST_ROSTER:
        return ngx_signaling_api_roster(r, call);

    case SIG_REST_PEER:
        return ngx_signaling_api_disconnect(r, call);

    default: /* SIG_REST_USAGE */
        return ngx_signaling_api_usage(r, call);
    }
}


access_refusal_t *
ngx_signaling_api_channel(ngx_signaling_call_t *call, ngx_uint_t action)
{
    if (call->name.data == NULL || !sig_proto_channel_valid(&call->name)) {
        return &ngx_signaling_api_bad_channel;
    }

    if (access_channel_reserved(&call->name)) {
        return &ngx_signaling_api_reserved;
    }

    if (!(call->key->actions & action)) {
        return &ngx_signaling_api_bad_action;
    }

    if (!access_channel_allowed(call->key, &call->name)) {
        return &ngx_signaling_api_bad_scope;
    }

    return NULL;
}


ngx_signaling_worker_t *
ngx_signaling_api_worker(ngx_signaling_call_t *call)
{
    ngx_signaling_worker_t  *sw;

    sw = call->zone->worker;

    if (sw == NULL || sw->draining || !ngx_signaling_worker_ready(sw)) {
        return NULL;
    }

    call->app = ngx_signaling_app(sw, &call->key->app);

    return (call->app == SIG_NO_APP) ? NULL : sw;
}


/* docs/protocol.md 12.7 */

static ngx_int_t
ngx_signaling_api_disconnect(ngx_http_request_t *r,
    ngx_signaling_call_t *call)
{
    size_t                   len;
    u_char                  *p;
    uint32_t                 i, n, closed;
    ngx_str_t                text;
    ngx_uint_t               failed;
    sig_target_t             targets[SIG_PEER_CONNECTIONS];
    ngx_signaling_worker_t  *sw;

    if (call->name.data == NULL || !access_peer_id_valid(&call->name)) {
        return ngx_signaling_api_refuse(r, &ngx_signaling_api_bad_peer);
    }

    len = sizeof("{\"peerId\":,\"closed\":}") - 1 + NGX_INT32_LEN
          + sig_proto_quote_len(&call->name);

    sw = ngx_signaling_api_worker(call);

    if (sw == NULL) {
        return ngx_signaling_api_refuse(r, &ngx_signaling_api_unavailable);
    }

    text.data = ngx_pnalloc(r->pool, len);
    if (text.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    closed = 0;
    failed = 0;

    n = sig_registry_find_peer(sw->registry, call->app, &call->name, targets);

    for (i = 0; i < n; i++) {

        switch (ngx_signaling_reach(sw, &targets[i], SIG_RECORD_KICK,
                                    SIG_KICK_BY_ADMIN))
        {
        case NGX_OK:
            closed++;
            break;

        case NGX_DECLINED:
            break;

        default:
            failed = 1;
            break;
        }
    }

    if (failed) {
        return ngx_signaling_api_refuse(r, &ngx_signaling_api_unavailable);
    }

    /* as for a message: before the answer */

    ngx_signaling_wake_flush(sw);

    p = ngx_sprintf(text.data, "{\"peerId\":");
    p = sig_proto_quote(p, &call->name);
    p = ngx_sprintf(p, ",\"closed\":%uD}", closed);

    text.len = (size_t) (p - text.data);

    return access_send(r, NGX_HTTP_OK, &text);
}


/* docs/protocol.md 12.8 */

static ngx_int_t
ngx_signaling_api_usage(ngx_http_request_t *r, ngx_signaling_call_t *call)
{
    u_char                  *last;
    ngx_str_t                text;
    sig_usage_t              usage;
    ngx_signaling_worker_t  *sw;

    sw = ngx_signaling_api_worker(call);

    if (sw == NULL) {
        return ngx_signaling_api_refuse(r, &ngx_signaling_api_unavailable);
    }

    text.data = ngx_pnalloc(r->pool, NGX_SIGNALING_API_USAGE);
    if (text.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    sig_registry_usage(sw->registry, call->app, ngx_time(), &usage);

    last = ngx_signaling_api_usage_text(text.data,
                                        text.data + NGX_SIGNALING_API_USAGE,
                                        &call->key->app, &usage);

    text.len = (size_t) (last - text.data);

    return access_send(r, NGX_HTTP_OK, &text);
}


/* the name of an app has no character that JSON would escape */

static u_char *
ngx_signaling_api_usage_text(u_char *p, u_char *last, const slice_t *app,
    const sig_usage_t *usage)
{
    p = ngx_slprintf(p, last,
                     "{\"appId\":\"%*s\",\"periodStartUnix\":%L,"
                     "\"periodEndUnix\":%L,\"concurrentNow\":%uD,"
                     "\"peakConcurrent\":%uD,\"messagesUsed\":%uL,"
                     "\"overageMessages\":0,\"overageConnections\":0,",
                     app->len, app->data, usage->period_start,
                     usage->period_end, usage->connections, usage->peak,
                     usage->messages);

    return ngx_slprintf(p, last,
                        "\"plan\":{\"name\":null,"
                        "\"maxConcurrentConnections\":%uD,"
                        "\"maxMessagesPerPeriod\":%uL,"
                        "\"overagesAllowed\":false,"
                        "\"overagesEnabled\":false}}",
                        usage->max_connections, usage->max_messages);
}
