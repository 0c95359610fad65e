
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Credentials in the request line, overwritten before the access log, or a
 * subrequest, or whoever else can print them.
 *
 * Twice: in the rewrite phase the request line, which nobody of us reads; the
 * arguments are copied before, so that the content handler and "$arg_token"
 * have them, and error pages and named locations too.  In the log phase, in
 * front of ngx_http_log_module, the arguments, and the request line of those
 * requests that have come to no location: that is refused or cut short.
 *
 * nginx code, hidden in both modules; memory is that of the request.
 */


#ifndef _MASK_H_INCLUDED_
#define _MASK_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "access.h"


#pragma GCC visibility push(hidden)


/*
 * Called in postconfiguration: registers the module's handlers of the two
 * phases.  Returns NGX_OK or NGX_ERROR (no memory).
 */
ngx_int_t access_mask_phases(ngx_conf_t *cf, ngx_http_handler_pt rewrite,
    ngx_http_handler_pt log);

/*
 * 1 when one of the content handlers, up to a NULL, is that of the request or
 * of its location: an "if" has none of its own, and a request that may not
 * come into an internal location has none.  0 otherwise.
 */
ngx_uint_t access_mask_is_for(ngx_http_request_t *r,
    const ngx_http_handler_pt *handlers);

/*
 * Rewrite phase, of a request to a location of the module: overwrites every
 * argument of the request line that may carry a credential, unless it is the
 * ID of a publishable key, and what is one in the Referer.  The arguments
 * themselves stay readable.  Returns NGX_OK or NGX_ERROR (no memory).
 */
ngx_int_t access_mask_args(ngx_http_request_t *r, const access_keys_t *keys);

/*
 * Log phase.  "ours" tells whether the request is to a location of the
 * module: then the arguments are overwritten as well.  Otherwise, when it has
 * come to no location or was sent on to an error page, all goes that looks
 * like a credential (redact.h).
 */
void access_mask_log(ngx_http_request_t *r, const access_keys_t *keys,
    ngx_uint_t ours);


#pragma GCC visibility pop


#endif /* _MASK_H_INCLUDED_ */
