
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * What a token says, docs/protocol.md 11.2 and 12.4.  Metadata stays as it
 * was written but for white space; jansson would write numbers anew.
 */


#include "ngx_turncred.h"
#include "json_text.h"
#include "uuid.h"


#define NGX_TURNCRED_CHANNELS     100
#define NGX_TURNCRED_PERMISSIONS  16


static access_refusal_t *ngx_turncred_backend_body(ngx_http_request_t *r,
    json_t *json, slice_t *body, ngx_turncred_token_t *token);
static access_refusal_t *ngx_turncred_backend_ttl(json_t *json, time_t *ttl);
static access_refusal_t *ngx_turncred_backend_channels(json_t *list);
static access_refusal_t *ngx_turncred_backend_permissions(json_t *list);
static access_refusal_t *ngx_turncred_backend_rights(access_key_t *key,
    json_t *json, ngx_uint_t *actions);
static access_refusal_t *ngx_turncred_member(ngx_http_request_t *r,
    json_t *json, slice_t *body, const char *name, size_t max,
    slice_t *value);
static access_refusal_t *ngx_turncred_subject(ngx_http_request_t *r,
    ngx_turncred_token_t *token);
static access_refusal_t *ngx_turncred_page_metadata(ngx_http_request_t *r,
    ngx_turncred_token_t *token);
static json_t *ngx_turncred_channels(access_key_t *key);
static access_refusal_t *ngx_turncred_write(ngx_http_request_t *r,
    ngx_turncred_token_t *token, json_t *channels, ngx_uint_t actions,
    ngx_uint_t turn);
static u_char *ngx_turncred_write_member(u_char *p, const char *name,
    slice_t *value);


static access_refusal_t  ngx_turncred_bad_peer = {
    NGX_HTTP_BAD_REQUEST,
    ngx_string("invalid_request"),
    ngx_string("peerId is a string of 1 to 128 printable ASCII characters")
};

static access_refusal_t  ngx_turncred_bad_expiry = {
    NGX_HTTP_BAD_REQUEST,
    ngx_string("invalid_request"),
    ngx_string("expiresInSec is an integer from 1 to 86400")
};

static access_refusal_t  ngx_turncred_bad_channels = {
    NGX_HTTP_BAD_REQUEST,
    ngx_string("invalid_request"),
    ngx_string("channels is an array of at most 100 names of channels")
};

static access_refusal_t  ngx_turncred_reserved = {
    NGX_HTTP_BAD_REQUEST,
    ngx_string("channel_reserved"),
    ngx_string("channel names with this prefix are reserved")
};

static access_refusal_t  ngx_turncred_bad_permissions = {
    NGX_HTTP_BAD_REQUEST,
    ngx_string("invalid_request"),
    ngx_string("permissions is an array of at most 16 strings")
};

static access_refusal_t  ngx_turncred_bad_metadata = {
    NGX_HTTP_BAD_REQUEST,
    ngx_string("invalid_request"),
    ngx_string("metadata and peerMetadata are objects, and not too large")
};

static access_refusal_t  ngx_turncred_no_action = {
    NGX_HTTP_FORBIDDEN,
    ngx_string("action_not_permitted"),
    ngx_string("a permission is not among the key's actions")
};

static access_refusal_t  ngx_turncred_no_channel = {
    NGX_HTTP_FORBIDDEN,
    ngx_string("channel_not_authorized"),
    ngx_string("a channel is outside the key's patterns")
};


access_refusal_t *
ngx_turncred_backend_claims(ngx_http_request_t *r,
    ngx_turncred_caller_t *caller, slice_t *body, ngx_turncred_token_t *token)
{
    json_t            *json;
    ngx_uint_t         actions;
    access_refusal_t  *refusal;

    json = ngx_turncred_json_body(body);
    if (json == NULL) {
        return &ngx_turncred_bad_body;
    }

    actions = 0;

    refusal = ngx_turncred_backend_body(r, json, body, token);

    if (refusal == NULL) {
        refusal = ngx_turncred_backend_rights(caller->key, json, &actions);
    }

    if (refusal == NULL) {
        refusal = ngx_turncred_write(r, token,
                              json_incref(json_object_get(json, "channels")),
                              actions, 1);
    }

    json_decref(json);

    return refusal;
}


