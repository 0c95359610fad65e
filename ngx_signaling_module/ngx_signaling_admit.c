
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Who comes in: the credential, the identity that follows from it, its place
 * in the registry, and the welcome.
 */


#include "ngx_signaling.h"
#include "uuid.h"


/* who it is, while the request is there; the connection gets a copy */

typedef struct {
    ngx_str_t                  id;
    ngx_str_t                  metadata;     /* peerMetadata, or empty */
    ngx_str_t                 *origin;       /* NULL when none */
    access_claims_t           *claims;       /* NULL when without a token */
} ngx_signaling_who_t;


static ngx_int_t ngx_signaling_key(ngx_http_request_t *r,
    ngx_signaling_handshake_t *hs, slice_t *key, ngx_str_t *origin);
static ngx_int_t ngx_signaling_token(ngx_http_request_t *r,
    ngx_signaling_handshake_t *hs, slice_t *token);
static ngx_int_t ngx_signaling_accept(ngx_http_request_t *r,
    ngx_signaling_handshake_t *hs, access_key_t *key,
    ngx_signaling_who_t *who);
static ngx_int_t ngx_signaling_accepted(ngx_http_request_t *r,
    ngx_signaling_ctx_t *ctx, ngx_signaling_who_t *who);
static ngx_int_t ngx_signaling_identify(ngx_http_request_t *r,
    ngx_signaling_conn_t *sc, ngx_signaling_who_t *who);
static ngx_int_t ngx_signaling_peer_metadata(ngx_http_request_t *r,
    ngx_signaling_conn_t *sc, ngx_str_t *metadata);
static ngx_int_t ngx_signaling_welcome_metadata(ngx_http_request_t *r,
    ngx_signaling_handshake_t *hs, access_claims_t *claims);
static ngx_int_t ngx_signaling_ice_servers(ngx_http_request_t *r,
    ngx_signaling_conn_t *sc, ngx_str_t *list);
static ngx_uint_t ngx_signaling_refusal(ngx_signaling_conn_t *sc, int rc,
    const char **reason);
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
    slice_t     key, token;
    ngx_uint_t  tokens;

    hs->code = NGX_SIGNALING_INVALID_TOKEN;
    hs->reason = "credential not accepted";

    if (access_arg(r, "key", &key) != NGX_OK
        || ngx_signaling_token_shown(r, &hs->ctx, &token, &tokens) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (tokens + (key.len != 0) != 1) {
        hs->reason = "exactly one of key and token is needed";
        return NGX_OK;
    }

    return tokens ? ngx_signaling_token(r, hs, &token)
                  : ngx_signaling_key(r, hs, &key, origin);
}


