
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The one internal header of ngx_turncred_module: what its files know of each
 * other.
 *
 *     ngx_turncred_module.c        directives and variables
 *     ngx_turncred_directive.c     the setters of the directives
 *     ngx_turncred_guard.c         what the directives have to say together
 *     ngx_turncred_login.c         a username and its credential
 *     ngx_turncred_ice.c           the lists of ICE servers in their shapes
 *     ngx_turncred_caller.c        who calls, and may they
 *     ngx_turncred_answer.c        headers, refusals, CORS
 *     ngx_turncred_credentials.c   the endpoint of "turn_credentials"
 *     ngx_turncred_ttl.c           the lifetime that its callers ask for
 *     ngx_turncred_api.c           the paths of "turn_api"
 *     ngx_turncred_json.c          bodies of requests, parsed; trees, written
 *     ngx_turncred_token.c         the endpoint of "token_issue"
 *     ngx_turncred_token_claims.c  what its tokens say
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
#include "body.h"
#include "error_log.h"
#include "jwt.h"
#include "mask.h"
#include "name.h"
#include "request.h"
#include "turn_api_key.h"
#include "turn_credential.h"


#pragma GCC visibility push(hidden)


/*
 * What coturn is told on top of what the client is told, seconds: clocks of
 * two machines differ (docs/protocol.md 13.4).
 */
#define NGX_TURNCRED_GRACE     60

/* of credentials from variables, seconds: docs/protocol.md 13.5 */
#define NGX_TURNCRED_VAR_TTL   86400

/* seconds; no credential and no token lives longer */
#define NGX_TURNCRED_TTL_MAX   ((time_t) 10 * 365 * 86400)
#define NGX_TURNCRED_TOKEN_TTL_MAX  86400

/* bytes of a request's body, docs/protocol.md 12.2 */
#define NGX_TURNCRED_BODY_MAX  32768


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
    turn_secret_t             *prepared; /* of secret, NULL with none */
    time_t                     ttl;
    ngx_uint_t                 shape;   /* ngx_turncred_shape_e */
    ngx_http_complex_value_t  *user;

    ngx_turncred_template_t    answer;  /* in the shape of the location */
    ngx_turncred_template_t    value;   /* of $turn_ice_servers */

    /* the directive that makes the location an endpoint, or NULL */
    ngx_str_t                 *endpoint;

    slice_t                    signer;  /* ID of a key; data NULL: none */
    time_t                     token_ttl;
    size_t                     client_metadata;  /* bytes; 0: off */
    ngx_http_complex_value_t  *subject;
    ngx_http_complex_value_t  *peer_metadata;

    unsigned                   stuns:1;      /* some server is one */
    unsigned                   relays:1;     /* some server is one */
} ngx_turncred_loc_conf_t;


/* a location that hands something out, and where the configuration says so */

typedef struct {
    ngx_str_t                 *directive;
    ngx_str_t                  file;
    ngx_uint_t                 line;
    ngx_http_core_loc_conf_t  *location;
} ngx_turncred_endpoint_t;


