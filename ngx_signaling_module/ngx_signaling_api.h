
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The control plane, docs/protocol.md 12: what its files know of each other,
 * and nobody else.
 *
 *     ngx_signaling_api.c          who calls, what for; disconnecting, usage
 *     ngx_signaling_api_roster.c   the peers in a channel
 *     ngx_signaling_api_publish.c  a message to a channel
 *     ngx_signaling_api_answer.c   refusals
 *
 * A call lives in the pool of the request.  The key is looked up once, before
 * a body is read; what it allowed at that moment is what the call may do, and
 * its set is held for as long.
 */


#ifndef _NGX_SIGNALING_API_H_INCLUDED_
#define _NGX_SIGNALING_API_H_INCLUDED_


#include "ngx_signaling.h"
#include "answer.h"
#include "sig_rest_path.h"


#pragma GCC visibility push(hidden)


typedef struct {
    ngx_signaling_zone_t      *zone;
    ngx_signaling_loc_conf_t  *conf;
    access_key_t              *key;
    uint32_t                   app;
    sig_rest_e                 what;
    slice_t                    name;     /* data is NULL: a broken escape */
} ngx_signaling_call_t;


/* all that begin with a call return what a content handler returns */

ngx_int_t ngx_signaling_api_roster(ngx_http_request_t *r,
    ngx_signaling_call_t *call);

/* an access_body_pt; data is the call */
ngx_int_t ngx_signaling_api_publish(ngx_http_request_t *r, ngx_int_t status,
    slice_t *body, void *data);

/*
 * Why the channel of the call is none for the key and that action (ACCESS_*),
 * in the order of docs/protocol.md 12.2; NULL when it is.
 */
access_refusal_t *ngx_signaling_api_channel(ngx_signaling_call_t *call,
    ngx_uint_t action);

/*
 * The worker that serves the call, with call->app set.  NULL when it has no
 * place among the others, or none any more, or the zone is full.
 */
ngx_signaling_worker_t *ngx_signaling_api_worker(ngx_signaling_call_t *call);

/* these two add the headers that belong to the status */

ngx_int_t ngx_signaling_api_refuse(ngx_http_request_t *r,
    access_refusal_t *refusal);
ngx_int_t ngx_signaling_api_bad_method(ngx_http_request_t *r,
    sig_rest_e what);

/* 400 with that text, in ASCII, which lives as long as the request */
ngx_int_t ngx_signaling_api_invalid(ngx_http_request_t *r,
    const char *message);


extern access_refusal_t  ngx_signaling_api_unauthorized;
extern access_refusal_t  ngx_signaling_api_not_found;
extern access_refusal_t  ngx_signaling_api_too_big;
extern access_refusal_t  ngx_signaling_api_bad_body;
extern access_refusal_t  ngx_signaling_api_data_too_big;
extern access_refusal_t  ngx_signaling_api_bad_channel;
extern access_refusal_t  ngx_signaling_api_bad_peer;
extern access_refusal_t  ngx_signaling_api_reserved;
extern access_refusal_t  ngx_signaling_api_bad_action;
extern access_refusal_t  ngx_signaling_api_bad_scope;
extern access_refusal_t  ngx_signaling_api_suspended;
extern access_refusal_t  ngx_signaling_api_over_quota;
extern access_refusal_t  ngx_signaling_api_unavailable;


#pragma GCC visibility pop


#endif /* _NGX_SIGNALING_API_H_INCLUDED_ */
