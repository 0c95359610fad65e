
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * JSON that is handed on as it was written: numbers, escapes and the order of
 * members stay as somebody wrote them.  For values that a parser has found
 * good before.  Plain C, allocates nothing; slices point into the text.
 */


#ifndef _JSON_TEXT_H_INCLUDED_
#define _JSON_TEXT_H_INCLUDED_


#include <jansson.h>

#include "slice.h"


#pragma GCC visibility push(hidden)


/*
 * Finds the text of a member's value in that of an object which jansson has
 * found good.  Names may be escaped, so the member is found by its number:
 * jansson tells members in the order of the text, and has refused names that
 * come twice.  Returns 0, or -1 when there is no such member.
 */
int access_json_member(const slice_t *text, json_t *object,
    const char *name, slice_t *value);

/*
 * Copies a value without the white space between its tokens.  At dst there is
 * room for as many bytes as the value has.  Returns the end of the copy.
 */
u_char *access_json_compact(u_char *dst, const slice_t *value);


#pragma GCC visibility pop


#endif /* _JSON_TEXT_H_INCLUDED_ */
