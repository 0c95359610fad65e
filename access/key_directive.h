
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The directives inside of a key block: between the block (key_block.c) and
 * its directives (key_directive.c), used by nobody else.
 */


#ifndef _KEY_DIRECTIVE_H_INCLUDED_
#define _KEY_DIRECTIVE_H_INCLUDED_


#include "key_block.h"
#include "name.h"


#pragma GCC visibility push(hidden)


/* the blocks that a directive may stand in, a bit mask */

#define ACCESS_IN_PUBLISHABLE  0x01
#define ACCESS_IN_SECRET       0x02

/* for "%.*s" */

#define slice_arg(s)           (int) (s)->len, (const char *) (s)->data


typedef struct {
    slice_t             name;
    unsigned            types:2;        /* ACCESS_IN_* */
    unsigned            list:1;         /* one value or more */
    int               (*set)(access_reader_t *reader, const slice_t *words,
                             uint32_t n);
} access_directive_t;


/* all of them, up to one without a name */
extern const access_directive_t  access_directives[];


/* "publishable_key" or "secret_key" */
const char *access_block_name(const access_reader_t *reader);


#pragma GCC visibility pop


#endif /* _KEY_DIRECTIVE_H_INCLUDED_ */