typedef struct {
    access_conf_t              access;  /* has to be first */
    ngx_array_t                endpoints; /* of ngx_turncred_endpoint_t */

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


/* the methods of an endpoint */

typedef struct {
    ngx_str_t                  allow;   /* the header Allow */
    ngx_str_t                  cors;    /* Access-Control-Allow-Methods */
} ngx_turncred_methods_t;


typedef struct {
    access_key_t              *key;     /* NULL: none that is known */
    slice_t                    origin;
    ngx_turncred_methods_t    *methods;

    /* of a token */
    slice_t                    subject; /* len 0: no token was shown */
    time_t                     expires; /* Unix seconds */

    unsigned                   has_origin:1;
    unsigned                   no_turn:1;
} ngx_turncred_caller_t;


/* a token to be issued; everything is in the pool of the request */

typedef struct {
    access_key_t              *signer;
    time_t                     expires; /* Unix seconds */
    slice_t                    subject;
    slice_t                    metadata;      /* JSON; data NULL: none */
    slice_t                    peer_metadata; /* likewise */
    ngx_str_t                  claims;  /* JSON of all of it */
} ngx_turncred_token_t;


extern ngx_module_t  ngx_turncred_module;

extern ngx_turncred_methods_t  ngx_turncred_get;
extern ngx_turncred_methods_t  ngx_turncred_get_post;
extern ngx_turncred_methods_t  ngx_turncred_post;

extern access_refusal_t  ngx_turncred_unauthorized;
extern access_refusal_t  ngx_turncred_bad_path;
extern access_refusal_t  ngx_turncred_bad_method;
extern access_refusal_t  ngx_turncred_bad_body;
extern access_refusal_t  ngx_turncred_long_body;
extern access_refusal_t  ngx_turncred_bad_action;
extern access_refusal_t  ngx_turncred_not_configured;
extern access_refusal_t  ngx_turncred_failed;


#define ngx_turncred_can_relay(tlcf)                                          \
    ((tlcf)->relays && (tlcf)->secret.len != 0)


/*
 * The keys as they are at the moment.  They may be others after a turn of the
 * event loop, so a handler asks for its caller's key after the body was read.
 */
#define ngx_turncred_keys(r)                                                  \
    access_conf_keys(&((ngx_turncred_main_conf_t *)                           \
                       ngx_http_get_module_main_conf(r,                       \
                                             ngx_turncred_module))->access)


/* setters of directives */

char *ngx_turncred_server(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_turncred_secret(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_turncred_secret_file(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_turncred_ttl_range(ngx_conf_t *cf, void *post, void *data);
char *ngx_turncred_credentials(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_turncred_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_turncred_token_issue(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_turncred_token_ttl_range(ngx_conf_t *cf, void *post, void *data);
char *ngx_turncred_client_metadata(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * Checks the endpoints when the whole configuration is known, with the keys
 * of the start.  Returns NGX_OK or NGX_ERROR (logged).
 */
ngx_int_t ngx_turncred_guard(ngx_conf_t *cf, ngx_turncred_main_conf_t *tmcf,
    access_keys_t *keys);


/*
 * Makes a username that the TURN server accepts for ttl seconds and the
 * credential that goes with it.  The location has a secret.  subject is whom
 * it is for where "turn_user" does not say, or NULL.
 * Returns NGX_OK or NGX_ERROR (logged).
 */
ngx_int_t ngx_turncred_make_login(ngx_http_request_t *r,
    ngx_turncred_loc_conf_t *tlcf, slice_t *subject, time_t ttl,
    ngx_turncred_login_t *login);

/*
 * The seconds that a credential for the caller shall live: what they ask for
 * in the query or, by POST, in the body of the shape's own clients; never
 * longer than "turn_ttl", or than their token.  Returns NULL or a refusal.
 */
access_refusal_t *ngx_turncred_ttl(ngx_http_request_t *r,
    ngx_turncred_caller_t *caller, slice_t *body, time_t *ttl);


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
 * Writes JSON into the pool of the request and frees json, which may be NULL
 * when memory ran out while it was built.  Returns NGX_OK or NGX_ERROR
 * (logged).
 */
ngx_int_t ngx_turncred_json_text(ngx_http_request_t *r, json_t *json,
    ngx_str_t *text);

/*
 * Parses a body that has to be one JSON object in which no member comes
 * twice.  The caller frees it.  Returns NULL for any other.
 */
json_t *ngx_turncred_json_body(slice_t *body);


/*
 * Fills in the Origin of the request; there is no key yet.  Returns NGX_OK or
 * NGX_ERROR (no memory).
 */
ngx_int_t ngx_turncred_caller_init(ngx_http_request_t *r,
    ngx_turncred_methods_t *methods, ngx_turncred_caller_t *caller);

/*
 * These find the key of a caller.  They return NULL, or why there is none
 * that counts; the same for all that is wrong with it.
 *
 * _pair() is for "id:secret"; _token() for a token; _publishable() for the ID
 * of a publishable key, data NULL: none.  The origin is not looked at yet.
 */
access_refusal_t *ngx_turncred_pair(ngx_http_request_t *r, slice_t *pair,
    ngx_turncred_caller_t *caller);
access_refusal_t *ngx_turncred_token(ngx_http_request_t *r, slice_t *token,
    ngx_turncred_caller_t *caller);
access_refusal_t *ngx_turncred_publishable(ngx_http_request_t *r,
    slice_t *id, ngx_turncred_caller_t *caller);

/*
 * May the caller, whose key was found, use it from their origin?  And may
 * they have TURN credentials?  Return NULL or a refusal.
 */
access_refusal_t *ngx_turncred_check_origin(ngx_turncred_caller_t *caller);
access_refusal_t *ngx_turncred_check_turn(ngx_turncred_caller_t *caller);

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

/* the headers that go with a status: Allow, WWW-Authenticate; as above */
ngx_int_t ngx_turncred_status_headers(ngx_http_request_t *r,
    ngx_turncred_caller_t *caller, ngx_uint_t status);

/*
 * The beginning of every content handler: answers OPTIONS, reads the body of
 * a POST where that is one of the methods, throws away any other; then calls
 * the handler.  These two return what a content handler returns.
 */
ngx_int_t ngx_turncred_start(ngx_http_request_t *r,
    ngx_turncred_methods_t *methods, access_body_pt handler);
ngx_int_t ngx_turncred_refuse(ngx_http_request_t *r,
    ngx_turncred_caller_t *caller, access_refusal_t *refusal);

/* what the status means that an access_body_pt is given, NULL for NGX_OK */
access_refusal_t *ngx_turncred_check_body(ngx_int_t status);


/*
 * What a token for the caller says: for a backend what it asks for in the
 * body, for a page what its key and the configuration admit, and the little
 * that its body may say, which is read before.  Return NULL, with the token
 * but for its signer filled in, or a refusal.
 */
access_refusal_t *ngx_turncred_backend_claims(ngx_http_request_t *r,
    ngx_turncred_caller_t *caller, slice_t *body,
    ngx_turncred_token_t *token);
access_refusal_t *ngx_turncred_page_body(ngx_http_request_t *r,
    slice_t *body, ngx_turncred_token_t *token);
access_refusal_t *ngx_turncred_page_claims(ngx_http_request_t *r,
    ngx_turncred_caller_t *caller, ngx_turncred_token_t *token);


/* content handlers */

ngx_int_t ngx_turncred_credentials_handler(ngx_http_request_t *r);
ngx_int_t ngx_turncred_api_handler(ngx_http_request_t *r);
ngx_int_t ngx_turncred_token_handler(ngx_http_request_t *r);


#pragma GCC visibility pop


#endif /* _NGX_TURNCRED_H_INCLUDED_ */
