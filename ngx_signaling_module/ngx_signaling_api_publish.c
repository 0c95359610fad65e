
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * A message to a channel from a backend, docs/protocol.md 12.6.  "data" is
 * found in the body and goes out as it stands there.
 */


#include "ngx_signaling_api.h"
#include "json_text.h"


static access_refusal_t *ngx_signaling_api_may_publish(
    ngx_signaling_call_t *call);
static ngx_int_t ngx_signaling_api_metadata(ngx_http_request_t *r,
    const slice_t *given, slice_t *metadata);
static ngx_int_t ngx_signaling_api_relay(ngx_http_request_t *r,
    ngx_signaling_call_t *call, const sig_publish_t *body,
    const slice_t *metadata);
static ngx_int_t ngx_signaling_api_quote(ngx_http_request_t *r,
    const slice_t *text, slice_t *quoted);
static ngx_int_t ngx_signaling_api_published(ngx_http_request_t *r,
    const slice_t *quoted_channel, uint32_t delivered);


static slice_t  ngx_signaling_api_system = slice("system");


ngx_int_t
ngx_signaling_api_publish(ngx_http_request_t *r, ngx_int_t status,
    slice_t *text, void *data)
{
    slice_t                metadata;
    ngx_int_t              rc;
    const char            *wrong;
    sig_publish_t          body;
    access_refusal_t      *refusal;
    ngx_signaling_call_t  *call;

    call = data;

    if (status != NGX_OK) {
        return ngx_signaling_api_refuse(r,
                            status == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE
                            ? &ngx_signaling_api_too_big
                            : &ngx_signaling_api_bad_body);
    }

    wrong = sig_proto_read_publish(&body, text->data, text->len);

    if (wrong != NULL) {
        return ngx_signaling_api_invalid(r, wrong);
    }

    if (body.data.len > call->conf->max_message) {
        return ngx_signaling_api_refuse(r, &ngx_signaling_api_data_too_big);
    }

    rc = ngx_signaling_api_metadata(r, &body.metadata, &metadata);

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc == NGX_DECLINED) {
        return ngx_signaling_api_invalid(r, "\"peerMetadata\" is longer than "
                                         "4096 bytes");
    }

    if (body.from.data == NULL) {
        body.from = ngx_signaling_api_system;
    }

    refusal = ngx_signaling_api_may_publish(call);

    if (refusal != NULL) {
        return ngx_signaling_api_refuse(r, refusal);
    }

    return ngx_signaling_api_relay(r, call, &body, &metadata);
}


static access_refusal_t *
ngx_signaling_api_may_publish(ngx_signaling_call_t *call)
{
    access_refusal_t        *refusal;
    ngx_signaling_worker_t  *sw;

    refusal = ngx_signaling_api_channel(call, ACCESS_PUBLISH);

    if (refusal != NULL) {
        return refusal;
    }

    sw = ngx_signaling_api_worker(call);

    if (sw == NULL) {
        return &ngx_signaling_api_unavailable;
    }

    if (sig_registry_app_suspended(sw->registry, call->app)) {
        return &ngx_signaling_api_suspended;
    }

    if (sig_registry_message(sw->registry, call->app, ngx_time())
        != SIG_REGISTRY_OK)
    {
        return &ngx_signaling_api_over_quota;
    }

    return NULL;
}


/*
 * White space between its tokens counts for nothing and is not handed on.
 * NGX_DECLINED: too long; NGX_ERROR: no memory.
 */

static ngx_int_t
ngx_signaling_api_metadata(ngx_http_request_t *r, const slice_t *given,
    slice_t *metadata)
{
    u_char  *end;

    metadata->len = 0;
    metadata->data = NULL;

    if (given->data == NULL) {
        return NGX_OK;
    }

    metadata->data = ngx_pnalloc(r->pool, given->len);
    if (metadata->data == NULL) {
        return NGX_ERROR;
    }

    end = access_json_compact(metadata->data, given);
    metadata->len = (size_t) (end - metadata->data);

    return (metadata->len > SIG_METADATA_LEN) ? NGX_DECLINED : NGX_OK;
}


static ngx_int_t
ngx_signaling_api_relay(ngx_http_request_t *r, ngx_signaling_call_t *call,
    const sig_publish_t *body, const slice_t *metadata)
{
    ngx_signaling_worker_t       *sw;
    ngx_signaling_publication_t   pub;

    sw = call->zone->worker;

    if (ngx_signaling_api_quote(r, &call->name, &pub.channel) != NGX_OK
        || ngx_signaling_api_quote(r, &body->from, &pub.from) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (sig_registry_find_room(sw->registry, call->app, &call->name, &pub.ref,
                               &pub.audience)
        != SIG_REGISTRY_OK)
    {
        return ngx_signaling_api_published(r, &pub.channel, 0);
    }

    pub.room = ngx_signaling_room_by_ref(sw, pub.ref);
    pub.data = body->data;
    pub.metadata = *metadata;

    if (ngx_signaling_relay(sw, &pub, NULL) != SIG_OK) {
        return ngx_signaling_api_refuse(r, &ngx_signaling_api_unavailable);
    }

    /* whoever acts on the answer finds the others on their way */

    ngx_signaling_wake_flush(sw);

    return ngx_signaling_api_published(r, &pub.channel, pub.audience.members);
}


static ngx_int_t
ngx_signaling_api_quote(ngx_http_request_t *r, const slice_t *text,
    slice_t *quoted)
{
    quoted->len = sig_proto_quote_len(text);

    quoted->data = ngx_pnalloc(r->pool, quoted->len);
    if (quoted->data == NULL) {
        return NGX_ERROR;
    }

    (void) sig_proto_quote(quoted->data, text);

    return NGX_OK;
}


static ngx_int_t
ngx_signaling_api_published(ngx_http_request_t *r,
    const slice_t *quoted_channel, uint32_t delivered)
{
    size_t     len;
    u_char    *p;
    ngx_str_t  text;

    len = sizeof("{\"ok\":true,\"channel\":,\"delivered\":}") - 1
          + quoted_channel->len + NGX_INT32_LEN;

    text.data = ngx_pnalloc(r->pool, len);
    if (text.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_sprintf(text.data, "{\"ok\":true,\"channel\":%*s",
                    quoted_channel->len, quoted_channel->data);
    p = ngx_sprintf(p, ",\"delivered\":%uD}", delivered);

    text.len = (size_t) (p - text.data);

    return access_send(r, NGX_HTTP_OK, &text);
}
