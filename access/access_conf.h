
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The key blocks of the configuration, "publishable_key id { ... }" and
 * "secret_key id { ... }", read by whichever of the two modules comes first
 * in the configuration's module list; the other one finds them through
 * access_conf_share().  nginx code, hidden in both modules.
 *
 * The main configuration of either module begins with an access_conf_t.
 */


#ifndef _ACCESS_CONF_H_INCLUDED_
#define _ACCESS_CONF_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "access.h"


#pragma GCC visibility push(hidden)


#define ACCESS_CONF_MAGIC  0x31305941  /* changes with the layout below */


typedef struct {
    ngx_uint_t          magic;
    ngx_uint_t          size;           /* sizeof(access_conf_t) */
    ngx_array_t        *keys;           /* of access_key_t * */
} access_conf_t;


/* the commands for the ngx_command_t table of either module */

#define access_conf_commands                                                  \
                                                                              \
    { ngx_string("publishable_key"),                                          \
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,                       \
      access_conf_publishable_key,                                            \
      NGX_HTTP_MAIN_CONF_OFFSET,                                              \
      0,                                                                      \
      NULL },                                                                 \
                                                                              \
    { ngx_string("secret_key"),                                               \
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,                       \
      access_conf_secret_key,                                                 \
      NGX_HTTP_MAIN_CONF_OFFSET,                                              \
      0,                                                                      \
      NULL }


/* called by create_main_conf */
void access_conf_init(access_conf_t *acf);

/*
 * Called in postconfiguration: gives the keys that the configuration has,
 * whichever module read them.  Returns NGX_OK or NGX_ERROR (logged).
 */
ngx_int_t access_conf_share(ngx_conf_t *cf, access_conf_t *acf,
    access_keys_t *keys);

char *access_conf_publishable_key(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *access_conf_secret_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/*
 * Reads a secret from a file at configuration time: one trailing newline is
 * dropped.  An unreadable or empty file is an error that names the directive,
 * the file and the mend; so is a file that others can read when "strict" is
 * set, otherwise that is a warning.  Returns NGX_OK or NGX_ERROR (logged).
 */
ngx_int_t access_conf_read_secret(ngx_conf_t *cf, const char *directive,
    ngx_str_t *path, ngx_uint_t strict, slice_t *secret);

/* likewise a file that holds no secret, whole, whoever can read it */
ngx_int_t access_conf_read_file(ngx_conf_t *cf, const char *directive,
    ngx_str_t *path, slice_t *text);


#pragma GCC visibility pop


#endif /* _ACCESS_CONF_H_INCLUDED_ */
