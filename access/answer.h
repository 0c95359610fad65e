
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Answers of the control planes: small JSON texts and refusals in one form,
 * {"error":code,"message":text}.  nginx code, hidden in both modules; called
 * by content handlers.  Memory is that of the request.
 */


#ifndef _ANSWER_H_INCLUDED_
#define _ANSWER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


#pragma GCC visibility push(hidden)


typedef struct {
    ngx_str_t           name;
    ngx_str_t           value;
} access_answer_header_t;


typedef struct {
    ngx_uint_t          status;
    ngx_str_t           error;          /* stable, for programs */
    ngx_str_t           message;        /* for people, in ASCII */
} access_refusal_t;


/* add a header to the answer; the list of several ends with an empty name */
ngx_int_t access_add_header(ngx_http_request_t *r,
    access_answer_header_t *header);
ngx_int_t access_add_headers(ngx_http_request_t *r,
    access_answer_header_t *header);

/*
 * Sends the whole answer, a text that lives as long as the request: JSON, or
 * of another content type.  These return what a content handler returns.
 */
ngx_int_t access_send(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *text);
ngx_int_t access_send_as(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *type, ngx_str_t *text);
ngx_int_t access_refuse(ngx_http_request_t *r, access_refusal_t *refusal);


#pragma GCC visibility pop


#endif /* _ANSWER_H_INCLUDED_ */
