
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The body of a request of the control planes, as one run of bytes.  nginx
 * code, hidden in both modules; called by content handlers.  Memory is that
 * of the request, at most the limit is ever taken for it; nothing of it goes
 * to a file.
 *
 *     static ngx_int_t
 *     handler(ngx_http_request_t *r)
 *     {
 *         ...  who calls, and may they: refusals before the body is read
 *              go through access_body_discard()
 *
 *         return access_body_read(r, 32768, handler_body, ctx);
 *     }
 *
 *     static ngx_int_t
 *     handler_body(ngx_http_request_t *r, ngx_int_t status, slice_t *body,
 *         void *data)
 *     {
 *         if (status != NGX_OK) {
 *             return refuse(r, status);
 *         }
 *         ...
 *     }
 */


#ifndef _BODY_H_INCLUDED_
#define _BODY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "slice.h"


#pragma GCC visibility push(hidden)


/*
 * The end of the reading.  status is NGX_OK, and body has all of it (len 0
 * when there is none) and may be written into; or status is the one to answer
 * with, 413 (longer than the limit) or 400 (broken chunks), and body is NULL.
 * Returns what a content handler returns.
 *
 * It is called once, or not at all when the client goes away before: what has
 * to be given back is given back by a cleanup of the request's pool.
 */
typedef ngx_int_t (*access_body_pt)(ngx_http_request_t *r, ngx_int_t status,
    slice_t *body, void *data);


/*
 * Reads the body of at most max bytes and calls the handler, at once or
 * later.  A longer one is refused as soon as that is known: by its
 * Content-Length before a byte is read and before "100 Continue" is said, in
 * chunks at the byte too many.  The connection stays usable where the end of
 * the body is known, otherwise the answer says that it closes.
 * "client_max_body_size" counts as ever and is nginx's own refusal.
 * Returns what the content handler has to return.
 */
ngx_int_t access_body_read(ngx_http_request_t *r, size_t max,
    access_body_pt handler, void *data);

/*
 * Called before an answer that does not wait for the body.  A client that
 * asks whether to send it ("Expect: 100-continue") is not told to; since it
 * may send it or not then, the answer says that the connection closes.
 * Returns NGX_OK, or the status that the content handler has to return.
 */
ngx_int_t access_body_discard(ngx_http_request_t *r);


#pragma GCC visibility pop


#endif /* _BODY_H_INCLUDED_ */