/* the syntax of it all */

static access_refusal_t *
ngx_turncred_backend_body(ngx_http_request_t *r, json_t *json, slice_t *body,
    ngx_turncred_token_t *token)
{
    time_t                    ttl;
    json_t                   *peer;
    slice_t                   subject;
    access_refusal_t         *refusal;
    ngx_turncred_loc_conf_t  *tlcf;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_turncred_module);

    peer = json_object_get(json, "peerId");

    subject.len = json_string_length(peer);
    subject.data = (u_char *) json_string_value(peer);

    if (!access_peer_id_valid(&subject)) {
        return &ngx_turncred_bad_peer;
    }

    token->subject.len = subject.len;
    token->subject.data = ngx_pstrdup(r->pool, (ngx_str_t *) &subject);

    if (token->subject.data == NULL) {
        return &ngx_turncred_failed;
    }

    ttl = tlcf->token_ttl;

    refusal = ngx_turncred_backend_ttl(json, &ttl);
    if (refusal != NULL) {
        return refusal;
    }

    token->expires = ngx_time() + ttl;

    refusal = ngx_turncred_backend_permissions(
                                        json_object_get(json, "permissions"));
    if (refusal != NULL) {
        return refusal;
    }

    refusal = ngx_turncred_member(r, json, body, "metadata",
                                  ACCESS_METADATA_MAX, &token->metadata);
    if (refusal != NULL) {
        return refusal;
    }

    refusal = ngx_turncred_member(r, json, body, "peerMetadata",
                                  ACCESS_PEER_META_MAX,
                                  &token->peer_metadata);
    if (refusal != NULL) {
        return refusal;
    }

    return ngx_turncred_backend_channels(json_object_get(json, "channels"));
}


static access_refusal_t *
ngx_turncred_backend_ttl(json_t *json, time_t *ttl)
{
    json_t      *value;
    json_int_t   n;

    value = json_object_get(json, "expiresInSec");

    if (value == NULL) {
        return NULL;
    }

    /* what is no integer is 0 to it */
    n = json_integer_value(value);

    if (n < 1 || n > NGX_TURNCRED_TOKEN_TTL_MAX) {
        return &ngx_turncred_bad_expiry;
    }

    *ttl = (time_t) n;

    return NULL;
}


static access_refusal_t *
ngx_turncred_backend_permissions(json_t *list)
{
    size_t   i;
    json_t  *value;

    if (list == NULL) {
        return NULL;
    }

    if (!json_is_array(list)
        || json_array_size(list) > NGX_TURNCRED_PERMISSIONS)
    {
        return &ngx_turncred_bad_permissions;
    }

    json_array_foreach(list, i, value) {
        if (!json_is_string(value)) {
            return &ngx_turncred_bad_permissions;
        }
    }

    return NULL;
}


/* what jansson gives is UTF-8 */

static access_refusal_t *
ngx_turncred_backend_channels(json_t *list)
{
    size_t             i;
    json_t            *value;
    slice_t            name;
    access_refusal_t  *refusal;

    if (list == NULL) {
        return NULL;
    }

    if (!json_is_array(list) || json_array_size(list) > NGX_TURNCRED_CHANNELS)
    {
        return &ngx_turncred_bad_channels;
    }

    refusal = NULL;

    json_array_foreach(list, i, value) {

        name.len = json_string_length(value);
        name.data = (u_char *) json_string_value(value);

        if (!access_channel_valid(&name)) {
            return &ngx_turncred_bad_channels;
        }

        if (access_channel_reserved(&name)) {
            refusal = &ngx_turncred_reserved;
        }
    }

    return refusal;
}


/* action before scope */

