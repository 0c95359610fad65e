
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "request.h"


void
access_headers(access_headers_t *walk, ngx_http_request_t *r)
{
    walk->part = &r->headers_in.headers.part;
    walk->next = 0;
}


ngx_table_elt_t *
access_header_next(access_headers_t *walk)
{
    ngx_table_elt_t  *h;

    while (walk->part && walk->next == walk->part->nelts) {
        walk->part = walk->part->next;
        walk->next = 0;
    }

    if (walk->part == NULL) {
        return NULL;
    }

    h = walk->part->elts;

    return &h[walk->next++];
}


ngx_uint_t
access_is(ngx_str_t *text, const char *word)
{
    return text->len == ngx_strlen(word)
           && ngx_strncasecmp(text->data, (u_char *) word, text->len) == 0;
}


ngx_int_t
access_arg(ngx_http_request_t *r, const char *name, slice_t *value)
{
    size_t   len;
    u_char  *p, *last, *end;

    value->len = 0;
    value->data = NULL;

    if (r->args.len == 0) {
        return NGX_OK;
    }

    len = ngx_strlen(name);
    last = r->args.data + r->args.len;

    for (p = r->args.data; p < last; p = end + 1) {

        end = ngx_strlchr(p, last, '&');

        if (end == NULL) {
            end = last;
        }

        if ((size_t) (end - p) > len
            && p[len] == '='
            && ngx_strncmp(p, name, len) == 0)
        {
            p += len + 1;

            return access_decode(r, p, (size_t) (end - p), value);
        }
    }

    return NGX_OK;
}


ngx_int_t
access_decode(ngx_http_request_t *r, u_char *p, size_t len, slice_t *value)
{
    u_char  *dst, *src;

    dst = ngx_pnalloc(r->pool, len + 1);
    if (dst == NULL) {
        return NGX_ERROR;
    }

    value->data = dst;

    src = p;
    ngx_unescape_uri(&dst, &src, len, 0);

    value->len = (size_t) (dst - value->data);

    return NGX_OK;
}


ngx_int_t
access_bearer(ngx_http_request_t *r, ngx_str_t *value)
{
    static ngx_str_t  scheme = ngx_string("Bearer ");

    if (r->headers_in.authorization == NULL) {
        return NGX_DECLINED;
    }

    *value = r->headers_in.authorization->value;

    if (value->len < scheme.len
        || ngx_strncasecmp(value->data, scheme.data, scheme.len) != 0)
    {
        return NGX_DECLINED;
    }

    value->data += scheme.len;
    value->len -= scheme.len;

    while (value->len > 0 && value->data[0] == ' ') {
        value->data++;
        value->len--;
    }

    return NGX_OK;
}
