
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The lifetime that a caller asks for: "?ttl=" in every shape, and what the
 * clients of the two providers send, the form "Ttl=3600" and the JSON
 * {"ttl":86400}.  The query counts where both are there.
 */


#include "ngx_turncred.h"


static access_refusal_t *ngx_turncred_ttl_form(slice_t *body, time_t *ttl);
static access_refusal_t *ngx_turncred_ttl_json(slice_t *body, time_t *ttl);
static access_refusal_t *ngx_turncred_ttl_digits(slice_t *text, time_t *ttl);


static access_refusal_t  ngx_turncred_bad_ttl = {
    NGX_HTTP_BAD_REQUEST,
    ngx_string("invalid_request"),
    ngx_string("the lifetime is a number of seconds, 1 or more")
};


access_refusal_t *
ngx_turncred_ttl(ngx_http_request_t *r, ngx_turncred_caller_t *caller,
    slice_t *body, time_t *ttl)
{
    slice_t                   value;
    access_refusal_t         *refusal;
    ngx_turncred_loc_conf_t  *tlcf;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_turncred_module);

    *ttl = tlcf->ttl;

    if (access_arg(r, "ttl", &value) != NGX_OK) {
        return &ngx_turncred_failed;
    }

    if (value.data != NULL) {
        refusal = ngx_turncred_ttl_digits(&value, ttl);

    } else if (body->len == 0) {
        refusal = NULL;

    } else if (tlcf->shape == NGX_TURNCRED_TWILIO) {
        refusal = ngx_turncred_ttl_form(body, ttl);

    } else {
        refusal = ngx_turncred_ttl_json(body, ttl);
    }

    if (refusal != NULL) {
        return refusal;
    }

    *ttl = ngx_min(*ttl, tlcf->ttl);

    if (caller->expires != 0) {
        *ttl = ngx_min(*ttl, caller->expires - ngx_time());
    }

    return NULL;
}


static access_refusal_t *
ngx_turncred_ttl_form(slice_t *body, time_t *ttl)
{
    u_char   *p, *last, *end;
    slice_t   value;

    last = body->data + body->len;

    for (p = body->data; p < last; p = end + 1) {

        end = ngx_strlchr(p, last, '&');
        if (end == NULL) {
            end = last;
        }

        if (end - p >= 4 && ngx_strncmp(p, "Ttl=", 4) == 0) {
            value.data = p + 4;
            value.len = (size_t) (end - value.data);

            return ngx_turncred_ttl_digits(&value, ttl);
        }
    }

    return NULL;
}


static access_refusal_t *
ngx_turncred_ttl_json(slice_t *body, time_t *ttl)
{
    json_t      *json, *value;
    json_int_t   n;

    json = ngx_turncred_json_body(body);
    if (json == NULL) {
        return &ngx_turncred_bad_body;
    }

    value = json_object_get(json, "ttl");

    /* nothing else is 0 to it */
    n = (value != NULL) ? json_integer_value(value) : (json_int_t) *ttl;

    json_decref(json);

    if (n < 1) {
        return &ngx_turncred_bad_ttl;
    }

    *ttl = (time_t) ngx_min(n, (json_int_t) NGX_TURNCRED_TTL_MAX);

    return NULL;
}


/* as many as there are: what is too long is cut by the caller */

static access_refusal_t *
ngx_turncred_ttl_digits(slice_t *text, time_t *ttl)
{
    size_t  i;
    time_t  n;

    n = 0;

    for (i = 0; i < text->len; i++) {

        if (text->data[i] < '0' || text->data[i] > '9') {
            return &ngx_turncred_bad_ttl;
        }

        n = n * 10 + (text->data[i] - '0');
        n = ngx_min(n, NGX_TURNCRED_TTL_MAX);
    }

    if (n == 0) {
        return &ngx_turncred_bad_ttl;
    }

    *ttl = n;

    return NULL;
}