static access_refusal_t *
ngx_turncred_backend_rights(access_key_t *key, json_t *json,
    ngx_uint_t *actions)
{
    size_t       i;
    json_t      *list, *value;
    slice_t      name;
    ngx_uint_t   action;

    list = json_object_get(json, "permissions");

    *actions = (list == NULL) ? key->actions : 0;

    json_array_foreach(list, i, value) {

        name.len = json_string_length(value);
        name.data = (u_char *) json_string_value(value);

        action = access_action(&name) & key->actions;

        if (action == 0) {
            return &ngx_turncred_no_action;
        }

        *actions |= action;
    }

    list = json_object_get(json, "channels");

    json_array_foreach(list, i, value) {

        name.len = json_string_length(value);
        name.data = (u_char *) json_string_value(value);

        if (!access_channel_allowed(key, &name)) {
            return &ngx_turncred_no_channel;
        }
    }

    return NULL;
}


/*
 * The compact text of a member, which has to be an object of at most max
 * bytes; data NULL when there is none.
 */

static access_refusal_t *
ngx_turncred_member(ngx_http_request_t *r, json_t *json, slice_t *body,
    const char *name, size_t max, slice_t *value)
{
    json_t   *member;
    slice_t   text;

    value->len = 0;
    value->data = NULL;

    member = json_object_get(json, name);

    if (member == NULL) {
        return NULL;
    }

    if (!json_is_object(member)
        || access_json_member(body, json, name, &text) == -1)
    {
        return &ngx_turncred_bad_metadata;
    }

    value->data = ngx_pnalloc(r->pool, text.len);

    if (value->data == NULL) {
        return &ngx_turncred_failed;
    }

    value->len = (size_t) (access_json_compact(value->data, &text)
                           - value->data);

    return (value->len > max) ? &ngx_turncred_bad_metadata : NULL;
}


access_refusal_t *
ngx_turncred_page_body(ngx_http_request_t *r, slice_t *body,
    ngx_turncred_token_t *token)
{
    json_t                   *json;
    access_refusal_t         *refusal;
    ngx_turncred_loc_conf_t  *tlcf;

    token->peer_metadata.len = 0;
    token->peer_metadata.data = NULL;

    if (body->len == 0) {
        return NULL;
    }

    json = ngx_turncred_json_body(body);
    if (json == NULL) {
        return &ngx_turncred_bad_body;
    }

    tlcf = ngx_http_get_module_loc_conf(r, ngx_turncred_module);

    refusal = NULL;

    if (tlcf->client_metadata != 0) {
        refusal = ngx_turncred_member(r, json, body, "peerMetadata",
                                      tlcf->client_metadata,
                                      &token->peer_metadata);
    }

    json_decref(json);

    return refusal;
}


access_refusal_t *
ngx_turncred_page_claims(ngx_http_request_t *r, ngx_turncred_caller_t *caller,
    ngx_turncred_token_t *token)
{
    json_t                   *channels;
    access_refusal_t         *refusal;
    ngx_turncred_loc_conf_t  *tlcf;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_turncred_module);

    token->expires = ngx_time() + tlcf->token_ttl;
    token->metadata.len = 0;
    token->metadata.data = NULL;

    refusal = ngx_turncred_subject(r, token);
    if (refusal != NULL) {
        return refusal;
    }

    refusal = ngx_turncred_page_metadata(r, token);
    if (refusal != NULL) {
        return refusal;
    }

    channels = ngx_turncred_channels(caller->key);
    if (channels == NULL) {
        return &ngx_turncred_failed;
    }

    return ngx_turncred_write(r, token, channels, caller->key->actions,
                              caller->key->turn);
}


static access_refusal_t *
ngx_turncred_subject(ngx_http_request_t *r, ngx_turncred_token_t *token)
{
    ngx_str_t                 value;
    ngx_turncred_loc_conf_t  *tlcf;

    static ngx_uint_t  told;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_turncred_module);

    ngx_str_null(&value);

    if (tlcf->subject != NULL
        && ngx_http_complex_value(r, tlcf->subject, &value) != NGX_OK)
    {
        return &ngx_turncred_failed;
    }

    if (value.len == 0) {
        token->subject.len = ACCESS_UUID_LEN;
        token->subject.data = ngx_pnalloc(r->pool, ACCESS_UUID_LEN);

        if (token->subject.data == NULL
            || access_uuid(token->subject.data) == -1)
        {
            return &ngx_turncred_failed;
        }

        return NULL;
    }

    token->subject.len = value.len;
    token->subject.data = value.data;

    if (access_peer_id_valid(&token->subject)) {
        return NULL;
    }

    if (!told) {
        told = 1;

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "\"token_subject\" gave no peer ID, which has 1 to %d "
                      "printable ASCII characters; the page is answered 503",
                      ACCESS_PEER_ID);
    }

    return &ngx_turncred_failed;
}


