
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Reading of small files that directives name: at configuration time, and in
 * a worker when a key file has changed.  nginx code, used within this
 * directory only; memory is that of the pool given.
 */


#ifndef _CONF_FILE_H_INCLUDED_
#define _CONF_FILE_H_INCLUDED_


#include "access_conf.h"
#include "key_block.h"


#pragma GCC visibility push(hidden)


#define ACCESS_SECRET_MAX      65536           /* bytes, of a PEM file too */
#define ACCESS_KEY_FILE_MAX    (1024 * 1024)


typedef struct {
    ngx_pool_t         *pool;
    ngx_str_t          *prefix;         /* of a path that has no "/" first */
    const char         *directive;
    const char         *what;           /* it holds, "secret" for example */
    size_t              max;            /* bytes */

    ngx_str_t           path;           /* becomes the full name */
    slice_t             text;
    ngx_err_t           err;            /* NGX_EFTYPE, or of the system */
    ngx_file_info_t     info;
    u_char              error[ACCESS_ERROR_MAX];    /* ends with a zero */
} access_file_t;


#define NGX_EFTYPE             NGX_EINVAL      /* no regular file, too long */


/*
 * Reads the whole file that path names; fields up to path are set by the
 * caller.  Returns NGX_OK, or NGX_ERROR with an error that names the mend.
 */
ngx_int_t access_file_read(access_file_t *file);

/* 1 when every user can read what was read, 0 otherwise */
ngx_uint_t access_file_is_open(access_file_t *file);


#pragma GCC visibility pop


#endif /* _CONF_FILE_H_INCLUDED_ */