static ngx_int_t
ngx_signaling_key(ngx_http_request_t *r, ngx_signaling_handshake_t *hs,
    slice_t *key, ngx_str_t *origin)
{
    access_key_t              *found;
    access_keys_t             *keys;
    ngx_signaling_who_t        who;
    ngx_signaling_conn_t      *sc;
    ngx_signaling_loc_conf_t  *conf;

    sc = hs->ctx.conn;
    conf = sc->place->conf;
    keys = access_conf_keys(sc->place->worker->zone->access);

    found = access_key_find(keys, key);

    if (found == NULL || found->type != ACCESS_PUBLISHABLE) {
        return NGX_OK;
    }

    if ((origin && origin->len > NGX_SIGNALING_ORIGIN_MAX)
        || !access_origin_allowed(found, (slice_t *) origin))
    {
        hs->reason = "origin not allowed for this key";
        return NGX_OK;
    }

    who.origin = origin;
    who.claims = NULL;

    ngx_str_null(&who.id);

    if (conf->peer_id
        && ngx_http_complex_value(r, conf->peer_id, &who.id) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (who.id.len) {

        if (!access_peer_id_valid((slice_t *) &who.id)) {
            hs->reason = "peer ID not valid";
            return NGX_OK;
        }

        sc->shared_id = 1;

    } else {
        who.id.len = ACCESS_UUID_LEN;
        who.id.data = ngx_pnalloc(r->pool, ACCESS_UUID_LEN);

        if (who.id.data == NULL || access_uuid(who.id.data) == -1) {
            return NGX_ERROR;
        }
    }

    if (ngx_signaling_peer_metadata(r, sc, &who.metadata) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_signaling_accept(r, hs, found, &who);
}


static ngx_int_t
ngx_signaling_token(ngx_http_request_t *r, ngx_signaling_handshake_t *hs,
    slice_t *token)
{
    ngx_int_t              rc;
    access_key_t          *key;
    access_keys_t         *keys;
    access_claims_t        claims;
    ngx_signaling_who_t    who;
    ngx_signaling_conn_t  *sc;

    sc = hs->ctx.conn;
    keys = access_conf_keys(sc->place->worker->zone->access);

    switch (ngx_signaling_token_verify(r, keys, token, &key, &claims)) {

    case ACCESS_JWT_OK:
        break;

    case ACCESS_JWT_BAD:
        return NGX_OK;

    case ACCESS_JWT_EXPIRED:
        hs->code = NGX_SIGNALING_TOKEN_EXPIRED;
        hs->reason = "token expired";
        return NGX_OK;

    default: /* ACCESS_JWT_ERROR */
        return NGX_ERROR;
    }

    who.id.len = claims.sub.len;
    who.id.data = claims.sub.data;
    who.metadata.len = claims.peer_metadata.len;
    who.metadata.data = claims.peer_metadata.data;
    who.origin = NULL;
    who.claims = &claims;

    sc->shared_id = 1;

    rc = ngx_signaling_accept(r, hs, key, &who);

    access_claims_free(&claims);

    return rc;
}


static ngx_int_t
ngx_signaling_accept(ngx_http_request_t *r, ngx_signaling_handshake_t *hs,
    access_key_t *key, ngx_signaling_who_t *who)
{
    access_keys_t         *keys;
    ngx_signaling_conn_t  *sc;

    sc = hs->ctx.conn;
    keys = access_conf_keys(sc->place->worker->zone->access);

    if (ngx_signaling_place_enter(sc, sc->place->worker, sc->place->conf, key,
                                  keys)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    sc->actions = key->actions & (who->claims ? who->claims->actions
                                              : ACCESS_ALL);

    if (ngx_signaling_identify(r, sc, who) != NGX_OK
        || ngx_signaling_accepted(r, &hs->ctx, who) != NGX_OK
        || ngx_signaling_welcome_metadata(r, hs, who->claims) != NGX_OK)
    {
        return NGX_ERROR;
    }

    hs->code = 0;

    return NGX_OK;
}


/*
 * For the variables, which the rest of the welcome may be made of.  They get
 * copies, since the request may be logged when the connection, and the keys
 * with it, have gone; and holding the keys for the request would keep that.
 */

static ngx_int_t
ngx_signaling_accepted(ngx_http_request_t *r, ngx_signaling_ctx_t *ctx,
    ngx_signaling_who_t *who)
{
    u_char        *p;
    access_key_t  *key;

    key = ctx->conn->place->key;

    p = ngx_pnalloc(r->pool, who->id.len + key->id.len + key->app.len
                             + NGX_INT64_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ctx->peer_id.len = who->id.len;
    ctx->peer_id.data = p;
    p = ngx_cpymem(p, who->id.data, who->id.len);

    ctx->key.len = key->id.len;
    ctx->key.data = p;
    p = ngx_cpymem(p, key->id.data, key->id.len);

    ctx->app.len = key->app.len;
    ctx->app.data = p;
    p = ngx_cpymem(p, key->app.data, key->app.len);

    if (who->claims) {
        ctx->expires.data = p;
        ctx->expires.len = ngx_sprintf(p, "%L", who->claims->exp / 1000) - p;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_signaling_identify(ngx_http_request_t *r, ngx_signaling_conn_t *sc,
    ngx_signaling_who_t *who)
{
    size_t                     quoted, bare, size;
    u_char                    *p;
    slice_t                   *peer;
    ngx_str_t                 *client;
    ngx_signaling_identity_t  *identity;

    peer = (slice_t *) &who->id;
    client = &r->connection->addr_text;
    quoted = sig_proto_quote_len(peer);

    /* most IDs stand in their quotes as they are */

    bare = ngx_signaling_bare_len(quoted, peer->len);

    size = offsetof(ngx_signaling_identity_t, text) + client->len + bare
           + quoted + who->metadata.len + (who->origin ? who->origin->len : 0);

    if (who->claims) {
        size = ngx_align(size, sizeof(void *))
               + ngx_signaling_grant_size(who->claims);
    }

    identity = ngx_alloc(size, r->connection->log);
    if (identity == NULL) {
        return NGX_ERROR;
    }

    identity->id_len = peer->len;
    identity->quoted_len = (uint16_t) quoted;
    identity->metadata_len = who->metadata.len;
    identity->client_len = client->len;
    identity->has_origin = (who->origin != NULL);
    identity->origin_len = 0;
    identity->granted = (who->claims != NULL);

    p = sig_proto_quote(identity->text, peer);
    p = ngx_cpymem(p, peer->data, bare);

    if (who->metadata.len) {
        p = ngx_cpymem(p, who->metadata.data, who->metadata.len);
    }

    p = ngx_cpymem(p, client->data, client->len);

    if (who->origin) {
        identity->origin_len = (uint16_t) who->origin->len;
        ngx_memcpy(p, who->origin->data, who->origin->len);
    }

    if (who->claims) {
        ngx_signaling_grant_write(ngx_signaling_grant(identity), who->claims);
    }

    sc->identity = identity;

    return NGX_OK;
}


static ngx_int_t
ngx_signaling_peer_metadata(ngx_http_request_t *r, ngx_signaling_conn_t *sc,
    ngx_str_t *metadata)
{
    ngx_str_null(metadata);

    if (sc->place->conf->peer_metadata == NULL) {
        return NGX_OK;
    }

    if (ngx_http_complex_value(r, sc->place->conf->peer_metadata, metadata)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (metadata->len == 0) {
        return NGX_OK;
    }

    if (metadata->len > SIG_METADATA_LEN
        || sig_proto_json(metadata->data, metadata->len) != '{')
    {
        if (!sc->place->worker->told_metadata) {
            sc->place->worker->told_metadata = 1;

            ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                          "\"signaling_peer_metadata\" gave no JSON object of "
                          "at most %d bytes and is left out",
                          SIG_METADATA_LEN);
        }

        ngx_str_null(metadata);
    }

    return NGX_OK;
}


/*
 * What the token says, and {"iceServers":[...]} unless it says that itself,
 * docs/protocol.md 4.2.1.
 */

static ngx_int_t
ngx_signaling_welcome_metadata(ngx_http_request_t *r,
    ngx_signaling_handshake_t *hs, access_claims_t *claims)
{
    u_char     *p;
    ngx_str_t   list, rest;

    ngx_str_null(&list);
    ngx_str_null(&rest);

    /* without its braces, "{}" is nothing */

    if (claims && claims->metadata.len > 2) {
        rest.len = claims->metadata.len - 2;
        rest.data = claims->metadata.data + 1;
    }

    if ((claims == NULL || (!claims->has_ice && !claims->no_turn))
        && ngx_signaling_ice_servers(r, hs->ctx.conn, &list) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (list.len == 0 && rest.len == 0) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, sizeof("{\"iceServers\":,}") - 1 + list.len
                             + rest.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    hs->metadata.data = p;

    *p++ = '{';

    if (list.len) {
        p = ngx_cpymem(p, "\"iceServers\":", sizeof("\"iceServers\":") - 1);
        p = ngx_cpymem(p, list.data, list.len);
    }

    if (list.len && rest.len) {
        *p++ = ',';
    }

    if (rest.len) {
        p = ngx_cpymem(p, rest.data, rest.len);
    }

    *p++ = '}';

    hs->metadata.len = (size_t) (p - hs->metadata.data);

    return NGX_OK;
}


/* the list is left empty when there is none to be handed out */

static ngx_int_t
ngx_signaling_ice_servers(ngx_http_request_t *r, ngx_signaling_conn_t *sc,
    ngx_str_t *list)
{
    if (sc->place->conf->ice_servers == NULL || !sc->place->key->turn) {
        return NGX_OK;
    }

    if (ngx_http_complex_value(r, sc->place->conf->ice_servers, list)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (list->len && sig_proto_json(list->data, list->len) == '[') {
        return NGX_OK;
    }

    if (!sc->place->worker->told_ice) {
        sc->place->worker->told_ice = 1;

        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "\"signaling_ice_servers\" gave no JSON array and "
                      "is left out");
    }

    ngx_str_null(list);

    return NGX_OK;
}


/*
 * Registers the connection and welcomes it: docs/protocol.md 2.3, checks 6 to
 * 8.  Returns 0, or the close code of a refusal and its reason.
 */

ngx_uint_t
ngx_signaling_admit(ngx_signaling_conn_t *sc, slice_t *json_metadata,
    const char **reason)
{
    int                      rc;
    slice_t                  id, metadata;
    uint32_t                 n;
    sig_target_t             others[SIG_PEER_CONNECTIONS];
    ngx_signaling_worker_t  *sw;

    sw = sc->place->worker;

    *reason = "no room for another connection";

    if (sc->place->app == SIG_NO_APP) {
        return NGX_SIGNALING_NO_ROOM;
    }

    if (!ngx_signaling_worker_ready(sw)) {

        if (sig_registry_app_suspended(sw->registry, sc->place->app)) {
            return ngx_signaling_refusal(sc, SIG_REGISTRY_SUSPENDED, reason);
        }

        return NGX_SIGNALING_NO_ROOM;
    }

    id = ngx_signaling_id(sc->identity);
    metadata = ngx_signaling_metadata(sc->identity);

    rc = sig_registry_connect(sw->registry, sc->place->app, &id, &metadata,
                              sc->shared_id, sc->number, &sc->ref, others, &n);

    if (rc != SIG_REGISTRY_OK) {
        return ngx_signaling_refusal(sc, rc, reason);
    }

    sc->registered = 1;
    sc->state = NGX_SIGNALING_OPEN;

    ngx_signaling_welcome(sc, json_metadata);
    ngx_signaling_others(sc, others, n);

    return 0;
}


/* the close code of what the registry says, and a reason if it has one */

static ngx_uint_t
ngx_signaling_refusal(ngx_signaling_conn_t *sc, int rc, const char **reason)
{
    ngx_signaling_worker_t  *sw;

    sw = sc->place->worker;

    switch (rc) {

    case SIG_REGISTRY_SUSPENDED:
        *reason = "the app is suspended";
        return NGX_SIGNALING_SUSPENDED;

    case SIG_REGISTRY_LIMIT:
        *reason = "the app has all its connections";
        return NGX_SIGNALING_NO_ROOM;

    case SIG_REGISTRY_PEER_FULL:
        *reason = "the peer has all its connections";
        return NGX_SIGNALING_NO_ROOM;

    case SIG_REGISTRY_APP_FULL:
        *reason = "no room for another connection of the app";
        ngx_signaling_app_full(sw, &sc->place->key->app);
        return NGX_SIGNALING_NO_ROOM;

    default: /* SIG_REGISTRY_FULL */
        ngx_signaling_full(sw);
        return NGX_SIGNALING_NO_ROOM;
    }
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

    type = (sc->place->conf->same_peer == NGX_SIGNALING_PEER_SINGLE)
           ? SIG_RECORD_KICK : SIG_RECORD_PROBE;

    for (i = 0; i < n; i++) {
        (void) ngx_signaling_reach(sc->place->worker, &others[i], type,
                                   SIG_KICK_ELSEWHERE);
    }
}


static void
ngx_signaling_welcome(ngx_signaling_conn_t *sc, slice_t *json_metadata)
{
    u_char                 *p;
    size_t                  len;
    int64_t                 expires;
    slice_t                 id;
    ngx_signaling_frame_t  *f;
    ngx_signaling_grant_t  *grant;

    id = ngx_signaling_quoted_id(sc->identity);
    grant = ngx_signaling_grant(sc->identity);
    expires = grant ? (grant->ends + ACCESS_JWT_EARLY) / 1000 : -1;

    len = sig_proto_welcome_len(&id, expires, ngx_time(),
                                sc->place->conf->max_message, json_metadata);

    f = ngx_signaling_frame(sc->place->worker, SIG_WS_TEXT, len, &p);
    if (f == NULL) {
        ngx_signaling_doom(sc, SIG_WS_INTERNAL);
        return;
    }

    (void) sig_proto_welcome(p, &id, expires, ngx_time(),
                             sc->place->conf->max_message, json_metadata);

    ngx_signaling_send(sc, f);
    ngx_signaling_frame_unref(f);
}
