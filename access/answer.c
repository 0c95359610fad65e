
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "answer.h"


ngx_int_t
access_refuse(ngx_http_request_t *r, access_refusal_t *refusal)
{
    size_t      len;
    u_char     *p;
    ngx_str_t   text, message;

    message = refusal->message;

    /* quotation marks are the only ones that it may have */

    len = sizeof("{\"error\":\"\",\"message\":\"\"}") - 1
          + refusal->error.len + message.len
          + ngx_escape_json(NULL, message.data, message.len);

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    text.data = p;
    text.len = len;

    p = ngx_sprintf(p, "{\"error\":\"%V\",\"message\":\"", &refusal->error);
    p = (u_char *) ngx_escape_json(p, message.data, message.len);
    *p++ = '"';
    *p = '}';

    return access_send(r, refusal->status, &text);
}


ngx_int_t
access_send(ngx_http_request_t *r, ngx_uint_t status, ngx_str_t *text)
{
    ngx_str_t  type = ngx_string("application/json");

    return access_send_as(r, status, &type, text);
}


ngx_int_t
access_send_as(ngx_http_request_t *r, ngx_uint_t status, ngx_str_t *type,
    ngx_str_t *text)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->pos = text->data;
    b->last = text->data + text->len;
    b->memory = 1;
    b->last_buf = (r == r->main);
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    r->headers_out.status = status;
    r->headers_out.content_length_n = (off_t) text->len;

    r->headers_out.content_type = *type;
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_http_output_filter(r, &out);
}


ngx_int_t
access_add_headers(ngx_http_request_t *r, access_answer_header_t *header)
{
    for ( /* void */ ; header->name.len; header++) {
        if (access_add_header(r, header) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
access_add_header(ngx_http_request_t *r, access_answer_header_t *header)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    h->key = header->name;
    h->value = header->value;
    h->lowcase_key = NULL;
#if (nginx_version >= 1023000)
    h->next = NULL;
#endif

    return NGX_OK;
}
