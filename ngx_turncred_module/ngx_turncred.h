
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The one internal header of ngx_turncred_module: what its files know of each
 * other.
 *
 *     ngx_turncred_module.c       directives and variables
 *     ngx_turncred_login.c        a username and its credential for a request
 *     ngx_turncred_ice.c          the lists of ICE servers in their shapes
 *     ngx_turncred_caller.c       who calls, and may they
 *     ngx_turncred_answer.c       JSON answers, refusals, CORS
 *     ngx_turncred_credentials.c  the endpoint of "turn_credentials"
 *
 * Configuration lives in the pool of the cycle and is not written after it
 * was read; everything else is in the pool of the request.  No shared memory,
 * no lock.
 */


#ifndef _NGX_TURNCRED_H_INCLUDED_
#define _NGX_TURNCRED_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <jansson.h>

#include "access.h"
#include "access_conf.h"
#include "answer.h"
#include "error_log.h"
#include "mask.h"
#include "request.h"
#include "turn_credential.h"


#pragma GCC visibility push(hidden)


/*
 * What coturn is told on top of what the client is told, seconds: clocks of
 * two machines differ (docs/protocol.md 13.4).
 */
#define NGX_TURNCRED_GRACE     60

/* of credentials from variables, seconds: docs/protocol.md 13.5 */
#define NGX_TURNCRED_VAR_TTL   86400


typedef enum {
    NGX_TURNCRED_ARRAY = 0,
    NGX_TURNCRED_OBJECT,
    NGX_TURNCRED_REST,
    NGX_TURNCRED_TWILIO,
    NGX_TURNCRED_CLOUDFLARE
} ngx_turncred_shape_e;


typedef struct {
    slice_t                    url;
    int                        relay;   /* turn: or turns: */
} ngx_turncred_server_t;


/* JSON with marks, see ngx_turncred_ice.c */

typedef struct {
    ngx_str_t                  text;
    size_t                     size;    /* at most, when filled in */
} ngx_turncred_template_t;


typedef struct {
    ngx_array_t               *servers; /* of ngx_turncred_server_t, or NULL */
    slice_t                    secret;
    time_t                     ttl;
    ngx_uint_t                 shape;   /* ngx_turncred_shape_e */
    ngx_http_complex_value_t  *user;

    ngx_turncred_template_t    answer;  /* in the shape of the location */
    ngx_turncred_template_t    value;   /* of $turn_ice_servers */

    /* where "turn_credentials" is, line 0: not here */
    ngx_str_t                  file;
    ngx_uint_t                 line;

    unsigned                   stuns:1;      /* some server is one */
    unsigned                   relays:1;     /* some server is one */
} ngx_turncred_loc_conf_t;


typedef struct {
    access_conf_t              access;  /* has to be first */
    access_keys_t              keys;

    ngx_turncred_loc_conf_t   *endpoint; /* the first of them, or NULL */

    unsigned                   has_secret:1; /* some location of it */
} ngx_turncred_main_conf_t;


typedef struct {
    slice_t                    username;
    slice_t                    credential;
    time_t                     ttl;     /* that it was made for, seconds */
    u_char                     buf[TURN_USERNAME_MAX + TURN_CREDENTIAL_LEN];
} ngx_turncred_login_t;


/* the request context: one login for all variables of a request */

typedef struct {
    ngx_turncred_loc_conf_t   *conf;    /* that the login was made with */
    ngx_turncred_login_t       login;
} ngx_turncred_ctx_t;


typedef struct {
    access_key_t              *key;     /* NULL: none that is known */
    slice_t                    origin;
    unsigned                   has_origin:1;
} ngx_turncred_caller_t;


extern ngx_module_t  ngx_turncred_module;

extern access_refusal_t  ngx_turncred_bad_method;
extern access_refusal_t  ngx_turncred_not_configured;


#define ngx_turncred_can_relay(tlcf)                                          \
    ((tlcf)->relays && (tlcf)->secret.len != 0)


/*
 * Makes a username that the TURN server accepts for ttl seconds and the
 * credential that goes with it.  The location has a secret.
 * Returns NGX_OK or NGX_ERROR (logged).
 */
ngx_int_t ngx_turncred_make_login(ngx_http_request_t *r,
    ngx_turncred_loc_conf_t *tlcf, time_t ttl, ngx_turncred_login_t *login);


/*
 * Prepares the texts of the two functions below, of a location whose
 * directives have been read.  Returns NGX_OK or NGX_ERROR (logged).
 */
ngx_int_t ngx_turncred_ice_prepare(ngx_conf_t *cf,
    ngx_turncred_loc_conf_t *tlcf);

/*
 * The JSON text of the answer in the shape of the location, or of the value
 * of $turn_ice_servers, where login is NULL if there is no relay.  The text
 * is in the pool of the request.  Returns NGX_OK or NGX_ERROR (no memory).
 */
ngx_int_t ngx_turncred_ice_answer(ngx_http_request_t *r,
    ngx_turncred_loc_conf_t *tlcf, ngx_turncred_login_t *login,
    ngx_str_t *text);
ngx_int_t ngx_turncred_ice_value(ngx_http_request_t *r,
    ngx_turncred_loc_conf_t *tlcf, ngx_turncred_login_t *login,
    ngx_str_t *text);


/*
 * Fills in the Origin of the request; there is no key yet.  Returns NGX_OK or
 * NGX_ERROR (no memory).
 */
ngx_int_t ngx_turncred_caller_init(ngx_http_request_t *r,
    ngx_turncred_caller_t *caller);

/*
 * Finds out whose credentials the request shows and whether they may have
 * TURN credentials.  Returns NULL when they may, else why not; caller->key is
 * set also then if the key itself is known.
 */
access_refusal_t *ngx_turncred_authorize(ngx_http_request_t *r,
    ngx_turncred_caller_t *caller);

/*
 * A handler of the rewrite phase: overwrites in the request line what was
 * shown as a key and is not a publishable one, since it may be a secret that
 * got there by mistake, and since all that logs or limits comes later.
 */
ngx_int_t ngx_turncred_mask_handler(ngx_http_request_t *r);

/* 1 when the request is to a location where credentials are shown */
ngx_uint_t ngx_turncred_is_endpoint(ngx_http_request_t *r);

/* log phase: they are kept out of the access log */
ngx_int_t ngx_turncred_log_handler(ngx_http_request_t *r);


/*
 * The headers that all answers of the module have: Cache-Control, Vary, and
 * the permission for the page to read it, if its origin is allowed: by the
 * key of the caller or, when there is none, by any publishable key.
 * Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_turncred_answer_headers(ngx_http_request_t *r,
    ngx_turncred_caller_t *caller);

/* these return what a content handler returns */

ngx_int_t ngx_turncred_refuse(ngx_http_request_t *r,
    access_refusal_t *refusal);
ngx_int_t ngx_turncred_preflight(ngx_http_request_t *r,
    ngx_turncred_caller_t *caller);


ngx_int_t ngx_turncred_credentials_handler(ngx_http_request_t *r);


#pragma GCC visibility pop


#endif /* _NGX_TURNCRED_H_INCLUDED_ */
