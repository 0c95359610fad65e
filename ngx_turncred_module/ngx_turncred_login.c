
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "ngx_turncred.h"


/* coturn's times have 32 bits and a sign; nothing may end later */

#define NGX_TURNCRED_LAST  (INT64_C(0x7fffffff) - NGX_TURNCRED_GRACE)


static ngx_int_t ngx_turncred_id(ngx_http_request_t *r,
    ngx_turncred_loc_conf_t *tlcf, slice_t *subject, u_char *random,
    slice_t *id);
static ngx_int_t ngx_turncred_user(ngx_http_request_t *r,
    ngx_turncred_loc_conf_t *tlcf, slice_t *id);
static ngx_int_t ngx_turncred_expiry(ngx_http_request_t *r, int64_t *expiry);
static ngx_int_t ngx_turncred_signaling(ngx_http_request_t *r,
    const char *variable, slice_t *value);


ngx_int_t
ngx_turncred_make_login(ngx_http_request_t *r, ngx_turncred_loc_conf_t *tlcf,
    slice_t *subject, time_t ttl, ngx_turncred_login_t *login)
{
    u_char    random[TURN_RANDOM_ID_LEN];
    slice_t   id;
    ssize_t   n;
    int64_t   expiry;

    if (ngx_turncred_id(r, tlcf, subject, random, &id) != NGX_OK) {
        return NGX_ERROR;
    }

    expiry = (int64_t) ngx_time() + ttl;

    if (ngx_turncred_expiry(r, &expiry) != NGX_OK) {
        return NGX_ERROR;
    }

    n = turn_username(login->buf, expiry + NGX_TURNCRED_GRACE, &id);
    if (n == -1) {
        goto failed;
    }

    login->ttl = ttl;

    login->username.len = (size_t) n;
    login->username.data = login->buf;

    login->credential.len = TURN_CREDENTIAL_LEN;
    login->credential.data = login->buf + n;

    if (turn_credential(login->credential.data, tlcf->prepared,
                        &login->username)
        == -1)
    {
        goto failed;
    }

    return NGX_OK;

failed:

    ngx_log_error(NGX_LOG_CRIT, r->connection->log, 0,
                  "OpenSSL failed to make a TURN credential");

    return NGX_ERROR;
}


/*
 * Whose username it is: what the configuration says, the subject of a token,
 * the peer of a connection, or nobody's, who is written to random.
 */

static ngx_int_t
ngx_turncred_id(ngx_http_request_t *r, ngx_turncred_loc_conf_t *tlcf,
    slice_t *subject, u_char *random, slice_t *id)
{
    if (ngx_turncred_user(r, tlcf, id) != NGX_OK) {
        return NGX_ERROR;
    }

    if (id->len == 0 && subject != NULL) {
        *id = *subject;
    }

    if (id->len == 0
        && ngx_turncred_signaling(r, "signaling_peer_id", id) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (id->len == 0) {
        if (turn_random_id(random) == -1) {
            ngx_log_error(NGX_LOG_CRIT, r->connection->log, 0,
                          "no randomness for a TURN username");
            return NGX_ERROR;
        }

        id->len = TURN_RANDOM_ID_LEN;
        id->data = random;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_turncred_user(ngx_http_request_t *r, ngx_turncred_loc_conf_t *tlcf,
    slice_t *id)
{
    ngx_str_t  value;

    ngx_str_null(&value);

    if (tlcf->user != NULL
        && ngx_http_complex_value(r, tlcf->user, &value) != NGX_OK)
    {
        return NGX_ERROR;
    }

    id->len = value.len;
    id->data = value.data;

    return NGX_OK;
}


/* not before the token of a connection, docs/protocol.md 13.5 */

static ngx_int_t
ngx_turncred_expiry(ngx_http_request_t *r, int64_t *expiry)
{
    off_t    end;
    slice_t  value;

    value.len = 0;
    value.data = NULL;

    if (ngx_turncred_signaling(r, "signaling_expires", &value) != NGX_OK) {
        return NGX_ERROR;
    }

    end = ngx_atoof(value.data, value.len);

    *expiry = ngx_max(*expiry, ngx_min((int64_t) end, NGX_TURNCRED_LAST));

    return NGX_OK;
}


/*
 * The variable belongs to the other module, which need not be loaded: so it
 * is looked up by its name, and a variable that does not exist is no error.
 */

static ngx_int_t
ngx_turncred_signaling(ngx_http_request_t *r, const char *variable,
    slice_t *value)
{
    ngx_str_t                   name;
    ngx_http_variable_value_t  *vv;

    name.len = ngx_strlen(variable);
    name.data = (u_char *) variable;

    vv = ngx_http_get_variable(r, &name, ngx_hash_key(name.data, name.len));
    if (vv == NULL) {
        return NGX_ERROR;
    }

    if (!vv->not_found) {
        value->len = vv->len;
        value->data = vv->data;
    }

    return NGX_OK;
}
