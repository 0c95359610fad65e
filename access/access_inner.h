
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The directives inside of a key block: between the block (access_conf.c) and
 * its directives (access_inner.c), used by nobody else.  Everything is in the
 * pool of the cycle.
 */


#ifndef _ACCESS_INNER_H_INCLUDED_
#define _ACCESS_INNER_H_INCLUDED_


#include "access_conf.h"


#pragma GCC visibility push(hidden)


/* the blocks that a directive may stand in, a bit mask */

#define ACCESS_IN_PUBLISHABLE  0x01
#define ACCESS_IN_SECRET       0x02


typedef struct {
    access_key_t       *key;
    const char         *directive;
    ngx_uint_t          type;           /* ACCESS_IN_* */
    ngx_uint_t          seen;           /* bit mask of inner directives */
    slice_t             public_text;    /* PEM, of "public_key_file" */
    ngx_str_t           public_file;
} access_conf_block_t;


/* the handler of ngx_conf_parse(); conf is an access_conf_block_t */
char *access_conf_inner(ngx_conf_t *cf, ngx_command_t *dummy, void *conf);

/*
 * NGX_OK for 1 to max letters, digits, "-", "_" and ".", NGX_ERROR (not
 * logged) for anything else.
 */
ngx_int_t access_conf_name(ngx_str_t *name, size_t max);


#pragma GCC visibility pop


#endif /* _ACCESS_INNER_H_INCLUDED_ */