/* what the administrator says counts before what the page says */

static access_refusal_t *
ngx_turncred_page_metadata(ngx_http_request_t *r, ngx_turncred_token_t *token)
{
    u_char                   *p;
    json_t                   *json;
    ngx_str_t                 value;
    ngx_turncred_loc_conf_t  *tlcf;

    static ngx_uint_t  told;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_turncred_module);

    ngx_str_null(&value);

    if (tlcf->peer_metadata != NULL
        && ngx_http_complex_value(r, tlcf->peer_metadata, &value) != NGX_OK)
    {
        return &ngx_turncred_failed;
    }

    if (value.len == 0) {
        return NULL;
    }

    json = ngx_turncred_json_body((slice_t *) &value);

    if (json != NULL) {
        json_decref(json);

        p = ngx_pnalloc(r->pool, value.len);
        if (p == NULL) {
            return &ngx_turncred_failed;
        }

        value.len = (size_t) (access_json_compact(p, (slice_t *) &value) - p);
        value.data = p;
    }

    if (json == NULL || value.len > ACCESS_PEER_META_MAX) {

        if (!told) {
            told = 1;

            ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                          "\"token_peer_metadata\" gave no JSON object of at "
                          "most %d bytes and is left out",
                          ACCESS_PEER_META_MAX);
        }

        return NULL;
    }

    token->peer_metadata.len = value.len;
    token->peer_metadata.data = value.data;

    return NULL;
}


static json_t *
ngx_turncred_channels(access_key_t *key)
{
    json_t    *list;
    uint32_t   i;

    list = json_array();

    for (i = 0; i < key->nchannels; i++) {

        if (json_array_append_new(list,
                                  json_stringn((char *) key->channels[i].data,
                                               key->channels[i].len))
            == -1)
        {
            json_decref(list);
            return NULL;
        }
    }

    return list;
}


/* takes the channels, which are NULL where the token says nothing of them */

static access_refusal_t *
ngx_turncred_write(ngx_http_request_t *r, ngx_turncred_token_t *token,
    json_t *channels, ngx_uint_t actions, ngx_uint_t turn)
{
    u_char                 *p;
    json_t                 *json, *permissions;
    ngx_str_t               text;
    const access_action_t  *action;

    permissions = json_array();

    for (action = access_actions; action->mask; action++) {

        if ((actions & action->mask)
            && json_array_append_new(permissions,
                                     json_string((char *) action->name.data))
               == -1)
        {
            json_decref(permissions);
            permissions = NULL;
            break;
        }
    }

    json = json_pack("{s:s%, s:I, s:I, s:o*, s:o, s:o*}",
                     "sub", token->subject.data, token->subject.len,
                     "iat", (json_int_t) ngx_time(),
                     "exp", (json_int_t) token->expires,
                     "channels", channels,
                     "permissions", permissions,
                     "turn", turn ? NULL : json_false());

    if (ngx_turncred_json_text(r, json, &text) != NGX_OK) {
        return &ngx_turncred_failed;
    }

    p = ngx_pnalloc(r->pool, text.len
                             + sizeof(",\"metadata\":,\"peerMetadata\":") - 1
                             + token->metadata.len
                             + token->peer_metadata.len);
    if (p == NULL) {
        return &ngx_turncred_failed;
    }

    token->claims.data = p;

    p = ngx_cpymem(p, text.data, text.len - 1);
    p = ngx_turncred_write_member(p, "metadata", &token->metadata);
    p = ngx_turncred_write_member(p, "peerMetadata", &token->peer_metadata);
    *p++ = '}';

    token->claims.len = (size_t) (p - token->claims.data);

    return NULL;
}


static u_char *
ngx_turncred_write_member(u_char *p, const char *name, slice_t *value)
{
    if (value->data == NULL) {
        return p;
    }

    p = ngx_sprintf(p, ",\"%s\":", name);

    return ngx_cpymem(p, value->data, value->len);
}
