
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Who comes in: the credential, the identity that follows from it, its place
 * in the registry, and the welcome.
 */


#include "ngx_signaling.h"


static ngx_int_t ngx_signaling_peer(ngx_http_request_t *r,
    ngx_signaling_handshake_t *hs, ngx_str_t *origin);
static ngx_int_t ngx_signaling_identify(ngx_http_request_t *r,
    ngx_signaling_conn_t *sc, ngx_str_t *id, ngx_str_t *metadata,
    ngx_str_t *origin);
static ngx_int_t ngx_signaling_peer_metadata(ngx_http_request_t *r,
    ngx_signaling_conn_t *sc, ngx_str_t *metadata);
static ngx_int_t ngx_signaling_welcome_metadata(ngx_http_request_t *r,
    ngx_signaling_handshake_t *hs);
static void ngx_signaling_others(ngx_signaling_conn_t *sc,
    sig_target_t *others, uint32_t n);
static void ngx_signaling_welcome(ngx_signaling_conn_t *sc,
    slice_t *json_metadata);


/*
 * docs/protocol.md 2.3, checks 4 and 5.  Sets hs->code when the credential is
 * refused; NGX_ERROR is for lack of memory and the like.
 */

ngx_int_t
ngx_signaling_credential(ngx_http_request_t *r, ngx_signaling_handshake_t *hs,
    ngx_str_t *origin)
{
    slice_t                 key, token;
    ngx_uint_t              i;
    access_key_t           *found;
    ngx_signaling_zone_t   *zone;
    ngx_signaling_conn_t   *sc;

    sc = hs->ctx.conn;
    zone = sc->worker->zone;

    hs->code = NGX_SIGNALING_INVALID_TOKEN;
    hs->reason = "credential not accepted";

    if (access_arg(r, "key", &key) != NGX_OK
        || access_arg(r, "token", &token) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if ((key.len == 0) == (token.len == 0)) {
        hs->reason = "exactly one of key and token is needed";
        return NGX_OK;
    }

    if (key.len == 0) {
        return NGX_OK;
    }

    found = access_key_find(zone->keys, &key);

    if (found == NULL || found->type != ACCESS_PUBLISHABLE) {
        return NGX_OK;
    }

    if (!access_origin_allowed(found, (slice_t *) origin)) {
        hs->reason = "origin not allowed for this key";
        return NGX_OK;
    }

    sc->key = found;

    for (i = 0; i < zone->keys->nelts; i++) {
        if (zone->keys->elts[i] == found) {
            sc->app = sc->worker->apps[i];
            break;
        }
    }

    return ngx_signaling_peer(r, hs, origin);
}


/* the identity of an accepted connection */

static ngx_int_t
ngx_signaling_peer(ngx_http_request_t *r, ngx_signaling_handshake_t *hs,
    ngx_str_t *origin)
{
    ngx_str_t              id, metadata;
    ngx_signaling_conn_t  *sc;

    sc = hs->ctx.conn;

    ngx_str_null(&id);

    if (sc->conf->peer_id
        && ngx_http_complex_value(r, sc->conf->peer_id, &id) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (id.len) {

        if (!access_peer_id_valid((slice_t *) &id)) {
            hs->reason = "peer ID not valid";
            return NGX_OK;
        }

        sc->shared_id = 1;

    } else {
        id.len = ACCESS_UUID_LEN;
        id.data = ngx_pnalloc(r->pool, ACCESS_UUID_LEN);

        if (id.data == NULL || access_uuid(id.data) == -1) {
            return NGX_ERROR;
        }
    }

    if (ngx_signaling_peer_metadata(r, sc, &metadata) != NGX_OK
        || ngx_signaling_identify(r, sc, &id, &metadata, origin) != NGX_OK)
    {
        return NGX_ERROR;
    }

    hs->ctx.key = sc->key;
    hs->ctx.peer_id.len = sc->identity->id.len;
    hs->ctx.peer_id.data = ngx_pstrdup(r->pool, &id);

    if (hs->ctx.peer_id.data == NULL) {
        return NGX_ERROR;
    }

    hs->code = 0;

    return ngx_signaling_welcome_metadata(r, hs);
}


static ngx_int_t
ngx_signaling_identify(ngx_http_request_t *r, ngx_signaling_conn_t *sc,
    ngx_str_t *id, ngx_str_t *metadata, ngx_str_t *origin)
{
    size_t                     quoted, size;
    u_char                    *p;
    slice_t                   *peer;
    ngx_signaling_identity_t  *identity;

    peer = (slice_t *) id;
    quoted = sig_proto_quote_len(peer);

    size = offsetof(ngx_signaling_identity_t, text) + id->len + quoted
           + metadata->len + (origin ? origin->len : 0);

    identity = ngx_alloc(size, r->connection->log);
    if (identity == NULL) {
        return NGX_ERROR;
    }

    p = identity->text;

    identity->id.len = id->len;
    identity->id.data = p;
    p = ngx_cpymem(p, id->data, id->len);

    identity->quoted.len = quoted;
    identity->quoted.data = p;
    p = sig_proto_quote(p, peer);

    identity->metadata.len = metadata->len;
    identity->metadata.data = p;

    if (metadata->len) {
        p = ngx_cpymem(p, metadata->data, metadata->len);
    }

    identity->origin.len = 0;
    identity->origin.data = NULL;

    if (origin) {
        identity->origin.len = origin->len;
        identity->origin.data = p;
        ngx_memcpy(p, origin->data, origin->len);
    }

    sc->identity = identity;

    return NGX_OK;
}


static ngx_int_t
ngx_signaling_peer_metadata(ngx_http_request_t *r, ngx_signaling_conn_t *sc,
    ngx_str_t *metadata)
{
    ngx_str_null(metadata);

    if (sc->conf->peer_metadata == NULL) {
        return NGX_OK;
    }

    if (ngx_http_complex_value(r, sc->conf->peer_metadata, metadata)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (metadata->len == 0) {
        return NGX_OK;
    }

    if (metadata->len > NGX_SIGNALING_METADATA_MAX
        || sig_proto_json(metadata->data, metadata->len) != '{')
    {
        if (!sc->worker->told_metadata) {
            sc->worker->told_metadata = 1;

            ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                          "\"signaling_peer_metadata\" gave no JSON object of "
                          "at most %d bytes and is left out",
                          NGX_SIGNALING_METADATA_MAX);
        }

        ngx_str_null(metadata);
    }

    return NGX_OK;
}


/* {"iceServers":[...]}, docs/protocol.md 4.2.1 */

static ngx_int_t
ngx_signaling_welcome_metadata(ngx_http_request_t *r,
    ngx_signaling_handshake_t *hs)
{
    u_char                *p;
    ngx_str_t              list;
    ngx_signaling_conn_t  *sc;

    sc = hs->ctx.conn;

    if (sc->conf->ice_servers == NULL || !sc->key->turn) {
        return NGX_OK;
    }

    if (ngx_http_complex_value(r, sc->conf->ice_servers, &list) != NGX_OK) {
        return NGX_ERROR;
    }

    if (list.len == 0 || sig_proto_json(list.data, list.len) != '[') {

        if (!sc->worker->told_ice) {
            sc->worker->told_ice = 1;

            ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                          "\"signaling_ice_servers\" gave no JSON array and "
                          "is left out");
        }

        return NGX_OK;
    }

    hs->metadata.len = sizeof("{\"iceServers\":}") - 1 + list.len;

    p = ngx_pnalloc(r->pool, hs->metadata.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    hs->metadata.data = p;

    p = ngx_cpymem(p, "{\"iceServers\":", sizeof("{\"iceServers\":") - 1);
    p = ngx_cpymem(p, list.data, list.len);
    *p = '}';

    return NGX_OK;
}


/*
 * Registers the connection and welcomes it.  Returns 0, or the close code of
 * a refusal.
 */

ngx_uint_t
ngx_signaling_admit(ngx_signaling_conn_t *sc, slice_t *json_metadata)
{
    int                      rc;
    uint32_t                 n;
    sig_target_t             others[SIG_PEER_CONNECTIONS];
    ngx_signaling_worker_t  *sw;

    sw = sc->worker;

    if (!sw->slotted || sc->app == SIG_NO_APP) {
        return NGX_SIGNALING_NO_ROOM;
    }

    rc = sig_registry_connect(sw->registry, sc->app, &sc->identity->id,
                              &sc->identity->metadata, sc->shared_id,
                              sc->number, &sc->ref, others, &n);

    if (rc != SIG_REGISTRY_OK) {

        if (n < SIG_PEER_CONNECTIONS) {
            ngx_signaling_full(sw);
        }

        return NGX_SIGNALING_NO_ROOM;
    }

    sc->registered = 1;
    sc->state = NGX_SIGNALING_OPEN;

    ngx_signaling_welcome(sc, json_metadata);
    ngx_signaling_others(sc, others, n);

    return 0;
}


/*
 * The older connections of the same peer: either they show that they live,
 * or they make way (docs/protocol.md 5.4.6 and Q3).
 */

static void
ngx_signaling_others(ngx_signaling_conn_t *sc, sig_target_t *others,
    uint32_t n)
{
    uint32_t    i;
    ngx_uint_t  type;

    type = (sc->conf->same_peer == NGX_SIGNALING_PEER_SINGLE)
           ? NGX_SIGNALING_REC_KICK : NGX_SIGNALING_REC_PROBE;

    for (i = 0; i < n; i++) {
        (void) ngx_signaling_reach(sc->worker, &others[i], type,
                                   NGX_SIGNALING_ELSEWHERE);
    }
}


static void
ngx_signaling_welcome(ngx_signaling_conn_t *sc, slice_t *json_metadata)
{
    u_char                 *p;
    size_t                  len;
    ngx_signaling_frame_t  *f;

    len = sig_proto_welcome_len(&sc->identity->quoted, -1, ngx_time(),
                                sc->conf->max_message, json_metadata);

    f = ngx_signaling_frame(sc->worker, SIG_WS_TEXT, len, &p);
    if (f == NULL) {
        ngx_signaling_doom(sc, SIG_WS_INTERNAL);
        return;
    }

    (void) sig_proto_welcome(p, &sc->identity->quoted, -1, ngx_time(),
                             sc->conf->max_message, json_metadata);

    ngx_signaling_send(sc, f);
    ngx_signaling_frame_unref(f);
}
