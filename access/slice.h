
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * A run of bytes that belongs to somebody else: not terminated, never freed
 * through the slice.  The layout is that of ngx_str_t, so that nginx code
 * passes its strings without a copy.
 */


#ifndef _SLICE_H_INCLUDED_
#define _SLICE_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>


typedef struct {
    size_t      len;
    u_char     *data;
} slice_t;


#define slice(text)     { sizeof(text) - 1, (u_char *) text }

#define slice_eq(a, b)                                                        \
    ((a)->len == (b)->len                                                     \
     && ((a)->len == 0 || memcmp((a)->data, (b)->data, (a)->len) == 0))


#endif /* _SLICE_H_INCLUDED_ */
