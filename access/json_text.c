
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "json_text.h"


static u_char *access_json_past_string(u_char *p, u_char *last);
static u_char *access_json_past_member(u_char *p, u_char *last);


int
access_json_member(const slice_t *text, json_t *object, const char *name,
    slice_t *value)
{
    void    *iter;
    u_char  *p, *last, *end;

    p = text->data;
    last = p + text->len;

    p = memchr(p, '{', text->len);

    for (iter = json_object_iter(object);
         iter != NULL && p != NULL;
         iter = json_object_iter_next(object, iter))
    {
        /* p is at the brace, or at the comma before the member */

        p = memchr(p, '"', (size_t) (last - p));
        if (p == NULL) {
            return -1;
        }

        p = access_json_past_string(p, last);

        p = memchr(p, ':', (size_t) (last - p));
        if (p == NULL) {
            return -1;
        }

        end = access_json_past_member(++p, last);

        if (strcmp(json_object_iter_key(iter), name) == 0) {
            value->data = p;
            value->len = (size_t) (end - p);
            return 0;
        }

        p = end;
    }

    return -1;
}


/* p is at a quote; returns what comes behind the closing one */

static u_char *
access_json_past_string(u_char *p, u_char *last)
{
    for (p++; p < last && *p != '"'; p++) {

        if (*p == '\\') {
            p++;
        }
    }

    return (p < last) ? p + 1 : last;
}


/* returns the comma or brace that ends a member */

static u_char *
access_json_past_member(u_char *p, u_char *last)
{
    size_t  depth;

    depth = 0;

    while (p < last) {

        switch (*p) {

        case '"':
            p = access_json_past_string(p, last);
            continue;

        case '{':
        case '[':
            depth++;
            break;

        case '}':
        case ']':
            if (depth-- == 0) {
                return p;
            }

            break;

        case ',':
            if (depth == 0) {
                return p;
            }

            break;

        default:
            break;
        }

        p++;
    }

    return last;
}


u_char *
access_json_compact(u_char *dst, const slice_t *value)
{
    u_char  *p, *last, *end;

    p = value->data;
    last = p + value->len;

    while (p < last) {

        if (*p == '"') {
            end = access_json_past_string(p, last);

            memcpy(dst, p, (size_t) (end - p));

            dst += end - p;
            p = end;
            continue;
        }

        if (*p != ' ' && *p != '\t' && *p != '\n' && *p != '\r') {
            *dst++ = *p;
        }

        p++;
    }

    return dst;
}
