
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Enough to take apart what the servers write, in any order of members and
 * without white space between tokens.
 */


#include <string.h>

#include "load.h"


static u_char *load_json_string(u_char *p, u_char *end);


static u_char *
load_json_string(u_char *p, u_char *end)
{
    u_char  *q, *start;

    if (p == end || *p != '"') {
        return NULL;
    }

    start = ++p;

    for ( ;; ) {
        p = memchr(p, '"', (size_t) (end - p));

        if (p == NULL) {
            return NULL;
        }

        for (q = p; q != start && q[-1] == '\\'; q--) { /* void */ }

        p++;

        if ((p - 1 - q) % 2 == 0) {
            return p;
        }
    }
}


u_char *
load_json_skip(u_char *p, u_char *end)
{
    size_t  depth;

    depth = 0;

    while (p != NULL && p != end) {

        switch (*p) {

        case '"':
            p = load_json_string(p, end);
            break;

        case '{':
        case '[':
            depth++;
            p++;
            break;

        case '}':
        case ']':

            if (depth == 0) {
                return p;
            }

            depth--;
            p++;
            break;

        case ',':

            if (depth == 0) {
                return p;
            }

            p++;
            continue;

        default:
            p++;
            continue;
        }

        if (depth == 0) {
            return p;
        }
    }

    return NULL;
}


int
load_json_member(u_char **pos, u_char *end, load_slice_t *name,
    load_slice_t *value)
{
    u_char  *p, *last;

    p = *pos;

    if (p == end) {
        return -1;
    }

    if (*p == '}') {
        return (p + 1 == end) ? 0 : -1;
    }

    if (*p != '{' && *p != ',') {
        return -1;
    }

    p++;

    if (p != end && *p == '}' && p + 1 == end) {
        *pos = p;
        return 0;
    }

    last = load_json_string(p, end);

    if (last == NULL || last == end || *last != ':') {
        return -1;
    }

    name->p = p;
    name->len = (size_t) (last - p);

    p = last + 1;
    last = load_json_skip(p, end);

    if (last == NULL || last == p) {
        return -1;
    }

    value->p = p;
    value->len = (size_t) (last - p);

    *pos = last;

    return 1;
}


void
load_json_unquote(load_slice_t *value)
{
    if (value->len >= 2 && *value->p == '"') {
        value->p++;
        value->len -= 2;
    }
}
