
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The keys of a configuration: the blocks "publishable_key id { ... }" and
 * "secret_key id { ... }" and the file of "key_file", read by whichever of the
 * two modules comes first in the configuration's module list; the other one
 * finds them through access_conf_share().  nginx code, hidden in both modules.
 *
 * The main configuration of either module begins with an access_conf_t.
 *
 * Keys come in sets.  Without "key_file" there is one set for the life of the
 * configuration; with it a worker has another one, in a pool of its own,
 * whenever the file has changed.  The set that is current may be replaced
 * between two events, never within one: who keeps a key for longer holds its
 * set.  Sets are private to a process; there is no lock.
 */


#ifndef _ACCESS_CONF_H_INCLUDED_
#define _ACCESS_CONF_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "access.h"


#pragma GCC visibility push(hidden)


#define ACCESS_CONF_MAGIC  0x32305941  /* changes with access_store_t */


typedef struct access_store_s  access_store_t;      /* access_set.h */


typedef struct {
    ngx_uint_t          magic;
    ngx_uint_t          size;           /* sizeof(access_conf_t) */
    access_store_t     *store;          /* of both modules, once shared */

    /* see error_log.h */
    ngx_array_t        *error_logs;     /* of ngx_log_t *, the module's own */
    ngx_uint_t          redacted;       /* by this module */
} access_conf_t;


/* keys is the set that is current now */
typedef void (*access_changed_pt)(void *data, access_keys_t *keys);


/* the commands for the ngx_command_t table of either module */

#define access_conf_commands                                                  \
                                                                              \
    { ngx_string("publishable_key"),                                          \
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,                       \
      access_conf_key,                                                        \
      NGX_HTTP_MAIN_CONF_OFFSET,                                              \
      0,                                                                      \
      NULL },                                                                 \
                                                                              \
    { ngx_string("secret_key"),                                               \
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,                       \
      access_conf_key,                                                        \
      NGX_HTTP_MAIN_CONF_OFFSET,                                              \
      0,                                                                      \
      NULL },                                                                 \
                                                                              \
    { ngx_string("key_file"),                                                 \
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,                                      \
      access_conf_key_file,                                                   \
      NGX_HTTP_MAIN_CONF_OFFSET,                                              \
      0,                                                                      \
      NULL }


/* called by create_main_conf */
void access_conf_init(access_conf_t *acf);

/* 1 when the module is one of the two, whichever this is; 0 otherwise */
ngx_uint_t access_conf_is_ours(ngx_module_t *module);

/*
 * Called in postconfiguration: reads the key file, when it is the first of
 * the two modules, and makes the first set, whichever module has read the
 * blocks.  Returns NGX_OK or NGX_ERROR (logged).
 */
ngx_int_t access_conf_share(ngx_conf_t *cf, access_conf_t *acf);

/*
 * Called by init_module, when the user of the workers is known: warns of key
 * files that they will not be able to read.
 */
void access_conf_check(ngx_cycle_t *cycle, access_conf_t *acf);

/*
 * Called by init_process, in processes that serve requests: looks after the
 * key file from now on until the worker is told to exit.  The handler, which
 * may be NULL, is called after another set has become current.  Returns
 * NGX_OK or NGX_ERROR.
 */
ngx_int_t access_conf_watch(ngx_cycle_t *cycle, access_conf_t *acf,
    access_changed_pt handler, void *data);

/*
 * 1 when keys may come while nginx runs, 0 when those of the start are all;
 * 1 when there are keys or may be some.
 */
ngx_uint_t access_conf_has_file(access_conf_t *acf);
ngx_uint_t access_conf_has_keys(access_conf_t *acf);

/* the set that is current, for as long as this event is handled */
access_keys_t *access_conf_keys(access_conf_t *acf);

/*
 * A set that is held stays until it has been released as often, also when it
 * is no longer current.  access_keys_hold() returns its argument.
 * access_keys_hold_for() releases when the pool goes, that of a request for
 * example; NGX_OK or NGX_ERROR (no memory, nothing is held).
 */
access_keys_t *access_keys_hold(access_keys_t *keys);
void access_keys_release(access_keys_t *keys);
ngx_int_t access_keys_hold_for(ngx_pool_t *pool, access_keys_t *keys);

char *access_conf_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *access_conf_key_file(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/*
 * Reads a secret from a file at configuration time: one trailing newline is
 * dropped.  An unreadable or empty file is an error that names the directive,
 * the file and the mend; so is a file that others can read when "strict" is
 * set, otherwise that is a warning.  Returns NGX_OK or NGX_ERROR (logged).
 */
ngx_int_t access_conf_read_secret(ngx_conf_t *cf, const char *directive,
    ngx_str_t *path, ngx_uint_t strict, slice_t *secret);


#pragma GCC visibility pop


#endif /* _ACCESS_CONF_H_INCLUDED_ */
