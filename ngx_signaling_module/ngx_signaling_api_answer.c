
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * What the control plane refuses, docs/protocol.md 12.2.
 */


#include "ngx_signaling_api.h"


access_refusal_t  ngx_signaling_api_unauthorized = {
    NGX_HTTP_UNAUTHORIZED,
    ngx_string("unauthorized"),
    ngx_string("show a secret key as \"Authorization: Bearer id:secret\"")
};

access_refusal_t  ngx_signaling_api_not_found = {
    NGX_HTTP_NOT_FOUND,
    ngx_string("not_found"),
    ngx_string("there is no such path")
};

access_refusal_t  ngx_signaling_api_too_big = {
    NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
    ngx_string("invalid_request"),
    ngx_string("the body is longer than 32768 bytes")
};

access_refusal_t  ngx_signaling_api_bad_body = {
    NGX_HTTP_BAD_REQUEST,
    ngx_string("invalid_request"),
    ngx_string("the body cannot be read")
};

access_refusal_t  ngx_signaling_api_data_too_big = {
    NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
    ngx_string("invalid_request"),
    ngx_string("\"data\" is longer than \"signaling_max_message\"")
};

access_refusal_t  ngx_signaling_api_bad_channel = {
    NGX_HTTP_BAD_REQUEST,
    ngx_string("invalid_request"),
    ngx_string("the path names no channel: 1 to 256 characters, "
               "percent-encoded UTF-8 without control characters")
};

access_refusal_t  ngx_signaling_api_bad_peer = {
    NGX_HTTP_BAD_REQUEST,
    ngx_string("invalid_request"),
    ngx_string("the path names no peer: 1 to 128 printable ASCII characters, "
               "percent-encoded")
};

access_refusal_t  ngx_signaling_api_reserved = {
    NGX_HTTP_BAD_REQUEST,
    ngx_string("channel_reserved"),
    ngx_string("channels that begin so are reserved")
};

access_refusal_t  ngx_signaling_api_bad_action = {
    NGX_HTTP_FORBIDDEN,
    ngx_string("action_not_permitted"),
    ngx_string("the key lacks this action")
};

access_refusal_t  ngx_signaling_api_bad_scope = {
    NGX_HTTP_FORBIDDEN,
    ngx_string("channel_not_authorized"),
    ngx_string("the channel is outside the key's patterns")
};

access_refusal_t  ngx_signaling_api_suspended = {
    NGX_HTTP_FORBIDDEN,
    ngx_string("action_not_permitted"),
    ngx_string("the app of the key is suspended")
};

access_refusal_t  ngx_signaling_api_over_quota = {
    NGX_HTTP_TOO_MANY_REQUESTS,
    ngx_string("over_message_quota"),
    ngx_string("the app has used up its messages for this period")
};

access_refusal_t  ngx_signaling_api_unavailable = {
    NGX_HTTP_SERVICE_UNAVAILABLE,
    ngx_string("internal_error"),
    ngx_string("the server has no room for this now, try again")
};


static access_answer_header_t  ngx_signaling_api_challenge = {
    ngx_string("WWW-Authenticate"), ngx_string("Bearer")
};


ngx_int_t
ngx_signaling_api_refuse(ngx_http_request_t *r, access_refusal_t *refusal)
{
    if (refusal->status == NGX_HTTP_UNAUTHORIZED
        && access_add_header(r, &ngx_signaling_api_challenge) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return access_refuse(r, refusal);
}


ngx_int_t
ngx_signaling_api_bad_method(ngx_http_request_t *r, sig_rest_e what)
{
    access_refusal_t        refusal;
    access_answer_header_t  allow;

    ngx_str_set(&allow.name, "Allow");

    switch (what) {

    case SIG_REST_PUBLISH:
        ngx_str_set(&allow.value, "POST");
        ngx_str_set(&refusal.message, "this path is for POST");
        break;

    case SIG_REST_PEER:
        ngx_str_set(&allow.value, "DELETE");
        ngx_str_set(&refusal.message, "this path is for DELETE");
        break;

    default: /* SIG_REST_ROSTER, SIG_REST_USAGE */
        ngx_str_set(&allow.value, "GET, HEAD");
        ngx_str_set(&refusal.message, "this path is for GET");
        break;
    }

    if (access_add_header(r, &allow) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    refusal.status = NGX_HTTP_NOT_ALLOWED;
    ngx_str_set(&refusal.error, "not_found");

    return access_refuse(r, &refusal);
}


ngx_int_t
ngx_signaling_api_invalid(ngx_http_request_t *r, const char *message)
{
    access_refusal_t  refusal;

    refusal.status = NGX_HTTP_BAD_REQUEST;
    ngx_str_set(&refusal.error, "invalid_request");

    refusal.message.len = ngx_strlen(message);
    refusal.message.data = (u_char *) message;

    return access_refuse(r, &refusal);
}
