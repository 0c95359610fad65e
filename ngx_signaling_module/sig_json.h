
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * A validating JSON scanner (RFC 8259) for sig_proto: it finds where a value
 * ends and whether it is one, UTF-8 included, in one pass and without a tree.
 * Allocates nothing, does not recurse, reads only between p and end.
 */


#ifndef _SIG_JSON_H_INCLUDED_
#define _SIG_JSON_H_INCLUDED_


#include "slice.h"


#pragma GCC visibility push(hidden)


#define SIG_JSON_DEPTH_MAX  128


/*
 * Scans the value that begins at p, which must not be white space.  depth
 * (0..SIG_JSON_DEPTH_MAX) is the number of nested arrays and objects
 * allowed.  Returns the position after the value or NULL.
 */
const u_char *sig_json_value(const u_char *p, const u_char *end,
    unsigned depth);

/*
 * Scans a string; p is the position after its opening quote.  Returns the
 * position after its closing quote or NULL.
 */
const u_char *sig_json_string(const u_char *p, const u_char *end);

/*
 * The number of bytes at the beginning of the inside of a scanned string
 * that stand for themselves: ASCII and no escape.
 */
size_t sig_json_plain(const slice_t *inside);

/*
 * Takes one code point from the inside of a string that has been scanned,
 * resolving escapes, and advances *p.  p < end.  Returns the code point or
 * -1 for an escaped surrogate without its other half.
 */
int32_t sig_json_char(const u_char **p, const u_char *end);

/* the value of the four hexadecimal digits at p, or -1 */
int32_t sig_json_hex4(const u_char *p);

/*
 * Is the inside of a scanned string, escapes resolved, the same as the
 * ASCII text?  Returns 1 or 0.
 */
int sig_json_equal(const slice_t *inside, const slice_t *text);

/*
 * Resolves the escapes of the inside of a scanned string in place, which
 * makes it shorter or leaves it.  Returns 1, or 0 for an unpaired surrogate;
 * then the bytes are undefined.
 */
int sig_json_unescape(slice_t *inside);


/* returns the first position that is not white space; may be end */

static inline const u_char *
sig_json_space(const u_char *p, const u_char *end)
{
    while (p < end
           && *p <= ' '
           && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
    {
        p++;
    }

    return p;
}


#pragma GCC visibility pop


#endif /* _SIG_JSON_H_INCLUDED_ */
