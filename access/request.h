
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * What a request shows of its caller: headers and arguments.  nginx code,
 * hidden in both modules; memory is that of the request.
 */


#ifndef _REQUEST_H_INCLUDED_
#define _REQUEST_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "access.h"


#pragma GCC visibility push(hidden)


/* a walk over the headers of a request */

typedef struct {
    ngx_list_part_t    *part;
    ngx_uint_t          next;
} access_headers_t;


void access_headers(access_headers_t *walk, ngx_http_request_t *r);

/* the next header, or NULL after the last one */
ngx_table_elt_t *access_header_next(access_headers_t *walk);

/* 1 when the text is that word, in any case; 0 otherwise */
ngx_uint_t access_is(ngx_str_t *text, const char *word);

/*
 * The first argument of exactly that name, percent-decoded once; "+" stands
 * for itself.  value->data is NULL when there is none.  Returns NGX_OK or
 * NGX_ERROR (no memory).
 */
ngx_int_t access_arg(ngx_http_request_t *r, const char *name,
    slice_t *value);

/*
 * What follows "Bearer" in the Authorization header.  Returns NGX_OK, or
 * NGX_DECLINED when there is no such header of this scheme.
 */
ngx_int_t access_bearer(ngx_http_request_t *r, ngx_str_t *value);

/*
 * Percent-decodes into memory of the request; "+" stands for itself.  Returns
 * NGX_OK or NGX_ERROR (no memory).
 */
ngx_int_t access_decode(ngx_http_request_t *r, u_char *p, size_t len,
    slice_t *value);


#pragma GCC visibility pop


#endif /* _REQUEST_H_INCLUDED_ */
